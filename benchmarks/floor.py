"""What the operator's provisioning is compared with: the same work as a script would do it.

Once as short as a script can be, and once to the same end: three roles with their claims,
every right, the door shut before it is opened, nothing left open to PUBLIC. Statements in as
few transactions and round trips as can be, over as few sessions.
"""

import threading
from collections.abc import Iterable
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from appdb.local.sandbox import Sandbox

_own = threading.local()

# Of a database: limits, rights, owner, the roles that go with it, and what stands inside. Names
# and claims are those of another object, so that they are left out or counted.
_END_STATE: tuple[LiteralString, ...] = (
    """
    SELECT datconnlimit, datallowconn, array_length(datacl, 1),
        datdba = (SELECT oid FROM pg_roles WHERE rolname = datname || '_owner'),
        shobj_description(oid, 'pg_database') IS NOT NULL
    FROM pg_database WHERE datname = current_database()
    """,
    """
    SELECT substr(r.rolname, length(%(prefix)s) + 1), r.rolcanlogin, r.rolinherit,
        shobj_description(r.oid, 'pg_authid') IS NOT NULL,
        (SELECT count(*) FROM pg_db_role_setting s WHERE s.setrole = r.oid),
        (SELECT array_agg(pg_get_userbyid(m.member) = %(admin)s ORDER BY 1)
         FROM pg_auth_members m WHERE m.roleid = r.oid)
    FROM pg_roles r WHERE starts_with(r.rolname, %(prefix)s) ORDER BY 1
    """,
    """
    SELECT nspname, replace(pg_get_userbyid(nspowner)::text, %(prefix)s, ''),
        array_length(nspacl, 1)
    FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema)' ORDER BY 1
    """,
    """
    SELECT relkind::text, count(*) FROM pg_class
    WHERE relnamespace = 'public'::regnamespace GROUP BY 1 ORDER BY 1
    """,
)


def provision_shortly(sandbox: Sandbox, name: str, ddl: Iterable[str]) -> None:
    """What a script of a few lines does: role, database, revoke, the same tables."""
    role = sql.Identifier(name)
    with _admin_session(sandbox) as session:
        session.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, _verifier(session, name))
        )
        session.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(role))
        session.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(role, role)
        )
        session.execute(sql.SQL("REVOKE CONNECT ON DATABASE {} FROM PUBLIC").format(role))
    _make_tables(sandbox, name, name, ddl)


def provision_alike(sandbox: Sandbox, name: str, ddl: Iterable[str]) -> None:
    """The same end as the operator's in plain SQL; the session as the admin is kept."""
    if not hasattr(_own, "session"):
        _own.session = _admin_session(sandbox)
    session, login = _own.session, f"{name}_user"
    values = {
        "database": sql.Identifier(name),
        "owner": sql.Identifier(f"{name}_owner"),
        "app": sql.Identifier(f"{name}_app"),
        "login": sql.Identifier(login),
        "verifier": _verifier(session, login),
        "claim": sql.Literal(f"claim of {name}, as long as the operator's is: {'x' * 120}"),
    }
    _together(
        session,
        values,
        "CREATE ROLE {owner} NOLOGIN",
        "CREATE ROLE {app} NOLOGIN",
        "CREATE ROLE {login} LOGIN PASSWORD {verifier}",
        "COMMENT ON ROLE {owner} IS {claim}",
        "COMMENT ON ROLE {app} IS {claim}",
        "COMMENT ON ROLE {login} IS {claim}",
        "ALTER ROLE {login} SET role = {app}",
        "GRANT {app} TO {login} WITH INHERIT TRUE, SET TRUE",
        "GRANT {owner}, {app} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE",
    )
    session.execute(
        sql.SQL(
            "CREATE DATABASE {database} OWNER {owner} TEMPLATE template0 ALLOW_CONNECTIONS false"
        ).format(**values)
    )
    _together(
        session,
        values,
        "REVOKE CONNECT ON DATABASE {database} FROM PUBLIC",
        "REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC",
        "GRANT CONNECT ON DATABASE {database} TO CURRENT_USER",
        "GRANT CONNECT, TEMPORARY ON DATABASE {database} TO {app}",
        "ALTER DATABASE {database} ALLOW_CONNECTIONS true",
    )
    with _admin_session(sandbox, name) as inside:
        _together(
            inside,
            values,
            "COMMENT ON DATABASE {database} IS {claim}",
            "CREATE SCHEMA _appdb AUTHORIZATION CURRENT_USER",
            "ALTER SCHEMA public OWNER TO {app}",
            "REVOKE {owner}, {app} FROM CURRENT_USER",
        )
    _make_tables(sandbox, name, login, ddl)


def end_state(sandbox: Sandbox, name: str) -> list[Any]:
    """What stands on the server for a database, without names."""
    values = {"admin": sandbox.admin.name, "prefix": f"{name}_"}
    with psycopg.connect(sandbox.postgres.server.dsn(name), autocommit=True) as session:
        return [session.execute(query, values).fetchall() for query in _END_STATE]


def _make_tables(sandbox: Sandbox, database: str, login: str, ddl: Iterable[str]) -> None:
    where = _where(sandbox, database)
    with psycopg.connect(user=login, password="plain", **where) as session:
        session.execute("SET search_path = public")
        with session.transaction():
            for statement in ddl:
                session.execute(statement.encode())


def _together(
    session: psycopg.Connection, values: dict[str, sql.Composable], *statements: LiteralString
) -> None:
    with session.pipeline(), session.transaction():
        for statement in statements:
            session.execute(sql.SQL(statement).format(**values))


def _admin_session(sandbox: Sandbox, database: str = "postgres") -> psycopg.Connection:
    admin = sandbox.admin
    return psycopg.connect(user=admin.name, password=admin.password, **_where(sandbox, database))


def _verifier(session: psycopg.Connection, login: str) -> sql.Literal:
    return sql.Literal(session.pgconn.encrypt_password(b"plain", login.encode()).decode())


def _where(sandbox: Sandbox, database: str) -> dict[str, Any]:
    server = sandbox.postgres.server
    return {"host": server.host, "port": server.port, "dbname": database, "autocommit": True}
