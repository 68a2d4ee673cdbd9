"""Identifiers and string literals in DDL text, and the 63-byte limit.

Pure text for statements that are built far from a connection; statements that are
executed with names of ours are composed by `psycopg.sql` in the postgres layer.
Source: PostgreSQL, "Lexical Structure", identifiers and string constants.
"""

IDENTIFIER_BYTES = 63


def quoted(name: str) -> str:
    """Quote an identifier; always, so that keywords and case never matter.

    Raises:
        ValueError: the name is empty or holds a NUL, which no quoting can carry.
    """
    if not name or "\0" in name:
        msg = f"not an identifier: {name!r}"
        raise ValueError(msg)
    return '"' + name.replace('"', '""') + '"'


def qualified(schema: str | None, name: str) -> str:
    """Quote a name with its schema, when it has one."""
    return quoted(name) if schema is None else f"{quoted(schema)}.{quoted(name)}"


def literal(text: str) -> str:
    """Quote a string constant.

    A backslash is spelled in the E'' form so that the meaning does not depend on
    standard_conforming_strings.
    """
    if "\0" in text:
        msg = "a string constant cannot hold a NUL"
        raise ValueError(msg)
    doubled = text.replace("'", "''")
    if "\\" not in doubled:
        return f"'{doubled}'"
    return "E'" + doubled.replace("\\", "\\\\") + "'"


def fits(name: str) -> bool:
    """Tell whether the server would keep the whole name (it cuts silently after 63 bytes)."""
    return len(name.encode()) <= IDENTIFIER_BYTES


def cut(name: str, limit: int = IDENTIFIER_BYTES) -> str:
    """Cut a name to `limit` bytes as the server does: never inside a character."""
    return name.encode()[:limit].decode(errors="ignore")
