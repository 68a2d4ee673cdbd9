"""How TypeORM derives names: the default strategy, the common snake-case one, and hashes.

Pure text, kept to the letter of TypeORM's StringUtils and DefaultNamingStrategy: databases made
by TypeORM hold these names, and its later migrations look them up.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

_CAMEL = re.compile(r"^([A-Z])|[\s\-_](\w)", re.ASCII)
_TITLE = re.compile(r"\w\S*", re.ASCII)


def camel_case(text: str, *, first_capital: bool = False) -> str:
    """TypeORM's camelCase: words are parted by blanks, `-` and `_`."""
    given = f" {text}" if first_capital else text
    return _CAMEL.sub(lambda m: m[2].upper() if m[2] else m[1].lower(), given)


def snake_case(text: str) -> str:
    """TypeORM's snakeCase (`HTMLPage` is `html_page`)."""
    parted = re.sub(r"([A-Z])([A-Z])([a-z])", r"\1_\2\3", text)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", parted).lower()


def title_case(text: str) -> str:
    """TypeORM's titleCase: the first letter up, all others down."""
    return _TITLE.sub(lambda m: m[0][:1].upper() + m[0][1:].lower(), text)


def shorten(text: str) -> str:
    """Shorten a join table's name of more than 63 letters, as TypeORM does."""
    segments: list[str] = []
    for segment in text.split("_"):
        parted = re.sub(r"([a-z\xe0-\xff])([A-Z\xc0-\xdf])", r"\1 \2", segment)
        terms = parted.split(" ")
        length = 2 if len(terms) > 1 else 3
        segments.append("".join(term[:length] for term in terms))
    return "_".join(segments)


def _joined(columns: Iterable[str]) -> str:
    # JavaScript sorts by UTF-16 units.
    return "_".join(sorted(columns, key=lambda name: name.encode("utf-16-be")))


class NamingStrategy:
    """TypeORM's DefaultNamingStrategy. Hashed names are the same in every strategy known.

    `is_assumed` where it stands in for one that could not be read.
    """

    is_assumed = False
    nested_set = ("nsleft", "nsright")
    materialized_path = "mpath"

    def __init__(self, major: int = 0) -> None:
        """Take TypeORM's version: before 1 it hashed what encodeURIComponent makes of a text."""
        self._major = major

    def _hashed(self, prefix: str, table: str, rest: str, digits: int) -> str:
        own = table.rpartition(".")[2].replace(".", "_", 1)
        text = f"{own}_{rest}"
        if self._major < 1:
            text = quote(text, safe="-_.!~*'()")
        digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        return f"{prefix}_{digest[:digits]}"

    def table_name(self, class_name: str, given: str | None) -> str:
        return given or snake_case(class_name)

    def closure_table_name(self, original: str) -> str:
        return f"{original}_closure"

    def column_name(self, prop: str, given: str | None, prefixes: Sequence[str]) -> str:
        name = given or prop
        if prefixes:
            return camel_case("_".join(prefixes)) + title_case(name)
        return name

    def join_column_name(self, relation: str, referenced: str) -> str:
        return camel_case(f"{relation}_{referenced}")

    def join_table_name(
        self, first: str, second: str, first_property: str, second_property: str
    ) -> str:
        del second_property  # TypeORM's own does not use it; a project's may.
        return snake_case(f"{first}_{first_property.replace('.', '_')}_{second}")

    def join_table_column_name(self, table: str, prop: str, column: str | None) -> str:
        return camel_case(f"{table}_{column or prop}")

    def join_table_inverse_column_name(self, table: str, prop: str, column: str | None) -> str:
        return self.join_table_column_name(table, prop, column)

    def duplicate_column_name(self, column: str, index: int) -> str:
        return f"{column}_{index}"

    def prefix_table_name(self, prefix: str, table: str) -> str:
        return prefix + table

    def primary_key_name(self, table: str, columns: Sequence[str]) -> str:
        return self._hashed("PK", table, _joined(columns), 27)

    def unique_name(self, table: str, columns: Sequence[str]) -> str:
        return self._hashed("UQ", table, _joined(columns), 27)

    def relation_unique_name(self, table: str, columns: Sequence[str]) -> str:
        return self._hashed("REL", table, _joined(columns), 26)

    def foreign_key_name(
        self, table: str, columns: Sequence[str], referenced: str, referenced_columns: Sequence[str]
    ) -> str:
        del referenced, referenced_columns  # as in join_table_name
        return self._hashed("FK", table, _joined(columns), 27)

    def index_name(self, table: str, columns: Sequence[str], where: str | None) -> str:
        return self._hashed("IDX", table, _joined(columns) + (f"_{where}" if where else ""), 26)

    def check_name(self, table: str, expression: str) -> str:
        return self._hashed("CHK", table, expression, 26)

    def exclusion_name(self, table: str, expression: str) -> str:
        return self._hashed("XCL", table, expression, 26)


class SnakeNamingStrategy(NamingStrategy):
    """The strategy of the package typeorm-naming-strategies."""

    def column_name(self, prop: str, given: str | None, prefixes: Sequence[str]) -> str:
        return snake_case("_".join([*prefixes, ""])) + (given or snake_case(prop))

    def join_column_name(self, relation: str, referenced: str) -> str:
        return snake_case(f"{relation}_{referenced}")

    def join_table_column_name(self, table: str, prop: str, column: str | None) -> str:
        return snake_case(f"{table}_{column or prop}")
