"""TLS to a server that speaks nothing else, and what a person reads when it cannot be trusted."""

import asyncio
import os
import re
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from appdb.errors import AppDBError, TLSFailed
from appdb.local.postgres import EmbeddedPostgres
from appdb.postgres.connect import Login, ServerAddress, SessionSettings, connect
from appdb.postgres.deprovision import delete_database
from appdb.postgres.provision import app_session, ensure_database
from appdb.postgres.sessions import AdminSessions
from support.sandbox import missing_postgres, unique_name
from support.tenants import a_database, address_of, as_superuser

pytestmark = [pytest.mark.postgres, pytest.mark.security]

HASTY = SessionSettings(connect_timeout_seconds=3)


@dataclass(frozen=True, kw_only=True)
class Encrypted:
    """A server that lets nobody in without TLS; `folder` holds two CAs and certificates."""

    postgres: EmbeddedPostgres
    folder: Path

    @property
    def address(self) -> ServerAddress:
        return ServerAddress(
            host="localhost", port=self.postgres.server.port, ca_pem=self.pem("ca"), name="main"
        )

    @property
    def superuser(self) -> Login:
        server = self.postgres.server
        return Login(username=server.username, password=server.password)

    def pem(self, name: str) -> str:
        return (self.folder / f"{name}.crt").read_text()

    def show(self, name: str) -> None:
        """Put another certificate on the server."""
        data = self.postgres.server.data_dir
        owner = data.stat()
        for suffix in ("key", "crt"):
            target = data / f"server.{suffix}"
            target.write_bytes((self.folder / f"{name}.{suffix}").read_bytes())
            target.chmod(0o600)
            os.chown(target, owner.st_uid, owner.st_gid)

    def reload(self) -> None:
        as_superuser(self.postgres, "postgres", "SELECT pg_reload_conf() WHERE true")


def openssl(folder, command):
    subprocess.run(["openssl", *command.split()], cwd=folder, check=True, capture_output=True)


def sign(folder, name, days):
    """A certificate for localhost, signed by the CA."""
    (folder / "names").write_text("subjectAltName=DNS:localhost")
    openssl(folder, f"req -newkey rsa:2048 -nodes -subj /CN=x -keyout {name}.key -out {name}.csr")
    openssl(
        folder,
        f"x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days {days}"
        f" -extfile names -out {name}.crt",
    )


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory):
    """The embedded 18 and 16 are built without TLS, Debian's 15 is not."""
    reason = missing_postgres(15)
    if reason:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("tls")
    for name in ("ca", "other"):
        openssl(
            folder,
            f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name}"
            f" -keyout {name}.key -out {name}.crt",
        )
    sign(folder, "good", days=2)
    sign(folder, "expired", days=0)
    with EmbeddedPostgres(folder / "pg", 15) as postgres:
        found = Encrypted(postgres=postgres, folder=folder)
        found.show("good")
        hba = postgres.server.data_dir / "pg_hba.conf"
        hba.write_text(re.sub(r"(?m)^host\b", "hostssl", hba.read_text()))
        as_superuser(
            postgres, "postgres", "ALTER SYSTEM SET ssl = on", "SELECT pg_reload_conf() WHERE true"
        )
        yield found


async def told(address, login):
    """What a person reads; the login must not come about."""
    try:
        session = await connect(address, login, settings=HASTY)
    except AppDBError as err:
        assert isinstance(err, TLSFailed)
        assert "main" in err.message
        return err.message
    await session.close()
    pytest.fail("the login was let in")


async def test_a_life_goes_over_verified_tls(encrypted):
    admin = encrypted.postgres.create_admin(unique_name("admin"))
    login = Login(username=admin.name, password=admin.password)
    sessions = AdminSessions(encrypted.address, login)
    wanted = a_database()

    await ensure_database(sessions, wanted)
    async with app_session(sessions, wanted) as session:
        assert session.pgconn.ssl_in_use
        await session.execute("CREATE TABLE public.t (id int)")
    assert (await delete_database(sessions, wanted)).database
    await sessions.aclose()


CASES = {
    "a wrong CA": ({"ca": "other"}, "unable to get local issuer certificate"),
    "a wrong host name": ({"host": "127.0.0.1"}, "IP address mismatch"),
    "a CA that is none": ({"ca_pem": "no certificate"}, "the CA is no certificate in PEM"),
    "no TLS asked for": ({"ca_pem": None, "tls_mode": "disable"}, "tls.mode"),
    "no CA given": ({"ca_pem": None, "tls_mode": "verify-full"}, "tls.caSecretRef"),
}


@pytest.mark.parametrize(("changes", "words"), CASES.values(), ids=CASES)
async def test_what_is_wrong_is_told(encrypted, changes, words):
    address = encrypted.address
    if "ca" in changes:
        changes = {"ca_pem": encrypted.pem(changes["ca"])}

    assert words in await told(replace(address, **changes), encrypted.superuser)


async def test_verify_ca_does_not_look_at_the_host_name(encrypted):
    address = replace(encrypted.address, host="127.0.0.1", tls_mode="verify-ca")

    session = await connect(address, encrypted.superuser)

    assert session.pgconn.ssl_in_use
    await session.close()


async def test_a_certificate_that_has_expired_is_told(encrypted):
    born = (encrypted.folder / "expired.crt").stat().st_mtime
    while time.time() <= born + 1:  # good for 0 days
        await asyncio.sleep(0.05)
    encrypted.show("expired")
    encrypted.reload()
    try:
        async with asyncio.timeout(10):  # the server takes a moment to read it
            while "expired" not in await told_or_let_in(encrypted):
                await asyncio.sleep(0.05)
    finally:
        encrypted.show("good")
        encrypted.reload()


async def told_or_let_in(encrypted):
    try:
        session = await connect(encrypted.address, encrypted.superuser, settings=HASTY)
    except TLSFailed as err:
        return err.message
    await session.close()
    return ""


async def test_a_server_without_tls_is_told(encrypted, postgres18, admin18):
    address = replace(address_of(postgres18), ca_pem=encrypted.pem("ca"), host="localhost")
    login = Login(username=admin18.name, password=admin18.password)

    assert "does not offer TLS" in await told(address, login)
