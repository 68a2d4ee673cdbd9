"""Takes a schema's definition apart into paths, by the rules of Mongoose's own `Schema#add`.

Source: `lib/schema.js` (`add`, `interpretAsType`) of Mongoose 8. A plain object without a type
is a nested path; with one it is a leaf; a schema, or an object as a type, is a document.
"""

from dataclasses import dataclass

from appdb.model.finding import Confidence, Span
from appdb.source.evaluate.evaluator import Evaluator
from appdb.source.evaluate.values import (
    Call,
    ClassValue,
    External,
    FunctionValue,
    ListValue,
    Literal,
    MemberOf,
    ObjectValue,
    Undefined,
    Unknown,
    Value,
    truth,
)
from appdb.source.frameworks.mongoose.identify import is_absent, schema_call
from appdb.source.frameworks.mongoose.model import PathType, SchemaPath, Shape
from appdb.source.frameworks.mongoose.report import Report
from appdb.source.frameworks.mongoose.types import ARRAY, DOCUMENTS, SCALARS, word_of

MAX_NESTING = 40
_DOCUMENT = PathType(shape=Shape.DOCUMENT)


class _Left(Exception):  # noqa: N818 - reads as what it says
    """A path that cannot be read; the finding is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """Reads definitions of one schema; `type_key` is the option `typeKey`."""

    evaluator: Evaluator
    report: Report
    what: str
    type_key: str = "type"

    def read(self, definition: ObjectValue, prefix: str = "") -> dict[str, SchemaPath | None]:
        """Return the paths of a definition in order; None for one that is taken away.

        `_id: false` takes the key away that a schema has otherwise.
        """
        found: dict[str, SchemaPath | None] = {}
        self._add(definition, prefix, found, 0)
        return found

    def path(self, name: str, value: Value) -> SchemaPath | None:
        """Return one path of a type or of options with a type; None when it cannot be read."""
        options = value if isinstance(value, ObjectValue) else None
        kind = (
            value
            if options is None
            else options.get(self.type_key) or ObjectValue(entries={}, span=value.span)
        )
        empty = ObjectValue(entries={}, span=value.span)
        try:
            type_ = self.type_of(name, kind, options or empty)
        except _Left:
            return None
        if options is not None and options.unknown is not None:
            self.report.unknown(f"a part of the options of {self.what}.{name}", options.unknown)
        confidence = Confidence.EXACT
        if type_.shape is not Shape.SCALAR:
            confidence = Confidence.DERIVED
        return SchemaPath(
            name=name, type=type_, span=value.span, options=options or empty, confidence=confidence
        )

    def _add(
        self, definition: ObjectValue, prefix: str, found: dict[str, SchemaPath | None], depth: int
    ) -> None:
        if depth > MAX_NESTING:
            self.report.warn("DEEP", f"{self.what} is nested too deeply", definition.span)
            return
        if definition.unknown is not None:
            shown = f"a part of {self.what}" + (f".{prefix[:-1]}" if prefix else "")
            self.report.unknown(shown, definition.unknown)
        for key, value in definition.entries.items():
            name = prefix + key
            if key == "_id" and isinstance(value, Literal) and value.value is False:
                found[name] = None
            elif isinstance(value, ObjectValue) and self._is_nested(value):
                self._add(value, f"{name}.", found, depth + 1)
            elif value is not definition.unknown:
                path = self.path(name, value)
                if path is not None:
                    found[name] = path

    def _is_nested(self, value: ObjectValue) -> bool:
        """Tell whether an object is a nested path and not a leaf."""
        if not value.entries:
            return False
        kind = value.get(self.type_key)
        if kind is None and value.unknown is not None:
            return False
        if is_absent(kind):
            return True
        return self._names_a_path(kind)

    def _names_a_path(self, kind: Value | None) -> bool:
        """`type` with a type of its own is a path that happens to be called type."""
        if self.type_key != "type" or not isinstance(kind, ObjectValue):
            return False
        return not is_absent(kind.get("type"))

    def type_of(self, name: str, kind: Value, options: ObjectValue) -> PathType:
        """Return what a type means.

        Raises:
            _Left: it is not known.
        """
        if isinstance(kind, ListValue):
            return self._array(name, kind.items[0] if kind.items else None, options)
        if isinstance(kind, ObjectValue):
            if kind.unknown is not None and not kind.entries:
                self._left(name, kind.unknown)
            return _DOCUMENT
        word = word_of(kind)
        if word == ARRAY:
            inner = options.get("of") or options.get("cast")
            return self._array(name, inner, options)
        if word in DOCUMENTS or self._is_document(kind):
            return _DOCUMENT
        if word in SCALARS:
            return _refers(PathType(shape=Shape.SCALAR, word=word or ""), options)
        if isinstance(kind, Literal | Undefined):
            return self._left(name, Unknown(reason="it has no type", span=kind.span))
        return self._of_other(name, kind, options)

    def _is_document(self, kind: Value) -> bool:
        if isinstance(kind, ClassValue):
            return any(member.decorators for member in kind.decl.members) or not kind.decl.base
        return isinstance(kind, Call | MemberOf) and (
            schema_call(self.evaluator, kind) is not None
            or (isinstance(kind, MemberOf) and kind.name == "schema")
        )

    def _of_other(self, name: str, kind: Value, options: ObjectValue) -> PathType:
        """A function that gives the type, a type of another package, or nothing known."""
        match kind:
            case FunctionValue():
                returned = self.evaluator.call(kind, (), kind.span)
                if not isinstance(returned, FunctionValue):
                    return self.type_of(name, returned, options)
                return self._left(name, Unknown(reason="it is a function", span=kind.span))
            case Unknown():
                return self._left(name, kind)
            case ClassValue(decl=decl):
                why = f"{decl.name} is a schema type of the project's own"
            case External(package=package) if package is not None:
                why = f"{kind.name or package} of {package} is no type that is known here"
            case External():
                why = f"{kind.name} is no type of Mongoose"
            case _:
                why = "it is no type of Mongoose"
        return self._left(name, Unknown(reason=why, span=kind.span))

    def _array(self, name: str, inner: Value | None, options: ObjectValue) -> PathType:
        if inner is None or isinstance(inner, Undefined | ListValue):
            return _DOCUMENT
        within = options
        if isinstance(inner, ObjectValue):
            kind = inner.get(self.type_key)
            if kind is None and inner.unknown is not None:
                self._left(name, inner.unknown)
            if kind is None or is_absent(kind) or self._names_a_path(kind):
                return _DOCUMENT
            within, inner = inner, kind
        element = self.type_of(name, inner, within)
        if element.shape is not Shape.SCALAR:
            return _DOCUMENT
        array = PathType(
            shape=Shape.ARRAY,
            word=element.word,
            ref=element.ref,
            has_ref_path=element.has_ref_path,
            element=None if within is options else within,
        )
        return array if within is options else _refers(array, options)

    def _left(self, name: str, value: Unknown) -> PathType:
        where = f"the type of {self.what}.{name}"
        self.report.warn(
            "PATH", f"{where} is not known, it is left out: {value.reason}", value.span
        )
        raise _Left


def _refers(type_: PathType, options: ObjectValue) -> PathType:
    """Add what the options refer to, unless the type does already."""
    if type_.ref is not None or type_.has_ref_path:
        return type_
    ref = options.get("ref")
    if ref is not None and isinstance(ref, Undefined):
        ref = None
    dynamic = options.get("refPath")
    return PathType(
        shape=type_.shape,
        word=type_.word,
        ref=ref,
        element=type_.element,
        has_ref_path=dynamic is not None and truth(dynamic) is not False,
    )


def plain_path(name: str, word: str, span: Span, rule: str) -> SchemaPath:
    """Return a path that Mongoose or a plugin adds by itself."""
    return SchemaPath(
        name=name,
        type=PathType(shape=Shape.SCALAR, word=word),
        span=span,
        options=ObjectValue(entries={}, span=span),
        confidence=Confidence.DERIVED,
        rule=rule,
    )
