"""Keeps the SchemaPlan objects of one AppDatabase true: the only module that writes them.

A plan is written before its first step runs and told what became of it afterwards, so
that whatever happens in between is seen. Nothing is decided here that people decide.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from appdb.api.conditions import Status, find_condition, set_condition
from appdb.api.reasons import ConditionType, Reason
from appdb.api.schemaplan import Decision, FailedStep, SchemaPlan, SchemaPlanStatus
from appdb.cluster.events import EventReason
from appdb.cluster.resources import CONFIG_MAPS, SCHEMA_PLANS
from appdb.errors import ConcurrentUpdate
from appdb.model.catalog import Key
from appdb.plan.hazards import Pace
from appdb.plan.plan import Plan
from appdb.postgres.apply import Outcome
from appdb.reconcile.database.observed import SourceView
from appdb.reconcile.database.proposal import (
    Proposal,
    Subject,
    overflow_object,
    plan_name,
    plan_object,
    propose_rest,
    propose_run,
    propose_whole,
    selector_of,
)
from appdb.reconcile.database.shelf import IN_DATABASE, Record, Shelf, decided_by
from appdb.reconcile.database.work import Work
from appdb.reconcile.status import StatusWriter

BY_POLICY = "policy"
BY_SPEC = "spec.schema.approvedPlan"
# Names of plans of one hash: a hash comes back when a database goes to and fro.
_NUMBERS = 1000

Weigh = Callable[[], Awaitable[Mapping[Key, str]]]


@dataclass(slots=True, kw_only=True)
class Plans:
    """The plans of a run's object; `current` are the names of those that still stand."""

    work: Work
    shelf: Shelf
    current: list[str] = field(default_factory=list)

    @classmethod
    async def read(cls, work: Work) -> "Plans":
        """Read the plans of the run's object."""
        meta = work.database.metadata
        lives = await work.context.cluster.list(
            SCHEMA_PLANS,
            meta.namespace,
            label_selector=selector_of(meta.name),
        )
        return cls(work=work, shelf=Shelf.of(lives, uid=meta.uid))

    @property
    def _subject(self) -> Subject:
        meta, source = self.work.database.metadata, self.work.observed.source
        revision = source.revision if isinstance(source, SourceView) else ""
        return Subject(name=meta.name, uid=meta.uid, revision=revision)

    async def begin(self, plan: Plan) -> Record:
        """Write down that this plan runs now; returns its record."""
        steps = frozenset(planned.step.sql for planned in plan.steps)
        record = self.shelf.find(plan.plan_hash if plan.is_approved else plan.run_hash)
        record = record or self.shelf.begun(plan.target_fingerprint, steps)
        if record is None:
            why = BY_SPEC if plan.is_approved else BY_POLICY
            record = await self._create(propose_run(self._subject, plan, why=why))
        elif record.is_decided(Decision.PENDING):
            record = await self._approve(record, BY_SPEC if plan.is_approved else BY_POLICY)
        self.current.append(record.name)
        if record.plan.spec.decided_reason == BY_POLICY and not _is_slow(plan):
            return record
        status = self._seen(record)
        started = status.started_at or self.work.context.now()
        status = status.model_copy(update={"started_at": started, "failed_step": None})
        text = "its steps are being run"
        return await self._write(
            record,
            self._with(status, record, ConditionType.APPLIED, "False", Reason.APPLYING, text),
        )

    async def finish(self, record: Record, plan: Plan, outcome: Outcome) -> Record:
        """Write down what became of a plan that ran; returns its record."""
        now = self.work.context.now()
        status = self._seen(record)
        status = status.model_copy(
            update={"started_at": status.started_at or now, "finished_at": now, "failed_step": None}
        )
        if not outcome.failures:
            text = f"all steps ran in {outcome.seconds:.1f} s"
            done = self._with(status, record, ConditionType.APPLIED, "True", Reason.SUCCEEDED, text)
            return await self._write(record, done)
        failure = outcome.failures[0]
        units = [planned.judged.unit for planned in plan.steps]
        failed = FailedStep(
            index=units.index(failure.unit) if failure.unit in units else 0,
            sqlstate=failure.sqlstate,
            message=failure.error.message,
        )
        status = status.model_copy(update={"failed_step": failed})
        text = failure.error.message
        return await self._write(
            record, self._with(status, record, ConditionType.APPLIED, "False", Reason.FAILED, text)
        )

    async def propose(self, plan: Plan, weigh: Weigh) -> Record:
        """Have what waits, or is blocked, stand there for a decision; returns its record."""
        waiting = frozenset(planned.step.sql for planned in plan.approvable)
        record = self.shelf.rejection_of(plan.plan_hash, plan.source_digest, waiting)
        return await self._stand(
            record or self.shelf.find(plan.plan_hash),
            lambda weights: propose_rest(self._subject, plan, weights),
            weigh,
            "waits for a decision: set spec.decision to Approved or Rejected",
        )

    async def preview(self, plan: Plan, weigh: Weigh) -> Record:
        """Have everything stand there to be looked at, where nothing is ever run."""
        return await self._stand(
            self.shelf.find(plan.plan_hash),
            lambda weights: propose_whole(self._subject, plan, weights),
            weigh,
            "schema.mode is PlanOnly: it is for looking at",
        )

    async def _stand(
        self,
        record: Record | None,
        propose: Callable[[Mapping[Key, str]], Proposal],
        weigh: Weigh,
        text: str,
    ) -> Record:
        if record is None:
            record = await self._create(propose(await weigh()))
            self.work.events.append(
                (
                    EventReason.PLAN_CREATED,
                    f"SchemaPlan {record.name}: {record.plan.spec.summary}",
                )
            )
        self.current.append(record.name)
        status = self._seen(record)
        if record.is_decided(Decision.REJECTED):
            text = "it was rejected; the old tables serve on"
        elif record.has_begun:
            return await self._write(record, status)
        waits = self._with(status, record, ConditionType.APPLIED, "False", Reason.PENDING, text)
        return await self._write(record, waits)

    async def tidy(self) -> None:
        """Close the plans that nothing asks for any more, and delete the oldest of those."""
        for record in self.shelf.outdated(self.current):
            text = "source or database changed since; it never runs"
            status = self._with(
                self._seen(record),
                record,
                ConditionType.APPLIED,
                "False",
                Reason.SUPERSEDED,
                text,
            )
            if not record.is_decided(Decision.APPROVED):
                status = self._with(
                    status, record, ConditionType.APPROVED, "False", Reason.SUPERSEDED, text
                )
            self._replace(await self._write(record, status))
        namespace = self.work.database.metadata.namespace
        for record in self.shelf.surplus():
            await self.work.context.cluster.delete(
                SCHEMA_PLANS, namespace, record.name, uid=record.plan.metadata.uid
            )

    async def _create(self, proposal: Proposal) -> Record:
        database = self.work.database
        names = [
            plan_name(database.metadata.name, proposal.spec.plan_hash, number)
            for number in range(1, _NUMBERS)
        ]
        number = self.shelf.free_number(self.current, names)
        body = plan_object(database, names[number - 1], proposal.spec)
        cluster, namespace = self.work.context.cluster, database.metadata.namespace
        live = await cluster.create(SCHEMA_PLANS, namespace, body)
        record = Record(live=live, plan=SchemaPlan.of(live))
        if proposal.spec.truncated:
            await cluster.create(CONFIG_MAPS, namespace, overflow_object(live, proposal.all_steps))
        self.shelf = Shelf((*self.shelf.records, record))
        self.work.context.observer.plan_decided(proposal.spec.risk, proposal.spec.decision)
        return record

    async def _approve(self, record: Record, why: str) -> Record:
        """Say in the plan itself that the policy, or the spec of the object, lets it run."""
        metadata = record.live["metadata"]
        live = await self.work.context.cluster.merge(
            SCHEMA_PLANS,
            metadata["namespace"],
            metadata["name"],
            {
                "metadata": {"resourceVersion": metadata["resourceVersion"]},
                "spec": {"decision": Decision.APPROVED, "decidedReason": why},
            },
        )
        if live is None:
            raise ConcurrentUpdate(f"SchemaPlan {record.name} was deleted meanwhile")
        return self._replace(Record(live=live, plan=SchemaPlan.of(live)))

    def _seen(self, record: Record) -> SchemaPlanStatus:
        """Return the status with the decision as it stands in spec; tells a new one once."""
        spec, status = record.plan.spec, record.plan.status
        said: dict[Decision, tuple[Status, Reason, str]] = {
            Decision.PENDING: ("Unknown", Reason.PENDING, "nobody has decided yet"),
            Decision.APPROVED: ("True", Reason.APPROVED, spec.decided_reason or "approved"),
            Decision.REJECTED: ("False", Reason.REJECTED, spec.decided_reason or "rejected"),
        }
        kind, reason, text = said[spec.decision]
        known = find_condition(status.conditions, ConditionType.APPROVED)
        is_news = known is None or known.reason != reason
        if is_news and spec.decision is not Decision.PENDING:
            by = self._who(record)
            status = status.model_copy(
                update={"decided_at": self.work.context.now(), "decided_by": by}
            )
            self._tell(record, by)
        elif is_news:
            status = status.model_copy(update={"decided_at": None, "decided_by": ""})
        return self._with(status, record, ConditionType.APPROVED, kind, reason, text)

    def _who(self, record: Record) -> str:
        match record.plan.spec.decided_reason:
            case name if name == BY_POLICY:
                return BY_POLICY
            case name if name == BY_SPEC:
                return decided_by(self.work.observed.live, IN_DATABASE)
            case _:
                return decided_by(record.live)

    def _tell(self, record: Record, by: str) -> None:
        spec = record.plan.spec
        if spec.decided_reason == BY_POLICY:
            return
        self.work.context.observer.plan_decided(spec.risk, spec.decision)
        is_approved = spec.decision is Decision.APPROVED
        reason = EventReason.PLAN_APPROVED if is_approved else EventReason.PLAN_REJECTED
        word = "approved" if is_approved else "rejected"
        who = f" by {by}" if by else ""
        self.work.events.append((reason, f"SchemaPlan {record.name} was {word}{who}"))

    def _with(  # noqa: PLR0917 - the parts of a condition
        self,
        status: SchemaPlanStatus,
        record: Record,
        kind: ConditionType,
        value: Status,
        reason: Reason,
        text: str,
    ) -> SchemaPlanStatus:
        generation = record.plan.metadata.generation
        conditions = set_condition(
            status.conditions,
            kind,
            value,
            reason=reason,
            message=text,
            generation=generation,
            now=self.work.context.now(),
        )
        return status.model_copy(
            update={"conditions": conditions, "observed_generation": generation}
        )

    async def _write(self, record: Record, status: SchemaPlanStatus) -> Record:
        live: dict[str, Any] = dict(record.live)
        writer = StatusWriter.of(self.work.context.cluster, SCHEMA_PLANS, live)
        if not await writer.write(status):
            return record
        return self._replace(Record(live=writer.live, plan=SchemaPlan.of(writer.live)))

    def _replace(self, record: Record) -> Record:
        self.shelf = Shelf(
            tuple(record if each.name == record.name else each for each in self.shelf.records)
        )
        return record


def _is_slow(plan: Plan) -> bool:
    """Tell whether somebody may want to see that it runs."""
    return any(planned.step.pace is not Pace.BRIEF for planned in plan.steps)
