import psycopg
import pytest

from appdb.local.postgres import EmbeddedPostgres, Login

pytestmark = pytest.mark.postgres


def test_a_wrong_password_is_rejected(postgres: EmbeddedPostgres, admin: Login):
    wrong = postgres.server.dsn(username=admin.name, password="wrong")

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(wrong)


def test_the_admin_may_create_databases_and_roles_and_is_no_superuser(admin: Login):
    with psycopg.connect(admin.dsn) as connection:
        rights = connection.execute(
            "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        ).fetchone()

    assert (False, True, True) == rights


def test_the_database_is_utf8_with_the_c_locale(database: str):
    with psycopg.connect(database) as connection:
        found = connection.execute(
            "SELECT pg_encoding_to_char(encoding), datcollate, datctype "
            "FROM pg_database WHERE datname = current_database()"
        ).fetchone()

    assert ("UTF8", "C.UTF-8", "C.UTF-8") == found
