"""Pairs the relation fields and makes foreign keys and join tables of them.

Every relation has two fields, one on each model. The side with `fields` holds the key; two
lists make a table of their own. Nothing is paired by guessing: what is ambiguous is refused.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from appdb.source.frameworks.prisma.declarations import Declarations
from appdb.source.frameworks.prisma.keys import Keys
from appdb.source.frameworks.prisma.model import Model, Relation
from appdb.source.frameworks.prisma.remarks import Code, Invalid
from appdb.source.frameworks.prisma.syntax import Arity


@dataclass(frozen=True, slots=True)
class Holder:
    """The side of a relation that holds the foreign key."""

    model: Model
    relation: Relation
    target: Model


@dataclass(frozen=True, slots=True)
class ManyToMany:
    """An implicit many-to-many relation; `first` is behind column A, `second` behind B."""

    name: str
    first: Model
    second: Model
    model: Model
    relation: Relation


def pair_relations(
    declared: Declarations, keys: Mapping[str, Keys]
) -> tuple[list[Holder], list[ManyToMany]]:
    """Return who holds a foreign key and which tables stand between; findings for the rest."""
    holders: list[Holder] = []
    between: list[ManyToMany] = []
    for model in declared.models.values():
        ambiguous = _ambiguous(model)
        for relation in model.relations.values():
            try:
                if relation.field.name in ambiguous:
                    raise _invalid(relation, ambiguous[relation.field.name])
                _pair(declared, keys, (model, relation), (holders, between))
            except Invalid as invalid:
                _break(declared, model, relation, invalid)
    return holders, between


def _break(declared: Declarations, model: Model, relation: Relation, invalid: Invalid) -> None:
    at = relation.field.base + invalid.at
    if not (model.is_broken and _is_followup(model, relation)):
        declared.remarks.error(invalid.code, model.source, at, invalid.message)
    model.is_broken = True


def _is_followup(model: Model, relation: Relation) -> bool:
    """A relation over columns that could not be read needs no second finding."""
    return bool(relation.fields) and not set(relation.fields) <= model.scalars.keys()


def _invalid(relation: Relation, message: str) -> Invalid:
    return Invalid(Code.RELATION, relation.field.at - relation.field.base, message)


def _ambiguous(model: Model) -> dict[str, str]:
    """Two relations of a model to one other need names, and each name belongs to one pair."""
    found: dict[str, str] = {}
    for (target, name), same in model.ends.items():
        allowed = 2 if target == model.name and name is not None else 1
        if target == model.name and name is None and len(same) > 1:
            allowed = 1
        if len(same) > allowed:
            fields = ", ".join(f"`{relation.field.name}`" for relation in same)
            message = (
                f"ambiguous: {fields} of `{model.name}` all refer to `{target}`; give the "
                "relations different names with `@relation(<name>)`"
            )
            found.update((relation.field.name, message) for relation in same)
    return found


def _pair(
    declared: Declarations,
    keys: Mapping[str, Keys],
    side: tuple[Model, Relation],
    found: tuple[list[Holder], list[ManyToMany]],
) -> None:
    model, relation = side
    target = declared.models[relation.target]
    opposite = _opposite(model, relation, target)
    if opposite is None:
        if _is_unreadable(model, target):
            return
        message = (
            f"the relation `{relation.field.name}` of `{model.name}` has no opposite field on "
            f"`{target.name}`"
        )
        raise _invalid(relation, message)
    if relation.is_list:
        _check_list(relation)
        if opposite.is_list and _is_first(side, (target, opposite)):
            found[1].append(_many_to_many(keys, side, (target, opposite)))
        return
    if not opposite.is_list and relation.fields and (opposite.fields or opposite.references):
        raise _invalid(relation, "`fields` and `references` may stand on one side only")
    if not relation.fields:
        _check_back(model, relation, opposite)
        return
    _check_holder(keys, side, (target, opposite))
    found[0].append(Holder(model, relation, target))


def _is_unreadable(model: Model, target: Model) -> bool:
    """The opposite field may be among those that a finding already speaks about."""
    was_lost = any(field.type_name == model.name for field in target.block.fields) and all(
        other.target != model.name for other in target.relations.values()
    )
    return target.block.is_broken or (target.is_broken and was_lost)


def _opposite(model: Model, relation: Relation, target: Model) -> Relation | None:
    ends = target.ends.get((model.name, relation.name), ())
    return next((other for other in ends if other is not relation), None)


def _is_first(side: tuple[Model, Relation], other: tuple[Model, Relation]) -> bool:
    """Tell which of the two lists comes first, so that the pair is taken once."""
    return (side[0].name, side[1].field.name) < (other[0].name, other[1].field.name)


def _check_list(relation: Relation) -> None:
    if relation.fields or relation.references:
        raise _invalid(relation, "`fields` and `references` stand on the other side of a list")
    if relation.on_delete or relation.on_update:
        raise _invalid(relation, "`onDelete` and `onUpdate` stand on the side with `fields`")


def _check_back(model: Model, relation: Relation, opposite: Relation) -> None:
    if opposite.is_list or not opposite.fields:
        message = (
            f"the relation `{relation.field.name}` of `{model.name}` needs `fields` and "
            "`references` in its `@relation`"
        )
        raise _invalid(relation, message)
    if relation.references:
        raise _invalid(relation, "`references` may stand beside `fields` only")
    if relation.on_delete or relation.on_update:
        raise _invalid(relation, "`onDelete` and `onUpdate` stand on the side with `fields`")
    if relation.field.arity is Arity.REQUIRED:
        message = (
            f"`{relation.field.name}` must be optional: the database cannot enforce the side of "
            "a one-to-one relation that holds no key"
        )
        raise _invalid(relation, message)


def _many_to_many(
    keys: Mapping[str, Keys], side: tuple[Model, Relation], other: tuple[Model, Relation]
) -> ManyToMany:
    (first, relation), (second, _) = side, other
    for model in (first, second):
        if len(keys[model.name].ids) != 1 and not model.is_broken:
            message = (
                f"`{model.name}` has no id of one field, so it cannot be part of an implicit "
                "many-to-many relation"
            )
            raise _invalid(relation, message)
    name = relation.name or f"{first.name}To{second.name}"
    return ManyToMany(name, first, second, first, relation)


def _check_holder(
    keys: Mapping[str, Keys],
    side: tuple[Model, Relation],
    other: tuple[Model, Relation],
) -> None:
    (model, relation), (target, opposite) = side, other
    checks: Sequence[Iterator[str]] = (
        _existing(relation, model, target),
        _matching(relation, model, target),
        _referring(relation, target, keys[target.name]),
        _required(relation, model),
        _single(relation, model, keys[model.name], opposite),
    )
    for check in checks:
        for message in check:
            raise _invalid(relation, message)


def _existing(relation: Relation, model: Model, target: Model) -> Iterator[str]:
    if not relation.references:
        yield f"the relation `{relation.field.name}` needs `references` beside `fields`"
    if len(relation.fields) != len(relation.references):
        yield "`fields` and `references` must name equally many fields"
    for names, where in ((relation.fields, model), (relation.references, target)):
        for name in names:
            if name not in where.scalars:
                yield f"`{name}` is no field of `{where.name}` that has a column"
        if len(set(names)) < len(names):
            yield "a field is named twice"


def _matching(relation: Relation, model: Model, target: Model) -> Iterator[str]:
    for own, other in zip(relation.fields, relation.references, strict=True):
        left, right = model.scalars[own], target.scalars[other]
        if left.kind != right.kind or left.type.dimensions != right.type.dimensions:
            yield (
                f"`{own}` of `{model.name}` is {left.kind} and `{other}` of `{target.name}` is "
                f"{right.kind}; a key needs the same type"
            )
        if not _comparable(left.type.sql, right.type.sql):
            yield (
                f"`{own}` is {left.type.sql} and `{other}` is {right.type.sql}; Postgres "
                "refuses a foreign key between them"
            )


def _comparable(left: str, right: str) -> bool:
    """Types that share a btree operator; of the others Postgres refuses a foreign key."""
    alone = {"uuid", "inet", "money", "xml", "json", "citext"}
    left, right = left.partition("(")[0], right.partition("(")[0]
    return left == right or not ({left, right} & (alone - {"citext"}))


def _referring(relation: Relation, target: Model, keys: Keys) -> Iterator[str]:
    wanted = sorted(relation.references)
    if target.is_broken or target.is_view:
        return
    if all(wanted != sorted(fields) for fields in (keys.ids, *keys.unique)):
        names = ", ".join(relation.references)
        yield f"`references` must be unique together: `{target.name}` needs a key over ({names})"


def _required(relation: Relation, model: Model) -> Iterator[str]:
    is_optional = any(model.scalars[name].arity is not Arity.REQUIRED for name in relation.fields)
    if relation.field.arity is Arity.REQUIRED and is_optional:
        yield f"`{relation.field.name}` must be optional, because one of its `fields` is"


def _single(relation: Relation, model: Model, keys: Keys, opposite: Relation) -> Iterator[str]:
    fields = relation.fields
    if opposite.is_list or fields == keys.ids or fields in keys.unique:
        return
    names = ", ".join(relation.fields)
    if not model.is_broken:
        yield f"a one-to-one relation needs a unique key over ({names}) of `{model.name}`"
