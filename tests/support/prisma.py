"""Reads Prisma text in tests: one schema, one answer."""

from appdb.source.frameworks.prisma.extract import extract_schema

HEAD = 'datasource db {\n  provider = "postgresql"\n  url      = env("X")\n}\n'


def read(text, *, head=HEAD, has_join_key=True):
    """The extraction of a schema whose datasource stands before the text."""
    return extract_schema([("schema.prisma", head + text)], has_join_key=has_join_key)


def model(*fields):
    """The extraction of one model `M` with an id and these lines."""
    return read("model M {\n  id Int @id\n" + "".join(f"  {line}\n" for line in fields) + "}\n")


def table(extraction, name="M"):
    return next(each for each in extraction.schema.tables if each.name == name)


def errors(extraction):
    """Place and code of each error."""
    return [
        (each.span.line, each.span.column, each.code)
        for each in extraction.findings
        if each.severity == "error"
    ]
