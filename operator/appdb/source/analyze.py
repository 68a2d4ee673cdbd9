"""The one door of this package: a source in, the schema that it declares out.

Pure: the same files give the same answer, whatever their order. It runs nothing of the
source, reads nothing but the bundle, and raises nothing but our own errors.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from appdb.errors import InvalidInput, NothingDetected
from appdb.model.analysis import Analysis, Framework
from appdb.model.finding import Finding, Severity, Span
from appdb.model.words import counted
from appdb.source.bundle import SourceBundle
from appdb.source.ddl_order import in_loading_order
from appdb.source.dialect import render
from appdb.source.extensions import with_extensions
from appdb.source.frameworks.registry import AUTO, chosen
from appdb.source.frontend import Detection, Extraction, FrontEnd
from appdb.source.merge import Reading, joined, merge
from appdb.source.migrators.find import Found, find_migrators
from appdb.source.project import Project
from appdb.source.soundness.schema import sound
from appdb.source.soundness.verbatim import sound_statements

# From this rank on a front end reads types, not tables; it is not asked where an ORM answers.
TYPES_RANK = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalysisOptions:
    """What a user may say about the reading.

    `framework` is `Auto` or the name of one front end. `extensions` are the names that may
    be installed; None sets no bound. It decides only whether `uuid_generate_v4()` is kept.
    Without `finds_migrators` migrations are files like any other.
    """

    framework: str = "Auto"
    extensions: tuple[str, ...] | None = None
    finds_migrators: bool = True


DEFAULT_OPTIONS = AnalysisOptions()


def analyze(bundle: SourceBundle, options: AnalysisOptions = DEFAULT_OPTIONS) -> Analysis:
    """Read a source.

    Errors in the source are findings, and `Analysis.is_blocked` is then true.

    Raises:
        InvalidSpec: there is no front end of this name.
        NothingDetected: nothing in the source declares a schema or changes one, and nothing
            failed.
    """
    project, own = _project(bundle, options)
    readings, remarks = _read(project, options)
    merged, clashes = merge(readings)
    schema, unsound = sound(merged.schema, merged.told)
    verbatim, told, unloadable = sound_statements(merged.statements, merged.told, schema.tables)
    if told is not merged.told:
        schema, unsound = sound(merged.schema, told)
    schema, statements, extended = with_extensions(schema, verbatim, options.extensions)
    findings = (
        *_unreadable(project, readings),
        *_left_out(bundle),
        *_passed_over(project),
        *own.findings,
        *remarks,
        *(finding for reading in readings for finding in reading.extraction.findings),
        *clashes,
        *unsound,
        *unloadable,
        *extended,
    )
    paths = sorted({path for reading in readings for path in reading.detection.files})
    found = Analysis(
        digest=bundle.digest,
        files=len(paths) if paths else len(project.files),
        bytes=sum(len(bundle.files.get(path, b"")) for path in paths) if paths else bundle.size,
        frameworks=tuple(
            Framework(
                name=reading.front_end.title, version=_rules_version(reading.detection.version)
            )
            for reading in readings
        ),
        schema=joined([schema, told]),
        statements=in_loading_order(render(schema), statements),
        findings=in_order(findings),
        migrators=own.migrators,
    )
    _require_something(found, project, options)
    return found


def _project(bundle: SourceBundle, options: AnalysisOptions) -> tuple[Project, Found]:
    """Return what front ends may read: SQL that changes tables does not declare them."""
    project = Project(bundle.files)
    if not options.finds_migrators:
        return project, Found()
    own = find_migrators(project, bundle.files)
    aside = {path: "a migration" for path in own.paths if path.endswith(".sql")}
    if not aside:
        return project, own
    return Project(bundle.files, set_aside=aside), own


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings by place, and say each only once."""
    nowhere = Span(path="", line=0, column=0)
    return tuple(
        sorted(
            set(findings),
            key=lambda each: (each.span or nowhere, each.code, each.severity, each.message),
        )
    )


def _rules_version(version: str | None) -> str | None:
    """Return what of a version decides about rules: `6` of 6.1.0, `0.3` of 0.3.20."""
    if version is None:
        return None
    major, _, rest = version.partition(".")
    return f"0.{rest.partition('.')[0]}" if major == "0" and rest else major


def _read(project: Project, options: AnalysisOptions) -> tuple[list[Reading], list[Finding]]:
    readings: list[Reading] = []
    remarks: list[Finding] = []
    for front_end in chosen(options.framework):
        detection = front_end.detect(project)
        if detection is None:
            continue
        winners = [each for each in readings if each.extraction.has_tables]
        if front_end.rank >= TYPES_RANK and winners:
            remarks.append(_not_read(front_end, detection, winners[0]))
            continue
        extraction = _extract(front_end, project, detection)
        readings.append(Reading(front_end=front_end, detection=detection, extraction=extraction))
    return readings, remarks


def _extract(front_end: FrontEnd, project: Project, detection: Detection) -> Extraction:
    """Read by one front end; what it cannot bear is a finding, so that others are still heard."""
    try:
        return front_end.extract(project, detection)
    except InvalidInput as error:
        message = error.message
    except RecursionError:
        message = "it is nested too deeply to be read; write it flatter"
    first = detection.files[0] if detection.files else "."
    return Extraction(
        findings=(
            Finding(
                code="PARSE_FAILED",
                severity=Severity.ERROR,
                message=f"{front_end.title}: {message}",
                span=Span(path=first, line=1),
            ),
        )
    )


def _not_read(front_end: FrontEnd, detection: Detection, winner: Reading) -> Finding:
    return Finding(
        code="TYPES_NOT_READ",
        severity=Severity.INFO,
        message=f"{counted(len(detection.files), 'file')} of {front_end.title} not read: "
        f"{winner.front_end.title} declares the schema",
    )


def _unreadable(project: Project, readings: list[Reading]) -> Iterable[Finding]:
    """Files that are not text block the schema where they are of a language that was read."""
    kinds = {
        file.kind
        for reading in readings
        for path in reading.detection.files
        if (file := project.get(path)) is not None
    }
    for finding, kind in project.unreadable:
        blocks = not readings or kind in kinds
        yield finding if blocks else replace(finding, severity=Severity.WARNING)


def _left_out(bundle: SourceBundle) -> Iterable[Finding]:
    for path, reason in bundle.left_out.items():
        yield Finding(
            code="FILE_LEFT_OUT",
            severity=Severity.INFO,
            message=f"not read: {reason}",
            span=Span(path=path, line=1),
        )


def _passed_over(project: Project) -> Iterable[Finding]:
    """Minified scripts are copies of others; one that names an ORM might be the only one."""
    for path in project.passed_over:
        yield Finding(
            code="FILE_LEFT_OUT",
            severity=Severity.WARNING,
            message="not read: it looks minified, but it may declare tables; break its lines",
            span=Span(path=path, line=1),
        )


def _require_something(found: Analysis, project: Project, options: AnalysisOptions) -> None:
    if found.is_blocked or found.migrators or not found.declares_nothing:
        return
    kinds = chosen(options.framework)
    looked_for = ", ".join(each.title for each in kinds)
    ignored = f" ({len(project.ignored)} more were ignored)" if project.ignored else ""
    asked = "" if options.framework.casefold() == AUTO else "; the framework may be left to Auto"
    if found.frameworks:
        names = ", ".join(each.name for each in found.frameworks)
        raise NothingDetected(f"{names} was found, but it declares no table{asked}")
    raise NothingDetected(
        f"no schema in {counted(len(project.files), 'file')}{ignored}: looked for {looked_for}; "
        f"check the paths and globs of the source{asked}"
    )
