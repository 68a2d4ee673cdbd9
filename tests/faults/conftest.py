from collections.abc import Iterator

import pytest

from support.faulty import Faulty, faulty_sandbox
from support.platform import Platform
from support.sandbox import fresh_namespace
from support.team import Team
from support.toxiproxy import TOXIPROXY


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build toxiproxy before the first test, whose time-out is shorter than a build may be."""
    is_needed = any(item.get_closest_marker("faults") for item in session.items)
    if is_needed and not session.config.option.collectonly:
        TOXIPROXY.ensure(report=session.config.get_terminal_writer().line)


@pytest.fixture(scope="package")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    """A sandbox that these tests break; each puts right again what it broke."""
    with faulty_sandbox(tmp_path_factory.mktemp("faulty")) as faulty:
        yield faulty


@pytest.fixture
def faulty(own: Faulty) -> Iterator[Faulty]:
    """The sandbox, and a check that the operator lived through it without an unforeseen error."""
    pid = own.operator.component.process.pid
    yield own
    own.api.mend()
    assert own.operator.is_running, own.operator.component.read_log()
    assert pid == own.operator.component.process.pid
    assert [] == own.unforeseen()


@pytest.fixture
def hurt(faulty: Faulty) -> Iterator[Team]:
    """A namespace of its own on the sandbox that is broken."""
    with fresh_namespace(faulty.sandbox.control_plane) as name:
        yield Team(sandbox=faulty.sandbox, namespace=name)


@pytest.fixture
def keeper(faulty: Faulty) -> Platform:
    """The platform team of the sandbox that is broken."""
    return Platform(sandbox=faulty.sandbox)
