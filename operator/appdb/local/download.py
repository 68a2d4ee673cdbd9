"""Fetches the envtest archive (etcd, kube-apiserver, kubectl) that controller-tools publishes.

Gives up soon where there is no network, because programs can be built instead. Nothing
is unpacked before its SHA-512 agrees with the index.
"""

import hashlib
import http.client
import os
import shutil
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import yaml

from appdb.local.cache import Report, platform_name
from appdb.local.failure import SandboxError

INDEX_URL = (
    "https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml"
)
RELEASES_URL = "https://github.com/kubernetes-sigs/controller-tools/releases/download"
MIRROR_VARIABLE = "APPDB_ENVTEST_MIRROR"
PROGRAMS = ("etcd", "kube-apiserver", "kubectl")
CONNECT_SECONDS = 3
READ_SECONDS = 10
TOTAL_SECONDS = 600
SIZE_LIMIT = 1 << 30
CHUNK = 1 << 20


class DownloadFailed(SandboxError):  # noqa: N818 - reads as a state, as appdb.errors does
    """The archive is not to be had here; something else must be tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """One entry of the index."""

    version: str
    url: str
    sha512: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds to wait: for a connection, between two bytes, for everything."""

    connect: float = CONNECT_SECONDS
    read: float = READ_SECONDS
    total: float = TOTAL_SECONDS


def fetch_envtest(
    version: str,
    target: Path,
    *,
    report: Report,
    environ: Mapping[str, str] = os.environ,
    patience: Patience | None = None,
) -> None:
    """Put the archive's three programs into `target`.

    The exact version is taken when it is published, else the newest of the same minor.
    With a mirror, `envtest-releases.yaml` and `envtest-vX.Y.Z/FILE` are looked for below it.
    Raises DownloadFailed; `target` is then as it was.
    """
    patience = patience or Patience()
    mirror = environ.get(MIRROR_VARIABLE, "").rstrip("/")
    index_url = f"{mirror}/envtest-releases.yaml" if mirror else INDEX_URL
    report(f"looking for an envtest archive of Kubernetes {version} at {_host(index_url)}")
    started = time.monotonic()
    with tempfile.TemporaryFile() as index, tempfile.TemporaryFile() as archive:
        _save(index_url, index, patience)
        chosen = choose_archive(index.read(), version, base_url=mirror or RELEASES_URL)
        digest = _save(chosen.url, archive, patience)
        if digest != chosen.sha512:
            raise DownloadFailed(
                f"{chosen.url} has another checksum than its index says; it was not used"
            )
        _unpack(archive, target)
    report(
        f"fetched {', '.join(PROGRAMS)} of Kubernetes {chosen.version} "
        f"in {time.monotonic() - started:.0f} s"
    )


def choose_archive(index: bytes, version: str, *, base_url: str) -> Archive:
    """The archive for this platform: the exact version, else the newest of its minor."""
    try:
        releases: Mapping[str, Mapping[str, Mapping[str, str]]] = yaml.safe_load(index)["releases"]
        minor = version.rpartition(".")[0]
        candidates = {
            _numbers(name): files
            for name, files in releases.items()
            if name.removeprefix("v").rpartition(".")[0] == minor
        }
        number = _numbers(version) if _numbers(version) in candidates else max(candidates)
        found = ".".join(map(str, number))
        file_name = f"envtest-v{found}-{'-'.join(platform_name())}.tar.gz"
        sha512 = candidates[number][file_name]["hash"].lower()
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as err:
        raise DownloadFailed(
            f"the envtest index has no archive of Kubernetes {version} for this platform"
        ) from err
    return Archive(version=found, url=f"{base_url}/envtest-v{found}/{file_name}", sha512=sha512)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.removeprefix("v").split("."))


def _host(url: str) -> str:
    return urllib.request.Request(url).host  # noqa: S310 - only taken apart


def _save(url: str, target: IO[bytes], patience: Patience) -> str:
    """Write a URL's content to a file, rewound; return its SHA-512."""
    digest = hashlib.sha512()
    deadline = time.monotonic() + patience.total
    try:
        with _opener(patience).open(url, timeout=patience.connect) as answer:
            while chunk := answer.read1(CHUNK):
                digest.update(chunk)
                target.write(chunk)
                if time.monotonic() > deadline or target.tell() > SIZE_LIMIT:
                    raise DownloadFailed(f"{url} is too slow or too large")
            length = answer.headers.get("Content-Length")
    except (OSError, http.client.HTTPException, ValueError) as err:
        raise DownloadFailed(f"{url}: {err}") from err
    if length is not None and target.tell() != int(length):
        raise DownloadFailed(f"{url} ended before its end")
    target.seek(0)
    return digest.hexdigest()


def _opener(patience: Patience) -> urllib.request.OpenerDirector:
    """An opener whose connections, once made, wait longer for bytes than for the connection."""

    class Plain(http.client.HTTPConnection):
        def connect(self) -> None:
            super().connect()
            self.sock.settimeout(patience.read)

    class Secure(http.client.HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            self.sock.settimeout(patience.read)

    class PlainHandler(urllib.request.HTTPHandler):
        def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Plain, request)

    class SecureHandler(urllib.request.HTTPSHandler):
        def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
            return self.do_open(Secure, request)

    return urllib.request.build_opener(PlainHandler, SecureHandler)


def _unpack(archive: IO[bytes], target: Path) -> None:
    """Take the three programs by their names, wherever they are in the archive."""
    with tempfile.TemporaryDirectory(dir=target, prefix=".unpack-") as place:
        try:
            with tarfile.open(fileobj=archive, mode="r:gz") as tar:
                _extract(tar, Path(place))
        except (tarfile.TarError, EOFError, OSError) as err:
            raise DownloadFailed(f"the envtest archive cannot be read: {err}") from err
        missing = [name for name in PROGRAMS if not (Path(place) / name).exists()]
        if missing:
            raise DownloadFailed(f"the envtest archive holds no {', '.join(missing)}")
        for name in PROGRAMS:
            (Path(place) / name).replace(target / name)


def _extract(tar: tarfile.TarFile, place: Path) -> None:
    for member in tar:
        name = member.name.rpartition("/")[2]
        source = tar.extractfile(member) if member.isfile() and name in PROGRAMS else None
        if source is None:
            continue
        with source, (place / name).open("wb") as program:
            shutil.copyfileobj(source, program)
        (place / name).chmod(0o755)
