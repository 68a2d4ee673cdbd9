"""`appdb run` whose event loop SIGUSR1 blocks for a while, as a bug would: real, but on demand."""

import asyncio
import signal
import sys
import time

from appdb.cli import main
from appdb.runtime import wiring
from appdb.settings import Settings

BLOCK_SECONDS = 16.0
_run = wiring._main


async def _blockable(settings: Settings) -> None:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, time.sleep, BLOCK_SECONDS)
    await _run(settings)


if __name__ == "__main__":
    wiring._main = _blockable
    sys.exit(main())
