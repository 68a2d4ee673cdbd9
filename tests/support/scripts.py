"""Small TypeScript sources for the tests of the analysis engine."""

from collections.abc import Mapping

from appdb.model.finding import Span
from appdb.source.evaluate.evaluator import Evaluator
from appdb.source.evaluate.values import (
    Call,
    ClassValue,
    External,
    FunctionValue,
    ListValue,
    Literal,
    MemberOf,
    NamespaceValue,
    ObjectValue,
    RegExpValue,
    Undefined,
    Unknown,
    Value,
)
from appdb.source.modules.graph import ModuleGraph

START = Span(path="main.ts", line=1)


def an_evaluator(files: Mapping[str, str]) -> Evaluator:
    contents = {path: text.encode() for path, text in files.items()}
    return Evaluator(ModuleGraph(contents, contents.get))


def value_of(expression: str, *, name: str = "result", **files: str) -> Value:
    """Evaluate `result` of main.ts; other files are given as keywords (`a_ts` for a.ts)."""
    sources = {key.replace("__", "/").replace("_", "."): text for key, text in files.items()}
    sources["main.ts"] = (
        expression if "result" in expression else f"export const result = {expression}"
    )
    return an_evaluator(sources).export("main.ts", name, START)


def plain(value: Value) -> object:  # noqa: C901 - one arm for each kind of value
    """Turn a value into Python data, so that tests can compare it at a glance."""
    match value:
        case Literal(value=content):
            return content
        case ListValue(items=items):
            return [plain(item) for item in items]
        case ObjectValue(entries=entries):
            return {key: plain(member) for key, member in entries.items()}
        case Undefined():
            return "<undefined>"
        case Unknown(reason=reason):
            return f"<unknown: {reason}>"
        case External(package=package):
            return f"<{package or 'global'}:{value.name}>"
        case Call(callee=callee, arguments=arguments):
            return (plain(callee), *(plain(argument) for argument in arguments))
        case MemberOf(target=target, name=name):
            return (plain(target), f".{name}")
        case ClassValue(decl=decl):
            return f"<class {decl.name}>"
        case FunctionValue(name=name):
            return f"<function {name}>"
        case NamespaceValue(path=path):
            return f"<module {path}>"
        case RegExpValue(pattern=pattern):
            return f"/{pattern}/"
