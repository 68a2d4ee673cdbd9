"""The comment that says whose a database or role is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appdb.model.claim import Claim, Claimant, Part, parse_claim

WORD = st.from_regex(r"[a-z0-9]([-.a-z0-9]{0,60}[a-z0-9])?", fullmatch=True)
CLAIMANT = st.builds(Claimant, cluster=WORD, namespace=WORD, name=WORD, uid=WORD | st.just(""))
SHOP = Claimant(cluster="c1", namespace="team-a", name="shop", uid="u1")
TEXT = Claim(claimant=SHOP, database="team_a_shop", part=Part.OWNER).text()


@given(st.builds(Claim, claimant=CLAIMANT, database=WORD, part=st.sampled_from(Part)))
def test_a_claim_is_read_back_as_it_was_written(claim):
    assert claim == parse_claim(claim.text())


def test_a_claim_is_one_readable_line():
    assert TEXT == (
        "appdb.chatbuilds.com/claim v1 cluster=c1 namespace=team-a name=shop uid=u1"
        " database=team_a_shop part=owner"
    )


@pytest.mark.parametrize(
    "comment",
    [
        None,
        "",
        "the shop's database, do not touch",
        TEXT + " ",
        " " + TEXT,
        TEXT + "\n",
        TEXT.replace("v1", "v2"),
        TEXT.replace("part=owner", "part=king"),
        TEXT.replace(" uid=u1", ""),
        TEXT.replace("name=shop", "name=shop x"),
        TEXT.replace("c1", "ç1"),
        TEXT + TEXT,
    ],
)
def test_what_is_not_exactly_a_claim_is_none(comment):
    assert parse_claim(comment) is None


def test_a_new_uid_is_still_the_same_object():
    again = Claimant(cluster="c1", namespace="team-a", name="shop", uid="u2")

    assert SHOP.is_same_object(again)


@pytest.mark.parametrize(
    "other",
    [
        Claimant(cluster="c2", namespace="team-a", name="shop"),
        Claimant(cluster="c1", namespace="team-b", name="shop"),
        Claimant(cluster="c1", namespace="team-a", name="blog"),
    ],
    ids=["cluster", "namespace", "name"],
)
def test_another_cluster_namespace_or_name_is_another_object(other):
    assert not SHOP.is_same_object(other)


def test_a_namesake_of_another_cluster_is_known_as_one():
    assert SHOP.is_namesake(Claimant(cluster="c2", namespace="team-a", name="shop"))


@pytest.mark.parametrize("word", ["", "a b", "a\nb", "a=b", "'"])
def test_words_that_would_not_survive_the_comment_are_refused(word):
    with pytest.raises(ValueError, match="plain words"):
        Claimant(cluster="c1", namespace=word, name="shop")
