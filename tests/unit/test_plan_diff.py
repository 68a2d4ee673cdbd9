"""What differs between two catalogs does not depend on the order they were read in."""

from hypothesis import given
from hypothesis import strategies as st

from appdb.model.catalog import Catalog, EnumType, Key, Kind
from appdb.plan.diff import diff_catalogs

LIVE = {Key(Kind.ENUM, "public", "", f"e{n}"): EnumType(labels=("a",)) for n in range(4)}
DECLARED = {Key(Kind.ENUM, "public", "", f"e{n}"): EnumType(labels=("a", "b")) for n in range(2, 6)}


@given(st.permutations(list(LIVE.items())), st.permutations(list(DECLARED.items())))
def test_the_order_of_changes_is_that_of_names(live, declared):
    found = diff_catalogs(Catalog(objects=dict(live)), Catalog(objects=dict(declared)), LIVE.keys())

    assert found == diff_catalogs(Catalog(objects=LIVE), Catalog(objects=DECLARED), LIVE.keys())
    assert 6 == len(found)
