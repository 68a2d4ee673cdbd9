"""Objects that lodash puts together: `_.defaults(a, b)`, `_.merge`, `_.cloneDeep`.

Pure. Facts about the package; of anything that is not an object the call stays what it is.
"""

from appdb.source.evaluate.values import Call, External, ObjectValue, Undefined, Value

MAX_NESTING = 20
_PACKAGES = ("lodash", "underscore", "extend", "xtend", "deepmerge", "object-assign")
_LATER_WINS = frozenset({"assign", "extend", "merge", "assignIn", "deepmerge", "xtend", ""})
_FIRST_WINS = frozenset({"defaults", "defaultsDeep"})
_COPIES = frozenset({"clone", "cloneDeep"})


def merged(value: Value | None, depth: int = 0) -> Value | None:
    """Return the object that a call of lodash gives; any other value as it is."""
    if not isinstance(value, Call) or depth > MAX_NESTING:
        return value
    callee = value.callee
    if not isinstance(callee, External) or not (callee.package or "").startswith(_PACKAGES):
        return value
    name = callee.names[-1] if callee.names else (callee.package or "").partition("/")[2]
    parts = [merged(argument, depth + 1) for argument in value.arguments]
    given = [part for part in parts if not isinstance(part, Undefined)]
    objects = [part for part in given if isinstance(part, ObjectValue)]
    if len(objects) < len(given) or not objects:
        return value
    if name in _COPIES:
        return objects[0]
    if name in _FIRST_WINS:
        return _joined(objects, value, first_wins=True)
    return _joined(objects, value, first_wins=False) if name in _LATER_WINS else value


def _joined(objects: list[ObjectValue], call: Call, *, first_wins: bool) -> ObjectValue:
    entries: dict[str, Value] = {}
    for each in objects:
        for key, member in each.entries.items():
            if not (first_wins and key in entries):
                entries[key] = member
    unknown = next((each.unknown for each in objects if each.unknown is not None), None)
    return ObjectValue(entries=entries, span=call.span, unknown=unknown)
