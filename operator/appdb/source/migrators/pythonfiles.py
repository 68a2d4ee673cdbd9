"""Python read as data: its syntax tree, and constants in it. Nothing is run or imported."""

import ast
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from appdb.source.migrators.folder import Setting, one_setting
from appdb.source.project import SourceFile


def tree_of(file: SourceFile) -> ast.Module | None:
    """Parse one file; None where it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(file.text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def constants(body: Iterable[ast.stmt]) -> dict[str, Any]:
    """Return what names are set to by a block; Ellipsis where it is no constant."""
    found: dict[str, Any] = {}
    for statement in body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found[name] = constant(value)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                found[name] = constant(value)
            case _:
                pass
    return found


def constant(node: ast.expr) -> Any:
    """Return what a literal stands for; Ellipsis for anything else."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ...


def argument(files: Iterable[tuple[str, ast.Module]], key: str) -> Setting:
    """Read what calls say for a keyword argument."""
    return one_setting(key, _arguments(files, key))


def _arguments(
    files: Iterable[tuple[str, ast.Module]], key: str
) -> Iterator[tuple[str, str | None]]:
    for path, tree in files:
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == key:
                value = constant(node.value)
                if value is not None:
                    yield path, value if isinstance(value, str) else None
