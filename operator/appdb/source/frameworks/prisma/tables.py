"""Turns understood models into tables: columns, keys, foreign keys, join tables.

Broken models make no table, and nothing points to them. Every fact carries the place and the
rule it was read by.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from appdb.model.finding import Confidence, Evidence
from appdb.model.schema import (
    Action,
    Column,
    Enum,
    ForeignKey,
    Index,
    IndexKey,
    PrimaryKey,
    Table,
)
from appdb.source.frameworks.prisma.declarations import Declarations
from appdb.source.frameworks.prisma.keys import Keys
from appdb.source.frameworks.prisma.model import Model, Scalar
from appdb.source.frameworks.prisma.names import (
    foreign_key_name,
    join_key_name,
    join_table_name,
)
from appdb.source.frameworks.prisma.relations import Holder, ManyToMany
from appdb.source.frameworks.prisma.syntax import Arity

FRAMEWORK = "prisma"
_RULES = {True: "prisma.enum_field", False: "prisma.field"}


def build_enums(declared: Declarations) -> tuple[Enum, ...]:
    """Return the enum types, used or not, in the order of the files."""
    return tuple(
        Enum(
            name=enum.type.name,
            schema=enum.type.schema,
            labels=tuple(enum.labels.values()),
            evidence=Evidence(span=enum.source.span(enum.at), rule="prisma.enum"),
        )
        for enum in declared.enums.values()
    )


def build_tables(
    declared: Declarations,
    keys: Mapping[str, Keys],
    holders: Sequence[Holder],
    between: Sequence[ManyToMany],
    *,
    has_join_key: bool,
) -> tuple[Table, ...]:
    """Return the tables in the order of the models, join tables last."""
    foreign: dict[str, list[ForeignKey]] = {}
    if declared.datasource.has_foreign_keys:
        for holder in holders:
            if not (holder.target.is_broken or holder.target.is_view):
                foreign.setdefault(holder.model.name, []).append(_foreign_key(holder))
    tables = [
        _table(model, keys[model.name], foreign.get(model.name, ()))
        for model in declared.models.values()
        if not (model.is_broken or model.is_view)
    ]
    joins = [
        _join_table(declared, keys, relation, has_key=has_join_key)
        for relation in sorted(between, key=lambda found: found.name)
        if not (relation.first.is_broken or relation.second.is_broken)
    ]
    return (*tables, *joins)


def _table(model: Model, keys: Keys, foreign: Iterable[ForeignKey]) -> Table:
    return Table(
        name=model.table,
        schema=model.schema,
        columns=tuple(_columns(model, frozenset(keys.ids))),
        evidence=Evidence(span=model.source.span(model.block.at), rule="prisma.model"),
        framework=FRAMEWORK,
        primary_key=keys.primary,
        foreign_keys=tuple(foreign),
        indexes=keys.indexes,
        source_name=model.name,
    )


def _columns(model: Model, ids: frozenset[str]) -> Iterator[Column]:
    for name, scalar in model.scalars.items():
        rule = _RULES[scalar.type.declared]
        yield Column(
            name=scalar.column,
            type=scalar.column_type,
            nullable=_is_nullable(scalar) and name not in ids,
            evidence=Evidence(span=model.source.span(scalar.field.at), rule=rule),
            default=scalar.default,
            source_name=name,
        )


def _is_nullable(scalar: Scalar) -> bool:
    """Lists are never NOT NULL in Prisma; a column that counts always is in Postgres."""
    counts = scalar.column_type is not scalar.type
    return scalar.arity is not Arity.REQUIRED and not counts


def _foreign_key(holder: Holder) -> ForeignKey:
    model, relation, target = holder.model, holder.relation, holder.target
    columns = tuple(model.scalars[name].column for name in relation.fields)
    is_required = any(model.scalars[name].arity is Arity.REQUIRED for name in relation.fields)
    on_delete = Action.RESTRICT if is_required else Action.SET_NULL
    return ForeignKey(
        name=relation.constraint or foreign_key_name(model.table, columns),
        columns=columns,
        table=target.table,
        schema=target.schema,
        referenced=tuple(target.scalars[name].column for name in relation.references),
        on_delete=relation.on_delete or on_delete,
        on_update=relation.on_update or Action.CASCADE,
        evidence=Evidence(span=model.source.span(relation.field.at), rule="prisma.relation"),
    )


def _join_table(
    declared: Declarations, keys: Mapping[str, Keys], relation: ManyToMany, *, has_key: bool
) -> Table:
    """Prisma up to 5 makes a unique index of the pair, from 6 on a primary key."""
    name = join_table_name(relation.name)
    evidence = Evidence(
        span=relation.model.source.span(relation.relation.field.at),
        rule="prisma.implicit_many_to_many",
        confidence=Confidence.DERIVED,
    )
    ends = (("A", relation.first), ("B", relation.second))
    ids = {side: model.scalars[keys[model.name].ids[0]] for side, model in ends}
    pair = Index(
        name=join_key_name(relation.name, "_AB_unique"),
        keys=(IndexKey(column="A"), IndexKey(column="B")),
        evidence=evidence,
        unique=True,
    )
    back = Index(
        name=join_key_name(relation.name, "_B_index"),
        keys=(IndexKey(column="B"),),
        evidence=evidence,
    )
    key = PrimaryKey(
        name=join_key_name(relation.name, "_AB_pkey"), columns=("A", "B"), evidence=evidence
    )
    foreign = tuple(
        ForeignKey(
            name=join_key_name(relation.name, f"_{side}_fkey"),
            columns=(side,),
            table=model.table,
            schema=model.schema,
            referenced=(ids[side].column,),
            on_delete=Action.CASCADE,
            on_update=Action.CASCADE,
            evidence=evidence,
        )
        for side, model in ends
    )
    return Table(
        name=name,
        schema=relation.first.schema,
        columns=tuple(
            Column(name=side, type=ids[side].type, nullable=False, evidence=evidence)
            for side, _ in ends
        ),
        evidence=evidence,
        framework=FRAMEWORK,
        primary_key=key if has_key else None,
        foreign_keys=foreign if declared.datasource.has_foreign_keys else (),
        indexes=(back,) if has_key else (pair, back),
        source_name=relation.name,
    )
