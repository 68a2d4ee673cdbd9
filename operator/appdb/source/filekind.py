"""What a file is, and why it may be left out: by its path first, by its content where that is open.

Pure text work. Nothing is parsed here; a wrong guess costs a front end one look.
"""

import posixpath
import re
from enum import StrEnum


class Kind(StrEnum):
    """The language of a file."""

    PRISMA = "prisma"
    TYPESCRIPT = "typescript"
    TSX = "tsx"
    JAVASCRIPT = "javascript"
    PYTHON = "python"
    JSON = "json"
    SQL = "sql"
    GRAPHQL = "graphql"
    YAML = "yaml"
    OTHER = "other"


SCRIPTS = frozenset({Kind.TYPESCRIPT, Kind.TSX, Kind.JAVASCRIPT})

_BY_SUFFIX = {
    ".prisma": Kind.PRISMA,
    ".ts": Kind.TYPESCRIPT,
    ".mts": Kind.TYPESCRIPT,
    ".cts": Kind.TYPESCRIPT,
    ".tsx": Kind.TSX,
    ".jsx": Kind.TSX,
    ".js": Kind.JAVASCRIPT,
    ".mjs": Kind.JAVASCRIPT,
    ".cjs": Kind.JAVASCRIPT,
    ".py": Kind.PYTHON,
    ".json": Kind.JSON,
    ".jsonc": Kind.JSON,
    ".sql": Kind.SQL,
    ".ddl": Kind.SQL,
    ".graphql": Kind.GRAPHQL,
    ".graphqls": Kind.GRAPHQL,
    ".gql": Kind.GRAPHQL,
    ".yaml": Kind.YAML,
    ".yml": Kind.YAML,
}

_BY_CONTENT = (
    (Kind.PRISMA, re.compile(rb"^\s*(?:datasource|generator|model|enum)\s+\w+\s*\{", re.MULTILINE)),
    (
        Kind.SQL,
        re.compile(
            rb"^\s*create\s+(?:table|type|schema|extension)\b", re.MULTILINE | re.IGNORECASE
        ),
    ),
    (
        Kind.PYTHON,
        re.compile(rb"^(?:from\s+[\w.]+\s+import|import\s+\w+\s*$|class\s+\w+.*:)", re.MULTILINE),
    ),
    (
        Kind.TYPESCRIPT,
        re.compile(rb"^(?:import\s.*['\"]|export\s+(?:class|interface|const))", re.MULTILINE),
    ),
)
_OPEN_SUFFIXES = ("", ".txt", ".src")
_SNIFFED = 64 * 1024

_VENDORED = frozenset(
    [
        "node_modules",
        "bower_components",
        ".git",
        ".hg",
        ".svn",
        "dist",
        ".next",
        ".nuxt",
        ".output",
        ".turbo",
        ".cache",
        ".venv",
        "venv",
        "site-packages",
        "__pycache__",
        ".yarn",
        ".pnpm-store",
        ".svelte-kit",
        ".vercel",
    ]
)
_TEST_FOLDERS = frozenset(["__tests__", "__mocks__", "__fixtures__", "__snapshots__", "cypress"])
_SOFT_TEST_FOLDERS = frozenset(["test", "tests", "spec", "specs", "e2e", "testing", "playwright"])
_TEST_NAME = re.compile(
    r"\.(?:test|spec|e2e|e2e-spec|cy|mock|stories|story)\.[cm]?[jt]sx?$"
    r"|^(?:test_.*|.*_test|conftest|tests)\.py$"
)
_MODEL_NAME = re.compile(r"\.(?:entity|model|schema)\.[cm]?[jt]s$")
_DECLARATION = re.compile(r"\.d\.[cm]?ts$")
_LOCK_FILES = frozenset(
    ["package-lock.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "composer.lock", "poetry.lock"]
)
_AVERAGE_LINE = 400
_LONG_TEXT = re.compile(rb"'[^'\\\n]{200,}'|\"[^\"\\\n]{200,}\"|`[^`\\]{200,}`")
_DECLARES = re.compile(rb"@Entity\b|\bEntitySchema\b|\bmongoose\b")
_MINIFIED_FROM = 8 * 1024


def kind_of(path: str, content: bytes) -> Kind:
    """Return the kind by the suffix; without a telling suffix the content decides."""
    suffix = posixpath.splitext(path)[1].lower()
    known = _BY_SUFFIX.get(suffix)
    if known is not None:
        return known
    if suffix not in _OPEN_SUFFIXES:
        return Kind.OTHER
    head = content[:_SNIFFED]
    return next((kind for kind, mark in _BY_CONTENT if mark.search(head)), Kind.OTHER)


def may_be_source(path: str) -> bool:
    """Tell whether a file whose suffix says nothing is worth a look: its content may tell."""
    suffix = posixpath.splitext(path)[1].lower()
    return suffix in {*_OPEN_SUFFIXES, ".toml", ".in"}


def ignore_reason(path: str) -> str | None:
    """Say why a path is never read, or None. Needs no content, so folders are skipped early."""
    *folders, name = path.split("/")
    lower = name.lower()
    for folder in folders:
        if folder.lower() in _VENDORED:
            return f"vendored or built: {folder}/"
        if folder.lower() in _TEST_FOLDERS:
            return f"tests: {folder}/"
    if _TEST_NAME.search(lower):
        return "a test or a story"
    if lower in _LOCK_FILES:
        return "a lock file"
    if lower.startswith("._") or ".min." in lower or lower.endswith((".map", ".snap")):
        return "not program text"
    return None


def is_in_test_folder(path: str) -> bool:
    """Tell whether a folder's name says tests, though it may be what the application is about."""
    *folders, name = path.lower().split("/")
    if "src" in folders and _MODEL_NAME.search(name):
        return False
    return any(folder in _SOFT_TEST_FOLDERS for folder in folders)


def is_generated_declaration(path: str, paths: frozenset[str]) -> bool:
    """Tell whether a `.d.ts` file stands beside the file that it was made from."""
    found = _DECLARATION.search(path)
    if found is None:
        return False
    stem = path[: found.start()]
    return any(f"{stem}{suffix}" in paths for suffix in (".ts", ".tsx", ".js", ".mjs", ".cjs"))


def is_minified(content: bytes) -> bool:
    """Tell whether a script was written by a machine for machines: few and very long lines.

    A long text in it, an image or a key, says nothing about the rest.
    """
    if not _has_long_lines(content):
        return False
    return _has_long_lines(_LONG_TEXT.sub(b"", content))


def _has_long_lines(content: bytes) -> bool:
    lines = content.count(b"\n") + 1
    return len(content) >= _MINIFIED_FROM and len(content) / lines > _AVERAGE_LINE


def declares_tables(content: bytes) -> bool:
    """Tell whether a script looks as if it declared tables; cheap, and rather too often true."""
    return _DECLARES.search(content) is not None
