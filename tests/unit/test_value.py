"""A value that is cheap to make behaves as a frozen dataclass does, but for the guard."""

from dataclasses import replace

from appdb.model.finding import Evidence, Span


def test_equal_values_are_one_key():
    first, second = Span(path="a", line=1), Span(path="a", line=1)
    assert first == second
    assert {first: "x"}[second] == "x"
    assert len({Evidence(span=first, rule="r"), Evidence(span=second, rule="r")}) == 1


def test_values_sort_by_their_fields():
    places = [Span(path="b", line=1), Span(path="a", line=2), Span(path="a", line=1, column=3)]
    assert sorted(places) == [places[2], places[1], places[0]]


def test_a_changed_copy_leaves_the_value_as_it_was():
    place = Span(path="a", line=1)
    assert replace(place, line=2) == Span(path="a", line=2)
    assert place == Span(path="a", line=1)
