"""Counts the operator's sessions on a server while something else is measured."""

import threading

import psycopg

from appdb.local.sandbox import Sandbox


class Sessions:
    """Counts the operator's sessions on the server, ten times a second."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.most = 0
        self._dsn = sandbox.postgres.server.dsn("postgres")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._count)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _count(self) -> None:
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'appdb%'"
        with psycopg.connect(self._dsn, autocommit=True) as session:
            while not self._stop.wait(0.1):
                row = session.execute(query).fetchone()
                self.most = max(self.most, row[0] if row else 0)
