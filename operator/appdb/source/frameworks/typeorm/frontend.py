"""The front end for TypeORM: which files declare entities, and what they come to."""

import re

from appdb.model.finding import Severity
from appdb.source.frameworks.typeorm.build import build
from appdb.source.frameworks.typeorm.config import read_settings
from appdb.source.frameworks.typeorm.emit import emit
from appdb.source.frameworks.typeorm.read import Reader
from appdb.source.frameworks.typeorm.report import Report
from appdb.source.frontend import Detection, Extraction
from appdb.source.project import Project
from appdb.source.scripts import evaluator_of, scripts_holding

_ENTITY = re.compile(rb"@\w*\.?(?:Entity|ChildEntity)\s*\(|\bnew\s+(?:\w+\.)?EntitySchema\b")
_IMPORT = re.compile(rb"['\"](?:@(?!nestjs/)[\w.-]+/)?typeorm(?:/[\w/.-]+)?['\"]")
# TypeORM's own tests and samples import it from its source folder.
_OWN_SOURCE = re.compile(
    r"(?:\.\./)+src(?:/(?:index|decorator|entity-schema|repository|data-source|common|"
    r"naming-strategy|util)(?:/[\w./-]+)?)?(?:\.js)?"
)
_OWN_IMPORT = re.compile(
    rb"\b(?:PrimaryGeneratedColumn|PrimaryColumn|EntitySchema|ChildEntity|TableInheritance)\b[^;'\"]*"
    rb"from\s+['\"](?:\.\./)+src(?:/[\w./-]*)?['\"]"
)


class TypeOrm:
    """See `FrontEnd`."""

    name = "typeorm"
    title = "TypeORM"
    rank = 10

    def detect(self, project: Project) -> Detection | None:
        """Claim the project when a file both names TypeORM and declares an entity."""
        mentions = [
            path
            for path in scripts_holding(project, "typeorm", "/src")
            if _names_typeorm(project.read(path) or b"")
        ]
        if not mentions:
            return None
        candidates = scripts_holding(project, "Entity", "EntitySchema")
        files = [path for path in candidates if _ENTITY.search(project.read(path) or b"")]
        if not files or not _is_typeorm(project, files, mentions):
            return None
        version = project.package_version("typeorm", files[0])
        text = None
        if version is not None and version.numbers:
            text = ".".join(str(number) for number in version.numbers[:2])
        return Detection(files=tuple(files), version=text)

    def extract(self, project: Project, detection: Detection) -> Extraction:
        """Read every class that may be an entity, then build and print them as TypeORM would."""
        report = Report()
        evaluator = evaluator_of(project)
        evaluator.graph.let_stand_in(_OWN_SOURCE, "typeorm")
        reader = Reader(evaluator, report)
        for path in _with_decorators(project, detection):
            reader.read_module(path, project.read(path) or b"")
        major = int(detection.version.partition(".")[0]) if detection.version else None
        settings = read_settings(project, evaluator, report, major)
        schema = emit(build(reader, settings), settings, report)
        for span in sorted(evaluator.assumed):
            message = "what is decided here by the name of the database is decided for Postgres"
            report.add("ASSUMED", message, span, Severity.INFO)
        return Extraction(schema=schema, findings=report.findings)


def _names_typeorm(content: bytes) -> bool:
    return _IMPORT.search(content) is not None or _OWN_IMPORT.search(content) is not None


def _is_typeorm(project: Project, files: list[str], mentions: list[str]) -> bool:
    """Other ORMs have `@Entity()` too: it counts where the file or the project says TypeORM."""
    if set(files) & set(mentions):
        return True
    return project.package_version("typeorm", files[0]) is not None


def _with_decorators(project: Project, detection: Detection) -> list[str]:
    """The files that declare entities, and those whose own decorators might."""
    decorated = scripts_holding(project, "@", "EntitySchema")
    classes = set(scripts_holding(project, "class ", "EntitySchema"))
    return sorted({*detection.files, *(path for path in decorated if path in classes)})


FRONT_END = TypeOrm()
