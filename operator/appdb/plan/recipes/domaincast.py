"""Between a domain and the type that it is made of, Postgres converts by itself.

Pure. Only the rules of the new domain can refuse a value; nothing is rounded or cut.
"""

from dataclasses import replace

from appdb.model.catalog import Catalog, Column, DomainType, Kind
from appdb.plan.hazards import StepClass
from appdb.plan.recipes.context import Context, broken
from appdb.plan.typechange import TypeChange, spelled, type_change


def domain_change(ctx: Context, before: Column, after: Column) -> TypeChange | None:
    """Say how a column becomes one of a domain, or of another type than its domain.

    None when no domain is there, or when one is behind an array.
    """
    old, new = _domain(ctx.live, before), _domain(ctx.desired, after)
    if (old is None and new is None) or spelled(before.type).dimensions:
        return None
    under, over = _plain(before, old, ctx.live), _plain(after, new, ctx.desired)
    if under is None or over is None:
        return None
    found = _between(under, over)
    rules = _rules(ctx.desired, after)
    if not rules or not found.is_possible:
        return found
    loses = [*rules, *((found.loses,) if found.loses else ())]
    return replace(
        found,
        step_class=max(found.step_class, StepClass.BLOCKS, key=lambda c: c.rank),
        rewrites=True,
        loses=" OR ".join(f"({text})" for text in loses),
        reason="every value is checked against the rules of the domain; none changes",
    )


def _domain(catalog: Catalog, column: Column) -> DomainType | None:
    record = catalog.objects.get(column.base) if column.base else None
    return record if isinstance(record, DomainType) else None


def _plain(column: Column, domain: DomainType | None, catalog: Catalog) -> Column | None:
    """The column with the type that its domain is made of in the end; None over a declared one."""
    if domain is None:
        return column
    inner = _inner(catalog, domain)
    if inner is not None:
        return _plain(column, inner, catalog)
    is_declared = "." in domain.base or '"' in domain.base
    return None if is_declared else replace(column, type=domain.base, base=None)


def _inner(catalog: Catalog, domain: DomainType) -> DomainType | None:
    text = domain.base.replace('"', "")
    for key in catalog.keys(Kind.DOMAIN):
        record = catalog.objects[key]
        if text == f"{key.schema}.{key.name}" and isinstance(record, DomainType):
            return record
    return None


def _between(under: Column, over: Column) -> TypeChange:
    if under.type != over.type:
        return type_change(under, over)
    return TypeChange(step_class=StepClass.SAFE, reason="the stored values stay as they are")


def _rules(catalog: Catalog, column: Column) -> list[str]:
    """What is true of values that the domain would refuse, its inner domains' rules too."""
    found = []
    domain = _domain(catalog, column)
    while domain is not None:
        found += [broken(check) for check in domain.checks]
        found += ["{c} IS NULL"] if domain.not_null else []
        domain = _inner(catalog, domain)
    return found
