"""A local HTTP mirror with envtest archives, good and bad."""

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import yaml

from appdb.local.cache import platform_name

PROGRAMS = {
    name: f"#!/bin/sh\necho {name}\n".encode() for name in ("etcd", "kube-apiserver", "kubectl")
}


def pack(files: Mapping[str, bytes], folder: str = "controller-tools/envtest") -> bytes:
    """A tar.gz as controller-tools publishes it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"{folder}/{name}")
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def archive_name(version: str) -> str:
    return f"envtest-v{version}-{'-'.join(platform_name())}.tar.gz"


def index_of(archives: Mapping[str, bytes]) -> bytes:
    """An index in the form of envtest-releases.yaml; the links lead to nowhere on purpose."""
    releases = {
        f"v{version}": {
            archive_name(version): {
                "hash": hashlib.sha512(content).hexdigest(),
                "selfLink": "https://nowhere.invalid/",
            }
        }
        for version, content in archives.items()
    }
    return yaml.safe_dump({"releases": releases}).encode()


def mirror_of(archives: Mapping[str, bytes]) -> dict[str, bytes]:
    """Paths and contents of a whole mirror."""
    files = {f"/envtest-v{v}/{archive_name(v)}": content for v, content in archives.items()}
    return files | {"/envtest-releases.yaml": index_of(archives)}


@contextmanager
def serving(files: Mapping[str, bytes], *, stalls: bool = False) -> Iterator[str]:
    """Serve files on loopback; with `stalls` every answer stops after its first bytes."""
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version: ClassVar[str] = "HTTP/1.1"

        def do_GET(self) -> None:
            content = files.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write((content or b"")[: 5 if stalls else None])
            if stalls:
                ended.wait(30)

        def log_message(self, *_: object) -> None:
            """Keep the output of tests clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
