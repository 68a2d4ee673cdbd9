"""From built entities to the schema: what TypeORM's schema builder would create on Postgres."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from appdb.model.finding import Confidence, Evidence, Severity, Span
from appdb.model.identifiers import cut
from appdb.model.schema import (
    Action,
    Check,
    Column,
    Deferrable,
    Enum,
    Exclusion,
    Extension,
    ForeignKey,
    Identity,
    Index,
    IndexKey,
    Namespace,
    PrimaryKey,
    Schema,
    Table,
    Unique,
    View,
)
from appdb.source.frameworks.typeorm.args import RuleArgs, TableKind
from appdb.source.frameworks.typeorm.build import Settings
from appdb.source.frameworks.typeorm.defaults import default_sql
from appdb.source.frameworks.typeorm.metadata import (
    ColumnData,
    Embedded,
    Entity,
    IndexData,
    KeyData,
    UniqueData,
)
from appdb.source.frameworks.typeorm.report import Report
from appdb.source.frameworks.typeorm.types import ENUM, normal_word, type_of

NAME = "typeorm"

_EXTENSIONS = {
    "citext": "citext",
    "hstore": "hstore",
    "cube": "cube",
    "ltree": "ltree",
    "geometry": "postgis",
    "geography": "postgis",
    "vector": "vector",
    "halfvec": "vector",
}


def emit(entities: Sequence[Entity], settings: Settings, report: Report) -> Schema:
    """Return the schema of all entities that have a table."""
    return _Emitter(settings, report).schema(entities)


def place_of(entity: Entity) -> tuple[str | None, str]:
    """Return schema and name of a table; a dot in its name parts them, as in TypeORM."""
    schema, _, name = entity.table.rpartition(".")
    own = schema or entity.schema
    if entity.kind is not TableKind.REGULAR:
        name = cut(name)  # Made by TypeORM, and cut by the server when it created the table.
    return (None if own in {None, "", "public"} else own), name


class _Emitter:
    def __init__(self, settings: Settings, report: Report) -> None:
        self.settings = settings
        self.naming = settings.naming
        self.report = report
        self.enums: dict[tuple[str | None, str], Enum] = {}
        self.namespaces: dict[str, Namespace] = {}
        self.extensions: dict[str, Extension] = {}

    def schema(self, entities: Sequence[Entity]) -> Schema:
        made: dict[tuple[str | None, str], Entity] = {}
        tables: list[Table] = []
        for entity in entities:
            if not self._is_made(entity):
                continue
            known = made.get(place_of(entity))
            if known is not None:
                self._clash(entity, known)
                continue
            made[place_of(entity)] = entity
            tables.append(self._table(entity))
        return Schema(
            extensions=tuple(self.extensions.values()),
            namespaces=tuple(self.namespaces.values()),
            enums=tuple(self.enums.values()),
            tables=tuple(tables),
            views=tuple(self._views(entities)),
        )

    def _views(self, entities: Sequence[Entity]) -> Iterator[View]:
        """Yield the views that are given as text, those that others need first."""
        waiting = [e for e in entities if e.kind is TableKind.VIEW and e.args.synchronize]
        while waiting:
            targets = [entity.args.target for entity in waiting]
            ready = [e for e in waiting if not any(n in targets for n in e.args.needs)]
            for entity in ready or waiting:
                yield from self._view(entity)
            waiting = [e for e in waiting if e not in ready] if ready else []

    def _view(self, entity: Entity) -> Iterator[View]:
        query, span = entity.args.query, entity.args.span
        if query is None:
            message = (
                f"the view {entity.table} is made by a query builder, which is not followed; "
                "write its expression as text"
            )
            self.report.add("VIEW", message, span)
            return
        schema, name = place_of(entity)
        yield View(
            name=name,
            query=query.strip().rstrip(";"),
            evidence=_evidence(span, "typeorm.view", exact=True),
            schema=schema,
            materialized=entity.args.materialized,
        )

    def _is_made(self, entity: Entity) -> bool:
        if entity.kind in {TableKind.VIEW, TableKind.CHILD}:
            return False
        if entity.args.synchronize:
            return True
        message = f"the table {entity.table} is kept by hand (synchronize: false); it is not made"
        self.report.add("NOT_SYNCHRONIZED", message, entity.args.span, Severity.INFO)
        return False

    def _clash(self, entity: Entity, known: Entity) -> None:
        message = (
            f"the table {entity.table} is declared before, at {known.args.span}; "
            "the first declaration is used"
        )
        self.report.add("TABLE_TWICE", message, entity.args.span)

    def _table(self, entity: Entity) -> Table:
        schema, name = place_of(entity)
        rule = f"typeorm.{entity.kind.value}"
        evidence = _evidence(
            entity.args.span, rule, is_assumed=entity.is_assumed or self.naming.is_assumed
        )
        if schema is not None:
            self.namespaces.setdefault(schema, Namespace(name=schema, evidence=evidence))
        columns = tuple(self._columns(entity))
        self._exclusion_extension(entity)
        return Table(
            name=name,
            schema=schema,
            columns=columns,
            evidence=evidence,
            framework=NAME,
            primary_key=self._primary_key(entity),
            uniques=tuple(self._uniques(entity)),
            foreign_keys=tuple(self._foreign_keys(entity)),
            checks=tuple(self._checks(entity)),
            exclusions=tuple(self._exclusions(entity)),
            indexes=tuple(self._indexes(entity)),
            comment=entity.args.comment,
            source_name=entity.target_name or None,
        )

    # Columns

    def _columns(self, entity: Entity) -> Iterator[Column]:
        for data in entity.columns:
            if data.is_virtual_property:
                continue
            column = self._column(entity, data)
            if column is not None:
                yield column

    def _column(self, entity: Entity, data: ColumnData) -> Column | None:
        what = f"{entity.table}.{data.database_name}"
        word = normal_word(data.type)
        enum = self._enum(entity, data) if word == ENUM else None
        typed = type_of(data, enum)
        if typed.type is None:
            reason = typed.remark or "its enum has no labels"
            self.report.add("TYPE", f"the column {what} is left out: {reason}", data.span)
            return None
        if typed.remark:
            self.report.add("TYPE", f"{what}: {typed.remark}", data.span, self._mildness())
        if typed.word in _EXTENSIONS:
            self._extension(_EXTENSIONS[typed.word], data.span)
        generated = data.as_expression if data.generated_type == "STORED" else None
        if data.as_expression and generated is None:
            message = f"{what}: a virtual generated column is a plain one for TypeORM on Postgres"
            self.report.add("GENERATED", message, data.span)
        identity = self._identity(data)
        plain = generated is None and identity is None and not typed.type.name.endswith("serial")
        return Column(
            name=_name(data),
            type=typed.type,
            nullable=data.nullable and not data.primary,
            evidence=_evidence(
                data.span,
                data.rule,
                exact=data.rule == "typeorm.column",
                is_assumed=data.is_assumed or self.naming.is_assumed,
            ),
            default=self._default(data) if plain else None,
            identity=identity,
            generated=generated,
            collation=data.collation,
            comment=data.comment,
            source_name=data.name,
        )

    def _mildness(self) -> Severity:
        return Severity.WARNING if self.settings.is_postgres else Severity.INFO

    def _identity(self, data: ColumnData) -> Identity | None:
        if data.generated != "identity":
            return None
        return Identity.ALWAYS if data.identity == "ALWAYS" else Identity.BY_DEFAULT

    def _default(self, data: ColumnData) -> str | None:
        if data.generated == "uuid" and normal_word(data.type) == "uuid":
            self._extension(self.settings.uuid_extension, data.span)
            return default_sql(data) or self.settings.uuid_function
        return default_sql(data)

    def _enum(self, entity: Entity, data: ColumnData) -> tuple[str, str | None] | None:
        if not data.enum:
            return None
        schema, table = place_of(entity)
        name = data.enum_name or f"{table}_{data.database_name.lower()}_enum"
        if "." in name:  # TypeORM takes a dot for the border of a schema here too.
            given, _, name = name.rpartition(".")
            schema = None if given == "public" else given
        name = cut(name)
        known = self.enums.get((schema, name))
        if known is None:
            evidence = _evidence(data.span, "typeorm.enum", exact=data.enum_name is not None)
            enum = Enum(name=name, labels=data.enum, evidence=evidence, schema=schema)
            self.enums[schema, name] = enum
        elif known.labels != data.enum:
            message = f"the enum {name} has other labels at {known.evidence.span}; those are used"
            self.report.add("ENUM_LABELS", message, data.span)
        return name, schema

    def _extension(self, name: str, span: Span) -> None:
        evidence = _evidence(span, "typeorm.extension")
        self.extensions.setdefault(name, Extension(name=name, evidence=evidence))

    def _exclusion_extension(self, entity: Entity) -> None:
        for rule in entity.exclusions:
            self._extension("btree_gist", rule.span)

    # Keys

    def _primary_key(self, entity: Entity) -> PrimaryKey | None:
        columns = entity.primary_columns
        if not columns:
            message = f"the table {entity.table} has no primary key; TypeORM would refuse it"
            self.report.add("PRIMARY_KEY", message, entity.args.span)
            return None
        names = [_name(column) for column in columns]
        given = columns[0].primary_key_name
        return PrimaryKey(
            name=cut(given or self.naming.primary_key_name(entity.table, _full(columns))),
            columns=tuple(names),
            evidence=_evidence(columns[0].span, "typeorm.primary-key"),
        )

    def _uniques(self, entity: Entity) -> Iterator[Unique]:
        seen: set[str] = set()
        for data in entity.uniques:
            columns = self._resolved(entity, data, "unique constraint")
            if columns is None:
                continue
            names = [_name(column) for column in columns]
            name = cut(data.args.name or self.naming.unique_name(entity.table, _full(columns)))
            if name in seen:
                continue
            seen.add(name)
            yield Unique(
                name=name,
                columns=tuple(names),
                evidence=_evidence(data.args.span, "typeorm.unique"),
                deferrable=self._deferrable(data.args.deferrable, data.args.span),
            )

    def _indexes(self, entity: Entity) -> Iterator[Index]:
        seen: set[str] = set()
        for data in entity.indices:
            if not data.args.synchronize:
                continue
            columns = self._resolved(entity, data, "index")
            if columns is None:
                continue
            names = [_name(column) for column in columns]
            derived = self.naming.index_name(entity.table, _full(columns), data.args.where)
            name = cut(data.args.name or derived)
            if name in seen:
                continue
            seen.add(name)
            yield Index(
                name=name,
                keys=tuple(IndexKey(column=name) for name in names),
                evidence=_evidence(data.args.span, "typeorm.index"),
                unique=data.args.unique,
                method=data.args.method or "btree",
                where=data.args.where,
            )

    def _resolved(
        self, entity: Entity, data: IndexData | UniqueData, what: str
    ) -> Sequence[ColumnData] | None:
        if data.columns is not None:
            return data.columns
        found: list[ColumnData] = []
        for path in data.args.columns:
            columns = _at_path(entity, data.embedded, path)
            if not columns:
                message = f"{entity.target_name}: the {what} names {path}, which is no column"
                self.report.add("COLUMNS", message, data.args.span)
                return None
            found.extend(columns)
        return found

    def _foreign_keys(self, entity: Entity) -> Iterator[ForeignKey]:
        seen: dict[str, KeyData] = {}
        for data in entity.foreign_keys:
            other = data.other
            if not self._leads_to_table(other):
                message = (
                    f"a foreign key of {entity.table} leads to {other.table}, "
                    "which is not made here"
                )
                self.report.add("FOREIGN_KEY", message, data.span)
                continue
            names = [_name(column) for column in data.columns]
            referenced = [_name(column) for column in data.referenced]
            derived = self.naming.foreign_key_name(
                entity.table, _full(data.columns), other.table, _full(data.referenced)
            )
            name = cut(data.given or derived)
            if name in seen:
                if seen[name].other.table != other.table:
                    shown = ", ".join(names)
                    message = f"two foreign keys of {entity.table} on {shown}; the first is used"
                    self.report.add("FOREIGN_KEY", message, data.span)
                continue
            seen[name] = data
            schema, table = place_of(other)
            yield ForeignKey(
                name=name,
                columns=tuple(names),
                table=table,
                referenced=tuple(referenced),
                evidence=_evidence(data.span, "typeorm.foreign-key", is_assumed=data.is_assumed),
                schema=schema,
                on_delete=self._action(data.on_delete, data.span),
                on_update=self._action(data.on_update, data.span),
                deferrable=self._deferrable(data.deferrable, data.span),
            )

    def _leads_to_table(self, other: Entity) -> bool:
        root = other.parent or other
        return root.kind is not TableKind.VIEW and root.args.synchronize

    def _action(self, given: str | None, span: Span) -> Action:
        word = " ".join((given or "NO ACTION").upper().replace("_", " ").split())
        try:
            return Action(word)
        except ValueError:
            message = f"{given} is no action of a foreign key; NO ACTION is used"
            self.report.add("ACTION", message, span)
            return Action.NO_ACTION

    def _deferrable(self, given: str | None, span: Span) -> Deferrable | None:
        if given is None:
            return None
        try:
            return Deferrable(given.upper())
        except ValueError:
            self.report.add("DEFERRABLE", f"{given} is not a way to defer; it is left out", span)
            return None

    def _checks(self, entity: Entity) -> Iterator[Check]:
        for name, rule in _named(entity.checks, entity.table, self.naming.check_name):
            yield Check(
                name=name,
                expression=rule.expression,
                evidence=_evidence(rule.span, "typeorm.check", exact=True),
            )

    def _exclusions(self, entity: Entity) -> Iterator[Exclusion]:
        for name, rule in _named(entity.exclusions, entity.table, self.naming.exclusion_name):
            deferrable = self._deferrable(rule.deferrable, rule.span)
            tail = f" DEFERRABLE {deferrable}" if deferrable else ""
            yield Exclusion(
                name=name,
                definition=rule.expression + tail,
                evidence=_evidence(rule.span, "typeorm.exclusion", exact=True),
            )


def _named(
    rules: Iterable[RuleArgs], table: str, derive: Callable[[str, str], str]
) -> Iterator[tuple[str, RuleArgs]]:
    seen: set[str] = set()
    for rule in rules:
        name = cut(rule.name or derive(table, rule.expression))
        if name not in seen:
            seen.add(name)
            yield name, rule


def _name(column: ColumnData) -> str:
    """The name in the database; the server cuts one that TypeORM derived."""
    return cut(column.database_name) if column.is_virtual else column.database_name


def _full(columns: Iterable[ColumnData]) -> list[str]:
    """The names as TypeORM knows them: constraint names are hashed before the server cuts."""
    return [column.database_name for column in columns]


def _evidence(span: Span, rule: str, *, exact: bool = False, is_assumed: bool = False) -> Evidence:
    confidence = Confidence.EXACT if exact else Confidence.DERIVED
    if is_assumed:
        confidence = Confidence.ASSUMED
    return Evidence(span=span, rule=rule, confidence=confidence)


def _at_path(entity: Entity, embedded: Embedded | None, path: str) -> list[ColumnData]:
    full = f"{embedded.path}.{path}" if embedded else path
    for column in entity.columns:
        if column.path == full:
            return [column]
    for relation in entity.relations:
        if relation.has_join_column and path == relation.name:
            return list(relation.join_columns)
    return []
