"""Alembic: Python files with a revision and the one it follows; what counts are the heads."""

import ast
import posixpath
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from appdb.model.migrator import Migration, Migrator, Tool
from appdb.source.filekind import Kind
from appdb.source.migrators.folder import Setting, Source, base, common_folder, nearest
from appdb.source.migrators.pythonfiles import argument, constants, tree_of
from appdb.source.project import SourceFile

_LONGEST = 32


def find(source: Source) -> Iterator[Migrator]:
    """Find the folders of Alembic; those of one environment are one."""
    environments = [
        posixpath.dirname(file.path)
        for file in source.of_kind(Kind.PYTHON)
        if base(file.path) == "env.py" and b"alembic" in file.content
    ]
    found: defaultdict[str, list[SourceFile]] = defaultdict(list)
    for file in source.of_kind(Kind.PYTHON):
        if b"down_revision" in file.content and base(file.path) != "env.py":
            folder = posixpath.dirname(file.path)
            found[nearest(file.path, environments) or posixpath.dirname(folder)].append(file)
    for root, files in found.items():
        migrator = _migrator(source, root, files)
        if migrator is not None:
            yield migrator


def _migrator(source: Source, root: str, files: list[SourceFile]) -> Migrator | None:
    obstacle = ""
    migrations: list[Migration] = []
    for file in files:
        tree = tree_of(file)
        revision = None if tree is None else _revision(file, tree)
        if revision is not None:
            migrations.append(revision)
        elif tree is None:
            obstacle = f"{file.path} does not parse"
    if not migrations:
        return None
    table, schema = _settings(source, root)
    return Migrator(
        tool=Tool.ALEMBIC,
        folder=common_folder(each.path for each in migrations),
        migrations=_in_order(migrations),
        table=table.value,
        schema=schema.value,
        obstacle=obstacle or _obstacle(migrations) or table.obstacle or schema.obstacle,
        wants_schemas=any(b"create schema" in file.content.lower() for file in files),
    )


def _revision(file: SourceFile, tree: ast.Module) -> Migration | None:
    found = constants(tree.body)
    name = found.get("revision")
    if not isinstance(name, str) or not name or "down_revision" not in found:
        return None
    after = _names(found["down_revision"])
    needs = _names(found.get("depends_on"))
    if after is None or needs is None:
        # Kept, so that the folder counts; `_obstacle` tells.
        return Migration(name=name, path=file.path, after=("?",))
    return Migration(name=name, path=file.path, after=(*after, *needs))


def _names(value: Any) -> tuple[str, ...] | None:
    match value:
        case None:
            return ()
        case str():
            return (value,)
        case tuple() | list() if all(isinstance(each, str) for each in value):
            return tuple(value)
        case _:
            return None


def _obstacle(migrations: list[Migration]) -> str:
    names = [each.name for each in migrations]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        return f"revision {twice[0]} is there twice"
    for each in migrations:
        if "?" in each.after:
            return f"{each.path} does not say as a plain text which revision it follows"
        unknown = [name for name in each.after if name not in names]
        if unknown:
            return f"revision {unknown[0]}, which {each.path} follows, is not in the source"
        if len(each.name) > _LONGEST:
            return f"revision {each.name} is longer than the {_LONGEST} characters of its column"
    if _is_circle(migrations):
        return "the revisions follow each other in a circle"
    return ""


def _is_circle(migrations: list[Migration]) -> bool:
    seen: set[str] = set()
    for each in _in_order(migrations):
        if not seen.issuperset(each.after):
            return True
        seen.add(each.name)
    return False


def _in_order(migrations: list[Migration]) -> tuple[Migration, ...]:
    """Put each behind those that it follows; what is in a circle comes last."""
    by_name = {each.name: each for each in migrations}
    waiting = {each.name: {n for n in each.after if n in by_name} for each in migrations}
    followers: defaultdict[str, list[str]] = defaultdict(list)
    for name, after in waiting.items():
        for each in after:
            followers[each].append(name)
    ready = [name for name, after in waiting.items() if not after]
    for name in ready:
        for follower in followers[name]:
            waiting[follower].discard(name)
            if not waiting[follower]:
                ready.append(follower)
    done = set(ready)
    rest = [each for each in migrations if each.name not in done]
    return (*(by_name[name] for name in ready), *rest)


def _settings(source: Source, root: str) -> tuple[Setting, Setting]:
    """What env.py tells `context.configure` about the table of versions."""
    trees = [
        (file.path, tree)
        for file in source.of_kind(Kind.PYTHON)
        if b"version_table" in file.content
        and (root == "" or file.path.startswith(f"{root}/"))
        and (tree := tree_of(file)) is not None
    ]
    return argument(trees, "version_table"), argument(trees, "version_table_schema")
