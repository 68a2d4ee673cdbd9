from hypothesis import given, settings
from hypothesis import strategies as st

from appdb.reconcile.keys import Kind, database_key, server_key
from appdb.reconcile.refs import DEFAULT_SERVER, Ref, ReferenceMap, Relation

SHOP, BLOG = database_key("team-a", "shop"), database_key("team-a", "blog")
SOURCE = Ref(Relation.SOURCE, "team-a", "code")
MAIN = Ref(Relation.SERVER, "", "main")

KEYS = st.sampled_from([database_key("n", name) for name in "abc"])
REFS = st.frozensets(
    st.builds(Ref, st.sampled_from(Relation), st.just("n"), st.sampled_from("xyz")), max_size=4
)


def test_everybody_who_refers_to_a_thing_is_found():
    refs = ReferenceMap()
    refs.update(SHOP, [SOURCE])
    refs.update(BLOG, [SOURCE, MAIN])

    assert (BLOG, SHOP) == refs.who(SOURCE)
    assert (BLOG,) == refs.who(MAIN)


def test_old_references_of_an_object_are_replaced():
    refs = ReferenceMap()
    refs.update(SHOP, [SOURCE])

    refs.update(SHOP, [MAIN])

    assert () == refs.who(SOURCE)
    assert (SHOP,) == refs.who(MAIN)


def test_the_same_name_in_another_namespace_is_another_thing():
    refs = ReferenceMap()
    refs.update(SHOP, [SOURCE])

    assert () == refs.who(Ref(Relation.SOURCE, "team-b", "code"))
    assert () == refs.who(Ref(Relation.SECRET, "team-a", "code"))


def test_an_object_without_a_named_server_is_on_the_default_one():
    refs = ReferenceMap()
    refs.update(SHOP, [MAIN])

    assert "main" == refs.server_of(SHOP)
    assert DEFAULT_SERVER == refs.server_of(BLOG)


def test_objects_are_known_until_they_are_removed():
    refs = ReferenceMap()
    refs.update(SHOP, [])
    refs.update(server_key("main"), [])
    assert refs.knows(SHOP)
    assert (server_key("main"),) == refs.keys_of(Kind.DATABASE_SERVER)

    refs.remove(SHOP)

    assert not refs.knows(SHOP)
    assert (server_key("main"),) == refs.keys()


@settings(deadline=None)
@given(st.lists(st.tuples(KEYS, st.none() | REFS), max_size=20))
def test_both_directions_always_agree(steps):
    refs, expected = ReferenceMap(), {}
    for key, wanted in steps:
        if wanted is None:
            refs.remove(key)
            expected.pop(key, None)
        else:
            refs.update(key, wanted)
            expected[key] = wanted

    assert set(expected) == set(refs.keys())
    for ref in {each for wanted in expected.values() for each in wanted} | {SOURCE}:
        assert tuple(sorted(key for key in expected if ref in expected[key])) == refs.who(ref)
