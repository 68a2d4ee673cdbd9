"""Indexes: those of paths (`unique`, `index`) and those of `schema.index(...)`.

Pure on drafts. A kind of index that Postgres lacks is said and left out; a unique one whose
condition has no translation is left out too, for without it it would refuse what is allowed.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from appdb.model.finding import Confidence, Evidence, Span
from appdb.model.schema import Column, Index, IndexKey
from appdb.source.evaluate.values import Literal, ObjectValue, Unknown, Value, truth
from appdb.source.frameworks.mongoose.filters import where_of
from appdb.source.frameworks.mongoose.model import IndexSpec, SchemaContent, SchemaPath
from appdb.source.frameworks.mongoose.options import flag
from appdb.source.frameworks.mongoose.report import Report

if TYPE_CHECKING:
    from appdb.source.frameworks.mongoose.layout import Draft

_PLAIN = (1, -1, "1", "-1", "asc", "desc", "ascending", "descending", True, None)
_TTL = ("expires", "expireAfterSeconds")


class Indexes:
    """The indexes of one table; the same columns are indexed once."""

    def __init__(self, draft: "Draft", report: Report) -> None:
        self._draft = draft
        self._report = report
        self._found: dict[tuple[tuple[str, ...], str | None], Index] = {}

    @property
    def found(self) -> tuple[Index, ...]:
        """The indexes in the order in which they were declared, with names of their own."""
        names: set[str] = set()
        kept: list[Index] = []
        for (columns, where), index in self._found.items():
            if where is None or (columns, None) not in self._found or index.unique:
                kept.append(_named(index, self._draft.name, columns, names))
        return tuple(kept)

    def of_content(self, content: SchemaContent) -> None:
        """Add the indexes of the table's own schema."""
        for name, path in self._draft.paths.items():
            if name in content.paths or name == "_id":
                self._of_path(name, path, None)
        for spec in content.indexes:
            self._of_spec(spec, None)

    def of_child(self, content: SchemaContent, only: str | None) -> None:
        """Add those of a discriminator; a unique one holds among its own rows only."""
        for name, path in content.paths.items():
            if name in self._draft.columns and self._draft.content.paths.get(name) is None:
                self._of_path(name, path, only)
        for spec in content.indexes:
            self._of_spec(spec, only)

    def _of_path(self, name: str, path: SchemaPath, only: str | None) -> None:
        kind, options = _path_index(path)
        if kind is not None and name != "_id":
            spec = IndexSpec(fields=((name, kind),), options=options, span=path.span)
            self._of_spec(spec, only)

    def _of_spec(self, spec: IndexSpec, only: str | None) -> None:
        shown = ", ".join(name for name, _ in spec.fields)
        where = f"the index of {self._draft.model.name} on ({shown})"
        strange = next((kind for _, kind in spec.fields if kind not in _PLAIN), None)
        if strange is not None:
            message = f"{where} is left out: Postgres has no {strange} index of this kind"
            self._report.info("INDEX_KIND", message, spec.span)
            return
        columns = self._columns(spec, where)
        if columns is None or columns == ("id",):
            return
        if any(key in spec.options.entries for key in _TTL):
            self._report.info("TTL", f"{where} does not make rows expire in Postgres", spec.span)
        is_unique = flag(spec.options, "unique")
        condition = self._condition(spec, where, is_unique=is_unique)
        if condition == "":
            return
        if only is not None and is_unique:
            condition = f"({condition}) AND {only}" if condition else only
        self._keep(spec.span, columns, condition, is_unique=is_unique)

    def _columns(self, spec: IndexSpec, where: str) -> tuple[str, ...] | None:
        found: list[str] = []
        for name, _ in spec.fields:
            column = self._column(name)
            if column is None:
                message = f"{where} is left out: {name} has no column of its own"
                self._report.info("INDEX_PATH", message, spec.span)
                return None
            found.append(column.name)
        return tuple(dict.fromkeys(found)) or None

    def _column(self, name: str) -> Column | None:
        known = self._draft.columns.get(name)
        return known if known is not None or name != "id" else self._draft.columns.get("_id")

    def _condition(self, spec: IndexSpec, where: str, *, is_unique: bool) -> str | None:
        """Return the condition, None for none, and an empty text when the index is left out."""
        value = spec.options.get("partialFilterExpression")
        if value is None:
            return None
        found = where_of(value, self._draft.columns)
        if found is not None:
            return found
        what = "it is left out" if is_unique else "it covers all rows"
        message = f"the condition of {where} has no translation; {what}"
        self._report.warn("INDEX_FILTER", message, spec.span)
        return "" if is_unique else None

    def _keep(
        self, span: Span, columns: tuple[str, ...], where: str | None, *, is_unique: bool
    ) -> None:
        known = self._found.get((columns, where))
        if known is not None and (known.unique or not is_unique):
            return
        evidence = Evidence(span=span, rule="mongoose.index", confidence=Confidence.EXACT)
        self._found[columns, where] = Index(
            name=None,
            keys=tuple(IndexKey(column=column) for column in columns),
            evidence=evidence,
            unique=is_unique,
            where=where,
        )


def _named(index: Index, table: str, columns: Iterable[str], names: set[str]) -> Index:
    base = "_".join((table, *columns, "idx"))
    name, count = base, 0
    while name in names:
        count += 1
        name = f"{base}{count}"
    names.add(name)
    return Index(
        name=name,
        keys=index.keys,
        evidence=index.evidence,
        unique=index.unique,
        where=index.where,
    )


def _path_index(path: SchemaPath) -> tuple[object, ObjectValue]:
    """Return the kind of index that a path asks for, None for none, and its options."""
    for options in (path.options, path.type.element):
        if options is None:
            continue
        kind, given = _option_index(options)
        if kind is not None:
            return kind, given
    return None, path.options


def _option_index(options: ObjectValue) -> tuple[object, ObjectValue]:
    asked = options.get("index")
    merged: dict[str, Value] = {
        key: options.entries[key] for key in ("unique", *_TTL) if key in options.entries
    }
    kind: object = None
    match asked:
        case ObjectValue(entries=entries):
            merged.update(entries)
            inner = entries.get("type")
            kind = inner.value if isinstance(inner, Literal) else 1
        case Literal(value=str() as word) if word:
            kind = word
        case Literal(value=content) if content:
            kind = 1
        case _:
            pass
    unique = merged.get("unique")
    if unique is not None and isinstance(unique, ObjectValue):
        merged["unique"] = Literal(value=True, span=unique.span)
    given = ObjectValue(entries=merged, span=options.span)
    if flag(options, "text"):
        return "text", given
    if kind is None and (_is_on(unique) or flag(options, "sparse") or _expires(options)):
        kind = 1
    return kind, given


def _is_on(value: Value | None) -> bool:
    """`unique: [true, 'why']` and `unique: 'why'` are on as well."""
    return value is not None and not isinstance(value, Unknown) and truth(value) is True


def _expires(options: ObjectValue) -> bool:
    return options.get("expires") is not None
