"""An operator that is started, let work for a moment that nobody chose, and killed."""

import random

from appdb.local.operatorprocess import OperatorProcess
from appdb.local.waiting import pause
from support.sandbox import unique_name
from support.team import until

LISTED = "the operator is ready"
STARTED = "probes and metrics are served"


def kill_while_working(
    operator: OperatorProcess, chance: random.Random, *, after: str, longest_seconds: float
) -> None:
    """Start, wait for a line of the log, and send SIGKILL within so many seconds."""
    operator.launch()
    until(lambda: after in operator.component.read_log(4000), say=operator.component.read_log)
    pause(chance.uniform(0.0, longest_seconds))
    operator.kill()
    # The next start is waited for by its own lines; whoever searches the logs finds them all.
    operator.log_path.rename(operator.log_path.with_name(f"{unique_name('killed')}.log"))
