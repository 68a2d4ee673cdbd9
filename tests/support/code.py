"""Reads the package's own code as syntax, for the rules about it."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(
    path for path in (ROOT / "operator" / "appdb").rglob("*.py") if "__pycache__" not in path.parts
)

Function = ast.FunctionDef | ast.AsyncFunctionDef
_BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)


def functions(paths: Iterable[Path]) -> Iterator[tuple[Path, Function]]:
    """Every function of some modules."""
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, Function):
                yield path, node


def body_lines(node: Function) -> int:
    """Lines of a function's body without its docstring."""
    body = node.body
    if ast.get_docstring(node) is not None:
        body = body[1:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def nesting(node: ast.AST) -> int:
    """Depth of blocks within blocks; an elif is no deeper than its if."""
    deepest = 0
    for child in ast.iter_child_nodes(node):
        inner = nesting(child)
        is_elif = isinstance(node, ast.If) and isinstance(child, ast.If) and [child] == node.orelse
        deepest = max(deepest, inner + (isinstance(child, _BLOCKS) and not is_elif))
    return deepest
