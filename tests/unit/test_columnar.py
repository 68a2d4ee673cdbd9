"""Values survive the way as columns of JSON, and nothing else is taken for them."""

import json
from dataclasses import dataclass
from enum import Enum, IntEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appdb.model.analysis import Analysis
from appdb.source.analyze import AnalysisOptions, analyze
from appdb.source.bundle import bundle_of_texts
from appdb.source.columnar import NotOfThisForm, pack, unpack


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Rank(IntEnum):
    LOW = 1
    HIGH = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    path: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    name: str
    place: Place
    rank: Rank = Rank.LOW
    size: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    name: str
    is_green: bool
    colour: Colour | None = None
    leaves: tuple[Leaf, ...] = ()
    words: tuple[str, ...] | None = None
    pairs: tuple[tuple[str, int], ...] = ()
    place: Place | None = None


PLACES = st.builds(Place, path=st.text(), line=st.integers())
LEAVES = st.builds(
    Leaf,
    name=st.text(),
    place=PLACES,
    rank=st.sampled_from(Rank),
    size=st.none() | st.floats(allow_nan=False),
)
TREES = st.builds(
    Tree,
    name=st.text(),
    is_green=st.booleans(),
    colour=st.none() | st.sampled_from(Colour),
    leaves=st.lists(LEAVES, max_size=4).map(tuple),
    words=st.none() | st.lists(st.text()).map(tuple),
    pairs=st.lists(st.tuples(st.text(), st.integers())).map(tuple),
    place=st.none() | PLACES,
)


@given(TREES)
def test_a_value_survives_the_way(tree):
    assert unpack(Tree, json.loads(json.dumps(pack(tree)))) == tree


@pytest.mark.parametrize("options", [AnalysisOptions(), AnalysisOptions(extensions=("a", "b"))])
def test_options_survive_the_way(options):
    assert unpack(AnalysisOptions, json.loads(json.dumps(pack(options)))) == options


def test_an_analysis_survives_the_way():
    text = 'datasource db {\n provider = "postgresql"\n}\nmodel A {\n id Int @id\n at DateTime?\n}'
    found = analyze(bundle_of_texts({"schema.prisma": text}))
    assert unpack(Analysis, json.loads(json.dumps(pack(found)))) == found


def test_a_place_that_many_share_is_written_once():
    place = Place(path="a", line=1)
    leaves = tuple(Leaf(name=str(n), place=place) for n in range(3))
    data = pack(Tree(name="t", is_green=True, leaves=leaves, place=place))
    assert data[0] == {"path": ["a"], "line": [1]}
    assert data[1] == {"name": ["0", "1", "2"], "place": [0, 0, 0]}


LEAF = {"name": ["l"], "place": [0]}
PLACE = {"path": ["a"], "line": [1]}
TREE = {"name": ["t"], "is_green": [True], "leaves": [1]}
REFUSED = {
    "no list": {},
    "too few tables": [PLACE, LEAF],
    "too many tables": [PLACE, LEAF, TREE, TREE],
    "no table": [PLACE, [], TREE],
    "no column": [PLACE, LEAF, TREE | {"name": "t"}],
    "an unknown field": [PLACE, LEAF, TREE | {"evil": [1]}],
    "a field that is missing": [PLACE, {"name": ["l"]}, TREE],
    "no first field": [PLACE, {"place": [0]}, TREE],
    "columns of two lengths": [PLACE, LEAF, TREE | {"colour": ["red", "blue"]}],
    "two roots": [PLACE, LEAF, {"name": ["t", "u"], "is_green": [True, True], "leaves": [1, 0]}],
    "no root": [PLACE, {"name": []}, {"name": []}],
    "a bool for a number": [{"path": ["a"], "line": [True]}, LEAF, TREE],
    "a number for a bool": [PLACE, LEAF, TREE | {"is_green": [1]}],
    "nothing for a text": [PLACE, LEAF, TREE | {"name": [None]}],
    "a list for a text": [PLACE, LEAF, TREE | {"name": [["t"]]}],
    "an unknown member": [PLACE, LEAF, TREE | {"colour": ["green"]}],
    "a member by a list": [PLACE, LEAF, TREE | {"colour": [[]]}],
    "a member by a bool": [PLACE, LEAF | {"rank": [True]}, TREE],
    "a row before the first": [PLACE, LEAF | {"place": [-1]}, TREE],
    "a row behind the last": [PLACE, LEAF | {"place": [1]}, TREE],
    "a row by a bool": [PLACE, LEAF | {"place": [False]}, TREE],
    "fewer rows than there are": [PLACE, LEAF, TREE | {"leaves": [0]}],
    "more rows than there are": [PLACE, LEAF, TREE | {"leaves": [10**12]}],
    "a negative number of rows": [PLACE, LEAF, TREE | {"leaves": [-1]}],
    "a text for a tuple": [PLACE, LEAF, TREE | {"words": ["ab"]}],
    "a number among texts": [PLACE, LEAF, TREE | {"words": [["a", 1]]}],
    "a pair of three": [PLACE, LEAF, TREE | {"pairs": [[["a", 1, 2]]]}],
    "a pair in the wrong order": [PLACE, LEAF, TREE | {"pairs": [[[1, "a"]]]}],
}


def test_the_data_of_the_refusals_is_right_but_for_one_thing():
    assert unpack(Tree, [PLACE, LEAF, TREE]).leaves[0].place == Place(path="a", line=1)


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_of_the_form_is_refused(case):
    with pytest.raises(NotOfThisForm):
        unpack(Tree, json.loads(json.dumps(REFUSED[case])))


@dataclass(frozen=True, slots=True)
class Untyped:
    held: object


@dataclass(frozen=True, slots=True)
class Twice:
    one: Place
    many: tuple[Place, ...]


@pytest.mark.parametrize("kind", [Untyped, Twice])
def test_a_class_without_a_form_is_a_mistake_of_ours(kind):
    with pytest.raises(TypeError):
        unpack(kind, [])
