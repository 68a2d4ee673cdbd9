"""Where a decorator stands and where what it says goes."""

from collections.abc import Callable
from dataclasses import dataclass

from appdb.model.finding import Span
from appdb.source.evaluate.database import is_open
from appdb.source.evaluate.evaluator import Evaluator
from appdb.source.evaluate.values import (
    Call,
    ClassValue,
    External,
    FunctionValue,
    ListValue,
    Literal,
    MemberOf,
    ObjectValue,
    Unknown,
    Value,
    to_text,
)
from appdb.source.frameworks.typeorm.args import Storage, Target
from appdb.source.frameworks.typeorm.options import Unreadable
from appdb.source.frameworks.typeorm.report import Report
from appdb.source.modules.classes import Member

# What callbacks like `(user) => user.photos` are called with: its members are paths.
PATHS_PACKAGE = "typeorm#paths"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One decorated class or member. `require` reads another class of the project."""

    evaluator: Evaluator
    storage: Storage
    report: Report
    owner: ClassValue
    span: Span
    require: Callable[[ClassValue], None]
    member: Member | None = None

    @property
    def name(self) -> str:
        """The property's name; of a class decorator the empty string."""
        return self.member.name if self.member else ""

    @property
    def what(self) -> str:
        """The name for findings (`User.email`)."""
        return f"{self.owner.decl.name}.{self.name}" if self.member else self.owner.decl.name


def argument(call: Call, position: int) -> Value | None:
    """Return an argument of a call, None when it is absent."""
    return call.arguments[position] if position < len(call.arguments) else None


def objects(call: Call) -> ObjectValue | None:
    """Return the first argument that is an options object."""
    return next((a for a in call.arguments if isinstance(a, ObjectValue)), None)


def known(call: Call, what: str, report: Report) -> None:
    """Report arguments that are not known at all.

    Raises:
        Unreadable: there is one.
    """
    for value in call.arguments:
        if isinstance(value, Unknown):
            report.unknown(f"an argument of the decorator on {what}", value)
            raise Unreadable


def name_of(value: Value | None, what: str, report: Report) -> str | None:
    """Return the name that an argument gives; None where it is no name but options or nothing.

    Raises:
        Unreadable: there is a name, and it is known only when the program runs.
    """
    if value is not None and is_open(value):
        reason = "it is made when the program runs, or by another package"
        report.unknown(f"a name given to {what}", Unknown(reason=reason, span=value.span))
        raise Unreadable
    return string(value)


def string(value: Value | None) -> str | None:
    """Return the content of a string literal."""
    return value.value if isinstance(value, Literal) and isinstance(value.value, str) else None


def property_paths(
    evaluator: Evaluator, value: Value, what: str, report: Report
) -> tuple[str, ...]:
    """Return the property paths of `['a', 'b']`, `(x) => [x.a, x.b]` or `(x) => ({a: 1})`.

    Raises:
        Unreadable: a path is not known.
    """
    if isinstance(value, FunctionValue):
        value = called_with_paths(evaluator, value)
    if isinstance(value, ObjectValue) and value.unknown is None:
        return tuple(value.entries)
    items = value.items if isinstance(value, ListValue) else (value,)
    paths: list[str] = []
    for item in items:
        path = path_of(item)
        if path is None:
            unread = (
                item if isinstance(item, Unknown) else Unknown(reason="no name", span=item.span)
            )
            report.unknown(f"a column of {what}", unread)
            raise Unreadable
        paths.append(path.strip())
    return tuple(paths)


def called_with_paths(evaluator: Evaluator, function: FunctionValue) -> Value:
    """Call a callback with an object whose members are property paths."""
    paths = External(package=PATHS_PACKAGE, names=(), span=function.span)
    return evaluator.call(function, (paths,), function.span)


def path_of(value: Value) -> str | None:
    """Return the property path that a value names."""
    match value:
        case External(package="typeorm#paths"):
            return value.name or None
        case MemberOf() | Call():
            return None
        case _:
            return to_text(value)


def related(context: Context, value: Value | None) -> Target:
    """Return the class or schema name that `() => User`, `'User'` or a schema means.

    Raises:
        Unreadable: it is not known.
    """
    if isinstance(value, FunctionValue):
        value = context.evaluator.call(value, (), value.span)
    match value:
        case ClassValue():
            return value
        case Literal(value=str() as word):
            return word
        case Call(arguments=(ObjectValue() as options, *_), is_new=True):
            if name := string(options.get("name")):
                return name
        case ObjectValue():
            if given := string(value.get("name")):
                return given
        case External(package=str() as package) if value.names:
            reason = f"{value.name} comes from {package}"
            value = Unknown(reason=reason, span=value.span)
        case _:
            pass
    unread = value if isinstance(value, Unknown) else Unknown(reason="no class", span=context.span)
    context.report.unknown(f"what {context.what} relates to", unread)
    raise Unreadable
