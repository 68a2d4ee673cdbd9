"""The sandbox's own errors.

They never reach a condition: nothing but the command line and the tests sees them.
"""

from appdb.errors import AppDBError, Unavailable


class SandboxError(AppDBError):
    """A part of the sandbox could not be found, built or started."""

    reason = "SandboxFailed"


class PartNotReady(Unavailable):
    """A part was started and did not become ready in its time."""

    reason = "SandboxFailed"
