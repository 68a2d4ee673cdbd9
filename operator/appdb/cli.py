"""The `appdb` command: finds the subcommand and turns our errors into exit codes.

Each subcommand is imported when it is called, so that reading source needs neither the
Kubernetes client nor the Postgres driver.
"""

import importlib
import sys

import click

from appdb import __version__
from appdb.errors import AppDBError

# name -> module of appdb.commands; the attribute is the name with "-" as "_".
COMMANDS = {
    "run": "run",
    "schema": "schema",
    "plan": "migrate",
    "apply": "migrate",
    "crds": "crds",
    "local": "local",
}


class WrongUsage(click.UsageError):
    """A wrong argument; click's own exit code, 2, says here that there are changes."""

    exit_code = 1


class LazyGroup(click.Group):
    """A group whose commands are imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"appdb.commands.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def invoke(self, ctx: click.Context) -> object:
        """Run the subcommand."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            raise WrongUsage(error.format_message(), error.ctx) from error


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="appdb")
def cli() -> None:
    """Databases for applications, from the applications' own source."""


def main() -> None:
    """Run the command line; one of our errors is one line on stderr and exit code 1."""
    try:
        cli()
    except AppDBError as error:
        click.echo(f"error: {error.message}", err=True)
        sys.exit(1)
