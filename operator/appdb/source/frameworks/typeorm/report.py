"""Findings of the TypeORM front end, collected in one place and told once each."""

from appdb.model.finding import Finding, Severity, Span
from appdb.source.evaluate.values import Unknown


class Report:
    """Collects findings; the same remark at the same place is told once.

    `doubts` counts the warnings given so far, repeated ones too: what was read while it grew
    is not known for certain.
    """

    def __init__(self) -> None:
        self.doubts = 0
        self._findings: dict[tuple[str, Span, str], Finding] = {}

    def add(
        self, code: str, message: str, span: Span, severity: Severity = Severity.WARNING
    ) -> None:
        """Add a finding; codes are documented in docs/support.md."""
        finding = Finding(code=f"TYPEORM_{code}", severity=severity, message=message, span=span)
        self._findings.setdefault((code, span, message), finding)
        self.doubts += severity is not Severity.INFO

    def unknown(self, what: str, value: Unknown) -> None:
        """Tell that something could not be read, and why."""
        self.add("UNREAD", f"{what} is not known: {value.reason}", value.span)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings in the order of the source."""
        return tuple(
            sorted(
                self._findings.values(),
                key=lambda f: (f.span or Span(path="", line=0), f.code, f.message),
            )
        )
