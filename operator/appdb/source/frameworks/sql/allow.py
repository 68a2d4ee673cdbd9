"""What a statement makes, when it is one of those that a source may hold.

An allow-list: whatever is not known to declare something is refused. The text itself is
never changed.
"""

from dataclasses import dataclass

from appdb.model.ddl import DdlKind
from appdb.source.frameworks.sql.cursor import Cursor
from appdb.source.soundness.names import is_reserved_schema
from appdb.source.sqltext import Token, TokenKind

_SESSION = frozenset({"set", "reset", "begin", "start", "commit", "end", "analyze", "vacuum"})
_COMMENTED = frozenset(
    {"table", "column", "index", "constraint", "type", "domain", "sequence", "schema"}
)
_CREATED = {
    "schema": DdlKind.NAMESPACE,
    "table": DdlKind.TABLE,
    "type": DdlKind.TYPE,
    "domain": DdlKind.TYPE,
    "sequence": DdlKind.SEQUENCE,
    "index": DdlKind.INDEX,
    "extension": DdlKind.EXTENSION,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a statement makes; `table` is the one that an index or a constraint belongs to."""

    kind: DdlKind
    name: str
    schema: str | None = None
    table: str | None = None


class Refused(ValueError):  # noqa: N818 - reads as what it says
    """A statement that a source may not hold; the message ends the sentence "... is refused: "."""


def is_session(found: list[Token]) -> bool:
    """Tell whether a statement is for the session that would load the file, and means nothing."""
    first = found[0].word
    if first in _SESSION:
        return True
    rest = {token.word for token in found}
    if first == "alter":
        # pg_dump names an owner for everything; here the operator decides that.
        return [token.word for token in found[-3:-1]] == ["owner", "to"] and "rename" not in rest
    return first == "select" and "set_config" in rest


def made_by(found: list[Token]) -> Made:
    """Return what a statement makes.

    Raises:
        Refused: it is not one that a source may hold.
    """
    cursor = Cursor(found)
    if cursor.take("create"):
        made = _created(cursor)
    elif cursor.take("alter", "table"):
        made = _altered(cursor)
    elif cursor.take("alter", "sequence"):
        made = _owned(cursor)
    elif cursor.take("comment", "on"):
        made = _commented(cursor)
    else:
        raise Refused("a source declares; it does not change, run or grant anything")
    if made.schema is not None and is_reserved_schema(made.schema):
        raise Refused(f'schema "{made.schema}" belongs to Postgres or to the operator')
    return made


def _created(cursor: Cursor) -> Made:
    cursor.take("unlogged")
    unique = cursor.take("unique")
    what = cursor.word
    kind = _CREATED.get(what)
    if kind is None or (unique and what != "index"):
        raise Refused(f"CREATE {what.upper()} is not one of the declarations that are read")
    cursor.take(what)
    if kind is DdlKind.INDEX:
        return _index(cursor)
    cursor.take("if", "not", "exists")
    if kind is DdlKind.NAMESPACE:
        return _namespace(cursor)
    schema, name = _name(cursor)
    if kind is DdlKind.TABLE:
        _require_no_query(cursor)
        return Made(kind=kind, schema=schema, name=name, table=name)
    if what == "type" and not cursor.take("as"):
        raise Refused("a base type needs a superuser and code in C")
    return Made(kind=kind, schema=schema, name=name)


def _name(cursor: Cursor) -> tuple[str | None, str]:
    found = cursor.name()
    if found is None:
        raise Refused("its name cannot be read")
    return found


def _namespace(cursor: Cursor) -> Made:
    if cursor.word == "authorization":
        raise Refused("the owner of a schema is not for the source to say")
    _, name = _name(cursor)
    if cursor.token is not None:
        raise Refused("write what stands in the schema as statements of its own")
    if is_reserved_schema(name):
        raise Refused(f'schema "{name}" belongs to Postgres or to the operator')
    return Made(kind=DdlKind.NAMESPACE, name=name)


def _require_no_query(cursor: Cursor) -> None:
    depth = 0
    for token in cursor.found[cursor.at :]:
        depth += (token.text == "(") - (token.text == ")")
        if depth == 0 and token.word == "as" and token.kind is TokenKind.WORD:
            raise Refused("a table that is filled by a query is no declaration")


def _index(cursor: Cursor) -> Made:
    if cursor.take("concurrently"):
        raise Refused("leave out CONCURRENTLY; how an index is built is not for the source to say")
    cursor.take("if", "not", "exists")
    name = None if cursor.word == "on" else _name(cursor)[1]
    if not cursor.take("on"):
        raise Refused("it names no table")
    cursor.take("only")
    schema, table = _name(cursor)
    return Made(kind=DdlKind.INDEX, schema=schema, name=name or f"{table}_idx", table=table)


def _altered(cursor: Cursor) -> Made:
    """ADD CONSTRAINT, and what pg_dump writes apart from the table: defaults and identities."""
    cursor.take("if", "exists")
    cursor.take("only")
    schema, table = _name(cursor)
    start = cursor.at
    if cursor.take("add"):
        name = _name(cursor)[1] if cursor.take("constraint") else table
        is_nameless = cursor.word in {"primary", "unique", "check", "foreign", "exclude"}
        if (start + 1 != cursor.at or is_nameless) and _is_alone(cursor):
            return Made(kind=DdlKind.CONSTRAINT, schema=schema, name=name, table=table)
    elif cursor.take("alter"):
        cursor.take("column")
        _, column = _name(cursor)
        is_late = cursor.take("set", "default") or cursor.take("add", "generated")
        if is_late and _is_alone(cursor):
            return Made(kind=DdlKind.CONSTRAINT, schema=schema, name=column, table=table)
    raise Refused("of ALTER TABLE only ADD CONSTRAINT declares something")


def _is_alone(cursor: Cursor) -> bool:
    """Tell whether no second action follows behind a comma."""
    depth = 0
    for token in cursor.found[cursor.at :]:
        depth += (token.text in {"(", "["}) - (token.text in {")", "]"})
        if token.text == "," and depth == 0:
            return False
    return True


def _owned(cursor: Cursor) -> Made:
    cursor.take("if", "exists")
    schema, name = _name(cursor)
    if cursor.take("owned", "by"):
        return Made(kind=DdlKind.CONSTRAINT, schema=schema, name=name, table=_owner(cursor))
    raise Refused("of ALTER SEQUENCE only OWNED BY declares something")


def _owner(cursor: Cursor) -> str | None:
    """The table of `table.column` or `schema.table.column`."""
    names = [t.name for t in cursor.found[cursor.at :] if t.text != "."]
    return names[-2] if len(names) > 1 else None


def _commented(cursor: Cursor) -> Made:
    what = cursor.word
    if what not in _COMMENTED:
        raise Refused(f"a comment on {what} is not the application's to make")
    cursor.take(what)
    names = [_name(cursor)]
    if cursor.take("."):
        names.append(_name(cursor))
    if what == "constraint" and cursor.take("on"):
        cursor.take("domain")
        schema, table = _name(cursor)
        return Made(kind=DdlKind.COMMENT, schema=schema, name=names[0][1], table=table)
    schema, name = names[0]
    if what == "column":
        # `table.column` reads as schema and name; three names are schema, table and column.
        table_schema, table = (schema, name) if len(names) > 1 else (None, schema or name)
        return Made(kind=DdlKind.COMMENT, schema=table_schema, name=name, table=table)
    table_name = name if what == "table" else None
    return Made(kind=DdlKind.COMMENT, schema=schema, name=name, table=table_name)
