"""Collects findings while a schema is made sound."""

from appdb.model.finding import Evidence, Finding, Severity


class Remarks:
    """The findings so far. What is left out of the schema is always said here."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def error(self, code: str, message: str, evidence: Evidence) -> None:
        """Say what a person must change before anything is applied."""
        self._add(code, Severity.ERROR, message, evidence)

    def warn(self, code: str, message: str, evidence: Evidence) -> None:
        """Say what was left out because it could not load."""
        self._add(code, Severity.WARNING, message, evidence)

    def info(self, code: str, message: str, evidence: Evidence) -> None:
        """Say what was spelled otherwise without a change of meaning."""
        self._add(code, Severity.INFO, message, evidence)

    def _add(self, code: str, severity: Severity, message: str, evidence: Evidence) -> None:
        self.findings.append(
            Finding(code=code, severity=severity, message=message, span=evidence.span)
        )
