"""Reading and writing objects of our kinds."""

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appdb.api.appdatabase import AppDatabase
from appdb.api.appdatabase_status import AppDatabaseStatus, FrameworkStatus
from appdb.api.crd import build_schema
from appdb.api.credentials_spec import AccessSpec, RotationSpec
from appdb.api.effects import fields_without_effect
from appdb.api.kinds import KINDS
from appdb.api.namespaces import AllowedNamespaces
from appdb.api.quantities import parse_duration, parse_quantity
from appdb.api.server import DatabaseServer, TLSMode, TLSSpec
from appdb.errors import InvalidSpec
from support.contract import server_spec
from support.schema_values import values_of

LIVE = {
    "apiVersion": "appdb.chatbuilds.com/v1alpha1",
    "kind": "AppDatabase",
    "metadata": {
        "name": "shop",
        "namespace": "team-a",
        "uid": "u",
        "generation": 3,
        "managedFields": [{"manager": "kubectl"}],
        "deletionTimestamp": "2026-11-24T10:00:00Z",
    },
    "spec": {"source": {"configMaps": [{"name": "shop-source"}]}},
    "status": {"observedGeneration": 2},
}


def test_a_live_object_is_read_with_its_defaults():
    shop = AppDatabase.of(LIVE)

    assert ("shop", "team-a", 3, True) == (
        shop.metadata.name,
        shop.metadata.namespace,
        shop.metadata.generation,
        shop.metadata.is_deleting,
    )
    assert (2, "shop-db", "Retain") == (
        shop.status.observed_generation,
        shop.secret_name,
        shop.spec.deletion_policy,
    )


def test_fields_of_a_newer_version_are_passed_over():
    newer = LIVE | {"spec": {"tier": "gold", "schema": {"oracle": True}}, "status": {"mood": 1}}

    assert "Auto" == AppDatabase.of(newer).spec.schema_.mode


@pytest.mark.parametrize(
    ("spec", "located"),
    [
        ({"schema": {"mode": "Fast"}}, "spec.schema.mode: "),
        ({"source": {"configMaps": [{"name": "a"}, {}]}}, "spec.source.configMaps[1].name: "),
        ({"credentials": {"rotation": {"interval": "soon"}}}, "spec.credentials.rotation.interval"),
        ({"access": [{"name": "a", "role": "Owner"}]}, "spec.access[0].role: "),
        ({"limits": {"connections": 0, "storage": "lots"}}, "(and 1 more)"),
    ],
)
def test_a_wrong_value_is_located(spec, located):
    with pytest.raises(InvalidSpec) as raised:
        AppDatabase.of({"spec": spec})

    assert located in raised.value.message
    assert "apply again" in raised.value.message


def test_a_wrong_value_is_never_quoted():
    with pytest.raises(InvalidSpec) as raised:
        AppDatabase.of({"spec": {"source": {"inline": {"a": {"password": "canary-4711"}}}}})

    assert "canary" not in raised.value.message


def test_a_text_of_users_never_makes_a_status_that_is_refused():
    long = "9" * 5000
    annotated = AppDatabase.of({"metadata": {"annotations": {"a": long}}})

    assert 128 == len(FrameworkStatus(name="Prisma", version=long).version)
    assert 1024 == len(annotated.metadata.annotations["a"])
    status = AppDatabaseStatus(last_handled_reconcile_at=annotated.metadata.annotations["a"])
    assert annotated.metadata.annotations["a"] == status.last_handled_reconcile_at


def test_names_given_out_before_stay():
    shop = AppDatabase.of(
        LIVE
        | {
            "spec": {"credentials": {"secretName": "new"}},
            "status": {"binding": {"name": "old"}},
        }
    )

    assert "old" == shop.secret_name


def test_a_login_of_access_has_a_secret_of_its_own():
    shop = AppDatabase.of(LIVE)

    assert "shop-db-bi-team" == shop.access_secret_name(AccessSpec(name="bi_team"))
    assert "mine" == shop.access_secret_name(AccessSpec(name="bi", secret_name="mine"))


PARTS = {
    f"{kind.kind}.{part}": (
        kind.model.model_fields[part].annotation,
        values_of(build_schema(kind)["properties"][part]),
    )
    for kind in KINDS
    for part in ("spec", "status")
}


@pytest.mark.parametrize("part", PARTS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_valid_object_reads_back_as_it_was_written(part, data):
    model, values = PARTS[part]
    read = model.parse(data.draw(values))

    again = model.parse(read.to_object())

    assert read == again
    assert read.to_object() == again.to_object()


def test_what_was_set_is_written_under_its_own_name():
    given_spec = {
        "serverRef": {"name": "main"},
        "databaseName": "shop",
        "schema": {
            "allow": {"dropColumn": "Never"},
            "renames": [{"table": "a", "column": "b", "to": "c", "mode": "Expand"}],
        },
        "credentials": {"labels": {"empty": ""}, "rotation": {"interval": "720h"}},
        "access": [{"name": "bi", "role": "Reader"}],
    }

    written = AppDatabase.of({"spec": given_spec}).spec.to_object()

    assert "Never" == written["schema"]["allow"]["dropColumn"]
    assert given_spec["schema"]["renames"] == written["schema"]["renames"]
    assert {"empty": ""} == written["credentials"]["labels"]
    assert "source" not in written


def test_an_empty_selector_is_not_the_same_as_none():
    everywhere = AllowedNamespaces.parse({"selector": {}})

    assert {"selector": {}} == everywhere.to_object()
    assert everywhere.admits("any", {})
    assert not AllowedNamespaces().admits("any", {})


@pytest.mark.parametrize(
    ("allowed", "labels", "expected"),
    [
        ({"all": True}, {}, True),
        ({"names": ["team-a"]}, {}, True),
        ({"names": ["team-b"]}, {}, False),
        ({"selector": {"matchLabels": {"tier": "gold"}}}, {"tier": "gold"}, True),
        ({"selector": {"matchLabels": {"tier": "gold"}}}, {"tier": "tin"}, False),
        ({"selector": {"matchLabels": {"tier": "gold"}}}, {}, False),
        *(
            ({"selector": {"matchExpressions": [{"key": "t", **comparison}]}}, labels, expected)
            for comparison, labels, expected in (
                ({"operator": "In", "values": ["a", "b"]}, {"t": "b"}, True),
                ({"operator": "In", "values": ["a"]}, {}, False),
                ({"operator": "NotIn", "values": ["a"]}, {"t": "a"}, False),
                ({"operator": "NotIn", "values": ["a"]}, {}, True),
                ({"operator": "Exists"}, {"t": ""}, True),
                ({"operator": "Exists"}, {}, False),
                ({"operator": "DoesNotExist"}, {}, True),
                ({"operator": "DoesNotExist"}, {"t": ""}, False),
            )
        ),
    ],
)
def test_namespaces_are_admitted_as_kubernetes_selects(allowed, labels, expected):
    assert expected is AllowedNamespaces.parse(allowed).admits("team-a", labels)


@pytest.mark.parametrize(
    ("spec", "mode"),
    [
        ({}, TLSMode.PREFER),
        ({"caSecretRef": {"name": "ca"}}, TLSMode.VERIFY_FULL),
        ({"mode": "require", "caSecretRef": {"name": "ca"}}, TLSMode.REQUIRE),
    ],
)
def test_tls_is_as_strict_as_it_can_be(spec, mode):
    assert mode is TLSSpec.parse(spec).effective_mode()


def test_applications_reach_the_server_where_the_operator_does_unless_told_otherwise():
    assert ("db.example.com", 5432) == endpoint(server_spec())
    outside = {"endpoints": {"primary": {"host": "pg.apps", "port": 6000}}}
    assert ("pg.apps", 6000) == endpoint(server_spec() | outside)


def endpoint(spec):
    primary = DatabaseServer.of({"spec": spec}).primary
    return primary.host, primary.port


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("1024", 1024),
        ("1k", 1000),
        ("1Ki", 1024),
        ("64Mi", 64 * 2**20),
        ("1.5G", 1_500_000_000),
        ("2Ti", 2**41),
    ],
)
def test_sizes_are_read_as_kubernetes_reads_them(text, expected):
    assert expected == parse_quantity(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", timedelta()),
        ("250ms", timedelta(milliseconds=250)),
        ("2s", timedelta(seconds=2)),
        ("1h30m", timedelta(minutes=90)),
        ("720h", timedelta(days=30)),
        ("0.5h", timedelta(minutes=30)),
    ],
)
def test_durations_are_read_as_go_reads_them(text, expected):
    assert expected == parse_duration(text)


@pytest.mark.parametrize("text", ["", "1", "-1s", "1d", "2s\n", "1h 2m", "9" * 18 + "h"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(InvalidSpec):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "Mi", "1 Mi", "-1", "1Zi", "1Mi\n", "1m"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(InvalidSpec):
        parse_quantity(text)


@pytest.mark.parametrize(
    ("rotation", "expected"),
    [
        ({}, timedelta(hours=1)),
        ({"grace": "0s"}, timedelta()),
        ({"interval": "1h"}, timedelta(minutes=30)),
        ({"interval": "720h"}, timedelta(hours=1)),
        ({"interval": "720h", "grace": "24h"}, timedelta(hours=24)),
    ],
)
def test_the_grace_is_always_shorter_than_the_interval(rotation, expected):
    assert expected == RotationSpec.parse(rotation).grace_period()


@given(st.sampled_from(["1h", "90m", "3h", "720h"]))
def test_a_grace_by_default_never_reaches_the_next_rotation(interval):
    grace = RotationSpec(interval=interval).grace_period()

    assert grace < parse_duration(interval)


def test_a_bare_object_has_every_effect():
    assert () == fields_without_effect(AppDatabase.of({}).spec)


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        ({"limits": {"storage": "1Gi", "connections": 5}}, ("limits.storage",)),
        ({"schema": {"lockTimeout": "2s"}}, ()),
        ({"schema": {"lockTimeout": "3s", "driftPolicy": "Ignore"}}, ()),
        ({"schema": {"allow": {"dropColumn": "Auto"}, "mode": "Review"}}, ()),
        ({"deletionPolicy": "Snapshot"}, ("deletionPolicy Snapshot",)),
    ],
)
def test_a_field_without_effect_is_named(spec, named):
    assert named == fields_without_effect(AppDatabase.of({"spec": spec}).spec)
