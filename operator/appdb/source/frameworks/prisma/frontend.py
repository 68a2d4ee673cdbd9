"""The Prisma front end: finds the schema's files and the version, and reads them.

The language is closed, so everything read is exact; what Prisma would refuse is a finding.
"""

import posixpath

from appdb.model.finding import Finding, Severity, Span
from appdb.source.frameworks.prisma.extract import extract_schema
from appdb.source.frameworks.prisma.files import choose_files
from appdb.source.frameworks.prisma.remarks import Code
from appdb.source.frontend import Detection, Extraction
from appdb.source.project import PackageVersion, Project

# From this version on join tables have a primary key instead of a unique index.
_JOIN_KEY_SINCE = 6


class PrismaFrontEnd:
    """Prisma schemas of 2 and later; without a version the rules of 6 and 7 hold."""

    name = "prisma"
    title = "Prisma"
    rank = 10

    def detect(self, project: Project) -> Detection | None:
        choice = project.memo("prisma.files", lambda: choose_files(project))
        if choice is None:
            return None
        version = _version(project, choice.files[0])
        text = None if version is None else ".".join(str(number) for number in version.numbers)
        return Detection(files=choice.files, version=text or None)

    def extract(self, project: Project, detection: Detection) -> Extraction:
        files = [(path, (project.read(path) or b"").decode()) for path in detection.files]
        version = _version(project, detection.files[0])
        major = None if version is None else version.major
        found = extract_schema(files, has_join_key=major is None or major >= _JOIN_KEY_SINCE)
        choice = project.memo("prisma.files", lambda: choose_files(project))
        others = () if choice is None else choice.others
        if not others:
            return found
        return Extraction(
            schema=found.schema, findings=(*found.findings, _several(detection.files, others))
        )


def _version(project: Project, near: str) -> PackageVersion | None:
    """The CLI writes the tables, so its version counts before that of the client."""
    for package in ("prisma", "@prisma/client"):
        version = project.package_version(package, near)
        if version is not None and version.major is not None:
            return version
    return None


def _several(files: tuple[str, ...], others: tuple[str, ...]) -> Finding:
    named = ", ".join(others[:3]) + (f" and {len(others) - 3} more" if len(others) > 3 else "")
    place = posixpath.dirname(files[0]) or "."
    return Finding(
        code=str(Code.SEVERAL),
        severity=Severity.WARNING,
        message=f"the source holds {len(others) + 1} independent Prisma schemas: that in {place} "
        f"is read, not {named}; choose with spec.source.include or package.json's prisma.schema",
        span=Span(path=files[0], line=1),
    )


FRONT_END = PrismaFrontEnd()
