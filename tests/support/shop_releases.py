"""The releases of examples/shop-releases, and what must be true after them."""

from dataclasses import dataclass
from pathlib import Path

from appdb.postgres.inspect import read_catalog
from support.code import ROOT
from support.releases import Place, debris, differences

SHOP = ROOT / "examples/shop"
FOLDER = ROOT / "examples/shop-releases"
LAST = FOLDER / "5"
# What the shop has written when release 5 has run for a while, release by release.
ROWS_AT_LAST = {
    "customers": 500 + 1 + 1,
    "addresses": 500,
    "products": 100 + 1,
    "orders": 500 + 1,
    "order_lines": 500,
    "payments": 500 + 50 + 1 + 1,
    "shipments": 500,
    "ratings": 50 + 1 + 1,
    "stock": 100,
    "carts": 9,
    "cart_lines": 9,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopRelease:
    """One release: the exit codes of a plan and of an apply without an approval.

    `before_it` is run when rows forbid it; `gone` are tables and columns that an approval
    takes away, `new_values` those whose values the release changes.
    """

    number: int
    plans: int
    leaves: int = 0
    words: tuple[str, ...] = ()
    before_it: str = ""
    renamed: tuple[tuple[str, str], ...] = ()
    gone: tuple[str, ...] = ()
    new_values: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        return FOLDER / str(self.number)


RELEASES = (
    ShopRelease(number=2, plans=2),
    ShopRelease(
        number=3,
        plans=2,
        words=(
            *("--rename", "customers.full_name=display_name", "--rename", "reviews=ratings"),
            *("--backfill", "payments.provider='unknown'"),
        ),
        renamed=(("customers.full_name", "customers.display_name"), ("reviews.", "ratings.")),
        new_values=("payments.provider",),
    ),
    ShopRelease(
        number=4,
        plans=3,
        leaves=3,
        gone=("customers.avatar", "coupons.", "_CouponToOrder."),
    ),
    ShopRelease(
        number=5,
        plans=4,
        leaves=4,
        before_it="before-5.sql",
        new_values=("orders.placed_at",),
    ),
)


def rows_file(name: str) -> str:
    return (FOLDER / "rows" / name).read_text(encoding="utf-8")


async def sums(place: Place) -> dict[str, tuple[int, str]]:
    """Rows and a checksum by `table.column`."""
    return {name.partition(":")[0]: found for name, found in (await place.sums()).items()}


def lost(release: ShopRelease, before: dict, after: dict) -> list[str]:
    """Columns whose rows or values a release changed without meaning to."""
    found = []
    for name, (count, text) in before.items():
        now = name
        for old, new in release.renamed:
            now = new + now.removeprefix(old) if now.startswith(old) else now
        if now.startswith(release.gone or ("\0",)):
            continue
        if now not in after or after[now][0] != count:
            found.append(f"{name}: rows")
        elif after[now][1] != text and now not in release.new_values:
            found.append(f"{name}: values")
    return found


async def assert_like_the_last(place: Place, fresh: Place) -> None:
    """The database is what one made of release 5 is, with every row that the shop wrote."""
    catalog = await read_catalog(place.conn)
    assert [] == debris(catalog)
    assert [] == differences(await read_catalog(fresh.conn), catalog)
    counts = await place.counts()
    assert ROWS_AT_LAST == {name: counts[name] for name in ROWS_AT_LAST}
