"""Renders the trigger that keeps an old and a new column in step.

Pure text. The function reads and writes nothing but the row at hand, as whoever writes the
row, with a pinned search path: it lends nobody a right. Values are compared by their bytes,
so that types without an equality are served too.
"""

from appdb.model.catalog import Column, Sync
from appdb.model.identifiers import literal, qualified, quoted

_BODY = """
BEGIN
    IF TG_OP = 'INSERT' THEN
        -- Who knows only the old column leaves the new one at its default.
        IF {is_new_left} AND NOT {is_old_left} THEN
            NEW.{new} := NEW.{old};
        ELSE
            NEW.{old} := NEW.{new};
        END IF;
    ELSIF pg_catalog.record_image_ne(ROW(NEW.{new}), ROW(OLD.{new})) THEN
        NEW.{old} := NEW.{new};
    -- A row that was not filled yet has its value in the old column.
    ELSIF pg_catalog.record_image_ne(ROW(NEW.{old}), ROW(OLD.{old})) OR NEW.{new} IS NULL THEN
        NEW.{new} := NEW.{old};
    END IF;
    RETURN NEW;
END
"""


def create_sync(sync: Sync, column: Column) -> tuple[str, ...]:
    """Render function and trigger; `column` is the declared one, for its default."""
    assert sync.table is not None  # noqa: S101 - a lone function is never made
    function = qualified(sync.schema, sync.name)
    trigger = (
        f"CREATE TRIGGER {quoted(sync.name)} BEFORE INSERT OR UPDATE ON {sync.table.quoted}"
        f" FOR EACH ROW EXECUTE FUNCTION {function}({literal(sync.old)}, {literal(sync.new)})"
    )
    return create_function(sync, column), trigger


def create_function(sync: Sync, column: Column, *, again: bool = False) -> str:
    """Render the function, `again` in the place of the one that is there."""
    body = _BODY.format(
        old=quoted(sync.old),
        new=quoted(sync.new),
        is_old_left=_is_left(sync.old, column),
        is_new_left=_is_left(sync.new, column),
    )
    tag = "$appdb$"
    while tag in body:
        tag = f"{tag[:-1]}_$"
    create = "CREATE OR REPLACE FUNCTION" if again else "CREATE FUNCTION"
    return (
        f"{create} {qualified(sync.schema, sync.name)}() RETURNS trigger LANGUAGE plpgsql"
        f" SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS {tag}{body}{tag}"
    )


def drop_sync(sync: Sync) -> tuple[str, ...]:
    """Render the end of trigger and function."""
    function = f"DROP FUNCTION IF EXISTS {qualified(sync.schema, sync.name)}()"
    if sync.table is None:
        return (function,)
    trigger = f"DROP TRIGGER IF EXISTS {quoted(sync.name)} ON {sync.table.quoted}"
    return trigger, function


def shared_default(column: Column) -> str | None:
    """The default that both columns have; a volatile one would give each a value of its own."""
    return None if column.is_volatile else column.default


def _is_left(name: str, column: Column) -> str:
    """Whether an INSERT left a column out, as far as its value can tell."""
    default = shared_default(column)
    if default is None:
        return f"(NEW.{quoted(name)} IS NOT DISTINCT FROM NULL)"
    value = f"ROW(({default})::{column.type})"
    return f"pg_catalog.record_image_eq(ROW(NEW.{quoted(name)}), {value})"
