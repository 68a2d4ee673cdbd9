"""Prints one line per case of the conformance tier, grouped by ORM, at the end of the run."""

import pytest

SCORES = pytest.StashKey[dict]()


def pytest_configure(config):
    config.stash[SCORES] = {}


@pytest.fixture
def scores(pytestconfig):
    """Case -> (ORM, result of compare, what was left out), filled by the tests."""
    return pytestconfig.stash[SCORES]


def pytest_terminal_summary(terminalreporter, config):
    found = config.stash.get(SCORES, {})
    if not found:
        return
    terminalreporter.section("conformance: what each ORM itself creates = 100")
    terminalreporter.line(f"{'ORM':12} {'case':28} {'score':>7} {'tables':>7} {'names':>7}")
    for case, (orm, result) in sorted(found.items(), key=lambda item: (item[1][0], item[0])):
        figures = " ".join(_figure(result[key]) for key in ("score", "exact_tables", "names"))
        terminalreporter.line(f"{orm:12} {case:28} {figures}")


def _figure(value):
    return f"{'-' if value is None else value:>7}"
