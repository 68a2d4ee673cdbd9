"""The front end for Mongoose: which files declare schemas, and what they come to."""

import re
from functools import partial

from appdb.model.schema import Schema
from appdb.source.evaluate.evaluator import Evaluator
from appdb.source.frameworks.mongoose.collect import Collector
from appdb.source.frameworks.mongoose.identify import definition_of, options_of
from appdb.source.frameworks.mongoose.layout import Layout
from appdb.source.frameworks.mongoose.report import Report
from appdb.source.frameworks.mongoose.unregistered import add_unregistered
from appdb.source.frontend import Detection, Extraction
from appdb.source.modules.scan import Module
from appdb.source.project import Project
from appdb.source.scripts import evaluator_of, scripts_holding
from appdb.source.syntax import first_error, text

_SCHEMA = re.compile(
    rb"\bSchema\s*(?:<[^;]{0,400}?>)?\s*\(|\bcreateForClass\s*\(|\bgetModelForClass\s*\("
    rb"|\bSchema\s*(?:\bas\b|:)\s*\w|\bextends\s+(?:\w+\.)?Schema\b"
)
_MEETS = (
    "Schema", "schema", "model(", ".model", "discriminator", "forFeature", "createForClass",
    "getModelForClass", "pluralize",
)  # fmt: skip


class Mongoose:
    """See `FrontEnd`."""

    name = "mongoose"
    title = "Mongoose"
    rank = 20  # behind ORMs whose tables are meant for Postgres

    def detect(self, project: Project) -> Detection | None:
        """Claim the project when it names Mongoose and a file makes a schema."""
        mentions = scripts_holding(project, "mongoose", "Mongoose", "typegoose")
        files = [path for path in mentions if _SCHEMA.search(project.read(path) or b"")]
        if not files and (mentions or project.package_version("mongoose") is not None):
            others = scripts_holding(project, "Schema(", "createForClass", "getModelForClass")
            files = [path for path in others if _SCHEMA.search(project.read(path) or b"")]
        if not files:
            return None
        version = project.package_version("mongoose", files[0])
        shown = None
        if version is not None and version.numbers:
            shown = ".".join(str(number) for number in version.numbers[:2])
        return Detection(files=tuple(files), version=shown)

    def extract(self, project: Project, detection: Detection) -> Extraction:
        """Meet every call that declares something, then lay the models out as tables."""
        report = Report()
        evaluator = evaluator_of(project)
        evaluator.known_members["obj"] = partial(definition_of, evaluator)
        evaluator.known_members["options"] = partial(options_of, evaluator)
        collector = Collector(evaluator, report)
        modules = _modules(project, evaluator)
        for module in modules:
            if module.path in detection.files:
                _require_parsed(module, report)
        collector.collect(modules)
        add_unregistered(collector)
        tables = Layout(collector).tables()
        return Extraction(schema=Schema(tables=tables), findings=report.findings)


def _modules(project: Project, evaluator: Evaluator) -> list[Module]:
    found = (evaluator.graph.module(path) for path in scripts_holding(project, *_MEETS))
    return [module for module in found if module is not None]


def _require_parsed(module: Module, report: Report) -> None:
    if not module.tree.is_broken:
        return
    error = first_error(module.tree.root)
    node = error if error is not None else module.tree.root
    shown = " ".join(text(node)[:40].split())
    message = f"the file does not parse near `{shown}`; it declares schemas"
    report.error("SYNTAX", message, module.tree.span(node))


FRONT_END = Mongoose()
