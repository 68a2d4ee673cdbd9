"""The first look at an AppDatabase after a start: most are as the process before left them.

Answered from the lists of the start. It only ever concludes that nothing is to be done;
whatever looks otherwise is looked at again as it is now.
"""

from appdb.api.appdatabase import AppDatabase
from appdb.cluster.resources import APP_DATABASES
from appdb.errors import InvalidSpec
from appdb.reconcile.context import Context
from appdb.reconcile.database.decide import NOTHING, decide
from appdb.reconcile.database.observe import observe
from appdb.reconcile.keys import ObjectKey


async def as_left(context: Context, key: ObjectKey) -> AppDatabase | None:
    """Return an object about which nothing is to be done, as far as the lists show it.

    Raises:
        ClusterUnavailable, ClusterForbidden: something that was not listed cannot be read.
    """
    live = context.listing.take(APP_DATABASES, key.namespace, key.name)
    if live is None:
        return None
    try:
        database = AppDatabase.of(live)
    except InvalidSpec:
        return None
    if database.metadata.is_deleting or database.spec.suspend:
        return None
    observed = await observe(context, live, database, reader=context.listing)
    return database if decide(observed) is NOTHING else None
