"""Options objects of decorators and schemas, from values to plain data.

An option that could not be read is reported; where the column cannot be made without it,
`Unreadable` is raised and the caller leaves the column out.
"""

import json
from dataclasses import replace

from appdb.model.finding import Severity
from appdb.source.evaluate.database import is_open
from appdb.source.evaluate.evaluator import Evaluator
from appdb.source.evaluate.values import (
    Call,
    ClassValue,
    External,
    FunctionValue,
    ListValue,
    Literal,
    ObjectValue,
    Undefined,
    Unknown,
    Value,
    number_text,
    to_text,
    truth,
)
from appdb.source.frameworks.typeorm.args import ColumnOptions, SqlDefault
from appdb.source.frameworks.typeorm.report import Report

# Without these a column would be a guess.
_ESSENTIAL = ("name", "type", "enum", "array", "primary", "asExpression")
_CONSTRUCTORS = (
    "String",
    "Number",
    "Boolean",
    "Date",
    "Buffer",
    "Object",
    "Array",
    "Symbol",
    "BigInt",
)


class Unreadable(Exception):  # noqa: N818 - a state of the reading, caught next door
    """What is needed could not be read; the report says why already."""


class Options:
    """One options object with typed access. Absent and undefined are the same."""

    def __init__(self, value: Value | None, what: str, report: Report) -> None:
        """Take the object; `what` names its owner in findings (`User.name`)."""
        self.what = what
        self.report = report
        self.value = value if isinstance(value, ObjectValue) else None
        problem = (
            value if isinstance(value, Unknown) else self.value.unknown if self.value else None
        )
        if problem is not None:
            report.unknown(f"the options of {what}", problem)
            raise Unreadable

    def get(self, key: str) -> Value | None:
        """Return a value as it is; None when absent, undefined or unknown (then reported)."""
        value = self.value.get(key) if self.value else None
        if isinstance(value, Undefined):
            return None
        if isinstance(value, Unknown):
            self.report.unknown(f"{key} of {self.what}", value)
            if key in _ESSENTIAL:
                raise Unreadable
            return None
        return value

    def is_open(self, key: str) -> bool:
        """Tell whether an option is there and known only when the program runs."""
        value = self.value.get(key) if self.value else None
        return value is not None and is_open(value)

    def plain(self, key: str) -> Value | None:
        """Return a value that is there now; one made when the program runs is reported."""
        value = self.get(key)
        if value is None or not is_open(value):
            return value
        reason = "it is made when the program runs, or by another package"
        self.report.unknown(f"{key} of {self.what}", Unknown(reason=reason, span=value.span))
        if key in _ESSENTIAL:
            raise Unreadable
        return None

    def text(self, key: str) -> str | None:
        """Return a text; None when absent or empty."""
        value = self.plain(key)
        if isinstance(value, Literal) and isinstance(value.value, str):
            return value.value or None
        return None

    def scalar(self, key: str) -> str | None:
        """Return a text or number as text."""
        value = self.plain(key)
        if isinstance(value, Literal) and value.value is not None and value.value is not False:
            return to_text(value)
        return None

    def integer(self, key: str) -> int | None:
        """Return a whole number; digits in a text count."""
        text = self.scalar(key)
        is_number = text is not None and text.isascii() and text.isdigit() and len(text) < 10
        return int(text) if text is not None and is_number else None

    def flag(self, key: str) -> bool:
        """Return whether a value counts as true; False when absent."""
        return self.maybe(key) or False

    def maybe(self, key: str) -> bool | None:
        """Return whether a value counts as true; None when absent."""
        value = self.plain(key)
        return None if value is None else truth(value)


def read_column(
    evaluator: Evaluator, value: Value | None, what: str, report: Report
) -> ColumnOptions:
    """Read the options of a column.

    Raises:
        Unreadable: without what is missing the column would be a guess.
    """
    before = report.doubts
    options = Options(value, what, report)
    default = _default(evaluator, options)
    nullable = options.maybe("nullable")
    if nullable is None and options.is_open("nullable"):
        nullable = True  # Not known: a column that takes null refuses nothing.
    if nullable is None and options.value and _is_null(options.value.get("default")):
        nullable = True  # `default: null` is TypeORM's other way to say nullable.
    read = ColumnOptions(
        name=options.text("name"),
        type=_type(options),
        length=options.scalar("length"),
        precision=options.integer("precision"),
        scale=options.integer("scale"),
        collation=options.text("collation"),
        primary=options.flag("primary"),
        nullable=nullable,
        unique=options.flag("unique"),
        comment=options.text("comment"),
        default=default,
        enum=_labels(options),
        enum_name=options.text("enumName"),
        primary_key_name=options.text("primaryKeyConstraintName"),
        foreign_key_name=options.text("foreignKeyConstraintName"),
        as_expression=options.text("asExpression"),
        generated_type=options.text("generatedType"),
        identity=options.text("generatedIdentity"),
        generated=_generated(options),
        array=options.flag("array"),
        spatial_type=options.text("spatialFeatureType"),
        srid=options.integer("srid"),
    )
    return replace(read, is_assumed=report.doubts > before)


def type_word(value: Value | None) -> str | None:
    """Return the word of a type option: the driver's word, or `js:` and a constructor."""
    match value:
        case Literal(value=str() as word):
            return word
        case External(package=None, names=(name,)) if name in _CONSTRUCTORS:
            return f"js:{name}"
        case ClassValue(decl=decl):
            return f"js:{decl.name}"
        case External():
            return f"js:{value.name}"
        case _:
            return None


def _type(options: Options) -> str | None:
    value = options.get("type")
    if isinstance(value, FunctionValue):
        return None
    return type_word(value)


def _generated(options: Options) -> str | None:
    value = options.get("generated")
    if value is None or truth(value) is not True:
        return None
    return (
        value.value if isinstance(value, Literal) and isinstance(value.value, str) else "increment"
    )


def _is_null(value: Value | None) -> bool:
    return isinstance(value, Literal) and value.value is None


def _default(evaluator: Evaluator, options: Options) -> Value | SqlDefault | None:
    value = options.get("default")
    if value is None or _is_null(value):
        return None
    if isinstance(value, FunctionValue):
        returned = evaluator.call(value, (), value.span)
        if isinstance(returned, Literal) and isinstance(returned.value, str):
            return SqlDefault(sql=returned.value)
        if isinstance(returned, Unknown):
            options.report.unknown(f"the default of {options.what}", returned)
        else:
            message = f"the default of {options.what} is a function that does not return SQL text"
            options.report.add("DEFAULT", message, value.span)
        return None
    if isinstance(value, Call | External | ClassValue) or json_text(value) is None:
        message = f"the default of {options.what} is computed when the program runs; left out"
        options.report.add("DEFAULT", message, value.span)
        return None
    return value


def _labels(options: Options) -> tuple[str, ...] | None:
    """The labels of an enum as TypeORM takes them: the members that are not indices."""
    value = options.get("enum")
    if value is None:
        return None
    items: list[Value]
    match value:
        case ListValue(items=found):
            items = list(found)
        case ObjectValue(entries=entries, unknown=None):
            items = [
                member
                for key, member in entries.items()
                if not _is_numeric(key) and not isinstance(member, FunctionValue)
            ]
        case _:
            reason = "it is neither a list nor an object"
            options.report.unknown(
                f"the enum of {options.what}", Unknown(reason=reason, span=value.span)
            )
            raise Unreadable
    labels: list[str] = []
    for item in items:
        label = to_text(item)
        if label is None:
            unread = (
                item if isinstance(item, Unknown) else Unknown(reason="no text", span=item.span)
            )
            options.report.unknown(f"a label of the enum of {options.what}", unread)
            raise Unreadable
        labels.append(label)
    return _distinct(labels, options, value)


def _distinct(labels: list[str], options: Options, value: Value) -> tuple[str, ...]:
    distinct = tuple(dict.fromkeys(labels))
    if len(distinct) < len(labels):
        message = f"the enum of {options.what} repeats a label; Postgres takes each once"
        options.report.add("ENUM_LABELS", message, value.span, Severity.INFO)
    return distinct


def _is_numeric(key: str) -> bool:
    """JavaScript's `!isNaN(+key)`."""
    try:
        float(key.strip() or "0")
    except ValueError:
        return False
    return "_" not in key


def json_text(value: Value) -> str | None:
    """Return what JSON.stringify makes of a value; None when it is not known."""
    plain = _plain(value)
    if plain is _UNKNOWN:
        return None
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


_UNKNOWN = object()


def _plain(value: Value) -> object:
    match value:
        case Literal(value=content):
            if isinstance(content, float) and not isinstance(content, bool):
                return json.loads(number_text(content))
            return content
        case ListValue(items=items):
            parts = [_plain(item) for item in items]
            return _UNKNOWN if any(part is _UNKNOWN for part in parts) else parts
        case ObjectValue(entries=entries, unknown=None):
            found = {k: _plain(v) for k, v in entries.items() if not isinstance(v, Undefined)}
            return _UNKNOWN if any(part is _UNKNOWN for part in found.values()) else found
        case _:
            return _UNKNOWN
