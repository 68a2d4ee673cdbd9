"""Lays models out as tables by the convention: columns, keys, join tables, shared tables.

Pure once everything was read. A foreign key points only to a table that is made here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from appdb.model.finding import Confidence, Evidence, Span
from appdb.model.identifiers import literal, quoted
from appdb.model.schema import Action, Check, Column, ForeignKey, PrimaryKey, Table
from appdb.model.types import PgType
from appdb.source.evaluate.values import Literal, Undefined, Unknown, Value
from appdb.source.frameworks.mongoose.collect import Collector
from appdb.source.frameworks.mongoose.defaults import sql_default
from appdb.source.frameworks.mongoose.indexes import Indexes
from appdb.source.frameworks.mongoose.model import Model, SchemaContent, SchemaPath, Shape
from appdb.source.frameworks.mongoose.names import column_name, plural, singular, snake_case
from appdb.source.frameworks.mongoose.options import enum_texts, is_required
from appdb.source.frameworks.mongoose.paths import plain_path
from appdb.source.frameworks.mongoose.types import INTEGER, JSON, SCALARS, TEXT
from appdb.source.soundness.names import shortened

FRAMEWORK = "mongoose"
MAX_REFERENCES = 10
ID = "_id"


@dataclass(slots=True, kw_only=True, eq=False)
class Draft:
    """A table in the making. `columns` are by dotted path; `own` says which model a path is of."""

    model: Model
    name: str
    content: SchemaContent
    columns: dict[str, Column] = field(default_factory=dict)
    paths: dict[str, SchemaPath] = field(default_factory=dict)
    keys: list[ForeignKey] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    joins: list[Table] = field(default_factory=list)

    @property
    def id_path(self) -> SchemaPath | None:
        """The path that is the primary key: `_id`, or `id` where a schema declares that."""
        return self.paths.get(ID)


class Layout:
    """Makes the tables of a project's models."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        self.report = collector.report
        self.drafts: dict[str, Draft] = {}

    def tables(self) -> tuple[Table, ...]:
        """Return all tables, each with its join tables behind it."""
        self._begin()
        for draft in self.drafts.values():
            self._fill(draft)
        return tuple(table for draft in self.drafts.values() for table in self._finish(draft))

    def _begin(self) -> None:
        taken: dict[str, Model] = {}
        for model in self.collector.models.values():
            if model.base is not None:
                continue
            content = self.collector.schemas.content(model.schema, model.name)
            if content.problem is not None:
                message = f"the schema of {model.name} is not known, it has no table: "
                self.report.warn("MODEL", message + content.problem, model.span)
                continue
            name = self._table_name(model, content)
            if name in taken:
                message = f"{model.name} keeps its documents with {taken[name].name}, in {name}"
                self.report.warn("SHARED", f"{message}; the first is used", model.span)
                continue
            taken[name] = model
            draft = Draft(model=model, name=name, content=content)
            draft.paths = self._id_first_declared(content, model)
            self.drafts[model.name] = draft

    def _table_name(self, model: Model, content: SchemaContent) -> str:
        if model.collection:
            return model.collection
        given = content.options.get("collection")
        if isinstance(given, Literal) and isinstance(given.value, str) and given.value:
            return given.value
        if isinstance(given, Unknown):
            self.report.unknown(f"the collection of {model.name}", given)
        name = snake_case(model.name)
        return plural(name) if self.collector.is_pluralized else name

    def _id_first_declared(self, content: SchemaContent, model: Model) -> dict[str, SchemaPath]:
        """`id` and `_id` are one column; an `_id` that is declared wins."""
        paths = dict(content.paths)
        own, hidden = paths.get("id"), paths.get(ID)
        if own is None:
            return paths if self._has_id(paths) else self._with_id(paths, model)
        if hidden is None or hidden.confidence is Confidence.DERIVED:
            if own.type.shape is Shape.SCALAR:
                paths = {(ID if n == "id" else n): p for n, p in paths.items() if n != ID}
            else:
                del paths["id"]
        else:
            del paths["id"]
        message = f"{model.name} has id and _id; in a table they are one column"
        self.report.info("TWO_IDS", message, own.span)
        return paths if self._has_id(paths) else self._with_id(paths, model)

    def _has_id(self, paths: dict[str, SchemaPath]) -> bool:
        return any(name == ID or name.startswith(f"{ID}.") for name in paths)

    def _with_id(self, paths: dict[str, SchemaPath], model: Model) -> dict[str, SchemaPath]:
        """MongoDB gives every document an `_id`, whatever the schema says."""
        return {**paths, ID: plain_path(ID, "ObjectId", model.span, "mongoose.id")}

    # References

    def _id_type(self, draft: Draft, hops: int = 0) -> PgType | None:
        """Return the type of a table's key; None when it has not exactly one column."""
        path = draft.id_path
        if path is None:
            return None
        if path.type.shape is not Shape.SCALAR:
            return JSON
        target = self._target(path.type.ref) if path.type.ref is not None else None
        if target is not None and target is not draft and hops < MAX_REFERENCES:
            return self._id_type(target, hops + 1)
        return INTEGER if path.type.word in {"Number", "Double"} else SCALARS[path.type.word]

    def _target(self, ref: Value) -> Draft | None:
        name = self.collector.model_of(ref)
        model = self.collector.models.get(name) if name is not None else None
        return self.drafts.get(model.root.name) if model is not None else None

    def _referred(self, draft: Draft, path: SchemaPath) -> tuple[Draft, PgType] | None:
        """Return the table that a path refers to and the type of its key; None without one."""
        where = f"{draft.model.name}.{path.name}"
        if path.type.has_ref_path:
            message = f"another path decides what {where} refers to; it has no foreign key"
            self.report.info("REF_PATH", message, path.span)
            return None
        ref = path.type.ref
        if (
            ref is None
            or (isinstance(ref, Literal) and not ref.value)
            or isinstance(ref, Undefined)
        ):
            return None
        target = self._target(ref)
        key = self._id_type(target) if target is not None else None
        if target is not None and key is not None:
            return target, key
        name = self.collector.model_of(ref)
        if name is not None:
            message = f"{where} refers to {name}, which has no table; it has no foreign key"
        else:
            reason = f": {ref.reason}" if isinstance(ref, Unknown) else ""
            message = f"what {where} refers to is not known, it has no foreign key{reason}"
        self.report.warn("REF", message, path.span)
        return None

    # Columns

    def _fill(self, draft: Draft) -> None:
        for path in draft.paths.items():
            self._place(draft, *path, is_shared=False)
        if draft.model.children:
            self._discriminate(draft)

    def _place(self, draft: Draft, name: str, path: SchemaPath, *, is_shared: bool) -> None:
        referred = self._referred(draft, path)
        if path.type.shape is Shape.ARRAY and referred is not None and name != ID:
            self._join(draft, path, *referred)
            return
        column = self._column(draft, name, path, is_shared=is_shared)
        if column is None:
            return
        if referred is not None and path.type.shape is Shape.SCALAR:
            target, type_ = referred
            column = _typed(column, type_)
            draft.keys.append(_foreign_key(draft.name, column, target.name, path.span))
        draft.columns[name] = column
        draft.paths.setdefault(name, path)
        if referred is None and path.type.shape is Shape.SCALAR:
            self._check(draft, path, column)

    def _column(
        self, draft: Draft, name: str, path: SchemaPath, *, is_shared: bool
    ) -> Column | None:
        column = shortened(column_name(name))
        if not column or "\0" in column:
            message = f"a path of {draft.model.name} is left out: its name can be no column's"
            self.report.warn("COLUMN", message, path.span)
            return None
        other = next((n for n, c in draft.columns.items() if c.name == column), None)
        if other is not None:
            if other == name and is_shared:
                self._same(draft, name, path)
                return None
            where = f"{draft.model.name}.{path.name}"
            message = f"{where} is left out: its column {column} is that of {other}"
            self.report.warn("COLUMN", message, path.span)
            return None
        is_key = name == ID or name.startswith(f"{ID}.")
        return Column(
            name=column,
            type=_type(path) if name != ID else self._id_type(draft) or TEXT,
            nullable=not is_key and (is_shared or not is_required(path.options)),
            default=self._default(draft, path, is_key=is_key),
            evidence=_evidence(path.span, path.rule, path.confidence),
            source_name=path.name,
        )

    def _same(self, draft: Draft, name: str, path: SchemaPath) -> None:
        """Two discriminators may declare a path alike; otherwise it cannot be one column."""
        known = draft.paths.get(name)
        if known is not None and _type(known) != _type(path):
            message = f"{draft.model.name}.{name} is declared with two types; the first is used"
            self.report.warn("COLUMN", message, path.span)

    def _default(self, draft: Draft, path: SchemaPath, *, is_key: bool) -> str | None:
        value = path.options.get("default")
        if value is None or is_key or isinstance(value, Undefined):
            return None
        found = sql_default(value, path.type)
        if found is None and isinstance(value, Literal) and value.value is not None:
            where = f"{draft.model.name}.{path.name}"
            message = f"the default of {where} is none that its column takes; it has no default"
            self.report.warn("DEFAULT", message, value.span)
        return found

    def _check(self, draft: Draft, path: SchemaPath, column: Column) -> None:
        if path.type.word != "String" or path.options.get("enum") is None:
            return
        texts = enum_texts(path.options)
        where = f"{draft.model.name}.{path.name}"
        if isinstance(texts, Unknown):
            self.report.unknown(f"the enum of {where}", texts)
            return
        if not texts or any("\0" in text for text in texts):
            return
        listed = ", ".join(literal(text) for text in texts)
        draft.checks.append(
            Check(
                name=f"{draft.name}_{column.name}_check",
                expression=f"{quoted(column.name)} IN ({listed})",
                evidence=_evidence(path.span, "mongoose.enum", Confidence.EXACT),
            )
        )

    # Arrays of references

    def _join(self, draft: Draft, path: SchemaPath, target: Draft, type_: PgType) -> None:
        own_type = self._id_type(draft)
        if own_type is None:
            message = f"{draft.model.name} has no key of one column; {path.name} has no join table"
            self.report.warn("JOIN", message, path.span)
            return
        evidence = _evidence(path.span, "mongoose.join", Confidence.DERIVED)
        name = shortened(f"{draft.name}_{column_name(path.name)}")
        own, theirs = self._join_columns(draft, path)
        columns = tuple(
            Column(name=n, type=t, nullable=False, evidence=evidence)
            for n, t in ((own, own_type), (theirs, type_))
        )
        keys = tuple(
            ForeignKey(
                name=f"{name}_{column}_fkey",
                columns=(column,),
                table=table,
                referenced=("id",),
                evidence=evidence,
                on_delete=Action.CASCADE,
            )
            for column, table in ((own, draft.name), (theirs, target.name))
        )
        draft.joins.append(
            Table(
                name=name,
                columns=columns,
                evidence=evidence,
                framework=FRAMEWORK,
                primary_key=PrimaryKey(
                    name=f"{name}_pkey", columns=(own, theirs), evidence=evidence
                ),
                foreign_keys=keys,
                source_name=f"{draft.model.name}.{path.name}",
            )
        )

    def _join_columns(self, draft: Draft, path: SchemaPath) -> tuple[str, str]:
        own = f"{snake_case(draft.model.name)}_id"
        ref = path.type.ref
        name = self.collector.model_of(ref) if ref is not None else None
        theirs = f"{snake_case(name or '')}_id"
        if theirs == own:
            theirs = f"{singular(column_name(path.name.rpartition('.')[2]))}_id"
        if theirs == own:
            theirs = f"related_{own}"
        return shortened(own), shortened(theirs)

    # Discriminators

    def _discriminate(self, draft: Draft) -> None:
        key = text_option_of(draft.content, "discriminatorKey") or "__t"
        if key not in draft.columns:
            path = plain_path(key, "String", draft.model.span, "mongoose.discriminator")
            self._place(draft, key, path, is_shared=False)
        for child in _descendants(draft.model):
            content = self.collector.schemas.content(child.schema, child.name)
            if content.problem is not None:
                message = f"the schema of {child.name} is not known: {content.problem}"
                self.report.warn("MODEL", message, child.span)
                continue
            for name, path in content.paths.items():
                if name not in {ID, "id", key} and not _is_of_base(draft, name, path):
                    self._place(draft, name, path, is_shared=True)

    # Tables

    def _finish(self, draft: Draft) -> Iterator[Table]:
        evidence = _evidence(draft.model.span, "mongoose.model", _confidence(draft))
        key = tuple(c.name for n, c in draft.columns.items() if n == ID or n.startswith(f"{ID}."))
        indexes = Indexes(draft, self.report)
        indexes.of_content(draft.content)
        for child in _descendants(draft.model):
            content = self.collector.schemas.content(child.schema, child.name)
            indexes.of_child(content, self._only(draft, child))
        yield Table(
            name=draft.name,
            columns=tuple(draft.columns.values()),
            evidence=evidence,
            framework=FRAMEWORK,
            primary_key=PrimaryKey(name=f"{draft.name}_pkey", columns=key, evidence=evidence)
            if key
            else None,
            foreign_keys=tuple(draft.keys),
            checks=tuple(draft.checks),
            indexes=indexes.found,
            source_name=draft.model.name,
        )
        yield from draft.joins

    def _only(self, draft: Draft, child: Model) -> str | None:
        """The condition under which a row is one of a discriminator."""
        key = text_option_of(draft.content, "discriminatorKey") or "__t"
        column = draft.columns.get(key)
        if column is None or child.value is None or "\0" in child.value:
            return None
        return f"{quoted(column.name)} = {literal(child.value)}"


def text_option_of(content: SchemaContent, key: str) -> str | None:
    """Return an option of a schema that is a text."""
    value = content.options.get(key)
    return value.value if isinstance(value, Literal) and isinstance(value.value, str) else None


def _descendants(model: Model) -> Iterator[Model]:
    for child in model.children:
        yield child
        yield from _descendants(child)


def _is_of_base(draft: Draft, name: str, path: SchemaPath) -> bool:
    """Timestamps and the like, which base and discriminator both have."""
    known = draft.paths.get(name)
    return (
        known is not None
        and path.confidence is Confidence.DERIVED
        and (known.confidence is Confidence.DERIVED)
    )


def _confidence(draft: Draft) -> Confidence:
    if draft.model.confidence is Confidence.ASSUMED:
        return Confidence.ASSUMED
    is_named = draft.model.collection or text_option_of(draft.content, "collection")
    return Confidence.EXACT if is_named else Confidence.DERIVED


def _evidence(span: Span, rule: str, confidence: Confidence) -> Evidence:
    return Evidence(span=span, rule=rule, confidence=confidence)


def _type(path: SchemaPath) -> PgType:
    match path.type.shape:
        case Shape.DOCUMENT:
            return JSON
        case Shape.ARRAY:
            return SCALARS[path.type.word].array()
        case Shape.SCALAR:
            return SCALARS[path.type.word]


def _typed(column: Column, type_: PgType) -> Column:
    return Column(
        name=column.name,
        type=type_,
        nullable=column.nullable,
        evidence=column.evidence,
        source_name=column.source_name,
    )


def _foreign_key(table: str, column: Column, target: str, span: Span) -> ForeignKey:
    return ForeignKey(
        name=f"{table}_{column.name}_fkey",
        columns=(column.name,),
        table=target,
        referenced=("id",),
        evidence=_evidence(span, "mongoose.ref", Confidence.DERIVED),
    )
