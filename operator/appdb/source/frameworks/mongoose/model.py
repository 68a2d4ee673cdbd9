"""What was read, before it is laid out as tables: paths, schemas and models.

Values only; the words are Mongoose's.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from appdb.model.finding import Confidence, Span
from appdb.source.evaluate.values import Call, ObjectValue, Value


class Shape(StrEnum):
    """How a path is stored."""

    SCALAR = "scalar"
    ARRAY = "array"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True, kw_only=True)
class PathType:
    """`word` is that of the element for an array, and `Mixed` for a document.

    `ref` is what the path refers to, as written; `has_ref_path` says that another path decides
    it. `element` holds the options of an array's items (`[{type: String, index: true}]`).
    """

    shape: Shape
    word: str = "Mixed"
    ref: Value | None = None
    has_ref_path: bool = False
    element: ObjectValue | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaPath:
    """One path of a schema (`prefs.theme`) with the options that stand beside its type."""

    name: str
    type: PathType
    span: Span
    options: ObjectValue
    confidence: Confidence = Confidence.EXACT
    rule: str = "mongoose.path"

    @property
    def is_inside_document(self) -> bool:
        """True when the path has no column of its own."""
        return self.type.shape is Shape.DOCUMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSpec:
    """`schema.index(fields, options)`: dotted paths with their kinds (1, -1, `text`, ...)."""

    fields: tuple[tuple[str, object], ...]
    options: ObjectValue
    span: Span


@dataclass(slots=True, kw_only=True)
class SchemaContent:
    """A schema after everything that was done to it. `paths` are in Mongoose's order."""

    span: Span
    options: dict[str, Value] = field(default_factory=dict)
    paths: dict[str, SchemaPath] = field(default_factory=dict)
    indexes: list[IndexSpec] = field(default_factory=list)
    discriminators: list[tuple[str, Call, Value | None, Span]] = field(default_factory=list)
    problem: str | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Model:
    """A model, or with `base` a discriminator of one; `value` is what its key column holds."""

    name: str
    schema: Call
    span: Span
    collection: str | None = None
    base: "Model | None" = None
    value: str | None = None
    confidence: Confidence = Confidence.EXACT
    children: list["Model"] = field(default_factory=list)

    @property
    def root(self) -> "Model":
        """The model whose table this one shares."""
        model = self
        while model.base is not None:
            model = model.base
        return model
