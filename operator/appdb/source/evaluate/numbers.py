"""Number literals of JavaScript."""

import math


def read_number(raw: str) -> int | float | None:
    """Return the value of a number literal; whole numbers as int; None when it is malformed."""
    digits = raw.replace("_", "").lower().removesuffix("n")
    try:
        if digits[:2] in {"0x", "0o", "0b"}:
            return int(digits, 0)
        if len(digits) > 1 and digits.isdigit() and digits[0] == "0":
            return int(digits, 8)
        number = float(digits)
    except (ValueError, OverflowError):
        return None
    if not math.isfinite(number):
        return None
    if digits.isdigit():
        return int(digits) if len(digits) <= 400 else None
    if number.is_integer() and abs(number) < 2**53:
        return int(number)
    return number
