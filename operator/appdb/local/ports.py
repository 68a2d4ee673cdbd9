"""Free ports on loopback.

A port that is free now may be taken a moment later: whoever starts a server on one must
be ready to try the next.
"""

import socket

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """A TCP port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port
