"""`appdb run`: the operator."""

from typing import Any

import click

from appdb.settings import read_from_process


@click.command()
@click.option(
    "--namespace", "-n", "namespaces", multiple=True, help="Watch this namespace; default all."
)
@click.option("--operator-namespace", help="Where admin Secrets and the Lease are.")
@click.option("--http-host", help="Address of the probes and metrics.")
@click.option("--http-port", type=int, help="Port of the probes and metrics; default 8080.")
@click.option("--log-level", help="debug, info, warning or error.")
@click.option("--log-format", type=click.Choice(["json", "text"]), help="Form of a line of log.")
@click.option(
    "--leader-election/--no-leader-election", default=None, help="Elect a leader by a Lease."
)
@click.option("--workers", type=int, help="Most objects reconciled at one time.")
@click.option("--grace-seconds", type=float, help="How long work may end after SIGTERM.")
def run(**flags: Any) -> None:
    """Run the operator, in the cluster or with KUBECONFIG.

    Every flag can be given as a variable too: --http-port as APPDB_HTTP_PORT.
    """
    settings = read_from_process(flags)
    from appdb.runtime import wiring

    wiring.run(settings)
