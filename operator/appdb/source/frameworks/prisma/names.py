"""The names that Prisma gives to constraints and indexes, and how it cuts them.

Pure text. Postgres keeps 63 bytes; Prisma cuts what stands before the suffix so that the
suffix always fits, never inside a character.
"""

from collections.abc import Sequence

from appdb.model.identifiers import IDENTIFIER_BYTES, cut


def _with_suffix(stem: str, suffix: str) -> str:
    return cut(stem, IDENTIFIER_BYTES - len(suffix)) + suffix


def primary_key_name(table: str) -> str:
    return _with_suffix(table, "_pkey")


def unique_name(table: str, columns: Sequence[str]) -> str:
    return _with_suffix("_".join([table, *columns]), "_key")


def index_name(table: str, columns: Sequence[str]) -> str:
    return _with_suffix("_".join([table, *columns]), "_idx")


def foreign_key_name(table: str, columns: Sequence[str]) -> str:
    return _with_suffix("_".join([table, *columns]), "_fkey")


def join_table_name(relation: str) -> str:
    """Name the table of an implicit many-to-many relation."""
    return cut(f"_{relation}"[:IDENTIFIER_BYTES])


def join_key_name(relation: str, suffix: str) -> str:
    """Name the key (`_AB_pkey`, `_AB_unique`) or the index (`_B_index`) of a join table."""
    return _with_suffix(f"_{relation}", suffix)
