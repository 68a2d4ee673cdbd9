"""Two ways to ask the API server: kubectl, and a plain GET for readiness.

Not a client library: what the sandbox needs and no more.
"""

import ssl
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from appdb.local.failure import SandboxError

KUBECTL_SECONDS = 120
GET_SECONDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubectl:
    """kubectl with one kubeconfig; its discovery cache stays out of the user's home."""

    program: Path
    kubeconfig: Path
    cache_dir: Path

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """Run and return what it prints; raises SandboxError with what it complains about."""
        done = self.run(*arguments, stdin=stdin)
        if done.returncode != 0:
            raise SandboxError(f"kubectl {' '.join(arguments[:3])}: {done.stderr.strip()}")
        return done.stdout

    def run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run whatever comes of it; the caller looks at the exit code."""
        return subprocess.run(
            [
                str(self.program),
                f"--kubeconfig={self.kubeconfig}",
                f"--cache-dir={self.cache_dir}",
                *arguments,
            ],
            input=stdin or "",
            capture_output=True,
            text=True,
            check=False,
            timeout=KUBECTL_SECONDS,
        )


def get_status(url: str, *, ca_path: Path, token: str) -> int:
    """HTTP status of a GET; 0 when nobody answers."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - our own URL
    try:
        context = ssl.create_default_context(cafile=str(ca_path))
        with urllib.request.urlopen(request, timeout=GET_SECONDS, context=context) as answer:  # noqa: S310 - our own URL
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except (OSError, ssl.SSLError):
        return 0
