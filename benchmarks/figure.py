"""One measured number and what it should be."""

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
