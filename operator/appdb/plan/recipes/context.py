"""What a recipe knows beside its change: both catalogs, the other changes, what people gave.

Values and look-ups only.
"""

import re
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cached_property

from appdb.model.catalog import (
    Catalog,
    Column,
    Constraint,
    DomainCheck,
    Index,
    Key,
    Kind,
    Rule,
    Sequence,
)
from appdb.model.identifiers import quoted
from appdb.plan.diff import Altered, Change, Created, Dropped
from appdb.plan.expansions import Expansion, Stage
from appdb.plan.names import is_temporary
from appdb.plan.typechange import comparable_types
from appdb.plan.unit import Token, alike, exists, typed

_QUOTED_OR_VALUE = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\bVALUE\b")


@dataclass(frozen=True, kw_only=True)
class Context:
    """`live` is the catalog after declared renames; `origins` leads back to today's names.

    `casts` and `backfills` are expressions by column, `unfinished` are backfills that an
    interrupted run left. `managed` are the keys of what is ours, `extensions` those that
    may be installed (None: whatever Postgres trusts), `expansions` the columns that take
    another one's place by and by.
    """

    live: Catalog
    desired: Catalog
    changes: tuple[Change, ...]
    managed: AbstractSet[Key]
    casts: Mapping[Key, str] = field(default_factory=dict)
    backfills: Mapping[Key, str] = field(default_factory=dict)
    unfinished: Mapping[Key, str] = field(default_factory=dict)
    origins: Mapping[Key, Key] = field(default_factory=dict)
    extensions: tuple[str, ...] | None = None
    expansions: tuple[Expansion, ...] = ()

    @cached_property
    def dropped(self) -> frozenset[Key]:
        """What goes in this release."""
        return frozenset(c.key for c in self.changes if isinstance(c, Dropped))

    @cached_property
    def created(self) -> frozenset[Key]:
        """What comes in this release, but not the parts of new tables."""
        return frozenset(c.key for c in self.changes if isinstance(c, Created))

    @cached_property
    def retyped(self) -> frozenset[Key]:
        """Columns whose type changes."""
        return frozenset(
            c.key
            for c in self.changes
            if isinstance(c, Altered)
            and isinstance(c.before, Column)
            and isinstance(c.after, Column)
            and is_retyped(c.before, c.after)
        )

    def changes_counter(self, key: Key) -> bool:
        """Tell whether a column begins or ends to count by itself, or gets another sequence."""
        before, after = self.live.column(key), self.desired.column(key)
        if before is None or after is None:
            return False
        is_new = any(name in self.created for name, _ in self.owned_sequences(key))
        return bool(before.identity) != bool(after.identity) or is_new

    def origin(self, key: Key) -> Key:
        """Where an object stands in the live database today."""
        return self.origins.get(key, key)

    def today(self, key: Key) -> Key:
        """Where the values of a column stand today: perhaps in one whose place it takes."""
        found = next((e for e in self.expansions if e.target == key and e.stage is Stage.NEW), None)
        return self.origin(key if found is None else found.source)

    def row_keys(self, table: Key) -> tuple[str, ...]:
        """The columns of a table's primary key, by today's names."""
        columns = column_keys(table, self.live.primary_key(table))
        return tuple(self.origin(column).name for column in columns)

    def owned_sequences(self, column: Key) -> tuple[tuple[Key, Sequence], ...]:
        """The declared sequences that belong to a column."""
        return self._owned(self.desired, column)

    def live_sequences(self, column: Key) -> tuple[tuple[Key, Sequence], ...]:
        """The present sequences that belong to a column."""
        return self._owned(self.live, column)

    @staticmethod
    def _owned(catalog: Catalog, column: Key) -> tuple[tuple[Key, Sequence], ...]:
        return tuple(
            (key, record)
            for key, record in catalog.sequences_of(column.table)
            if record.owner == column
        )

    def references_to(self, table: Key, columns: tuple[str, ...]) -> dict[Key, Constraint]:
        """The present foreign keys that rest on a unique rule of these columns."""
        return {
            key: record
            for key in self.live.keys(Kind.CONSTRAINT)
            if isinstance(record := self.live.objects[key], Constraint)
            and record.rule is Rule.FOREIGN_KEY
            and record.target == table
            and (not columns or set(record.target_columns) == set(columns))
        }

    def users_of(self, base: Key) -> dict[Key, Column]:
        """The present columns whose type is, or is an array of, a declared type."""
        return {
            key: record
            for key in self.live.keys(Kind.COLUMN)
            if (record := self.live.column(key)) is not None and record.base == base
        }

    def foreign_rules(self, rules: Iterable[Key]) -> tuple[str, ...]:
        """Those of these rules that are not ours; a change that needs them gone must not be."""
        return tuple(f"{rule.kind} {rule}" for rule in rules if rule not in self.managed)

    def strangers_on(self, table: Key, column: str) -> tuple[str, ...]:
        """What is not ours and would go or break with a column."""
        key = Key(Kind.COLUMN, table.schema, table.name, column)
        hand_made = [
            f"{child.kind} {child}"
            for child in self.live.children(table)
            if child not in self.managed
            and not is_temporary(child.name)
            and column in used_columns(self.live, child)
        ]
        return (*self.live.dependents.get(self.origin(key), ()), *hand_made)


def with_expansions(ctx: Context, expansions: tuple[Expansion, ...]) -> Context:
    """Add expansions; what a column is filled with is then the value of the other one."""
    fills = dict(ctx.backfills)
    for expansion in expansions:
        if expansion.stage in {Stage.BLOCKED, Stage.LOOSE}:
            continue
        source, given = quoted(expansion.source.name), ctx.backfills.get(expansion.target)
        fills[expansion.target] = source if given is None else f"coalesce({source}, ({given}))"
    return replace(ctx, expansions=expansions, backfills=fills)


def is_retyped(before: Column, after: Column) -> bool:
    """Tell whether a column's type or collation changes."""
    return before.type != after.type or before.collation != after.collation


def is_domain(text: str, key: Key) -> bool:
    """Tell whether a type's spelling is that of a declared type; not of an array of it."""
    return text.replace('"', "") == f"{key.schema}.{key.name}"


def broken(check: DomainCheck) -> str:
    """A condition on `{c}` that is true of values which break a domain's check."""
    expression = check.definition.removeprefix("CHECK ")
    text = _QUOTED_OR_VALUE.sub(lambda m: "{c}" if m[0] == "VALUE" else m[0], expression)
    return f"NOT {text}"


def breaks_rules(before: Column, after: Column) -> bool:
    """Tell whether rules on a column must go before its type can change."""
    return before.base != after.base or not comparable_types(before.type, after.type)


def used_columns(catalog: Catalog, key: Key) -> tuple[str, ...]:
    """The columns that a rule or index reads."""
    match catalog.objects.get(key):
        case Index() as index:
            return index.uses or index.columns
        case Constraint() as constraint:
            return constraint.columns
        case _:
            return ()


def column_keys(table: Key, names: tuple[str, ...]) -> tuple[Key, ...]:
    """The keys of a table's columns."""
    return tuple(Key(Kind.COLUMN, table.schema, table.name, name) for name in names)


def needs_columns(
    table: Key, names: tuple[str, ...], *, is_plain: bool = False
) -> frozenset[Token]:
    """The facts that a rule on these columns needs; a plain one has no expressions."""
    keys = column_keys(table, names)
    return exists(table) | (alike(*keys) if is_plain else typed(*keys))


def column_list(names: tuple[str, ...]) -> str:
    """Render a list of columns."""
    return ", ".join(quoted(name) for name in names)
