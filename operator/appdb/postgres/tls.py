"""Finds out why a server's certificate is not trusted; libpq only says that it is not.

Asked only after libpq has failed: a handshake of our own with the same CA and host name,
which sends nothing but the request for TLS. It decides nothing, it only gives a reason.
"""

import asyncio
import ssl
import struct

# The message SSLRequest: length 8, code 1234.5679 (protocol of Postgres, "SSL Session Encryption").
_SSL_REQUEST = struct.pack("!ii", 8, (1234 << 16) | 5679)
_SECONDS = 5.0


async def why_untrusted(host: str, port: int, *, ca_pem: str, checks_host: bool) -> str | None:
    """Return what is wrong with the certificate in OpenSSL's words; None when nothing is found.

    Takes one more connection, at most 5 s.
    """
    try:
        context = ssl.create_default_context(cadata=ca_pem)
    except (ssl.SSLError, ValueError):
        return "the CA is no certificate in PEM"
    context.check_hostname = checks_host
    try:
        async with asyncio.timeout(_SECONDS):
            await _shake_hands(host, port, context)
    except ssl.SSLCertVerificationError as err:
        return err.verify_message.rstrip(".")
    except (OSError, TimeoutError, EOFError):
        return None
    return None


async def _shake_hands(host: str, port: int, context: ssl.SSLContext) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(_SSL_REQUEST)
        await writer.drain()
        if await reader.readexactly(1) == b"S":
            await writer.start_tls(context, server_hostname=host)
    finally:
        writer.close()
