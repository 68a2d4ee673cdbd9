"""The extensions that the datasource lists.

Those that types and functions call for without being listed are added for every front end alike,
outside; whether one may be installed is decided elsewhere again.
"""

from appdb.model.finding import Evidence
from appdb.model.schema import Extension
from appdb.source.frameworks.prisma.declarations import DEFAULT_SCHEMA, Declarations


def build_extensions(declared: Declarations) -> tuple[Extension, ...]:
    """Return the extensions by name; one that the datasource lists is taken as it says."""
    found: dict[str, Extension] = {}
    for wanted in declared.datasource.extensions:
        evidence = Evidence(span=wanted.source.span(wanted.at), rule="prisma.extension")
        schema = None if wanted.schema == DEFAULT_SCHEMA else wanted.schema
        found[wanted.name] = Extension(name=wanted.name, schema=schema, evidence=evidence)
    return tuple(found[name] for name in sorted(found))
