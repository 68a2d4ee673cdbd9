"""What the data source says about all entities: naming strategy, schema, prefix, driver.

Read as data wherever it stands: `new DataSource({...})`, `TypeOrmModule.forRoot({...})`, a
factory's returned object, an exported constant, ormconfig.json. Lists of entities are not used.
"""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from appdb.model.finding import Severity, Span
from appdb.source.evaluate.evaluator import Evaluator
from appdb.source.evaluate.scope import Scope
from appdb.source.evaluate.values import (
    Call,
    ClassValue,
    External,
    Literal,
    MemberOf,
    Unknown,
    Value,
)
from appdb.source.frameworks.typeorm.build import Settings
from appdb.source.frameworks.typeorm.naming import NamingStrategy, SnakeNamingStrategy
from appdb.source.frameworks.typeorm.report import Report
from appdb.source.frameworks.typeorm.strategy import ProjectNamingStrategy
from appdb.source.project import Project
from appdb.source.scripts import scripts_holding
from appdb.source.syntax import named, property_name, walk

_DRIVERS = frozenset({
    "postgres", "cockroachdb", "aurora-postgres", "mysql", "mariadb", "aurora-mysql", "sqlite",
    "better-sqlite3", "sqljs", "cordova", "expo", "react-native", "nativescript", "capacitor",
    "mssql", "oracle", "sap", "spanner", "mongodb",
})  # fmt: skip
_POSTGRES = frozenset({"postgres", "cockroachdb", "aurora-postgres"})
_MARKS = (
    "DataSource",
    "createConnection",
    "TypeOrmModule",
    "TypeOrmOptionsFactory",
    "ConnectionOptions",
    "TypeOrmModuleOptions",
    "namingStrategy",
    "entityPrefix",
)
_TELLING = frozenset({"namingStrategy", "entityPrefix", "autoLoadEntities", "uuidExtension"})
_USED = ("type", "namingStrategy", "schema", "entityPrefix", "uuidExtension")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """The options of one data source that matter here."""

    driver: str | None
    values: dict[str, Value]
    span: Span


def read_settings(
    project: Project, evaluator: Evaluator, report: Report, version: int | None
) -> Settings:
    """Return the settings of the project's data source; TypeORM's own defaults without one."""
    sources = [*_from_scripts(project, evaluator), *_from_json(project)]
    chosen = [s for s in sources if s.driver in _POSTGRES] or [
        s for s in sources if s.driver is None or s.driver != "mongodb"
    ]
    drivers = {source.driver for source in sources if source.driver is not None}
    uuid = _text(chosen, "uuidExtension", report)
    return Settings(
        naming=_naming(chosen, evaluator, report, version or 0),
        schema=_text(chosen, "schema", report),
        prefix=_text(chosen, "entityPrefix", report),
        major=version or 0,
        uuid_function="gen_random_uuid()" if uuid == "pgcrypto" else "uuid_generate_v4()",
        uuid_extension=uuid or "uuid-ossp",
        is_postgres=not drivers or bool(drivers & _POSTGRES),
    )


def _from_scripts(project: Project, evaluator: Evaluator) -> Iterator[_Source]:
    for path in scripts_holding(project, *_MARKS):
        module = evaluator.graph.module(path)
        if module is None:
            continue
        scope = evaluator.scope(module)
        for node in walk(module.tree.root):
            if node.type == "object":
                source = _source(evaluator, node, scope)
                if source is not None:
                    yield source


def _source(evaluator: Evaluator, node: Node, scope: Scope) -> _Source | None:
    """Read an object that looks like a data source's options; its parts one by one."""
    pairs: dict[str, Node] = {}
    for child in named(node):
        key, value = child.child_by_field_name("key"), child.child_by_field_name("value")
        name = property_name(key) if key is not None else None
        if name is not None and value is not None:
            pairs[name] = value
    if "type" not in pairs and not _TELLING & pairs.keys():
        return None
    values = {name: evaluator.evaluate(pairs[name], scope) for name in _USED if name in pairs}
    driver = _literal(values.get("type"))
    if driver not in _DRIVERS:
        driver = None
    if driver is None and not _TELLING & pairs.keys():
        return None
    return _Source(
        driver=driver,
        values=values,
        span=Span(path=scope.module.path, line=node.start_point[0] + 1),
    )


def _from_json(project: Project) -> Iterator[_Source]:
    for file in project.files:
        if posixpath.basename(file.path) != "ormconfig.json":
            continue
        content = project.json(file.path)
        for options in content if isinstance(content, list) else [content]:
            if isinstance(options, dict):
                span = Span(path=file.path, line=1)
                values: dict[str, Value] = {
                    key: Literal(value=text, span=span)
                    for key, text in options.items()
                    if key in _USED and isinstance(text, str)
                }
                yield _Source(driver=_literal(values.get("type")), values=values, span=span)


def _literal(value: Value | None) -> str | None:
    return value.value if isinstance(value, Literal) and isinstance(value.value, str) else None


def _first(sources: list[_Source], key: str) -> Value | None:
    return next((s.values[key] for s in sources if key in s.values), None)


def _text(sources: list[_Source], key: str, report: Report) -> str | None:
    value = _first(sources, key)
    if isinstance(value, Unknown | Call | External | MemberOf):
        reason = value.reason if isinstance(value, Unknown) else "it is made when the program runs"
        report.add("CONFIG", f"{key} of the data source is not known: {reason}", value.span)
    return _literal(value) or None


def _naming(
    sources: list[_Source], evaluator: Evaluator, report: Report, major: int
) -> NamingStrategy:
    value = _first(sources, "namingStrategy")
    match value:
        case None:
            return NamingStrategy(major)
        case Call(callee=External() as callee):
            return _known_strategy(callee, value.span, report, major)
        case External():
            return _known_strategy(value, value.span, report, major)
        case Call(callee=ClassValue() as made):
            return ProjectNamingStrategy(evaluator, made, report, major)
        case ClassValue():
            return ProjectNamingStrategy(evaluator, value, report, major)
        case Unknown(reason=reason):
            message = f"the naming strategy is not known: {reason}; TypeORM's own is used"
        case _:
            message = "the naming strategy is not a class; TypeORM's own is used"
    report.add("NAMING", message, value.span)
    return _stand_in(major)


def _stand_in(major: int) -> NamingStrategy:
    """TypeORM's own naming where another is used that is not known."""
    strategy = NamingStrategy(major)
    strategy.is_assumed = True
    return strategy


def _known_strategy(callee: External, span: Span, report: Report, major: int) -> NamingStrategy:
    name = callee.names[-1] if callee.names else ""
    if name == "SnakeNamingStrategy":
        return SnakeNamingStrategy(major)
    if name != "DefaultNamingStrategy":
        message = (
            f"the naming strategy {name} of {callee.package} is not known; TypeORM's own is used"
        )
        report.add("NAMING", message, span, Severity.WARNING)
        return _stand_in(major)
    return NamingStrategy(major)
