"""Trees of program text: which grammar, where things stand, what does not parse."""

import pytest

from appdb.errors import ParseFailed
from appdb.source.modules.classes import MemberKind, class_nodes, read_class
from appdb.source.syntax import (
    first_error,
    is_script,
    named,
    parse,
    span_of,
    string_value,
    unescape,
    walk,
)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.ts", "const x = <string>y; const f = <T>(a: T) => a;"),
        ("a.mts", "export type { X } from './x'"),
        ("a.tsx", "const x = <div a={1}>text</div>; const f = <T,>(a: T) => a;"),
        ("a.js", "const x = <div/>; class A { static #p = 1; static { } }"),
        ("a.cjs", "module.exports = { ...a, b() {} }"),
    ],
)
def test_each_kind_of_file_has_its_grammar(path, text):
    assert not parse(path, text.encode()).is_broken


def test_declaration_files_are_no_program():
    assert is_script("a.ts")
    assert not is_script("a.d.ts")
    assert not is_script("a.json")


@pytest.mark.parametrize("content", [b"const a = 1\0", b"\xff\xfe"])
def test_what_is_not_text_is_refused_with_its_place(content):
    with pytest.raises(ParseFailed, match=r"^a\.ts:1:1: "):
        parse("a.ts", content)


def test_place_counts_from_one():
    tree = parse("a.ts", b"\n  let x = 1")

    assert ("a.ts", 2, 3) == (
        (span := span_of("a.ts", named(tree.root)[0])).path,
        span.line,
        span.column,
    )


def test_first_error_is_found_where_it_stands():
    tree = parse("a.ts", b"const a = 1;\nconst b = = 2;\n")

    error = first_error(tree.root)

    assert tree.is_broken
    assert 2 == tree.span(error).line


def test_deep_tree_is_walked_without_recursion():
    tree = parse("a.ts", b"x = " + b"(" * 20_000 + b"1" + b")" * 20_000)

    assert sum(1 for _ in walk(tree.root)) > 20_000


@pytest.mark.parametrize(
    ("raw", "meant"),
    [
        (r"a\nb", "a\nb"),
        (r"\x41\u0042\u{43}", "ABC"),
        (r"it\'s", "it's"),
        ("one\\\ntwo", "onetwo"),
        (r"\ud800", "\ufffd"),
        (r"\q", "q"),
    ],
)
def test_escapes_mean_what_javascript_says(raw, meant):
    assert meant == unescape(raw)


def test_string_is_read_without_its_quotes():
    tree = parse("a.ts", b"'a\\'b'")

    assert "a'b" == string_value(named(named(tree.root)[0])[0])


MEMBERS = """
@Outer() export abstract class A<T> extends B<T> implements C {
  @One() @Two({a: 1}) readonly field?: string = 'x';
  @Three() get size(): number { return 1 }
  @Four()
  method(): void {}
  static kind = 1;
  'quoted': number;
  declare plain: Date;
}
"""


def test_class_is_read_with_its_members_and_decorators():
    tree = parse("a.ts", MEMBERS.encode())
    (node, outer), *_ = class_nodes(tree.root)

    found = read_class("a.ts", node, outer)

    assert ("A", True, ("T",)) == (found.name, found.is_abstract, found.type_parameters)
    assert ["Outer()"] == [d.text.decode() for d in found.decorators]
    assert b"B" == found.base.text
    assert ["field", "size", "method", "kind", "quoted", "plain"] == [m.name for m in found.members]
    assert [2, 1, 1, 0, 0, 0] == [len(m.decorators) for m in found.members]
    assert MemberKind.GETTER is found.member("size").kind
    assert found.member("kind").is_static
    assert found.member("field").is_optional
