"""Who refers to what: so that a change of a ConfigMap reaches the databases that read it.

Plain maps filled from watch events. A stale entry only makes the queue look at an object
that turns out to be gone or unchanged: harmless, because every run reads afresh.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from appdb.reconcile.keys import Kind, ObjectKey


class Relation(StrEnum):
    """What an object is referred to as."""

    SOURCE = "source"
    SECRET = "secret"  # noqa: S105 - a word, not a secret
    SERVER = "server"
    NAMESPACE = "namespace"


DEFAULT_SERVER = ""


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """A reference by name; the name of the default server is empty."""

    relation: Relation
    namespace: str
    name: str


@dataclass(slots=True)
class ReferenceMap:
    """References in both directions, replaced whole per object."""

    _by_object: dict[ObjectKey, frozenset[Ref]] = field(default_factory=dict)
    _by_ref: defaultdict[Ref, set[ObjectKey]] = field(default_factory=lambda: defaultdict(set))

    def update(self, key: ObjectKey, refs: Iterable[Ref]) -> None:
        """Remember what an object refers to now."""
        self.remove(key)
        self._by_object[key] = frozenset(refs)
        for ref in self._by_object[key]:
            self._by_ref[ref].add(key)

    def remove(self, key: ObjectKey) -> None:
        """Forget an object."""
        for ref in self._by_object.pop(key, frozenset()):
            self._by_ref[ref].discard(key)
            if not self._by_ref[ref]:
                del self._by_ref[ref]

    def who(self, ref: Ref) -> tuple[ObjectKey, ...]:
        """Return the objects that refer to this, sorted."""
        return tuple(sorted(self._by_ref.get(ref, ())))

    def server_of(self, key: ObjectKey) -> str:
        """Return the name of the server that an object refers to; empty is the default one."""
        for ref in self._by_object.get(key, ()):
            if ref.relation is Relation.SERVER:
                return ref.name
        return DEFAULT_SERVER

    def knows(self, key: ObjectKey) -> bool:
        """Tell whether an object has been seen and is not gone."""
        return key in self._by_object

    def keys_of(self, kind: Kind) -> tuple[ObjectKey, ...]:
        """Return every object known of one kind."""
        return tuple(key for key in self._by_object if key.kind is kind)

    def keys(self) -> tuple[ObjectKey, ...]:
        """Return every object known."""
        return tuple(self._by_object)
