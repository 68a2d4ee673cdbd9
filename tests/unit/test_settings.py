import pytest

from appdb.errors import InvalidSpec
from appdb.settings import FOREIGN, Settings, read_settings


def test_without_anything_given_the_defaults_hold():
    assert Settings() == read_settings({}, {"PATH": "/bin", "KUBECONFIG": "/x"})


def test_a_variable_sets_what_it_names():
    settings = read_settings({}, {"APPDB_HTTP_PORT": "0", "APPDB_LEADER_ELECTION": "true"})

    assert (0, True) == (settings.http_port, settings.leader_election)


def test_a_flag_wins_over_the_variable():
    assert 9 == read_settings({"workers": 9}, {"APPDB_WORKERS": "8"}).workers


def test_a_flag_that_was_not_given_does_not_win():
    settings = read_settings({"workers": None, "namespaces": ()}, {"APPDB_WORKERS": "8"})

    assert 8 == settings.workers


def test_namespaces_are_a_list_with_commas():
    assert ("a", "b") == read_settings({}, {"APPDB_NAMESPACES": "a,b"}).namespaces


def test_a_name_that_is_not_known_is_refused_and_the_known_ones_are_told():
    with pytest.raises(InvalidSpec, match=r"APPDB_WORKRES is not a setting; known are .*WORKERS"):
        read_settings({}, {"APPDB_WORKRES": "8"})


@pytest.mark.parametrize("variable", sorted(FOREIGN))
def test_variables_of_the_sandbox_are_none_of_its_business(variable: str):
    assert Settings() == read_settings({}, {variable: "x"})


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("APPDB_WORKERS", "0"),
        ("APPDB_WORKERS", "many"),
        ("APPDB_HTTP_PORT", "70000"),
        ("APPDB_LOG_FORMAT", "xml"),
        ("APPDB_LOG_LEVEL", "loud"),
        ("APPDB_GRACE_SECONDS", "-1"),
    ],
)
def test_a_wrong_value_is_refused_by_name_in_one_line(variable: str, value: str):
    with pytest.raises(InvalidSpec) as caught:
        read_settings({}, {variable: value})

    assert f"setting {variable.removeprefix('APPDB_').lower()}" in caught.value.message


def test_every_setting_is_described():
    assert all(field.description for field in Settings.model_fields.values())
