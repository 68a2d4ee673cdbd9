"""The protocol that every front end follows: one module or folder per ORM.

A front end reads a project and says what its ORM would create. It must not execute
anything, read anything outside the project, or guess: what it does not understand is a
finding.
"""

from dataclasses import dataclass, field
from typing import Protocol

from appdb.model.ddl import DdlStatement
from appdb.model.finding import Finding
from appdb.model.schema import Schema
from appdb.source.project import Project


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """A front end's claim: which files it would read, and for which version of its ORM."""

    files: tuple[str, ...]
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """What a front end read.

    A front end whose source is SQL already hands its `statements` on as they are; its
    schema then only tells what they make and is not printed again.
    """

    schema: Schema = field(default_factory=Schema)
    statements: tuple[DdlStatement, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def has_tables(self) -> bool:
        """True when it declares something that a database would hold rows in."""
        return bool(self.schema.tables or self.statements)


class FrontEnd(Protocol):
    """One source kind.

    `name` is the word of `spec.source.framework` in lower case (`prisma`), `title` the
    name as its makers write it (`Prisma`). `rank` decides who wins when two declare the
    same table: lower first (ORMs 10, documents 20, plain SQL 40, types 50, SDL 60).
    """

    name: str
    title: str
    rank: int

    def detect(self, project: Project) -> Detection | None:
        """Return what would be read, or None when the source is not of this kind. Cheap."""
        ...

    def extract(self, project: Project, detection: Detection) -> Extraction:
        """Return the schema and the findings; the same project gives the same answer."""
        ...
