"""The one door of this package: which migrators an application brings, and what to say of them.

Pure. A folder is recognised by what is in it; one that is empty, or holds a lock file only,
is no migrator.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from appdb.model.finding import Finding, Severity, Span
from appdb.model.migrator import Migrator
from appdb.source.migrators import alembic, django, drizzle, prisma, scripts, sqlfiles
from appdb.source.migrators.folder import Source
from appdb.source.project import Project

# The finding about each migrator that is found.
MIGRATOR_FOUND = "MIGRATOR_FOUND"

_FINDERS = (prisma.find, drizzle.find, alembic.find, django.find, scripts.find)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The migrators of a source, what to tell of them, and the files that are theirs."""

    migrators: tuple[Migrator, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def paths(self) -> frozenset[str]:
        """The files that are migrations, which declare no schema of their own."""
        return paths_of(self.migrators)


def find_migrators(project: Project, contents: Mapping[str, bytes]) -> Found:
    """Find the migrators; `contents` are the files' bytes as they came."""
    source = Source(project=project, contents=contents)
    migrators: list[Migrator] = []
    findings: list[Finding] = []
    foreign: set[str] = set()
    for finder in _FINDERS:
        for each in finder(source):
            if isinstance(each, Migrator):
                migrators.append(each)
            else:
                findings.append(each)
                foreign.add(_folder_of(each))
    taken = paths_of(migrators) | {
        file.path for file in project.files if _is_below(file.path, foreign)
    }
    migrators.extend(sqlfiles.find(source, frozenset(taken)))
    migrators.sort(key=lambda each: (each.folder, each.tool))
    told = (_told(each) for each in migrators)
    return Found(migrators=tuple(migrators), findings=(*findings, *told))


def paths_of(migrators: Iterable[Migrator]) -> frozenset[str]:
    """Return the files of migrations."""
    return frozenset(each.path for migrator in migrators for each in migrator.migrations)


def _folder_of(finding: Finding) -> str:
    path = finding.span.path if finding.span else ""
    return path.rpartition("/")[0].rpartition("/")[0]


def _is_below(path: str, folders: set[str]) -> bool:
    return any(folder and path.startswith(f"{folder}/") for folder in folders)


def _told(migrator: Migrator) -> Finding:
    first = migrator.migrations[0].path
    return Finding(
        code=MIGRATOR_FOUND,
        severity=Severity.INFO,
        message=f"{migrator}; schema.migrator decides who changes the tables",
        span=Span(path=first, line=1),
    )
