"""Where names are looked up: blocks inside functions inside modules.

A scope only remembers; the evaluator fills `values`.
"""

from dataclasses import dataclass, field

from appdb.source.evaluate.values import Value
from appdb.source.modules.bindings import Binding
from appdb.source.modules.scan import Module


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scope:
    """Names of one block. `values` holds parameters and what was evaluated already."""

    module: Module
    bindings: dict[str, Binding]
    parent: "Scope | None" = None
    values: dict[str, Value] = field(default_factory=dict)

    def find(self, name: str) -> "Scope | None":
        """Return the nearest scope that knows the name."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.values or name in scope.bindings:
                return scope
            scope = scope.parent
        return None
