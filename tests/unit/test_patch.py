import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from appdb.reconcile.patch import merge_patch

# RFC 7396 cannot set a null inside an object: our statuses hold none.
LEAVES = st.integers() | st.booleans() | st.text(max_size=3)
OBJECTS = st.recursive(
    st.dictionaries(st.sampled_from("abcd"), LEAVES | st.lists(LEAVES, max_size=2), max_size=4),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), LEAVES | inner, max_size=4),
    max_leaves=12,
)


def merged(target: Any, patch: Any) -> Any:
    """RFC 7396, section 2, word for word."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


@settings(deadline=None)
@given(OBJECTS, OBJECTS)
def test_a_patch_leads_from_one_object_to_the_other(before, after):
    assert after == merged(before, merge_patch(before, after))


@settings(deadline=None)
@given(OBJECTS)
def test_nothing_is_patched_where_nothing_differs(same):
    assert {} == merge_patch(same, copy.deepcopy(same))


@settings(deadline=None)
@given(OBJECTS, OBJECTS)
def test_a_patch_names_only_what_differs(before, after):
    patch = merge_patch(before, after)

    for key, value in patch.items():
        assert before.get(key) != after.get(key)
        assert (value is None) == (key not in after)


@settings(deadline=None)
@given(OBJECTS, OBJECTS)
def test_neither_object_is_changed(before, after):
    kept = copy.deepcopy((before, after))

    merge_patch(before, after)

    assert kept == (before, after)


def test_lists_are_replaced_whole():
    patch = merge_patch({"conditions": [{"type": "A"}]}, {"conditions": [{"type": "B"}]})

    assert {"conditions": [{"type": "B"}]} == patch
