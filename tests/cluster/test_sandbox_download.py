import socket
import time
from pathlib import Path

import pytest

from appdb.local.download import (
    MIRROR_VARIABLE,
    DownloadFailed,
    Patience,
    choose_archive,
    fetch_envtest,
)
from support.mirror import PROGRAMS, archive_name, index_of, mirror_of, pack, serving

VERSION = "1.36.3"
SHORT = Patience(connect=0.3, read=0.3, total=2)


def fetch(url: str, target: Path, patience: Patience = SHORT) -> list[str]:
    """Fetch from a mirror; what was reported."""
    lines: list[str] = []
    environ = {MIRROR_VARIABLE: url}
    fetch_envtest(VERSION, target, report=lines.append, environ=environ, patience=patience)
    return lines


def test_the_three_programs_are_fetched_and_can_be_run(tmp_path: Path):
    with serving(mirror_of({VERSION: pack(PROGRAMS)})) as url:
        lines = fetch(f"{url}/", tmp_path)

    assert PROGRAMS == {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert all(path.stat().st_mode & 0o111 for path in tmp_path.iterdir())
    assert "fetched etcd, kube-apiserver, kubectl of Kubernetes 1.36.3" in lines[-1]


def test_the_exact_version_is_taken_when_it_is_published():
    index = index_of({"1.36.2": b"older", VERSION: b"exact", "1.36.9": b"newer"})

    chosen = choose_archive(index, VERSION, base_url="http://mirror")

    assert (VERSION, f"http://mirror/envtest-v{VERSION}/{archive_name(VERSION)}") == (
        chosen.version,
        chosen.url,
    )


def test_else_the_newest_of_the_same_minor():
    index = index_of({"1.36.0": b"", "1.36.10": b"newest", "1.36.9": b"", "1.37.0": b""})

    assert "1.36.10" == choose_archive(index, VERSION, base_url="").version


@pytest.mark.parametrize(
    "index",
    [
        b"",
        b"releases: {}",
        b"releases: {v1.36.3: {envtest-v1.36.3-plan9-mips.tar.gz: {hash: ab}}}",
        b"releases: {v1.36.x: {}}",
        b"<html>a captive portal</html>",
        b"{",
        index_of({"1.35.0": b"another minor"}),
    ],
)
def test_an_index_without_our_archive_is_refused(index: bytes):
    with pytest.raises(DownloadFailed, match=r"no archive of Kubernetes 1\.36\.3"):
        choose_archive(index, VERSION, base_url="")


BROKEN = {
    "no index": ({}, "404"),
    "no archive": ({"/envtest-releases.yaml": index_of({VERSION: b"x"})}, "404"),
    "wrong checksum": (
        mirror_of({VERSION: pack(PROGRAMS)})
        | {f"/envtest-v{VERSION}/{archive_name(VERSION)}": pack(PROGRAMS | {"etcd": b"evil"})},
        "another checksum",
    ),
    "no archive in the file": (mirror_of({VERSION: b"not a tar"}), "cannot be read"),
    "truncated archive": (mirror_of({VERSION: pack(PROGRAMS)[:60]}), "cannot be read"),
    "program missing": (mirror_of({VERSION: pack({"etcd": b"x", "kubectl": b"x"})}), "kube-apiser"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_mirror_leaves_nothing_behind(tmp_path: Path, case: str):
    files, complaint = BROKEN[case]
    with serving(files) as url, pytest.raises(DownloadFailed, match=complaint):
        fetch(url, tmp_path)

    assert [] == list(tmp_path.iterdir())


def test_names_that_lead_out_of_the_folder_write_nothing_there(tmp_path: Path):
    target = tmp_path / "deep" / "target"
    target.mkdir(parents=True)
    archive = pack(PROGRAMS | {"../evil": b"x"}, folder="../..")
    with serving(mirror_of({VERSION: archive})) as url:
        fetch(url, target)

    assert set(PROGRAMS) == {path.name for path in target.iterdir()}
    assert [tmp_path / "deep"] == list(tmp_path.iterdir())


def test_a_mirror_that_stalls_is_given_up(tmp_path: Path):
    started = time.monotonic()
    with (
        serving(mirror_of({VERSION: pack(PROGRAMS)}), stalls=True) as url,
        pytest.raises(DownloadFailed, match="timed out"),
    ):
        fetch(url, tmp_path)

    assert time.monotonic() - started < 2


def test_a_mirror_that_does_not_take_connections_is_given_up(tmp_path: Path):
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for waiting in (first, second):
            waiting.settimeout(0)
            waiting.connect_ex(full.getsockname())
        started = time.monotonic()

        with pytest.raises(DownloadFailed, match="timed out"):
            fetch(f"http://127.0.0.1:{full.getsockname()[1]}", tmp_path)

    assert time.monotonic() - started < 2


def test_a_mirror_that_is_not_there_is_given_up(tmp_path: Path):
    with pytest.raises(DownloadFailed, match="refused"):
        fetch("http://127.0.0.1:9", tmp_path)
