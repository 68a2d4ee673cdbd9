"""Defaults as TypeORM's Postgres driver writes them.

A constant is quoted without escaping by TypeORM; here quotes that would end the text are
doubled, which changes nothing where TypeORM's own statement would have loaded.
"""

import re

from appdb.model.identifiers import literal
from appdb.source.evaluate.values import ListValue, Literal, Value, number_text, to_text
from appdb.source.frameworks.typeorm.args import SqlDefault
from appdb.source.frameworks.typeorm.metadata import ColumnData
from appdb.source.frameworks.typeorm.options import json_text

_PLAIN_ELEMENT = re.compile(r"[^\s{}\",\\']+")


def default_sql(column: ColumnData) -> str | None:
    """Return the SQL of a column's default; None when it has none."""
    match column.default:
        case None:
            return None
        case SqlDefault(sql=sql):
            return _datetime(sql)
        case ListValue(items=items) if column.array:
            return _array(items)
        case Literal(value=bool() as flag):
            # A label of an enum is text, whatever it looks like.
            word = "true" if flag else "false"
            return literal(word) if column.type in {"enum", "simple-enum"} else word
        case Literal(value=str() as text):
            return _quoted(text)
        case Literal(value=int() | float() as number):
            return literal(number_text(number))
        case value:
            text_form = json_text(value)
            return None if text_form is None else literal(text_form)


def _quoted(text: str) -> str:
    """Quote a text; quotes that are doubled already are what TypeORM users must write."""
    if "'" in text.replace("''", ""):
        return literal(text)
    return literal(text.replace("''", "'"))


def _array(items: tuple[Value, ...]) -> str:
    elements: list[str] = []
    for item in items:
        text = to_text(item) or ""
        if not _PLAIN_ELEMENT.fullmatch(text) or text.upper() == "NULL":
            escaped = text.replace("\\", "\\\\").replace('"', '\\"')
            text = f'"{escaped}"'
        elements.append(text)
    return literal("{" + ",".join(elements) + "}")


def _datetime(sql: str) -> str:
    """TypeORM's normalizeDatetimeFunction: the words for now, as Postgres shows them."""
    upper = sql.upper()
    found = re.search(r"\(\d+\)", sql)
    precision = found[0] if found else ""
    if "CURRENT_TIMESTAMP" in upper:
        return f"('now'::text)::timestamp{precision} with time zone" if precision else "now()"
    if upper == "CURRENT_DATE":
        return "('now'::text)::date"
    if "CURRENT_TIME" in upper:
        return f"('now'::text)::time{precision} with time zone"
    if "LOCALTIMESTAMP" in upper:
        return f"('now'::text)::timestamp{precision} without time zone"
    if "LOCALTIME" in upper:
        return f"('now'::text)::time{precision} without time zone"
    return sql
