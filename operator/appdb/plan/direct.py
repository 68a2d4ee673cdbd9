"""The plan for an empty database: the declared statements themselves, in one transaction.

Pure. Nothing is there that could be lost or blocked, so nothing needs to be tried first.
"""

from collections.abc import Sequence

from appdb.model.catalog import Catalog, Key, Kind
from appdb.model.ddl import DdlKind, DdlStatement
from appdb.model.digest import digest_of_texts
from appdb.plan.hazards import Lock, Phase, StepClass
from appdb.plan.plan import Plan, decide
from appdb.plan.policy import Evidence, Policy
from appdb.plan.scope import origins_of
from appdb.plan.unit import Step, Unit

_KINDS = {
    DdlKind.EXTENSION: Kind.EXTENSION,
    DdlKind.NAMESPACE: Kind.NAMESPACE,
    DdlKind.TYPE: Kind.ENUM,
    DdlKind.SEQUENCE: Kind.SEQUENCE,
    DdlKind.TABLE: Kind.TABLE,
    DdlKind.INDEX: Kind.INDEX,
    DdlKind.CONSTRAINT: Kind.CONSTRAINT,
    DdlKind.COMMENT: Kind.TABLE,
}


def direct_plan(
    live: Catalog,
    statements: Sequence[DdlStatement],
    policy: Policy,
    source_digest: str,
    frameworks: tuple[str, ...],
) -> Plan:
    """Plan to run the declared statements as they are."""
    units = tuple(_unit(statement) for statement in statements)
    target = digest_of_texts(statement.sql for statement in statements)
    judged, _, is_approved = decide(
        units, policy, Evidence(), base=live.fingerprint, target=target, is_adoption=False
    )
    return Plan(
        base_fingerprint=live.fingerprint,
        target_fingerprint=target,
        judged=judged,
        origins=origins_of(statements),
        source_digest=source_digest,
        statements_digest=target,
        frameworks=frameworks,
        is_first_run=True,
        is_direct=True,
        is_approved=is_approved,
    )


def _unit(statement: DdlStatement) -> Unit:
    kind = _KINDS[statement.kind]
    schema = "" if kind in {Kind.EXTENSION, Kind.NAMESPACE} else statement.schema or "public"
    parent = statement.table or "" if kind in {Kind.INDEX, Kind.CONSTRAINT} else ""
    return Unit(
        subject=Key(kind, schema, parent, statement.name),
        phase=Phase.TABLES,
        steps=(
            Step(
                statements=(statement.sql,),
                reason=f"makes a new {kind}",
                lock=Lock.NONE,
                rehearsal=(),
            ),
        ),
        step_class=StepClass.SAFE,
    )
