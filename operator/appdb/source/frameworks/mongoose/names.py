"""Names in tables for names in code: snake_case, and Mongoose's own legacy plurals.

Pure text. Source of the rules and their order: `lib/helpers/pluralize.js` of Mongoose.
"""

import re

_WORDS = (
    (re.compile(r"([a-z0-9])([A-Z])"), r"\1_\2"),
    (re.compile(r"([A-Z]+)([A-Z][a-z])"), r"\1_\2"),
)
_SEPARATORS = re.compile(r"[\s.\-/:]+")

_RULES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"human$", "humans"),
        (r"(m)an$", r"\1en"),
        (r"(pe)rson$", r"\1ople"),
        (r"(child)$", r"\1ren"),
        (r"^(ox)$", r"\1en"),
        (r"(ax|test)is$", r"\1es"),
        (r"(octop|vir)us$", r"\1i"),
        (r"(alias|status)$", r"\1es"),
        (r"(bu)s$", r"\1ses"),
        (r"(buffal|tomat|potat)o$", r"\1oes"),
        (r"([ti])um$", r"\1a"),
        (r"sis$", "ses"),
        (r"(?:([^f])fe|([lr])f)$", r"\1\2ves"),
        (r"(hive)$", r"\1s"),
        (r"([^aeiouy]|qu)y$", r"\1ies"),
        (r"(x|ch|ss|sh)$", r"\1es"),
        (r"(matr|vert|ind)ix|ex$", r"\1ices"),
        (r"([m|l])ouse$", r"\1ice"),
        (r"(kn|w|l)ife$", r"\1ives"),
        (r"(quiz)$", r"\1zes"),
        (r"^goose$", "geese"),
        (r"s$", "s"),
        (r"([^a-z])$", r"\1"),
        (r"$", "s"),
    )
)
_UNCOUNTABLE = frozenset({
    "advice", "energy", "excretion", "digestion", "cooperation", "health", "justice", "labour",
    "machinery", "equipment", "information", "pollution", "sewage", "paper", "money", "species",
    "series", "rain", "rice", "fish", "sheep", "moose", "deer", "news", "expertise", "status",
    "media",
})  # fmt: skip
_SINGULARS = (
    (re.compile(r"(pe)ople$"), r"\1rson"),
    (re.compile(r"(child)ren$"), r"\1"),
    (re.compile(r"([^aeiou])ies$"), r"\1y"),
    (re.compile(r"(ss|x|ch|sh)es$"), r"\1"),
    (re.compile(r"([^su])s$"), r"\1"),
)


def snake_case(name: str) -> str:
    """Return a name in lower case with `_` between its words (`HTMLBody` html_body)."""
    name = _SEPARATORS.sub("_", name)
    for pattern, replacement in _WORDS:
        name = pattern.sub(replacement, name)
    return name.lower()


def plural(name: str) -> str:
    """Return the plural as Mongoose makes it: of the first rule that matches."""
    if name in _UNCOUNTABLE:
        return name
    for pattern, replacement in _RULES:
        if pattern.search(name):
            return pattern.sub(replacement, name, count=1)
    return name


def singular(name: str) -> str:
    """Return the singular of a plain English plural, for the columns of a join table."""
    for pattern, replacement in _SINGULARS:
        if pattern.search(name):
            return pattern.sub(replacement, name)
    return name


def column_name(path: str) -> str:
    """Return the column of a dotted path; `_id` is `id`, everywhere."""
    return "_".join("id" if part == "_id" else snake_case(part) for part in path.split("."))
