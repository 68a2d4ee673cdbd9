"""Documents say what the code does: tables equal enums, links lead somewhere, YAML is accepted."""

import re

import pytest
import yaml

from appdb.api.reasons import REASONS, Reason
from appdb.cluster.events import EventReason
from appdb.runtime.metrics import Metrics
from appdb.settings import PREFIX, Settings
from support.code import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")


def cells(page, title):
    """First cells of the table under a heading, without backticks."""
    section = (ROOT / page).read_text().partition(f"## {title}\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1].strip() for line in section.splitlines() if line.startswith("| `")]
    return [row.strip("`") for row in rows]


def blocks(language):
    return [
        pytest.param(text, id=f"{page.name}-{number}")
        for page in PAGES
        for number, (kind, text) in enumerate(FENCE.findall(page.read_text()), 1)
        if kind == language
    ]


def test_every_setting_is_documented_with_its_default():
    documented = cells("docs/operations.md", "Settings")

    assert [f"{PREFIX}{name.upper()}" for name in Settings.model_fields] == documented


def test_every_event_is_documented():
    assert [reason.value for reason in EventReason] == cells("docs/operations.md", "Events")


def test_every_metric_is_documented():
    exported = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in Metrics().registry.collect()
    }

    assert exported == set(cells("docs/operations.md", "Metrics"))


def test_every_reason_has_meaning_impact_diagnosis_and_mitigation():
    section = (ROOT / "docs/operations.md").read_text().partition("## Reasons\n")[2]
    rows = re.findall(r"^\| `\w+` .*\|$", section.partition("\n## ")[0], re.MULTILINE)
    told = {row.split("|")[1].strip(" `"): row.strip("| ").split(" | ") for row in rows}

    assert {reason.value for reason in Reason} == set(told)
    assert [] == [name for name, row in told.items() if len(row) != 5 or not all(row)]


def test_a_reason_that_waits_for_a_person_stands_among_those():
    section = (ROOT / "docs/operations.md").read_text().partition("### Waits for a person\n")[2]
    named = set(re.findall(r"^\| `(\w+)`", section.partition("\n## ")[0], re.MULTILINE))

    assert {reason.value for reason, told in REASONS.items() if told.stalls} <= named


def test_every_failure_mode_is_covered_by_tests_that_exist_or_by_a_reason():
    """Rows F1 to F40: names of tests in the last cell, or a sentence why it cannot happen."""
    text = (ROOT / "docs/threat-model.md").read_text()
    rows = re.findall(r"^\| F(\d+) \|.*\| (.*) \|$", text, re.MULTILINE)
    written = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    there = set(re.findall(r"def (test_\w+)", written))

    assert [str(number) for number in range(1, 41)] == [number for number, _ in rows]
    assert set() == set(re.findall(r"`(test_\w+)`", text)) - there
    for number, cell in rows:
        assert "`test_" in cell or cell.startswith("Cannot happen: "), f"F{number}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    missing = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]

    assert [] == missing


def test_the_readme_is_short():
    assert 200 > len((ROOT / "README.md").read_text().splitlines())


@pytest.mark.parametrize("text", blocks("yaml"))
def test_yaml_in_documents_parses(text):
    assert all(isinstance(each, dict) for each in yaml.safe_load_all(text))


@pytest.mark.cluster
@pytest.mark.parametrize("text", blocks("yaml"))
def test_objects_in_documents_are_accepted_by_the_api_server(text, cluster):
    objects = [each for each in yaml.safe_load_all(text) if "apiVersion" in each]
    for each in objects:
        namespace = each["metadata"].get("namespace")
        if namespace and namespace != "appdb-system":
            cluster.kubectl("create", "namespace", namespace, "--dry-run=client", "-o", "yaml")
            _ensure_namespace(cluster, namespace)
    if not objects:
        pytest.skip("a fragment without objects")
    applied = cluster.kubectl(
        "apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=yaml.dump_all(objects)
    )

    assert len(objects) == len(applied.strip().splitlines())


def _ensure_namespace(cluster, name):
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    cluster.kubectl("apply", "-f", "-", stdin=yaml.dump(manifest))
