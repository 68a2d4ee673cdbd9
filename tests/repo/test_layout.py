"""Rules about where things stand; each has a reason that is not visible in the code."""

import ast
import subprocess
import sys
import tokenize
import warnings
from pathlib import Path

import pytest

from support.code import MODULES, ROOT, body_lines, functions, nesting

MODULE_BAR, MODULE_LIMIT = 160, 500
FUNCTION_BAR, FUNCTION_LIMIT = 25, 60
PARAMETER_LIMIT = 7
NESTING_LIMIT = 4

# Tables of data may be as long as their subject.
DATA = {"api/reasons.py", "plan/recipes/types.py"}


def relative(path):
    return path.relative_to(ROOT / "operator" / "appdb").as_posix()


def test_nothing_in_operator_hides_the_standard_module_of_that_name():
    # With either file `python` itself dies when it is started there.
    assert not (ROOT / "operator" / "__init__.py").exists()
    assert not (ROOT / "operator" / "operator.py").exists()


def test_tests_are_no_package():
    found = (ROOT / "tests").rglob("__init__.py")

    # Inputs of the conformance tests are other people's packages.
    assert [] == [path for path in found if "cases" not in path.parts]


def test_names_of_test_files_are_unique():
    found = [path.name for path in (ROOT / "tests").rglob("test_*.py")]

    assert sorted(set(found)) == sorted(found)


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_says_why_it_exists(path):
    tree = ast.parse(path.read_text())

    assert not tree.body or ast.get_docstring(tree)


class SizeWarning(UserWarning):
    """Above the bar and below the limit: a thing to look at."""


@pytest.mark.filterwarnings("default::test_layout.SizeWarning")
def test_modules_stay_short():
    long = {}
    for path in MODULES:
        lines = len(path.read_text().splitlines())
        if lines > MODULE_LIMIT and relative(path) not in DATA:
            long[relative(path)] = lines
        elif lines > 2 * MODULE_BAR:
            warnings.warn(SizeWarning(f"{relative(path)} has {lines} lines"), stacklevel=1)

    assert {} == long


def test_functions_stay_short():
    long = {
        f"{relative(path)}:{node.name}": body_lines(node)
        for path, node in functions(MODULES)
        if body_lines(node) > FUNCTION_LIMIT
    }

    assert {} == long


def test_functions_take_few_parameters():
    many = {
        f"{relative(path)}:{node.name}": len(node.args.args) + len(node.args.kwonlyargs)
        for path, node in functions(MODULES)
        if len(node.args.args) + len(node.args.kwonlyargs) > PARAMETER_LIMIT + 1
    }

    assert {} == many


def test_functions_are_not_nested_deeply():
    deep = {
        f"{relative(path)}:{node.name}": nesting(node)
        for path, node in functions(MODULES)
        if nesting(node) > NESTING_LIMIT
    }

    assert {} == deep


def test_most_functions_are_short():
    sizes = sorted(body_lines(node) for _, node in functions(MODULES))

    assert sizes[len(sizes) // 2] <= 10
    assert sizes[len(sizes) * 9 // 10] <= FUNCTION_BAR


def test_imports_point_one_way():
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "operator"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stdout


def test_nothing_prints():
    found = [
        f"{relative(path)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
    ]

    assert [] == found


def test_no_text_is_formatted_into_a_statement():
    found = [
        f"{relative(path)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", "") in {"execute", "executemany"}
        and node.args
        and _is_formatted(node.args[0])
    ]

    assert [] == found


def _is_formatted(node):
    if isinstance(node, ast.JoinedStr):
        return True
    if isinstance(node, ast.BinOp):
        return isinstance(node.op, ast.Mod | ast.Add)
    return (
        isinstance(node, ast.Call)
        and getattr(node.func, "attr", "") == "format"
        and isinstance(node.func.value, ast.Constant)
    )


def test_nothing_in_the_operator_sleeps_the_thread_or_asks_for_local_time():
    found = [
        f"{relative(path)}:{node.lineno}"
        for path in MODULES
        if not relative(path).startswith(("local/", "commands/"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"time.sleep", "datetime.now"}
        if ast.unparse(node) == "datetime.now()" or "sleep" in ast.unparse(node.func)
    ]

    assert [] == found


def test_every_exception_from_a_rule_has_its_code_and_its_reason():
    bare = []
    for path in MODULES:
        with path.open("rb") as file:
            bare.extend(
                f"{relative(path)}:{token.start[0]}"
                for token in tokenize.tokenize(file.readline)
                if token.type == tokenize.COMMENT and _is_unreasoned(token.string)
            )

    assert [] == bare


def _is_unreasoned(comment):
    if "noqa" in comment:
        rest = comment.partition("noqa")[2]
        return not rest.startswith(":") or " - " not in rest
    return "type: ignore" in comment and ("[" not in comment or comment.count("#") < 2)


def test_errors_that_nobody_foresaw_are_caught_in_few_places():
    # The worker of the queue, and the entry of the process that reads sources.
    allowed = {"reconcile/dispatch.py", "source/worker.py"}
    found = {
        relative(path)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
        and not any(isinstance(child, ast.Raise) for child in ast.walk(node))
    }

    assert found <= allowed
