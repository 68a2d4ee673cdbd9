"""One run of one SchemaPlan: says that a request to look was heard, and has its database looked at.

What becomes of a plan is decided with its AppDatabase, where the tables are.
"""

from appdb.api import names
from appdb.api.schemaplan import SchemaPlan
from appdb.cluster.resources import SCHEMA_PLANS
from appdb.reconcile.context import Context
from appdb.reconcile.dispatch import LEAVE, Again
from appdb.reconcile.keys import ObjectKey, database_key
from appdb.reconcile.status import StatusWriter


async def reconcile_plan(context: Context, key: ObjectKey) -> Again:
    """Handle the annotation `requested-at` of a plan.

    Raises:
        AppDBError: the API server failed, or somebody wrote first.
    """
    live = await context.cluster.get(SCHEMA_PLANS, key.namespace, key.name)
    if live is None:
        return LEAVE
    plan = SchemaPlan.of(live)
    database = database_key(key.namespace, plan.spec.app_database_ref.name)
    requested = plan.metadata.annotations.get(names.ANNOTATION_REQUESTED_AT, "")
    handled = plan.status.model_copy(
        update={
            "last_handled_reconcile_at": requested,
            "observed_generation": plan.metadata.generation,
        }
    )
    await StatusWriter.of(context.cluster, SCHEMA_PLANS, live).write(handled)
    context.resync.ask(database)
    context.wake(database)
    return LEAVE
