"""Expressions of real code and the values that they have at run time."""
# ruff: noqa: E501 - a program reads best on one line

import pytest

from support.scripts import plain, value_of

KNOWN = {
    "1": 1,
    "1.50": 1.5,
    "0x1F": 31,
    "1_000": 1000,
    "10n": 10,
    "-5": -5,
    "'it\\'s'": "it's",
    '"a\\u0041\\n"': "aA\n",
    "`a${1}b${'c'}`": "a1bc",
    "'a' + 1 + 'b'": "a1b",
    "1 + 2 * 3": 7,
    "1 << 4": 16,
    "7 / 2": 3.5,
    "4 / 2": 2,
    "true && 'x'": "x",
    "null ?? 'x'": "x",
    "0 || 'x'": "x",
    "undefined": "<undefined>",
    "!0": True,
    "1 === 1 ? 'yes' : 'no'": "yes",
    "[1, ...[2, 3], 4]": [1, 2, 3, 4],
    "{a: 1, 'b-c': 2, [`d`]: 3}": {"a": 1, "b-c": 2, "d": 3},
    "{...{a: 1, b: 1}, b: 2}": {"a": 1, "b": 2},
    "{b: 1, 2: 'x', 1: 'y'}": {"1": "y", "2": "x", "b": 1},
    "[1, 2].length": 2,
    "({a: {b: 1}}).a.b": 1,
    "({a: 1})['a']": 1,
    "({} as any).a?.b": "<undefined>",
    "['a', 'b'][1]": "b",
    "(<const>['a'])": ["a"],
    "['a'] as const": ["a"],
    "({a: 1} satisfies object)": {"a": 1},
    "'x'!": "x",
    "Object.keys({a: 1, b: 2})": ["a", "b"],
    "Object.values({a: 1, b: 2})": [1, 2],
    "Object.entries({a: 1})": [["a", 1]],
    "Object.freeze({a: 1})": {"a": 1},
    "Object.assign({}, {a: 1}, {b: 2})": {"a": 1, "b": 2},
    "['a', 'b'].map((x, i) => x + i)": ["a0", "b1"],
    "['a', 'b'].map((x) => ({name: x}))": [{"name": "a"}, {"name": "b"}],
    "['a'].concat(['b'], 'c').join('-')": "a-b-c",
    "[...new Set(['a', 'b', 'a'])]": ["a", "b"],
    "Array.from(new Set(['a', 'a']))": ["a"],
    "['a', 'b'].filter((x) => x !== 'a')": ["b"],
    "'ABC'.toLowerCase()": "abc",
    "'userName'.replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase()": "user_name",
    "'userName'.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)": "user_name",
    "'a-b-c'.replace('-', '.')": "a.b-c",
    "'a-b-c'.replaceAll('-', '.')": "a.b.c",
    "'table'.charAt(0).toUpperCase() + 'table'.slice(1)": "Table",
    "'a.b'.split('.')": ["a", "b"],
    "'abc'.substring(2, 1)": "b",
    "'app_x'.startsWith('app_')": True,
    "typeof 'x' === 'string'": True,
    "((a, b = 2) => a + b)(1)": 3,
    "(({a, b: {c}, ...rest}) => [a, c, rest])({a: 1, b: {c: 2}, d: 3})": [1, 2, {"d": 3}],
    "(function (x) { const y = x + 1; return y * 2 })(1)": 4,
    "(function (x) { if (x) { return 'a' } else { return 'b' } })(0)": "b",
    "(function (x) { if (x) return 'a'; return 'b' })(1)": "a",
    "((...all) => all.length)(1, 2, 3)": 3,
}


@pytest.mark.parametrize(("expression", "expected"), KNOWN.items(), ids=KNOWN)
def test_expression_has_the_value_that_javascript_gives_it(expression, expected):
    assert expected == plain(value_of(expression))


PROGRAMS = {
    "enum numbering": (
        "enum E { A, B = 5, C, D = B * 2, E = 'e' }; export const result = Object.values(E)",
        ["A", "B", "C", "D", 0, 5, 6, 10, "e"],
    ),
    "enum member": ("enum E { A = 'a' }; export const result = E.A", "a"),
    "enum by itself": ("enum E { A = 2, B = E.A | 1 }; export const result = E.B", 3),
    "enum by other enum": (
        "enum A { X = 1 << 3 } enum B { Y = A.X | 1 }; export const result = B.Y",
        9,
    ),
    "const object": ("const K = {A: 'a'} as const; export const result = K.A", "a"),
    "destructuring": (
        "const {a, b: [, c]} = {a: 1, b: [2, 3]}; export const result = [a, c]",
        [1, 3],
    ),
    "static member": (
        "class A { static x = 'y' } class B extends A {}; export const result = B.x",
        "y",
    ),
    "namespace": ("namespace N { export const x = 1 } export const result = N.x", 1),
    "helper": (
        "const col = (o = {}) => ({...o, type: 'x'}); export const result = col({a: 1})",
        {"a": 1, "type": "x"},
    ),
    "hoisting": ("export const result = f(); function f() { return 'x' }", "x"),
    "call into a package": (
        "import { z as y } from 'zod'; export const result = y.string().min(3)",
        (((("<zod:z.string>",)), ".min"), 3),
    ),
    "constructor of a package": (
        "import m from 'mongoose'; export const result = new m.Schema({a: String})",
        ("<mongoose:Schema>", {"a": "<global:String>"}),
    ),
    "switch": (
        "const f = (x) => { switch (x) { case 'a': case 'b': return 1; default: return 2 } }; export const result = [f('a'), f('b'), f('c')]",
        [1, 1, 2],
    ),
    "assignments in a helper": (
        "function f(o) { let n = 1; if (o.a) { n = 2 } o.b = n; return o } export const result = f({a: 1})",
        {"a": 1, "b": 2},
    ),
    "decided for Postgres": (
        "const type = process.env.DB; export const result = [type === 'sqlite' ? 'a' : 'b', {mysql: 1, postgres: 2}[type]]",
        ["b", 2],
    ),
    "switch decided for Postgres": (
        "const f = () => { switch (process.env.DB) { case 'sqlite': return 1; case 'postgresdb': return 2 } }; export const result = f()",
        2,
    ),
    "shared constant": ("let x = 1; export const result = x", 1),
}


@pytest.mark.parametrize("case", PROGRAMS.values(), ids=PROGRAMS)
def test_program_ends_in_the_value(case):
    program, expected = case

    assert expected == plain(value_of(program))


UNKNOWN = {
    "environment": ("process.env.TABLE", "environment"),
    "environment with default": ("process.env.TABLE || 'x'", "environment"),
    "reassigned": ("let x = 1; x = 2; export const result = x", "more than once"),
    "itself": ("const a = b; const b = a; export const result = a", "itself"),
    "recursion": ("const f = (x) => f(x); export const result = f(1)", "deep"),
    "loop": ("export const result = f(); function f() { for (;;) {} return 1 }", "for statement"),
    "async": ("const f = async () => 1; export const result = f()", "async"),
    "unknown test": ("const result = g.x ? 1 : 2; export { result }", "not known"),
    "spread of nothing known": ("[...window.x]", "not a list"),
    "infinite number": ("1e999", "not a number"),
    "infinite product": ("1e300 * 1e300", "not known"),
    "slow expression": ("'aaaa'.replace(/(a+)+$/, '')", "not known"),
    "missing file": ("import {x} from './no'; export const result = x", "not in the source"),
}


@pytest.mark.parametrize("case", UNKNOWN.values(), ids=UNKNOWN)
def test_what_cannot_be_known_says_why(case):
    program, reason = case

    assert reason in str(plain(value_of(program)))


HOSTILE = {
    "doubling spreads": "const a0 = [1,2];"
    + "".join(f"const a{i + 1} = [...a{i}, ...a{i}];" for i in range(60))
    + "export const result = a60",
    "doubling texts": "const a0 = 'xx';"
    + "".join(f"const a{i + 1} = a{i} + a{i};" for i in range(60))
    + "export const result = a60",
    "branching helpers": "const f0 = (x) => x;"
    + "".join(f"const f{i + 1} = (x) => [f{i}(x), f{i}(x)];" for i in range(40))
    + "export const result = f40(1)",
    "large enum": "enum E {"
    + ",".join(f"M{i}" for i in range(20_000))
    + "} export const result = Object.values(E)",
    "nested parentheses": "export const result = " + "(" * 5000 + "1" + ")" * 5000,
    "nested lists": "export const result = " + "[" * 5000 + "]" * 5000,
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("program", HOSTILE.values(), ids=HOSTILE)
def test_hostile_program_ends_in_bounded_time(program):
    value_of(program)


def test_long_chain_of_concatenation_is_read():
    assert "x" * 3000 == plain(value_of(" + ".join(["'x'"] * 3000)))


def test_value_knows_where_it_was_written():
    found = value_of(
        "import {x} from './a'; export const result = x", a_ts="\n  export const x = 'y'"
    )

    assert ("a.ts", 2, 20) == (found.span.path, found.span.line, found.span.column)
