"""Writes docs/conditions.md from the table of reasons, so that code and page cannot differ."""

from collections.abc import Iterable

from appdb.api.reasons import REASONS, ConditionType, Reason

_HEAD = """\
# Conditions and reasons

<!-- Generated from appdb.api.reasons by scripts/crds; change that module, not this page. -->

`kubectl get appdb` shows `Ready` and its reason; `kubectl describe` shows the messages. The words
below are stable: scripts and alerts may hold them. `Reconciling`, `Stalled` and `Drifted` are
present only when True. `Ready` that is not True carries a reason of its own or that of the first
condition that fails. `Stalled` says that a person must change something; everything else goes on
by itself.

Wait for an object with `kubectl wait --for=condition=Ready appdb/NAME`.
"""

_ABOUT = {
    ConditionType.READY: "The whole, in one word; on AppDatabase and DatabaseServer.",
    ConditionType.RECONCILING: "Work is under way; only there when True.",
    ConditionType.STALLED: "A person must change something; only there when True.",
    ConditionType.SERVER_REACHABLE: "AppDatabase: the server answers and admits the namespace.",
    ConditionType.DATABASE_READY: "AppDatabase: the database and its roles.",
    ConditionType.CREDENTIALS_READY: "AppDatabase: the Secret and the login in it.",
    ConditionType.SOURCE_READY: "AppDatabase: the source could be read.",
    ConditionType.SCHEMA_SYNCED: "AppDatabase: the tables are as the source declares them.",
    ConditionType.DRIFTED: "AppDatabase: tables were changed by hand; only there when True, and "
    "Ready is not touched.",
    ConditionType.REACHABLE: "DatabaseServer: the operator can log in.",
    ConditionType.PRIVILEGED: "DatabaseServer: the admin role has the rights it needs.",
    ConditionType.APPROVED: "SchemaPlan: the decision.",
    ConditionType.APPLIED: "SchemaPlan: what became of it.",
}


def render_conditions() -> str:
    """The page: conditions with their reasons, then each reason with its meaning."""
    parts = [_HEAD, "## Conditions\n", _conditions_table(), "## Reasons\n", _reasons_table()]
    return "\n".join(parts)


def _conditions_table() -> str:
    lines = ["| Condition | About | True | False or Unknown |", "|---|---|---|---|"]
    for kind in ConditionType:
        good = _names(reason for reason in Reason if kind in REASONS[reason].true_on)
        other = _names(reason for reason in Reason if kind in REASONS[reason].other_on)
        lines.append(f"| `{kind}` | {_ABOUT[kind]} | {good} | {other} |")
    return "\n".join(lines) + "\n"


def _reasons_table() -> str:
    lines = ["| Reason | Stalls | Meaning and next step |", "|---|---|---|"]
    for reason, help_ in REASONS.items():
        lines.append(f"| `{reason}` | {'yes' if help_.stalls else ''} | {help_.text} |")
    return "\n".join(lines) + "\n"


def _names(reasons: Iterable[Reason]) -> str:
    return ", ".join(f"`{reason}`" for reason in reasons) or "-"
