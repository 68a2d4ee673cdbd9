"""One measured number and what it should be; the end of a measurement."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """`value` is met when it is at most `limit`."""

    name: str
    value: float
    limit: float
    unit: str = ""

    @property
    def is_met(self) -> bool:
        return self.value <= self.limit

    def __str__(self) -> str:
        verdict = "PASS" if self.is_met else "FAIL"
        return f"{verdict}  {self.name}: {self.value:.3g}{self.unit} (at most {self.limit:g})"


def conclude(figures: Iterable[Figure]) -> None:
    """Print each figure as it comes and end the process: 0 when all of them are met."""
    missed = 0
    for figure in figures:
        print(figure, flush=True)
        missed += not figure.is_met
    sys.exit(1 if missed else 0)
