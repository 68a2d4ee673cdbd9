"""Plain SQL: `schema.sql` files whose statements are handed on as they are written.

Only statements that declare are let through; what would run, change or grant something
is refused with its place. Where a project has other source too, only files that are
named like a schema are read: the rest are migrations, seeds and queries.
"""

import posixpath
import re

from appdb.source.filekind import SCRIPTS, Kind
from appdb.source.frameworks.sql.read import read_files
from appdb.source.frontend import Detection, Extraction
from appdb.source.project import Project, SourceFile

_DECLARES = re.compile(
    rb"\bcreate\s+(?:unlogged\s+)?(?:table|type|domain|sequence|schema)\b", re.IGNORECASE
)
_SCHEMA_NAMES = re.compile(r"(?:^|[._-])(?:schema|structure|tables|ddl|database|init)(?:[._-]|$)")
_OTHER_FOLDERS = frozenset({"migrations", "migration", "migrate", "drizzle", "seeds", "seed"})
_OTHERS = frozenset({Kind.PRISMA, Kind.PYTHON, *SCRIPTS})


class SqlFrontEnd:
    """See `appdb.source.frontend.FrontEnd`. Behind the ORMs, before plain types."""

    name = "sql"
    title = "SQL"
    rank = 40

    def detect(self, project: Project) -> Detection | None:
        files = [
            file
            for file in project.of_kind(Kind.SQL)
            if _DECLARES.search(file.content) and not _is_change(file.path)
        ]
        if project.of_kind(*_OTHERS):
            files = [file for file in files if _is_named_schema(file)]
        return Detection(files=tuple(file.path for file in files)) if files else None

    def extract(self, project: Project, detection: Detection) -> Extraction:
        files = [file for path in detection.files if (file := project.get(path)) is not None]
        return read_files(files, is_only_source=not project.of_kind(*_OTHERS))


def _is_change(path: str) -> bool:
    *folders, _ = path.lower().split("/")
    return any(folder in _OTHER_FOLDERS for folder in folders)


def _is_named_schema(file: SourceFile) -> bool:
    stem = posixpath.splitext(posixpath.basename(file.path))[0].lower()
    return _SCHEMA_NAMES.search(stem) is not None


FRONT_END = SqlFrontEnd()
