"""What one file imports and exports, as written: no other file is looked at."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tree_sitter import Node

from appdb.source.modules.bindings import (
    Binding,
    declaration_of,
    is_default,
    pattern_names,
    read_bindings,
)
from appdb.source.syntax import (
    SourceTree,
    child_of_type,
    has_token,
    named,
    property_name,
    string_value,
    text,
)

NAMESPACE = "*"
DEFAULT = "default"
COMMONJS = "module.exports"


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """`name` of the module `specifier`: an exported name, `default`, or `*` for all of it."""

    specifier: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Export:
    """What an exported name stands for: one of a local name, an expression, or an import."""

    local: str | None = None
    node: Node | None = None
    source: Import | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Module:
    """One file as the graph sees it. `stars` are the specifiers of `export * from`."""

    path: str
    tree: SourceTree
    bindings: dict[str, Binding]
    imports: dict[str, Import] = field(default_factory=dict)
    exports: dict[str, Export] = field(default_factory=dict)
    stars: tuple[str, ...] = ()

    @property
    def statements(self) -> list[Node]:
        """The top-level statements in source order."""
        return named(self.tree.root)


def scan(tree: SourceTree) -> Module:
    """Read the imports, exports and names of a parsed file."""
    statements = named(tree.root)
    module = Module(path=tree.path, tree=tree, bindings=read_bindings(statements))
    stars: list[str] = []
    for statement in statements:
        match statement.type:
            case "import_statement":
                module.imports.update(_imports(statement))
            case "export_statement":
                stars.extend(_export(statement, module.exports))
            case "lexical_declaration" | "variable_declaration":
                module.imports.update(_requires(statement))
            case "expression_statement":
                stars.extend(_commonjs(statement, module.exports))
            case _:
                pass
    for name in module.imports:
        module.bindings.pop(name, None)
    return Module(
        path=tree.path,
        tree=tree,
        bindings=module.bindings,
        imports=module.imports,
        exports=module.exports,
        stars=tuple(stars),
    )


def _specifier(statement: Node) -> str | None:
    source = statement.child_by_field_name("source")
    return string_value(source) if source is not None else None


def _imports(statement: Node) -> Iterable[tuple[str, Import]]:
    required = child_of_type(statement, "import_require_clause")
    if required is not None:
        name, source = child_of_type(required, "identifier"), child_of_type(required, "string")
        if name is not None and source is not None:
            yield text(name), Import(specifier=string_value(source), name=COMMONJS)
        return
    specifier, clause = _specifier(statement), child_of_type(statement, "import_clause")
    if specifier is None or clause is None:
        return
    for part in named(clause):
        match part.type:
            case "identifier":
                yield text(part), Import(specifier=specifier, name=DEFAULT)
            case "namespace_import":
                yield text(named(part)[0]), Import(specifier=specifier, name=NAMESPACE)
            case _:
                yield from _named_imports(part, specifier)


def _named_imports(clause: Node, specifier: str) -> Iterable[tuple[str, Import]]:
    for part in named(clause):
        name, alias = (part.child_by_field_name(key) for key in ("name", "alias"))
        if name is not None:
            imported = Import(specifier=specifier, name=property_name(name) or "")
            yield text(alias if alias is not None else name), imported


def required_specifier(node: Node | None) -> str | None:
    """Return X of a call `require('X')`, else None."""
    if node is None or node.type != "call_expression":
        return None
    callee, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if callee is None or text(callee) != "require" or arguments is None:
        return None
    first = child_of_type(arguments, "string")
    return string_value(first) if first is not None else None


def _requires(statement: Node) -> Iterable[tuple[str, Import]]:
    """`const x = require('m')`, `const {a, b: c} = require('m')`, `const x = require('m').y`."""
    for declarator in named(statement):
        pattern, value = (declarator.child_by_field_name(key) for key in ("name", "value"))
        member: str | None = None
        if value is not None and value.type == "member_expression":
            member = text(value.child_by_field_name("property") or value)
            value = value.child_by_field_name("object")
        specifier = required_specifier(value)
        if specifier is None or pattern is None:
            continue
        if pattern.type == "identifier":
            yield text(pattern), Import(specifier=specifier, name=member or COMMONJS)
        elif member is None:
            for name, keys, _ in pattern_names(pattern):
                if len(keys) == 1:
                    yield name, Import(specifier=specifier, name=str(keys[0]))


def _export(statement: Node, exports: dict[str, Export]) -> Iterable[str]:
    """Add what an export statement exports; yield the specifier of a bare `export *`."""
    specifier, clause = _specifier(statement), child_of_type(statement, "export_clause")
    if clause is not None:
        exports.update(_export_clause(clause, specifier))
        return
    if specifier is not None:
        namespace = child_of_type(statement, "namespace_export")
        if namespace is None:
            yield specifier
        else:
            name = property_name(named(namespace)[0]) or ""
            exports[name] = Export(source=Import(specifier=specifier, name=NAMESPACE))
        return
    _export_declaration(statement, exports)


def _export_declaration(statement: Node, exports: dict[str, Export]) -> None:
    declaration = declaration_of(statement)
    names = read_bindings([statement]) if declaration is not statement else {}
    for name in names:
        exports[DEFAULT if is_default(statement) else name] = Export(local=name)
    if names:
        return
    values = [child for child in named(statement) if child.type != "decorator"]
    if not values:
        return
    if has_token(statement, "="):
        exports[COMMONJS] = Export(node=values[-1])
    elif is_default(statement):
        exports[DEFAULT] = Export(node=values[-1])


def _export_clause(clause: Node, specifier: str | None) -> Iterable[tuple[str, Export]]:
    for part in named(clause):
        name, alias = (part.child_by_field_name(key) for key in ("name", "alias"))
        if name is None:
            continue
        inner, outer = property_name(name) or "", property_name(alias or name) or ""
        if specifier is None:
            yield outer, Export(local=inner)
        else:
            yield outer, Export(source=Import(specifier=specifier, name=inner))


def _commonjs(statement: Node, exports: dict[str, Export]) -> Iterable[str]:
    """Add `module.exports = x`, `module.exports.a = x`, `exports.a = x`, and chains of them."""
    targets: list[str] = []
    node = statement.named_children[0] if statement.named_children else None
    while node is not None and node.type == "assignment_expression":
        left = node.child_by_field_name("left")
        targets.append(text(left) if left is not None and left.type == "member_expression" else "")
        node = node.child_by_field_name("right")
    if node is None or not targets:
        yield from _compiled_star(node)
        return
    for target in targets:
        name = _export_name(target)
        if name is not None:
            exports[name] = Export(node=node)


def _export_name(target: str) -> str | None:
    if target == "module.exports":
        return COMMONJS
    for prefix in ("module.exports.", "exports."):
        if target.startswith(prefix) and "." not in target[len(prefix) :]:
            return target[len(prefix) :]
    return None


def _compiled_star(node: Node | None) -> Iterable[str]:
    """`__exportStar(require('./x'), exports)`, as compilers write `export *`."""
    if node is None or node.type != "call_expression":
        return
    callee, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if callee is None or arguments is None or not text(callee).endswith("__exportStar"):
        return
    specifier = required_specifier(child_of_type(arguments, "call_expression"))
    if specifier is not None:
        yield specifier
