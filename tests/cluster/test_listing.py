"""The lists of the start, on a real API server: what they answer, and when they stop to."""

import pytest

from appdb.api import names
from appdb.cluster.client import Cluster, Json
from appdb.cluster.resources import CONFIG_MAPS, NAMESPACES, SECRETS
from appdb.reconcile.listing import Listing

pytestmark = pytest.mark.cluster

LABELS = {names.LABEL_SOURCE: "true"}


@pytest.fixture
async def source(api: Cluster, namespace: str) -> Json:
    return await api.create(CONFIG_MAPS, namespace, a_source("code"))


@pytest.fixture
async def listing(api: Cluster, source: Json) -> Listing:
    """A listing that has read everything there is."""
    read = Listing(api)
    await read.read()
    return read


def a_source(name: str, **labels: str) -> Json:
    metadata = {"name": name, "labels": LABELS | labels}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "1"}}


async def edit(api: Cluster, namespace: str) -> Json:
    edited = await api.merge(CONFIG_MAPS, namespace, "code", {"data": {"a": "2"}})
    assert edited is not None
    return edited


async def test_what_was_listed_is_answered_as_it_was(
    api: Cluster, namespace: str, listing: Listing
):
    await edit(api, namespace)

    found = await listing.get(CONFIG_MAPS, namespace, "code")

    assert found is not None
    assert {"a": "1"} == found["data"]


async def test_what_was_not_listed_is_asked_for(api: Cluster, namespace: str, listing: Listing):
    await api.create(CONFIG_MAPS, namespace, a_source("later"))

    assert await listing.get(CONFIG_MAPS, namespace, "later") is not None
    assert await listing.get(CONFIG_MAPS, namespace, "never") is None


async def test_a_watch_that_shows_another_version_ends_the_answer(
    api: Cluster, namespace: str, listing: Listing, source: Json
):
    assert listing.is_as_listed(CONFIG_MAPS, source, None)
    edited = await edit(api, namespace)

    assert not listing.is_as_listed(CONFIG_MAPS, edited, None)

    found = await listing.get(CONFIG_MAPS, namespace, "code")
    assert found is not None
    assert {"a": "2"} == found["data"]


async def test_a_deletion_ends_the_answer(
    api: Cluster, namespace: str, listing: Listing, source: Json
):
    await api.delete(CONFIG_MAPS, namespace, "code", uid=source["metadata"]["uid"])

    assert not listing.is_as_listed(CONFIG_MAPS, source, "DELETED")

    assert await listing.get(CONFIG_MAPS, namespace, "code") is None


async def test_what_no_watch_has_shown_is_named(namespace: str, listing: Listing, source: Json):
    unseen = (CONFIG_MAPS, namespace, "code")
    assert unseen in listing.unseen()

    listing.is_as_listed(CONFIG_MAPS, source, None)

    assert unseen not in listing.unseen()


async def test_an_object_is_handed_out_once(namespace: str, listing: Listing):
    assert listing.take(CONFIG_MAPS, namespace, "code") is not None
    assert listing.take(CONFIG_MAPS, namespace, "code") is None


async def test_only_objects_of_the_watched_kind_and_label_are_listed(
    api: Cluster, namespace: str, listing: Listing
):
    secret = {"metadata": {"name": "foreign"}, "stringData": {"a": "1"}}
    await api.create(SECRETS, namespace, secret)
    again = Listing(api)
    await again.read((namespace,))

    kinds = {resource for resource, _, _ in again.unseen()}

    assert (SECRETS, namespace, "foreign") not in again.unseen()
    assert (CONFIG_MAPS, namespace, "code") in again.unseen()
    assert NAMESPACES in kinds


async def test_a_closed_listing_answers_nothing_itself(
    api: Cluster, namespace: str, listing: Listing
):
    await edit(api, namespace)
    listing.close()

    found = await listing.get(CONFIG_MAPS, namespace, "code")

    assert found is not None
    assert {"a": "2"} == found["data"]
    assert () == listing.unseen()
