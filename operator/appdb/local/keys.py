"""Keys and tokens of the control plane, made without a cryptography library.

The API server signs its own serving certificate; all that it must be given is a key for
ServiceAccount tokens and the tokens of its first users.
"""

import base64
import secrets
import textwrap

# Order of the group of NIST P-256 (SEC 2, section 2.4.2): a private key is a number below it.
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
# ECPrivateKey of RFC 5915 in DER: version 1, 32 bytes of key, the curve, no public key.
DER_BEFORE = bytes.fromhex("30310201010420")
DER_AFTER = bytes.fromhex("a00a06082a8648ce3d030107")


def make_signing_key() -> str:
    """A fresh P-256 private key in PEM, as `--service-account-signing-key-file` wants it."""
    number = 1 + secrets.randbelow(P256_ORDER - 1)
    der = DER_BEFORE + number.to_bytes(32, "big") + DER_AFTER
    body = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return f"-----BEGIN EC PRIVATE KEY-----\n{body}\n-----END EC PRIVATE KEY-----\n"


def make_token() -> str:
    return secrets.token_urlsafe(24)
