"""Sources from ConfigMaps, texts and folders: one value, within limits, or a clear refusal."""

import base64
import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appdb.errors import SourceInvalid, SourceTooLarge
from appdb.source.bundle import bundle_of_config_maps, bundle_of_files, bundle_of_texts
from appdb.source.folder import bundle_of_paths
from appdb.source.globs import matches_any
from appdb.source.limits import Limits


def tgz(*members, **files):
    """A .tar.gz of files and of ready members."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        for member in members:
            archive.addfile(member)
    return buffer.getvalue()


def member(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


def test_keys_of_config_maps_become_paths():
    bundle = bundle_of_config_maps(
        [("shop", {"src__user.entity.ts": "x", "shop____init__.py": "", "a.sql": "y"}, {})]
    )
    assert list(bundle.files) == ["a.sql", "shop/__init__.py", "src/user.entity.ts"]


def test_archives_are_unpacked_from_bytes_and_from_base64():
    archive = tgz(**{"./prisma/schema.prisma": b"model A {}"})
    plain = bundle_of_config_maps([("a", {}, {"src.tar.gz": archive})])
    coded = bundle_of_config_maps([("a", {}, {"src.tgz": base64.b64encode(archive).decode()})])
    assert dict(plain.files) == dict(coded.files) == {"prisma/schema.prisma": b"model A {}"}


def test_a_clash_of_paths_names_both_origins():
    with pytest.raises(SourceInvalid, match=r"'a/b' .*'a__b' of ConfigMap 'one'.*ConfigMap 'two'"):
        bundle_of_config_maps(
            [("one", {"a__b": "1"}, {}), ("two", {}, {"x.tgz": tgz(**{"a/b": b"2"})})]
        )


REFUSED = {
    "upwards": ({"..__x.ts": ""}, {}, "leads out"),
    "absolute": ({"__etc__passwd": ""}, {}, "absolute"),
    "file and folder": ({"a": "", "a__b": ""}, {}, "a file and"),
    "binary": ({}, {"logo.png": b"\x89PNG\0"}, "is binary"),
    "not utf-8": ({}, {"a.ts": b"\xff\xfe"}, "is binary"),
    "not base64": ({}, {"a.tgz": "%%%"}, "not base64"),
    "not gzip": ({}, {"a.tgz": b"PK"}, "not gzip"),
    "no files": ({}, {"a.tgz": tgz()}, "holds no files"),
    "cut off": ({}, {"a.tgz": tgz(a=os.urandom(9999))[:-500]}, "not a readable"),
    "not a tar": ({}, {"a.tgz": gzip.compress(b"hello" * 999)}, "not a readable"),
    "upwards in an archive": ({}, {"a.tgz": tgz(**{"a/../../x": b""})}, "leads out"),
    "absolute in an archive": ({}, {"a.tgz": tgz(**{"/etc/passwd": b""})}, "absolute"),
    "symbolic link": ({}, {"a.tgz": tgz(member("l", tarfile.SYMTYPE, "/etc/passwd"))}, "a link"),
    "hard link": ({}, {"a.tgz": tgz(member("l", tarfile.LNKTYPE, "x"))}, "a link"),
    "device": ({}, {"a.tgz": tgz(member("d", tarfile.CHRTYPE))}, "a device"),
    "pipe": ({}, {"a.tgz": tgz(member("p", tarfile.FIFOTYPE))}, "a device"),
    "control characters": ({}, {"a.tgz": tgz(**{"a\nb": b""})}, "control"),
    "long path": ({}, {"a.tgz": tgz(**{"d/" * 20 + "x" * 600: b""})}, "longer than"),
    "deep path": ({}, {"a.tgz": tgz(**{"d/" * 40 + "x": b""})}, "deeper than"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_one_source_is_refused_by_name(case):
    data, binary, why = REFUSED[case]
    with pytest.raises(SourceInvalid, match=why) as caught:
        bundle_of_config_maps([("shop", data, binary)])
    assert "shop" in caught.value.message or "path" in caught.value.message


TOO_LARGE = {
    "one file": {"a.tgz": tgz(a=bytes(3 << 20))},
    "bomb": {"a.tgz": tgz(**{f"f{n}": bytes(2 << 20) for n in range(20)})},
    "bomb outside of files": {"a.tgz": gzip.compress(tgz() + bytes(300 << 20))},
    "files": {"a.tgz": tgz(**{f"f{n}": b"" for n in range(10_001)})},
    "stored": {"a.bin": b"x" * (9 << 20)},
}


@pytest.mark.parametrize("case", TOO_LARGE)
def test_what_is_too_large_is_refused_with_the_number(case):
    with pytest.raises((SourceTooLarge, SourceInvalid), match=r"MiB|10000 files|not a readable"):
        bundle_of_config_maps([("shop", {}, TOO_LARGE[case])])


def test_a_bomb_is_stopped_at_the_limit_and_not_at_its_end():
    limits = Limits(total_bytes=1 << 20, file_bytes=1 << 20)
    bomb = tgz(**{f"f{n}": bytes(1 << 19) for n in range(200)})
    with pytest.raises(SourceTooLarge, match=r"1\.0 MiB"):
        bundle_of_config_maps([("shop", {}, {"a.tgz": bomb})], limits)


@given(st.dictionaries(st.from_regex(r"[a-z]{1,3}(/[a-z]{1,3})?\.ts", fullmatch=True), st.text()))
def test_the_digest_depends_on_paths_and_bytes_and_on_no_order(texts):
    backwards = dict(reversed(texts.items()))
    assert bundle_of_texts(texts).digest == bundle_of_texts(backwards).digest
    changed = {**texts, "other/new.ts": ""}
    assert bundle_of_texts(changed).digest != bundle_of_texts(texts).digest


GLOBS = [
    ("src/a.ts", "**/*.ts", True),
    ("a.ts", "**/*.ts", True),
    ("src/deep/a.ts", "*.ts", True),
    ("src/a.ts", "src/*.ts", True),
    ("src/deep/a.ts", "src/*.ts", False),
    ("src/deep/a.ts", "src/**", True),
    ("src/deep/a.ts", "src/", True),
    ("src/deep/a.ts", "src/**/a.ts", True),
    ("src/a.ts", "src/**/a.ts", True),
    ("lib/a.ts", "src/**", False),
    ("a.tsx", "*.{ts,tsx}", True),
    ("a1.ts", "a[0-9].ts", True),
    ("ab.ts", "a[!0-9].ts", True),
    ("a+b.ts", "a+b.ts", True),
    ("axts", "a.ts", False),
]


@pytest.mark.parametrize(("path", "glob", "matches"), GLOBS)
def test_globs_know_folders(path, glob, matches):
    assert matches_any(path, [glob]) is matches


def test_include_and_exclude_choose_files():
    bundle = bundle_of_texts({"a.prisma": "", "b.ts": "", "test/c.ts": ""})
    assert list(bundle.select(include=["**/*.ts"], exclude=["test/**"]).files) == ["b.ts"]
    assert list(bundle.select().files) == list(bundle.files)


def test_a_folder_is_read_without_what_is_vendored_and_without_links_out_of_it(tmp_path):
    (tmp_path / "outside.ts").write_text("secret")
    root = tmp_path / "app"
    (root / "node_modules/x").mkdir(parents=True)
    (root / "node_modules/x/index.ts").write_text("")
    (root / "src").mkdir()
    (root / "src/user.ts").write_text("export class User {}")
    (root / "src/out.ts").symlink_to(tmp_path / "outside.ts")
    (root / "src/same.ts").symlink_to(root / "src/user.ts")
    (root / "src/loop.ts").symlink_to(root / "src/loop.ts")
    (root / "logo.png").write_bytes(b"\0")
    assert list(bundle_of_paths([root]).files) == ["src/user.ts"]


def test_a_mounted_config_map_is_read_once(tmp_path):
    (tmp_path / "..2026_11_24").mkdir()
    (tmp_path / "..2026_11_24/schema.prisma").write_text("model A {}")
    (tmp_path / "..data").symlink_to("..2026_11_24")
    (tmp_path / "schema.prisma").symlink_to("..data/schema.prisma")
    assert list(bundle_of_paths([tmp_path]).files) == ["schema.prisma"]


def test_a_missing_path_is_an_error_that_names_it():
    with pytest.raises(SourceInvalid, match="/nowhere/app"):
        bundle_of_paths([Path("/nowhere/app")])


def test_large_data_in_a_folder_is_left_out_and_said(tmp_path):
    (tmp_path / "data.json").write_bytes(b" " * (3 << 20))
    (tmp_path / "schema.prisma").write_text("")
    bundle = bundle_of_paths([tmp_path])
    assert list(bundle.files) == ["schema.prisma"]
    assert list(bundle.left_out) == ["data.json"]


def test_several_paths_keep_their_names(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.ts").write_text("")
    bundle = bundle_of_paths([tmp_path / "one", tmp_path / "two"])
    assert [path.split("/")[-2:] for path in bundle.files] == [["one", "a.ts"], ["two", "a.ts"]]


def test_files_count_against_the_limit():
    with pytest.raises(SourceTooLarge, match="more than 2 files"):
        bundle_of_files({"a": b"", "b": b"", "c": b""}, Limits(files=2))
