"""Findings of the Mongoose front end, collected in one place and told once each."""

from appdb.model.finding import Finding, Severity, Span
from appdb.source.evaluate.values import Unknown


class Report:
    """Collects findings; the same remark at the same place is told once."""

    def __init__(self) -> None:
        self._findings: dict[tuple[str, Span, str], Finding] = {}

    def warn(self, code: str, message: str, span: Span) -> None:
        """Add a warning: something of the source is not in the schema, or not as written."""
        self._add(code, message, span, Severity.WARNING)

    def info(self, code: str, message: str, span: Span) -> None:
        """Add a remark: Postgres has no such thing, and nothing is lost by it."""
        self._add(code, message, span, Severity.INFO)

    def error(self, code: str, message: str, span: Span) -> None:
        """Add an error, which blocks the schema."""
        self._add(code, message, span, Severity.ERROR)

    def unknown(self, what: str, value: Unknown) -> None:
        """Tell that something could not be read, and why."""
        self.warn("UNREAD", f"{what} is not known: {value.reason}", value.span)

    def _add(self, code: str, message: str, span: Span, severity: Severity) -> None:
        shown = " ".join(message.replace("\0", "\\0").split())[:400]
        finding = Finding(code=f"MONGOOSE_{code}", severity=severity, message=shown, span=span)
        self._findings.setdefault((code, span, message), finding)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings in the order of the source."""
        return tuple(
            sorted(
                self._findings.values(),
                key=lambda f: (f.span or Span(path="", line=0), f.code, f.message),
            )
        )
