"""Numbers in sentences: one table, two tables. Pure."""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where English wants it."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
