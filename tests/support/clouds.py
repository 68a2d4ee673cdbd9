"""Servers as the clouds give them out: an admin that is no superuser, and roles in the way.

Imitated by roles and rights alone; what they refuse beyond that is refused in the tests.
"""

from dataclasses import dataclass

from appdb.local.postgres import EmbeddedPostgres, Login
from support.sandbox import unique_name
from support.tenants import as_superuser


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """`group` is what the admin is a member of, `ruler` the provider's own superuser."""

    name: str
    group: str
    ruler: str
    databases: tuple[str, ...]
    more: tuple[str, ...] = ()


CLOUDS = (
    Cloud(
        name="RDS",
        group="rds_superuser",
        ruler="rdsadmin",
        databases=("rdsadmin",),
        more=(
            "CREATE ROLE rds_iam NOLOGIN",
            "CREATE ROLE rds_password NOLOGIN",
            "GRANT pg_monitor, pg_signal_backend TO rds_superuser",
        ),
    ),
    Cloud(
        name="Cloud SQL",
        group="cloudsqlsuperuser",
        ruler="cloudsqladmin",
        databases=("cloudsqladmin",),
        more=("ALTER ROLE cloudsqlsuperuser CREATEDB CREATEROLE",),
    ),
    Cloud(
        name="Azure",
        group="azure_pg_admin",
        ruler="azuresu",
        databases=("azure_maintenance", "azure_sys"),
        # The identity of the cluster is not told there.
        more=("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC",),
    ),
)


def cloud_admin(postgres: EmbeddedPostgres, cloud: Cloud) -> Login:
    """An admin of that cloud on a server, which is furnished the first time."""
    known = as_superuser(
        postgres, "postgres", f"SELECT 1 FROM pg_roles WHERE rolname = '{cloud.group}'"
    )
    if not known:
        as_superuser(
            postgres,
            "postgres",
            f"CREATE ROLE {cloud.group} NOLOGIN",
            f"CREATE ROLE {cloud.ruler} SUPERUSER",
            *(
                statement
                for database in cloud.databases
                for statement in (
                    f"CREATE DATABASE {database} OWNER {cloud.ruler}",
                    f"REVOKE ALL ON DATABASE {database} FROM PUBLIC",
                )
            ),
            *cloud.more,
        )
    admin = postgres.create_admin(unique_name("admin"))
    as_superuser(postgres, "postgres", f'GRANT {cloud.group} TO "{admin.name}"')
    return admin
