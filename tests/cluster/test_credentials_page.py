"""What docs/credentials.md shows does what the page says."""

import re

import pytest

from support.code import ROOT
from support.logins import credentials, keys_of, may_log_in
from support.team import Team, until

pytestmark = pytest.mark.cluster

PAGE = (ROOT / "docs" / "credentials.md").read_text()
MANIFESTS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
PATCH = re.search(r"`kubectl (patch appdb shop [^`]*)`", PAGE)


def apply(team: Team, manifest: str) -> None:
    text = manifest.replace("namespace: team-a", f"namespace: {team.namespace}")
    team.sandbox.kubectl("apply", "-f", "-", stdin=text)


def patch_trigger(team: Team) -> None:
    assert PATCH is not None
    words = [word.strip("'") for word in PATCH.group(1).split()]
    team.sandbox.kubectl("-n", team.namespace, *words)


def test_the_page_has_two_objects_and_a_command():
    assert 2 == len(MANIFESTS)
    assert PATCH is not None


def test_the_manifests_and_the_command_of_the_page_work(team: Team):
    rotation, access = MANIFESTS
    apply(team, rotation)
    team.await_ready("shop")
    before = team.keys("shop")
    assert "nextRotation" in credentials(team, "shop")
    assert (
        "true" == team.secret("shop-db")["metadata"]["annotations"]["reloader.stakater.com/match"]
    )

    patch_trigger(team)
    until(
        lambda: credentials(team, "shop").get("lastTrigger") == "leak-7",
        say=lambda: team.tell("shop"),
    )
    assert may_log_in(before) and may_log_in(team.keys("shop"))
    assert before["username"] == credentials(team, "shop")["previousLogin"]

    apply(team, access)
    team.await_ready("shop")
    for secret in ("shop-db", "shop-db-report", "shop-etl"):
        assert may_log_in(keys_of(team, secret))


def test_the_keys_of_the_page_are_those_of_the_secret(team: Team):
    team.apply("shop")
    team.await_ready("shop")

    section = PAGE.partition("| Keys | For |")[2].partition("\n\n")[0]
    named = {key for row in section.splitlines()[2:] for key in re.findall(r"`([^`]+)`", row)}
    optional = {"ca.crt", "direct-uri", "pooler-uri", "replica-uri"}
    assert set(team.keys("shop")) == named - optional
