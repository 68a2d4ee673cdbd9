"""Sizes (`64Mi`) and spans of time (`1h30m`) as people write them in manifests.

The patterns are those of the CRDs; the spans are Go's durations, as CEL's `duration()` reads them.
"""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from appdb.errors import InvalidSpec

QUANTITY_PATTERN = r"^[0-9]+(\.[0-9]+)?(k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$"
DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$"

Quantity = Annotated[str, Field(min_length=1, max_length=20, pattern=QUANTITY_PATTERN)]
Duration = Annotated[str, Field(min_length=2, max_length=20, pattern=DURATION_PATTERN)]

_BYTES: dict[str, int] = {"": 1} | {
    f"{prefix}{suffix}": base**power
    for suffix, base in (("", 1000), ("i", 1024))
    for power, prefix in enumerate("kMGTP" if not suffix else "KMGTP", start=1)
}
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse_quantity(text: str) -> int:
    """Bytes of `64Mi`, `1.5G` or `1024`. Raises InvalidSpec."""
    if not re.fullmatch(QUANTITY_PATTERN, text):
        raise InvalidSpec(f"{text!r} is not a size; write for example 64Mi or 20G")
    number = text.rstrip("kKMGTPi")
    factor = _BYTES[text[len(number) :]]
    return round(float(number) * factor)


def parse_duration(text: str) -> timedelta:
    """The span of `2s`, `1h30m` or `250ms`. Raises InvalidSpec."""
    if not re.fullmatch(DURATION_PATTERN, text):
        raise InvalidSpec(f"{text!r} is not a duration; write for example 30s, 10m or 720h")
    parts = re.findall(r"([0-9.]+)(ms|s|m|h)", text)
    try:
        return timedelta(seconds=sum(float(number) * _SECONDS[unit] for number, unit in parts))
    except OverflowError as error:
        raise InvalidSpec(f"{text!r} is too long a duration") from error
