"""Collects every password that a Secret of a cluster ever holds, however short it stands there.

A process of its own: some tests fork, and who forks must have no threads. It follows the
Secrets over restarts of the API server and ends with the Secret that tells it to, so that
nothing written before that one is missed. Passwords go through a file that nobody else reads.
"""

import base64
import json
import os
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from appdb.local.controlplane import ControlPlane
from appdb.local.manifests import OPERATOR_NAMESPACE
from appdb.local.waiting import pause
from support.apiserver import ApiServer
from support.sandbox import unique_name

# Of the last event, and of a stream on which nothing comes.
END_SECONDS, QUIET_SECONDS = 60, 300
RETRY_SECONDS = 0.2
# In the operator's namespace any key may be the password of an admin, but for these.
NO_PASSWORDS = frozenset({"username", "user", "ca.crt", "tls.crt"})

Json = dict[str, Any]


class SecretWatch:
    """The collecting process of one control plane, at work from entry to `finish`."""

    def __init__(self, control_plane: ControlPlane, home: Path) -> None:
        self._api = ApiServer.as_admin(control_plane)
        self._path = home / "passwords.jsonl"
        self._last = unique_name("canary")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._path.touch(mode=0o600)
        plane = self._api.control_plane
        facts = {
            "url": plane.url,
            "ca": str(plane.ca_path),
            "token": self._api.token,
            "parent": os.getpid(),
            "last": self._last,
        }
        with self._path.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "support.secretwatch"],
                stdin=subprocess.PIPE,
                stdout=output,
                # An interrupt of the tests is not meant for it: it ends with them.
                start_new_session=True,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
        assert self._process.stdin is not None
        with self._process.stdin as stream:
            stream.write(json.dumps(facts).encode())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._path.unlink(missing_ok=True)

    def finish(self) -> dict[str, str]:
        """Every password so far with whose it is; nothing is collected from here on."""
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": self._last}}
        answer = self._api.create("/api/v1/namespaces/default/secrets", body)
        assert answer.status == 201, answer.message
        assert self._process is not None
        assert self._process.wait(END_SECONDS) == 0, "the collector of passwords died"
        lines = map(json.loads, self._path.read_text().splitlines())
        return {line["password"]: line["whose"] for line in lines}


def passwords_in(secret: Json) -> set[str]:
    """The passwords of a Secret: by the name of the key; an admin's may have any name."""
    is_admin = secret["metadata"]["namespace"] == OPERATOR_NAMESPACE
    return {
        base64.b64decode(value).decode(errors="replace")
        for key, value in (secret.get("data") or {}).items()
        if "password" in key.lower() or (is_admin and key not in NO_PASSWORDS)
    }


@contextmanager
def secrets_of(facts: Json, query: str = "") -> Iterator[HTTPResponse]:
    request = urllib.request.Request(
        f"{facts['url']}/api/v1/secrets{query}",
        headers={"Authorization": f"Bearer {facts['token']}"},
    )
    context = ssl.create_default_context(cafile=facts["ca"])
    with urllib.request.urlopen(request, timeout=QUIET_SECONDS, context=context) as answer:
        yield answer


def follow(facts: Json) -> Iterator[Json]:
    """Every Secret as it is and as it becomes, over all interruptions, while the tests run."""
    version = ""
    while os.getppid() == facts["parent"]:
        try:
            if not version:
                with secrets_of(facts) as answer:
                    listed = json.load(answer)
                yield from listed["items"]
                version = listed["metadata"]["resourceVersion"]
            with secrets_of(facts, f"?watch=1&resourceVersion={version}") as events:
                for line in events:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        # Compacted: what happened meanwhile is in a new list, or gone.
                        version = ""
                        break
                    version = event["object"]["metadata"]["resourceVersion"]
                    yield event["object"]
        except (OSError, HTTPException, ValueError):
            pause(RETRY_SECONDS)


def main() -> None:
    known: set[str] = set()
    facts = json.load(sys.stdin)
    for secret in follow(facts):
        name = secret["metadata"]["name"]
        if name == facts["last"]:
            return
        whose = f"Secret {secret['metadata']['namespace']}/{name}"
        for password in passwords_in(secret) - known:
            known.add(password)
            sys.stdout.write(json.dumps({"password": password, "whose": whose}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
