"""The action that reads an AppDatabase's source into a schema, in the isolated worker."""

from appdb.api.appdatabase_status import (
    FindingCounts,
    FindingStatus,
    FrameworkStatus,
    SourceStatus,
)
from appdb.api.names import LABEL_SOURCE
from appdb.api.reasons import Reason
from appdb.api.schema_spec import Migrator
from appdb.api.server import DatabaseServer
from appdb.errors import NothingDetected, ParseFailed
from appdb.model.analysis import Analysis
from appdb.model.finding import Finding, Severity
from appdb.model.words import counted
from appdb.reconcile.database.migrator import is_left_to_migrator, without_tables
from appdb.reconcile.database.observed import SourceView
from appdb.reconcile.database.work import Work
from appdb.reconcile.results import Done, Stage
from appdb.source.analyze import AnalysisOptions
from appdb.source.migrators.declared import only_declaring, with_prerequisites

FIRST_FINDINGS = 10
_ORDER = {severity: position for position, severity in enumerate(Severity)}


async def analyze(work: Work) -> None:
    """Read the source; what was found goes into status even when it blocks the schema.

    Raises:
        ParseFailed, NothingDetected: the tables stay as they are.
        SourceInvalid: the worker ran out of time or memory.
    """
    view, spec = work.observed.source, work.database.spec.source
    if not isinstance(view, SourceView) or spec is None:
        msg = "an analysis was listed without a source"
        raise TypeError(msg)
    work.source_status = SourceStatus(
        digest=view.bundle.digest,
        revision=view.revision,
        files=len(view.bundle.files),
        bytes=view.bundle.size,
    )
    setting = work.database.spec.schema_.migrator
    options = AnalysisOptions(
        framework=spec.framework,
        extensions=_allowed(work),
        finds_migrators=setting is not Migrator.IGNORE,
    )
    began = work.context.clock()
    try:
        analysis = await work.context.analysis.analyze(view.bundle, options)
    except NothingDetected:
        if not is_left_to_migrator(work.database, None):
            raise
        work.results[Stage.SOURCE] = Done(Reason.ANALYZED, "no table is declared")
        return
    names = tuple(framework.name for framework in analysis.frameworks)
    work.context.observer.analyzed(names, work.context.clock() - began)
    work.source_status = source_status(analysis, view)
    if is_left_to_migrator(work.database, analysis):
        work.analysis = without_tables(work, analysis, _allowed(work) or ())
    elif setting is Migrator.BASELINE and (own := only_declaring(analysis)) is not None:
        work.analysis = with_prerequisites(analysis, own)
    else:
        _require_sound(analysis, view)
        work.analysis = analysis
    work.results[Stage.SOURCE] = Done(Reason.ANALYZED, analyzed_message(analysis, view))


def _allowed(work: Work) -> tuple[str, ...] | None:
    server = work.observed.server
    return server.spec.allowed_extensions if isinstance(server, DatabaseServer) else None


def source_status(analysis: Analysis, view: SourceView) -> SourceStatus:
    """Return what status says of a source: counts, and the first findings, errors first."""
    worst_first = sorted(analysis.findings, key=lambda finding: _ORDER[finding.severity])
    return SourceStatus(
        digest=view.bundle.digest,
        revision=view.revision,
        files=analysis.files,
        bytes=analysis.bytes,
        frameworks=tuple(
            FrameworkStatus(name=each.name, version=each.version or "")
            for each in analysis.frameworks
        ),
        findings=FindingCounts(
            error=analysis.count(Severity.ERROR),
            warning=analysis.count(Severity.WARNING),
            info=analysis.count(Severity.INFO),
        ),
        first_findings=tuple(_finding_status(each) for each in worst_first[:FIRST_FINDINGS]),
    )


def analyzed_message(analysis: Analysis, view: SourceView) -> str:
    """Return one sentence about a source that was read."""
    schema = analysis.schema
    readers = ", ".join(
        f"{each.name} {each.version}" if each.version else each.name for each in analysis.frameworks
    )
    findings = len(analysis.findings)
    tables, columns = counted(len(schema.tables), "table"), counted(schema.column_count, "column")
    found = f"{tables}, {columns} from {counted(analysis.files, 'file')} ({readers})"
    own = ", ".join(map(str, analysis.migrators))
    parts = [
        found if readers else "no table is declared",
        own,
        f"{counted(findings, 'finding')}, see status.source.firstFindings" if findings else "",
        _unwatched(view),
    ]
    return "; ".join(part for part in parts if part)


def _unwatched(view: SourceView) -> str:
    if not view.unwatched:
        return ""
    return (
        f"edits of ConfigMap {', '.join(view.unwatched)} are noticed late: "
        f"label it {LABEL_SOURCE}=true"
    )


def _require_sound(analysis: Analysis, view: SourceView) -> None:
    late = f"; {_unwatched(view)}" if view.unwatched else ""
    errors = [each for each in analysis.findings if each.severity is Severity.ERROR]
    if errors:
        more = f" (and {counted(len(errors) - 1, 'more error')})" if len(errors) > 1 else ""
        first = errors[0]
        place = f"{first.span}: " if first.span else ""
        raise ParseFailed(f"{place}{first.message}{more}; the tables stay as they are{late}")
    if not analysis.statements and analysis.migrators:
        raise NothingDetected(
            f"no table is declared beside {analysis.migrators[0]}, and its migrations alone do not "
            f"tell; schema.migrator Detect leaves the tables to it{late}"
        )
    if not analysis.statements:
        raise NothingDetected(
            f"no schema was found in {counted(analysis.files, 'file')}; check include, exclude "
            f"and framework of spec.source{late}"
        )


def _finding_status(finding: Finding) -> FindingStatus:
    span = finding.span
    return FindingStatus(
        severity=finding.severity.value,
        code=finding.code,
        path=span.path if span else "",
        line=span.line if span else 0,
        message=finding.message[:1024],
    )
