"""Django: `<app>/migrations/0001_initial.py`, recorded by the app's label and the file's name.

Only the application's own apps are in its source. Those that Django brings (auth, admin,
sessions) have migrations too, which nothing here can know of.
"""

import ast
import posixpath
from collections.abc import Iterator

from appdb.model.migrator import Migration, Migrator, Tool
from appdb.source.filekind import Kind
from appdb.source.migrators.folder import Source, base, by_folder, common_folder, stem, under
from appdb.source.migrators.pythonfiles import constants, tree_of

_MARK = b"class Migration("


def find(source: Source) -> Iterator[Migrator]:
    """Find the migrations of all apps; together they are one migrator."""
    migrations: list[Migration] = []
    needed: dict[str, str] = {}
    obstacle = ""
    files = [file for file in source.of_kind(Kind.PYTHON) if _MARK in file.content]
    for folder, found in by_folder(files).items():
        label = _label(source, folder)
        for file in found:
            tree = tree_of(file)
            if tree is None:
                obstacle = obstacle or f"{file.path} does not parse"
                continue
            made = _migration_class(tree)
            if made is None or stem(file.path).startswith(("_", "~")):
                continue
            migrations.append(Migration(name=stem(file.path), path=file.path, app=label))
            needed |= dict.fromkeys(_needs(source, made), file.path)
    if not migrations:
        return
    yield Migrator(
        tool=Tool.DJANGO,
        folder=common_folder(each.path for each in migrations),
        migrations=tuple(sorted(migrations, key=lambda each: (each.app, each.name))),
        obstacle=obstacle or _missing(needed, {each.app for each in migrations}),
        wants_schemas=any(b"create schema" in file.content.lower() for file in files),
    )


def _migration_class(tree: ast.Module) -> ast.ClassDef | None:
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == "Migration":
            bases = [ast.unparse(base) for base in node.bases]
            if any(each in {"migrations.Migration", "Migration"} for each in bases):
                return node
    return None


def _label(source: Source, folder: str) -> str:
    """The label of the app that a folder of migrations belongs to."""
    app = posixpath.dirname(folder)
    config = source.get(under(app, "apps.py"))
    tree = tree_of(config) if config is not None else None
    for node in tree.body if tree is not None else ():
        if isinstance(node, ast.ClassDef):
            found = constants(node.body)
            label, name = found.get("label"), found.get("name")
            if isinstance(label, str):
                return label
            if isinstance(name, str):
                return name.rpartition(".")[2]
    return base(app) or base(folder)


def _needs(source: Source, made: ast.ClassDef) -> Iterator[str]:
    """The labels of the apps whose migrations must have run before."""
    for statement in made.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id="dependencies")], value=ast.List(elts=items)):
                for item in items:
                    yield from _needed(source, item)
            case _:
                pass


def _needed(source: Source, item: ast.expr) -> Iterator[str]:
    match item:
        case ast.Tuple(elts=[ast.Constant(value=str(app)), *_]):
            yield app
        case ast.Call(func=ast.Attribute(attr="swappable_dependency")):
            yield _user_app(source)
        case _:
            pass


def _user_app(source: Source) -> str:
    """The app of the user model: `AUTH_USER_MODEL` of the settings, else Django's own."""
    for file in source.of_kind(Kind.PYTHON):
        if b"AUTH_USER_MODEL" not in file.content:
            continue
        tree = tree_of(file)
        value = constants(tree.body).get("AUTH_USER_MODEL") if tree is not None else None
        if isinstance(value, str):
            return value.partition(".")[0]
    return "auth"


def _missing(needed: dict[str, str], own: set[str]) -> str:
    others = sorted(needed.keys() - own)
    if not others:
        return ""
    return (
        f"{needed[others[0]]} follows migrations of the app {others[0]}, whose tables are not "
        "declared in this source"
    )
