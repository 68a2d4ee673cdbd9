"""JSON with comments and trailing commas, as tsconfig.json is written. Data only."""

import json
import re
from typing import Any

_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*[\s\S]*?\*/|,(?=(?:\s|//[^\n]*|/\*[\s\S]*?\*/)*[}\]])'
)


def read_jsonc(content: str) -> dict[str, Any]:
    """Return the object; an empty one where the text is not a JSON object."""
    cleaned = _TOKEN.sub(lambda m: m[0] if m[0].startswith('"') else " ", content)
    try:
        found = json.loads(cleaned)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
