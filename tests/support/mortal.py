"""A process that writes all the time, may do so for a moment only, and ends with exit code 75.

Arguments: the file that it writes to, and how many seconds it may go on. SIGUSR1 blocks
its loop for as long.
"""

import asyncio
import os
import signal
import sys
import time

from appdb.runtime.loop import MortalLoop, mortal_loop

OVER_EXIT_CODE = 75
WRITERS = 50


async def write(file: int) -> None:
    """One step after another, as reconciling is."""
    while True:
        os.write(file, b".")
        await asyncio.sleep(0)


async def main(path: str, seconds: float) -> None:
    ends_at = time.monotonic() + seconds
    loop = mortal_loop()
    loop.end_when(lambda: time.monotonic() >= ends_at, lambda: os._exit(OVER_EXIT_CODE))
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    loop.add_signal_handler(signal.SIGUSR1, block, file, seconds)
    await asyncio.gather(*(write(file) for _ in range(WRITERS)))


def block(file: int, seconds: float) -> None:
    """Keep the loop from turning; what is due afterwards shows itself in the file."""
    time.sleep(seconds)
    asyncio.get_running_loop().call_soon(os.write, file, b"!")


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=MortalLoop) as runner:
        runner.run(main(sys.argv[1], float(sys.argv[2])))
