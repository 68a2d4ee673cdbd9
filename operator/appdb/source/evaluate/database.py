"""What a program decides by the name of its database is decided for Postgres.

The database that is made here is one of Postgres, so `type === 'sqlite' ? a : b` is `b` even
where `type` comes from the environment. Each such decision is kept and told.
"""

from appdb.model.finding import Span
from appdb.source.evaluate.values import (
    Call,
    External,
    Literal,
    MemberOf,
    ObjectValue,
    Unknown,
    Value,
)

_POSTGRES = frozenset({"postgres", "postgresql", "postgresdb", "pg"})
_OTHERS = frozenset(
    {
        "mysql", "mysqldb", "mariadb", "mariadbdb", "sqlite", "sqlite3", "better-sqlite3", "sqljs",
        "mssql", "oracle", "cockroachdb", "cockroach", "mongodb", "mongo", "sap", "spanner",
    }
)  # fmt: skip


def names_postgres(value: Value) -> bool | None:
    """Tell whether a text names Postgres (True) or another database (False); None for others."""
    if not isinstance(value, Literal) or not isinstance(value.value, str):
        return None
    word = value.value.lower()
    if word in _POSTGRES:
        return True
    return False if word in _OTHERS else None


def is_open(value: Value) -> bool:
    """Tell whether a value is known only when the program runs."""
    return isinstance(value, Unknown | Call | MemberOf | External)


def compared(operator: str, left: Value, right: Value, span: Span) -> Value | None:
    """Decide a comparison of what is not known with the name of a database."""
    if operator not in {"===", "==", "!==", "!="}:
        return None
    named = left if is_open(right) else right if is_open(left) else None
    is_postgres = names_postgres(named) if named is not None else None
    if is_postgres is None:
        return None
    return Literal(value=is_postgres is operator.startswith("="), span=span)


def chosen(table: ObjectValue, key: Value) -> Value | None:
    """Choose Postgres' entry of an object whose keys are names of databases."""
    if not is_open(key) or table.unknown is not None or len(table.entries) < 2:
        return None
    verdicts = {k: names_postgres(Literal(value=k, span=table.span)) for k in table.entries}
    if None in verdicts.values():
        return None
    return next((table.entries[k] for k, is_ours in verdicts.items() if is_ours), None)
