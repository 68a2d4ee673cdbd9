"""What is ours, what is foreign, what drifted, and which source line declared what.

Pure.
"""

import hashlib
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from appdb.model.catalog import Catalog, Key, Kind, Stranger, Sync, comparable
from appdb.model.ddl import DdlKind, DdlStatement
from appdb.model.finding import Evidence
from appdb.plan.names import is_temporary
from appdb.plan.plan import Drift, Plan
from appdb.plan.policy import Verdict
from appdb.plan.renames import Renames
from appdb.plan.unit import Tag

_KINDS = {
    DdlKind.TABLE: (Kind.TABLE,),
    DdlKind.TYPE: (Kind.ENUM, Kind.DOMAIN, Kind.COMPOSITE),
    DdlKind.SEQUENCE: (Kind.SEQUENCE,),
    DdlKind.NAMESPACE: (Kind.NAMESPACE,),
    DdlKind.EXTENSION: (Kind.EXTENSION,),
    DdlKind.INDEX: (Kind.INDEX,),
    DdlKind.CONSTRAINT: (Kind.CONSTRAINT,),
}


def record_digest(catalog: Catalog, key: Key) -> str:
    """Return a short digest of an object's definition, for the ledger."""
    sync = _syncs(catalog).get(key)
    text = repr(comparable(catalog.objects[key]) if sync is None else sync)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _syncs(catalog: Catalog) -> dict[Key, Sync]:
    return {sync.key: sync for sync in catalog.syncs}


def keys_there(catalog: Catalog) -> frozenset[Key]:
    """Return the keys of all that the ledger may call ours, triggers of ours included."""
    return frozenset(catalog.objects) | frozenset(_syncs(catalog))


def parts_to_come(plan: Plan) -> frozenset[Key]:
    """Return what a run adds to tables that are ours.

    Written down before it begins: should it be cut off and the source go back, nobody takes
    its work for something made by hand.
    """
    if plan.is_first_run:
        return frozenset()
    units = (j.unit for j in plan.judged if j.verdict is Verdict.RUNS)
    made = {token.key for unit in units for token in unit.makes if token.tag is Tag.EXISTS}
    return frozenset(key for key in made - plan.former if key.parent)


def drift_of(live: Catalog, digests: Mapping[Key, str]) -> tuple[Drift, ...]:
    """Tell which objects of ours are not as the last run left them."""
    found = []
    there = keys_there(live)
    for key, digest in sorted(digests.items()):
        if not digest:
            continue
        if key not in there:
            if not (key.parent and key.table not in live.objects):
                found.append(Drift(key=key, what="missing"))
        elif record_digest(live, key) != digest:
            found.append(Drift(key=key, what="changed"))
    return tuple(found)


def contradicting(drift: Iterable[Drift], live: Catalog, desired: Catalog) -> tuple[Drift, ...]:
    """Of what was changed by hand, keep what is not as declared now; no source has triggers."""
    return tuple(
        each
        for each in drift
        if each.key.kind is Kind.TRIGGER
        or (
            each.key in desired.objects
            and (
                each.key not in live.objects
                or record_digest(live, each.key) != record_digest(desired, each.key)
            )
        )
    )


def foreign_of(
    live: Catalog, declared: AbstractSet[Key], managed: AbstractSet[Key], renames: Renames
) -> tuple[Stranger, ...]:
    """List what is there and neither declared nor ours."""
    moved = {r.key for r in renames.due}
    found = [
        Stranger(kind=key.kind.value, name=str(key))
        for key in live.objects
        if key not in declared
        and key not in managed
        and key not in moved
        and not is_temporary(key.name)
        and key.name != "public"
        and not _is_part_of_foreign(key, declared, managed)
        and not (key.parent and key.table in moved)
    ]
    return tuple(sorted({*found, *live.strangers}))


def _is_part_of_foreign(key: Key, declared: AbstractSet[Key], managed: AbstractSet[Key]) -> bool:
    return bool(key.parent) and key.table not in declared and key.table not in managed


def origins_of(statements: Iterable[DdlStatement]) -> dict[Key, Evidence]:
    """Map objects to the source line that declares them."""
    found: dict[Key, Evidence] = {}
    for statement in statements:
        if statement.evidence is None:
            continue
        schema = statement.schema or "public"
        for kind in _KINDS.get(statement.kind, ()):
            if kind in {Kind.INDEX, Kind.CONSTRAINT}:
                key = Key(kind, schema, statement.table or "", statement.name)
            elif kind in {Kind.NAMESPACE, Kind.EXTENSION}:
                key = Key(kind, "", "", statement.name)
            else:
                key = Key(kind, schema, "", statement.name)
            found[key] = statement.evidence
    return found


def keys_of_options(options: Mapping[str, str], catalog: Catalog) -> dict[Key, str]:
    """Map `table.column` to keys; the schema may stand before it."""
    found = {}
    for name, expression in options.items():
        table, _, column = name.rpartition(".")
        schema, _, table = table.rpartition(".")
        key = Key(Kind.COLUMN, schema or "public", table, column)
        if key in catalog.objects:
            found[key] = expression
    return found
