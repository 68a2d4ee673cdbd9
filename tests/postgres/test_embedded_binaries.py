from pathlib import Path

import pytest

from appdb.local.failure import SandboxError
from appdb.local.pgbinaries import default_version, find_postgres, read_major

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("version", [18, 16])
def test_the_wheel_holds_both_versions_each_with_its_own_tools(version: int):
    bin_dir = find_postgres(version, environ={})

    assert version == read_major(bin_dir)
    assert (bin_dir / "pg_dump").is_file()


def test_the_variable_comes_first():
    chosen = find_postgres(16, environ={})
    environ = {"APPDB_PG_BIN": str(chosen)}

    assert chosen == find_postgres(16, environ=environ)
    assert 16 == default_version(environ=environ)


def test_without_the_variable_the_version_is_18():
    assert 18 == default_version(environ={})


def test_a_version_that_is_not_there_says_what_to_install():
    with pytest.raises(SandboxError, match=r"Postgres 9 .*APPDB_PG_BIN"):
        find_postgres(9, environ={})


def test_a_variable_that_points_nowhere_is_named(tmp_path: Path):
    with pytest.raises(SandboxError, match="APPDB_PG_BIN"):
        default_version(environ={"APPDB_PG_BIN": str(tmp_path)})
