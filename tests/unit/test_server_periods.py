"""Periods of inspection are known before the first of them is used."""

from appdb.reconcile.refs import DEFAULT_SERVER
from appdb.reconcile.server.run import note_listed_periods


def a_server(name, **spec):
    return {
        "metadata": {"name": name, "uid": name, "generation": 1, "resourceVersion": "1"},
        "spec": {"host": "db.example", "adminSecretRef": {"name": "admin"}} | spec,
    }


def test_the_list_of_the_start_gives_each_server_its_period():
    periods = {}

    note_listed_periods(
        periods, [a_server("slow", resync="24h"), a_server("main", resync="5m", isDefault=True)]
    )

    assert {"slow": 86_400, "main": 300, DEFAULT_SERVER: 300} == periods


def test_a_server_that_cannot_be_read_takes_no_other_with_it():
    periods = {}

    note_listed_periods(periods, [a_server("broken", resync="soon"), a_server("fine", resync="1h")])

    assert {"fine": 3600} == periods
