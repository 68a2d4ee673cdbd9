"""What must not matter to an analysis does not: names of files, line ends, tabs, comments."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appdb.source.analyze import analyze
from appdb.source.bundle import bundle_of_files

CASES = Path(__file__).parents[1] / "conformance/cases"
PRISMA = sorted(path.name for path in CASES.glob("prisma-*"))
TYPEORM = ["typeorm", "typeorm-snake"]


def files_of(case):
    root = CASES / case
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def ddl(files):
    return {statement.sql for statement in analyze(bundle_of_files(files)).statements}


def in_prisma(files, change):
    return {p: change(c) if p.endswith((".prisma", ".ts")) else c for p, c in files.items()}


def split(files):
    """One file for each top-level block, as Prisma's folders of schemas allow."""
    blocks = b"\n".join(files.values()).split(b"\n}\n")
    return {f"part{n}.prisma": block + b"\n}\n" for n, block in enumerate(blocks) if block.strip()}


CHANGES = {
    "renamed": lambda files: {f"app/db/{p}": c for p, c in files.items()},
    "crlf": lambda files: in_prisma(files, lambda c: c.replace(b"\n", b"\r\n")),
    "byte order mark": lambda files: in_prisma(files, lambda c: b"\xef\xbb\xbf" + c),
    "comments": lambda files: in_prisma(files, lambda c: b"// first\n\n" + c + b"\n// last"),
    "other files": lambda files: {**files, "README.md": b"# model User {", "a.css": b"a {}"},
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("case", [*PRISMA, *TYPEORM])
def test_the_ddl_stays_when_only_the_form_changes(case, change):
    files = files_of(case)
    assert ddl(CHANGES[change](files)) == ddl(files)


@pytest.mark.parametrize("case", PRISMA)
def test_tabs_and_blank_ends_of_lines_do_not_matter(case):
    files = files_of(case)
    tabbed = in_prisma(files, lambda c: c.replace(b"\n  ", b"\n\t").replace(b"\n}", b"  \n}"))
    assert ddl(tabbed) == ddl(files)


@pytest.mark.parametrize("case", ["prisma-relations", "prisma-mapping", "prisma-indexes"])
def test_a_schema_may_be_split_into_files(case):
    files = {p: c for p, c in files_of(case).items() if p.endswith(".prisma")}
    assert ddl(split(files)) == ddl(files)


@settings(max_examples=20, deadline=None)
@given(case=st.sampled_from([*PRISMA, *TYPEORM]), order=st.randoms(use_true_random=False))
def test_the_order_of_keys_does_not_change_a_byte(case, order):
    files = list(files_of(case).items())
    shuffled = list(files)
    order.shuffle(shuffled)
    assert analyze(bundle_of_files(dict(shuffled))) == analyze(bundle_of_files(dict(files)))
