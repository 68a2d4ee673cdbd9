"""What stands inside a database before the app's own tables: schemas, extensions, rights.

Catalog reads need no rights, so a tenant's session can answer whether all is as wanted;
only when something differs does the admin come in. It runs no code of the tenant's:
the search_path is pinned and every statement is a GRANT, an ALTER or a CREATE.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, LiteralString

from psycopg import sql

from appdb.postgres.connect import Session
from appdb.postgres.statements import read_row
from appdb.postgres.wanted import AccessRole, WantedDatabase

PUBLIC_SCHEMA = "public"
# Whoever owns the database acts as this role of Postgres; `public` is its own at first.
DATABASE_OWNER = "pg_database_owner"
# Where the operator keeps what it did to the tables; the app has no right on it.
LEDGER_SCHEMA = "_appdb"

_SCHEMAS: LiteralString = """
SELECT
    (SELECT jsonb_agg(jsonb_build_object(
        'name', n.nspname,
        'owner', pg_get_userbyid(n.nspowner),
        'grants', (SELECT jsonb_agg(jsonb_build_array(
                CASE a.grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(a.grantee) END,
                a.privilege_type))
            FROM aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) a)))
     FROM pg_namespace n WHERE n.nspname = ANY(%(schemas)s)
     OR (cardinality(%(groups)s::text[]) > 0
         AND n.nspowner = to_regrole(quote_ident(%(app)s)))),
    (SELECT jsonb_agg(e.extname) FROM pg_extension e),
"""
_RIGHTS_OF_GROUPS: LiteralString = """
    (SELECT jsonb_agg(jsonb_build_array(
        d.defaclobjtype::text, pg_get_userbyid(a.grantee), a.privilege_type))
     FROM pg_default_acl d CROSS JOIN aclexplode(d.defaclacl) a
     WHERE d.defaclrole = to_regrole(quote_ident(%(app)s)) AND d.defaclnamespace = 0),
    (SELECT jsonb_agg(jsonb_build_array(g.name, n.nspname, c.relname, c.relkind::text))
     FROM pg_class c
     JOIN pg_namespace n ON n.oid = c.relnamespace
     CROSS JOIN unnest(%(groups)s::text[], %(on_tables)s::text[], %(on_sequences)s::text[])
        AS g(name, on_tables, on_sequences)
     WHERE c.relowner = to_regrole(quote_ident(%(app)s))
     AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
     AND n.nspname !~ '^pg_'
     AND to_regrole(quote_ident(g.name)) IS NOT NULL
     AND EXISTS (SELECT FROM unnest(string_to_array(
            CASE c.relkind WHEN 'S' THEN g.on_sequences ELSE g.on_tables END, ',')) AS p(wanted)
        WHERE NOT CASE c.relkind
            WHEN 'S' THEN has_sequence_privilege(g.name, c.oid, p.wanted)
            ELSE has_table_privilege(g.name, c.oid, p.wanted) END))
"""
# Planning what nobody asks for would take as long as all the rest.
_NO_GROUPS: LiteralString = "NULL, NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaRow:
    """A schema; `grants` holds (role, privilege), None for PUBLIC."""

    name: str
    owner: str
    grants: frozenset[tuple[str | None, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class InsideFacts:
    """What is there. `default_grants`: (object type letter, role, privilege) for new objects.

    Those and `unreachable` are read only where there is a group of readers or writers.
    `unreachable`: (group, schema, relation, kind) on which a reader or writer group lacks a right.
    """

    schemas: dict[str, SchemaRow]
    extensions: frozenset[str]
    default_grants: frozenset[tuple[str, str, str]]
    unreachable: tuple[tuple[str, str, str, str], ...]


async def read_inside(session: Session, wanted: WantedDatabase) -> InsideFacts:
    """Read what stands inside the database of the session; any login may ask."""
    groups = tuple(_groups(wanted))
    row = await read_row(
        session,
        _SCHEMAS + (_RIGHTS_OF_GROUPS if groups else _NO_GROUPS),
        {
            "schemas": [PUBLIC_SCHEMA, LEDGER_SCHEMA, *wanted.schemas],
            "app": wanted.roles.app,
            "groups": [group for group, _ in groups],
            "on_tables": [",".join(_privileges(role, "r")) for _, role in groups],
            "on_sequences": [",".join(_privileges(role, "S")) for _, role in groups],
        },
        doing=f"reading the schemas of database {wanted.name}",
    )
    schemas, extensions, defaults, unreachable = row
    return InsideFacts(
        schemas={schema["name"]: _schema(schema) for schema in schemas or ()},
        extensions=frozenset(extensions or ()),
        default_grants=frozenset((k, r, p) for k, r, p in defaults or ()),
        unreachable=tuple((g, s, t, k) for g, s, t, k in unreachable or ()),
    )


def missing_extensions(facts: InsideFacts, wanted: WantedDatabase) -> tuple[str, ...]:
    """Name the extensions to install, in the order of the spec."""
    return tuple(name for name in wanted.extensions if name not in facts.extensions)


def inside_statements(facts: InsideFacts, wanted: WantedDatabase) -> Iterator[sql.Composable]:
    """Derive what has to be run as the admin; nothing when all is as wanted."""
    if LEDGER_SCHEMA not in facts.schemas:
        yield sql.SQL("CREATE SCHEMA {} AUTHORIZATION CURRENT_USER").format(
            sql.Identifier(LEDGER_SCHEMA)
        )
    declared = dict.fromkeys((PUBLIC_SCHEMA, *wanted.schemas))
    for name in declared:
        yield from _schema_statements(facts.schemas.get(name), name, wanted)
    for name, found in facts.schemas.items():
        if name not in declared and found.owner == wanted.roles.app:
            yield from _usage_statements(found, name, wanted)
    for group, role in _groups(wanted):
        yield from _default_statements(facts, group, role, wanted)
    for group, schema, relation, kind in facts.unreachable:
        role = AccessRole.READER if group == wanted.roles.readers else AccessRole.WRITER
        yield sql.SQL("GRANT {} ON {} {} TO {}").format(
            sql.SQL(", ").join(map(sql.SQL, _privileges(role, "S" if kind == "S" else "r"))),
            sql.SQL("SEQUENCE" if kind == "S" else "TABLE"),
            sql.Identifier(schema, relation),
            sql.Identifier(group),
        )


def returning_statements(facts: InsideFacts, wanted: WantedDatabase) -> Iterator[str]:
    """Spell what gives back the schemas of the app that were given to somebody else."""
    acted_for = {wanted.roles.app, wanted.roles.owner, DATABASE_OWNER}
    for name in dict.fromkeys((PUBLIC_SCHEMA, *wanted.schemas)):
        found = facts.schemas.get(name)
        if found is not None and found.owner not in acted_for:
            yield f'ALTER SCHEMA "{name}" OWNER TO "{wanted.roles.app}"'


def _schema_statements(
    found: SchemaRow | None, name: str, wanted: WantedDatabase
) -> Iterator[sql.Composable]:
    schema, app = sql.Identifier(name), sql.Identifier(wanted.roles.app)
    if found is None:
        yield sql.SQL("CREATE SCHEMA {} AUTHORIZATION {}").format(schema, app)
    elif found.owner != wanted.roles.app:
        yield sql.SQL("ALTER SCHEMA {} OWNER TO {}").format(schema, app)
    if found is not None and (None, "CREATE") in found.grants:
        yield sql.SQL("REVOKE CREATE ON SCHEMA {} FROM PUBLIC").format(schema)
    yield from _usage_statements(found, name, wanted)


def _usage_statements(
    found: SchemaRow | None, name: str, wanted: WantedDatabase
) -> Iterator[sql.Composable]:
    grants = found.grants if found else frozenset()
    for group, _ in _groups(wanted):
        if (group, "USAGE") not in grants:
            yield sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(
                sql.Identifier(name), sql.Identifier(group)
            )


def _default_statements(
    facts: InsideFacts, group: str, role: AccessRole, wanted: WantedDatabase
) -> Iterator[sql.Composable]:
    for letter, objects in (("r", "TABLES"), ("S", "SEQUENCES")):
        privileges = _privileges(role, letter)
        if all((letter, group, privilege) in facts.default_grants for privilege in privileges):
            continue
        yield sql.SQL("ALTER DEFAULT PRIVILEGES FOR ROLE {} GRANT {} ON {} TO {}").format(
            sql.Identifier(wanted.roles.app),
            sql.SQL(", ").join(map(sql.SQL, privileges)),
            sql.SQL(objects),
            sql.Identifier(group),
        )


def _groups(wanted: WantedDatabase) -> Iterator[tuple[str, AccessRole]]:
    if wanted.has_access(AccessRole.READER):
        yield wanted.roles.readers, AccessRole.READER
    if wanted.has_access(AccessRole.WRITER):
        yield wanted.roles.writers, AccessRole.WRITER


def _privileges(role: AccessRole, letter: str) -> tuple[str, ...]:
    """Rights on tables ("r") or sequences ("S"); a writer never gets TRUNCATE or TRIGGER."""
    match role, letter:
        case AccessRole.WRITER, "r":
            return ("SELECT", "INSERT", "UPDATE", "DELETE")
        case AccessRole.WRITER, _:
            return ("SELECT", "USAGE", "UPDATE")
        case _:
            return ("SELECT",)


def _schema(found: dict[str, Any]) -> SchemaRow:
    grants = frozenset((grantee, privilege) for grantee, privilege in found["grants"] or ())
    return SchemaRow(name=found["name"], owner=found["owner"], grants=grants)
