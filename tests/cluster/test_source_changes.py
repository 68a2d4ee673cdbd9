"""A source that changes under a database that is in use."""

import io
import tarfile

import pytest

from appdb.api.conditions import KStatus
from support.shop import PRISMA, PRISMA_HEAD, PRISMA_TWO, PRISMA_WRONG, USERS
from support.team import Team, until

pytestmark = pytest.mark.cluster

SOURCE = {"configMaps": [{"name": "shop"}]}


@pytest.fixture
def shop(team: Team) -> Team:
    """A team whose AppDatabase `shop` has the table of its labelled ConfigMap."""
    team.apply_source("shop", {"schema.prisma": PRISMA})
    team.apply("shop", source=SOURCE)
    team.await_ready("shop")
    return team


def an_archive(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


def digest_of(team: Team) -> str:
    return str(team.status("shop").get("source", {}).get("digest"))


def test_an_edit_is_noticed_by_itself(shop: Team):
    before = digest_of(shop)

    shop.apply_source("shop", {"schema.prisma": PRISMA_WRONG})

    until(lambda: digest_of(shop) != before, seconds=10, say=lambda: shop.tell("shop"))


def test_a_new_table_and_a_new_nullable_column_are_made_and_rows_stay(shop: Team):
    with shop.logged_in("shop") as session:
        session.execute('INSERT INTO "User" (email) VALUES (%s)', ("a@example.com",))

    wider = PRISMA_TWO.replace("name  String?", "name  String?\n  nick  String?")
    shop.apply_source("shop", {"schema.prisma": wider})

    until(lambda: shop.tables("shop") == ["Post", "User"], say=lambda: shop.tell("shop"))
    shop.await_ready("shop")
    with shop.logged_in("shop") as session:
        row = session.execute('SELECT email, nick FROM "User"').fetchone()
    assert ("a@example.com", None) == row
    until(lambda: shop.status("shop")["schema"]["tables"] == 2, say=lambda: shop.tell("shop"))


def test_a_table_that_is_no_longer_declared_is_never_dropped_by_itself(team: Team):
    team.apply_source("shop", {"schema.prisma": PRISMA_TWO})
    team.apply("shop", source=SOURCE)
    team.await_ready("shop")

    team.apply_source("shop", {"schema.prisma": PRISMA})

    team.await_says("shop", "SchemaSynced", "False", "PlanPendingApproval")
    assert KStatus.FAILED is team.kstatus("shop")
    assert ["Post", "User"] == team.tables("shop")
    team.apply_source("shop", {"schema.prisma": PRISMA_TWO})
    team.await_ready("shop")


def test_a_syntax_error_leaves_the_tables_and_the_login_alone(shop: Team):
    shop.apply_source("shop", {"schema.prisma": PRISMA_WRONG})

    shop.await_says("shop", "SourceReady", "False", "ParseFailed")
    assert ["User"] == shop.tables("shop")
    assert ("True", "Issued") == shop.says("shop", "CredentialsReady")
    assert ("True", "Applied") == shop.says("shop", "SchemaSynced")
    findings = shop.status("shop")["source"]["firstFindings"]
    assert "schema.prisma" == findings[0]["path"]
    assert 9 == findings[0]["line"]


def test_a_source_that_is_deleted_is_told_and_the_tables_stay(shop: Team):
    path = f"/api/v1/namespaces/{shop.namespace}/configmaps/shop"
    shop.api.request("DELETE", path)

    shop.await_says("shop", "SourceReady", "False", "NotFound", seconds=5)
    assert ["User"] == shop.tables("shop")


def test_an_unlabelled_source_works_and_the_message_says_what_is_late(team: Team):
    team.apply_source("shop", {"schema.prisma": PRISMA}, is_labelled=False)
    team.apply("shop", source=SOURCE)
    team.await_ready("shop")

    hint = "appdb.chatbuilds.com/source=true"
    assert hint in team.condition("shop", "SourceReady").message
    team.apply_source("shop", {"schema.prisma": PRISMA_TWO}, is_labelled=False)
    team.request_look("shop")
    assert ["Post", "User"] == team.tables("shop")


def test_an_unlabelled_source_with_an_error_says_so_too(team: Team):
    team.apply_source("shop", {"schema.prisma": PRISMA_WRONG}, is_labelled=False)
    team.apply("shop", source=SOURCE)

    failed = team.await_says("shop", "SourceReady", "False", "ParseFailed")

    assert "appdb.chatbuilds.com/source=true" in failed.message


def test_a_revision_is_waited_for_and_the_old_tables_serve(shop: Team):
    shop.apply("shop", source=SOURCE | {"revision": "v2"})
    told = shop.await_says("shop", "SourceReady", "False", "RevisionMismatch")
    assert "v2" in told.message
    assert KStatus.IN_PROGRESS is shop.kstatus("shop")
    assert ["User"] == shop.tables("shop")

    revision = {"appdb.chatbuilds.com/revision": "v2"}
    shop.apply_source("shop", {"schema.prisma": PRISMA_TWO}, annotations=revision)

    shop.await_ready("shop", seconds=10)
    assert "v2" == shop.status("shop")["source"]["revision"]
    assert ["Post", "User"] == shop.tables("shop")


def test_the_digest_serves_as_a_revision(shop: Team):
    shop.apply("shop", source=SOURCE | {"revision": digest_of(shop)})

    shop.await_ready("shop")


def test_two_underscores_in_a_key_stand_for_a_slash(team: Team):
    files = {"prisma__schema__base.prisma": PRISMA_HEAD, "prisma__schema__user.prisma": USERS}
    team.apply_source("shop", files)
    team.apply("shop", source=SOURCE)

    team.await_ready("shop")

    assert ["User"] == team.tables("shop")
    assert 2 == team.status("shop")["source"]["files"]


def test_an_archive_holds_a_whole_tree(team: Team):
    archive = an_archive({"prisma/schema.prisma": PRISMA_TWO, "README.md": "# shop\n"})
    team.apply_source("shop", {}, binary={"source.tar.gz": archive})
    team.apply("shop", source=SOURCE)

    team.await_ready("shop")

    assert ["Post", "User"] == team.tables("shop")


def test_several_config_maps_are_one_source_and_one_plan(team: Team):
    team.apply_source("base", {"schema__base.prisma": PRISMA_HEAD})
    team.apply_source("user", {"schema__user.prisma": USERS})
    team.apply("shop", source={"configMaps": [{"name": "base"}, {"name": "user"}]})

    team.await_ready("shop")

    assert ["User"] == team.tables("shop")


def test_an_optional_config_map_may_be_missing_and_come_later(team: Team):
    team.apply_source("base", {"schema__base.prisma": PRISMA})
    maps = [{"name": "base"}, {"name": "more", "optional": True}]
    team.apply("shop", source={"configMaps": maps})
    team.await_ready("shop")

    more = PRISMA_TWO.removeprefix(PRISMA)
    team.apply_source("more", {"schema__more.prisma": more})

    until(lambda: team.tables("shop") == ["Post", "User"], say=lambda: team.tell("shop"))


@pytest.mark.parametrize(
    ("first", "second", "hint"),
    [
        ({"schema.prisma": PRISMA}, {"schema.prisma": PRISMA_TWO}, "schema.prisma"),
        ({"schema.prisma": PRISMA}, {"app__..__..__outside.prisma": USERS}, ".."),
    ],
    ids=["clash", "outside"],
)
def test_files_that_cannot_stand_together_are_refused(
    team: Team, first: dict[str, str], second: dict[str, str], hint: str
):
    team.apply_source("one", first)
    team.apply_source("two", second)
    team.apply("shop", source={"configMaps": [{"name": "one"}, {"name": "two"}]})

    told = team.await_says("shop", "SourceReady", "False", "Invalid")
    assert hint in told.message
    assert ("True", "SourceInvalid") == team.says("shop", "Stalled")
    assert [] == team.tables("shop")


def test_an_archive_that_reaches_outside_is_refused(team: Team):
    archive = an_archive({"../../etc/schema.prisma": PRISMA})
    team.apply_source("shop", {}, binary={"source.tar.gz": archive})
    team.apply("shop", source=SOURCE)

    team.await_says("shop", "SourceReady", "False", "Invalid")


def test_globs_choose_what_is_read(team: Team):
    files = {"app__schema.prisma": PRISMA, "old__schema.prisma": PRISMA_WRONG}
    team.apply_source("shop", files)
    team.apply("shop", source=SOURCE | {"exclude": ["old/**"]})

    team.await_ready("shop")

    assert ["User"] == team.tables("shop")


def test_a_source_for_which_tables_wait_makes_them_when_the_mode_allows_it(team: Team):
    team.apply_source("shop", {"schema.prisma": PRISMA})
    team.apply("shop", source=SOURCE, schema={"mode": "Off"})
    team.await_ready("shop")

    team.apply("shop", schema={"mode": "Auto"})

    until(lambda: team.tables("shop") == ["User"], say=lambda: team.tell("shop"))
    team.await_ready("shop")
