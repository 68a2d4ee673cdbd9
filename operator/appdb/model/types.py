"""A Postgres type as a value, and its one spelling in DDL.

Values only. Which type an ORM's word means is decided by its front end.
"""

from dataclasses import dataclass, replace

from appdb.model.identifiers import qualified


@dataclass(frozen=True, slots=True, kw_only=True)
class PgType:
    """A type as DDL names it.

    `name` is a built-in type as Postgres spells it (`timestamp with time zone`), a
    pseudo-type of CREATE TABLE (`serial`), or, with `declared`, the name of an enum,
    domain or composite type that is quoted as written. `modifiers` are the numbers in
    parentheses, `dimensions` counts `[]`. `verbatim` types are taken from the source as
    they are (Prisma's `Unsupported("...")`).
    """

    name: str
    modifiers: tuple[str, ...] = ()
    dimensions: int = 0
    schema: str | None = None
    declared: bool = False
    verbatim: bool = False

    def array(self) -> "PgType":
        """Return the type with one more dimension."""
        return replace(self, dimensions=self.dimensions + 1)

    @property
    def sql(self) -> str:
        """The spelling in DDL: modifiers go before `with time zone`, as Postgres wants them."""
        suffix = "[]" * self.dimensions
        if self.declared:
            return qualified(self.schema, self.name) + suffix
        if self.verbatim or not self.modifiers:
            return self.name + suffix
        modifiers = f"({','.join(self.modifiers)})"
        head, zone, tail = self.name.partition(" with")
        return f"{head}{modifiers}{zone}{tail}{suffix}"


def builtin(name: str, *modifiers: str | int) -> PgType:
    """Return a built-in type, e.g. `builtin("varchar", 191)`."""
    return PgType(name=name, modifiers=tuple(str(m) for m in modifiers))


def declared(name: str, schema: str | None = None) -> PgType:
    """Return a type that the schema itself declares (enum, domain, composite)."""
    return PgType(name=name, schema=schema, declared=True)
