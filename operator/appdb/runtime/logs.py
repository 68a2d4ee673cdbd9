"""Logs: one JSON object per line, and no credential in any of them.

The filter is the last line of defence; the first is that nothing logs a credential.
"""

import json
import logging
import re
import sys
from datetime import UTC, datetime

_STANDARD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}
_URL_PASSWORD = re.compile(r"(?P<head>\w+://[^:@/\s]*:)[^@\s]+@")
_KEY_PASSWORD = re.compile(
    r"""(?ix) (?P<head> \b (?:password|passwd|pgpassword|token) \\?["']? (?: \s*[=:]\s* | \s+(?=') )
        | \b bearer \s+ )
    (?: \\?["'] [^"']* ["'] | \S+ )"""
)

MUTED = {
    "kopf.objects": logging.WARNING,
    "aiohttp.access": logging.WARNING,
    # It warns that it does not handle signals; we do.
    "kopf._core.reactor.running": logging.ERROR,
}


def redacted(text: str) -> str:
    """Return a text without what looks like a password."""
    text = _URL_PASSWORD.sub(r"\g<head>***@", text)
    return _KEY_PASSWORD.sub(r"\g<head>***", text)


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON: time, level, logger, message, extra fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, redacted."""
        line: dict[str, bool | int | float | str] = {
            "time": datetime.fromtimestamp(record.created, tz=UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redacted(record.getMessage()),
        }
        for name, value in record.__dict__.items():
            if name not in _STANDARD and not name.startswith("_"):
                line[name] = (
                    value if isinstance(value, bool | int | float) else redacted(str(value))
                )
        if record.exc_info:
            line["error"] = redacted(self.formatException(record.exc_info))
        # Redacted before: a cut in the finished line could take a quote with it.
        return json.dumps(line, ensure_ascii=False)


class TextFormatter(logging.Formatter):
    """Formats a record for a person at a terminal, redacted too."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, redacted."""
        return redacted(super().format(record))


def configure(*, level: str, form: str) -> None:
    """Send all logs to stderr; `form` is `json` or `text`."""
    handler = logging.StreamHandler(sys.stderr)
    text = TextFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(JsonFormatter() if form == "json" else text)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name, least in MUTED.items():
        logging.getLogger(name).setLevel(least)
