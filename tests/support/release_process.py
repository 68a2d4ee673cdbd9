"""One run of the engine as a process of its own, to be killed at any moment.

Reads a JSON object from stdin: `dsn`, `scratch`, `ddl`, `approve`. Prints a line when it
begins to apply, and one when it is done.
"""

import asyncio
import json
import sys

from appdb.plan.policy import Policy
from appdb.postgres.apply import Run, apply_release
from appdb.postgres.migrate import plan_release
from appdb.postgres.scratch import Scratch
from support.releases import AUTO, release_of, session


async def main() -> None:
    """Plan, say so, apply, say so."""
    words = json.load(sys.stdin)
    policy = Policy(allow=AUTO)
    async with session(words["dsn"]) as conn, session(words["scratch"]) as bench:
        plan = await plan_release(conn, Scratch(conn=bench), release_of(words["ddl"]), policy)
        sys.stdout.write("planned\n")
        sys.stdout.flush()
        await apply_release(conn, plan, Run(policy=policy, wait_seconds=60))
    sys.stdout.write("done\n")


if __name__ == "__main__":
    asyncio.run(main())
