"""What kopf's threads see comes to the operator's loop: all of it, and in its order."""

import asyncio
import threading

from appdb.runtime.watches import Handover

THREADS, EVENTS = 4, 2_000


async def test_events_of_several_threads_all_come_each_in_its_order():
    handover = Handover(asyncio.get_running_loop())
    come = {number: [] for number in range(THREADS)}
    all_came = asyncio.Event()

    def act(_change, body):
        come[body["thread"]].append(body["event"])
        if sum(map(len, come.values())) == THREADS * EVENTS:
            all_came.set()

    def tell(number):
        for event in range(EVENTS):
            handover.deliver(act, None, {"thread": number, "event": event})

    threads = [threading.Thread(target=tell, args=(number,)) for number in range(THREADS)]
    for thread in threads:
        thread.start()
    async with asyncio.timeout(60):
        await all_came.wait()

    assert {number: list(range(EVENTS)) for number in range(THREADS)} == come
    for thread in threads:
        thread.join()


async def test_an_event_that_fails_takes_no_other_with_it():
    loop = asyncio.get_running_loop()
    handover, come, failed = Handover(loop), [], []
    loop.set_exception_handler(lambda _loop, context: failed.append(context["exception"]))
    last = asyncio.Event()

    handover.deliver(lambda _change, body: come.append(body["lost"]), None, {})
    handover.deliver(lambda change, _body: come.append(change), "ADDED", {})
    handover.deliver(lambda _change, _body: last.set(), None, {})
    async with asyncio.timeout(60):
        await last.wait()
    loop.set_exception_handler(None)

    assert ["ADDED"] == come
    assert [KeyError] == [type(error) for error in failed]
