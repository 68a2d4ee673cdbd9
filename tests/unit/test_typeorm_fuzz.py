"""Damaged sources never raise, never hang, and never yield what could not be a schema."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appdb.model.identifiers import quoted
from appdb.source.frameworks.typeorm import FRONT_END
from appdb.source.project import Project

CASES = Path(__file__).parents[1] / "conformance" / "cases"
SOURCES = {
    f"{folder.name}/{path.relative_to(folder)}": path.read_bytes()
    for folder in sorted(CASES.glob("*typeorm*"))
    for path in sorted(folder.rglob("*.ts"))
}
SPLINTERS = (
    b"@",
    b"(",
    b")",
    b"{",
    b"}",
    b"'",
    b"`${",
    b"...",
    b"=>",
    b"class A extends A ",
    b"\\",
)


@st.composite
def damaged(draw):
    content = SOURCES[draw(st.sampled_from(sorted(SOURCES)))]
    for _ in range(draw(st.integers(1, 6))):
        at = draw(st.integers(0, len(content)))
        cut = draw(st.integers(0, 40))
        splinter = draw(st.sampled_from((b"", *SPLINTERS)))
        content = content[:at] + splinter + content[at + cut :]
    return content.decode(errors="ignore").encode()


@pytest.mark.timeout(120)
@settings(max_examples=60, deadline=4000, suppress_health_check=[HealthCheck.too_slow])
@given(content=damaged())
def test_damaged_source_is_answered_with_findings(content):
    project = Project({"entities.ts": content})
    detection = FRONT_END.detect(project)
    if detection is None:
        return

    found = FRONT_END.extract(project, detection)

    for table in found.schema.tables:
        assert quoted(table.name)
        assert all(quoted(column.name) and column.type.sql for column in table.columns)
    assert all(finding.span is not None and finding.span.line >= 1 for finding in found.findings)
