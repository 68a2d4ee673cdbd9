"""`appdb local`: a sandbox on this machine, with real parts."""

import json
import os
import shlex
import shutil
import time
from dataclasses import asdict
from pathlib import Path

import click

from appdb.local.binaries import ensure_binaries
from appdb.local.cache import Report, locked
from appdb.local.demo import run_demo
from appdb.local.failure import SandboxError
from appdb.local.helm import ensure_helm
from appdb.local.places import DEFAULT_NAME, list_sandboxes, sandbox_dir
from appdb.local.playground import databases_dir, own_database
from appdb.local.report import link_clients, own_command, read_parts, render_environment
from appdb.local.sandbox import Options, Sandbox

name_option = click.option(
    "--name", default=DEFAULT_NAME, show_default=True, help="Which sandbox; several may run."
)
postgres_option = click.option(
    "--postgres",
    type=int,
    metavar="VERSION",
    help="Major version: 18 (the default), 16, or one that is installed.",
)

NEXT_STEPS = """
Next:
  eval "$({appdb} local env{name})"
  kubectl apply -f examples/shop
  kubectl get appdb -A
  {appdb} local down{name}
"""


@click.group()
def local() -> None:
    """Run a sandbox on this machine: API server, Postgres, operator."""


@local.command()
@name_option
@postgres_option
@click.option("--no-operator", is_flag=True, help="Leave the operator out, to run your own.")
def up(name: str, postgres: int | None, *, no_operator: bool) -> None:
    """Start a sandbox, or what of it does not run; it stays until `down`."""
    home = sandbox_dir(name)
    report = _Reporter()
    with locked(home, report):
        sandbox = _create(name, postgres=postgres, runs_operator=not no_operator, report=report)
        _start(sandbox)
    link_clients(sandbox)
    click.echo(f"\nSandbox {name} is ready in {home}")
    _echo_parts(sandbox)
    named = "" if name == DEFAULT_NAME else f" --name {name}"
    click.echo(NEXT_STEPS.format(appdb=own_command(), name=named))


@local.command()
@name_option
@click.option("--keep-logs", is_flag=True, help="Leave the logs where they are.")
def down(name: str, *, keep_logs: bool) -> None:
    """Stop a sandbox and delete it with all its data."""
    report = _Reporter()
    sandbox = _open(name, report)
    with locked(sandbox.home, report):
        sandbox.remove(keeps_logs=keep_logs)
        shutil.rmtree(sandbox.home / "bin", ignore_errors=True)
        shutil.rmtree(databases_dir(sandbox), ignore_errors=True)
    where = f"; its logs are in {sandbox.home}" if keep_logs else ""
    click.echo(f"Sandbox {name} is gone{where}")


@local.command()
@click.option("--name", help="Only this one; else all.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text")
@click.pass_context
def status(ctx: click.Context, name: str | None, output: str) -> None:
    """Say which parts run. Exit code 0 when all do, 3 when one does not or there is none."""
    names = (name,) if name else list_sandboxes()
    sandboxes = {each: _open(each, _Reporter()) for each in names}
    states = {each: read_parts(sandbox) for each, sandbox in sandboxes.items()}
    if output == "json":
        shown = [
            {
                "name": each,
                "home": str(sandboxes[each].home),
                "kubeconfig": str(sandboxes[each].kubeconfig),
                "parts": [asdict(part) | {"running": part.pid != 0} for part in parts],
            }
            for each, parts in states.items()
        ]
        click.echo(json.dumps({"sandboxes": shown}, indent=2))
    else:
        for each, sandbox in sandboxes.items():
            click.echo(f"Sandbox {each} in {sandbox.home}")
            _echo_parts(sandbox)
        if not sandboxes:
            click.echo("No sandbox; start one with: appdb local up")
    if not states or not all(part.pid for parts in states.values() for part in parts):
        ctx.exit(3)


@local.command()
@name_option
@click.option(
    "--database",
    metavar="NAME",
    help="DATABASE_URL too, of a database of your own for appdb plan and apply, made once.",
)
def env(name: str, database: str | None) -> None:
    """Print KUBECONFIG, PGHOST and PGPORT for a shell: eval "$(appdb local env)"."""
    sandbox = _open(name, _Reporter())
    click.echo(render_environment(sandbox, path=os.environ.get("PATH")), nl=False)
    if database:
        click.echo(f"export DATABASE_URL={shlex.quote(own_database(sandbox, database))}")


@local.command()
@click.option("--helm", is_flag=True, help="Helm too, which the tests of the chart use.")
def prepare(*, helm: bool) -> None:
    """Get the control plane's programs into the cache, as `up` does when they are missing."""
    binaries = ensure_binaries(report=_Reporter())
    click.echo(f"Programs are ready: {binaries.apiserver.parent}")
    if helm:
        click.echo(f"Helm is ready: {ensure_helm(report=_Reporter())}")


@local.command()
@postgres_option
@click.option("--keep", is_flag=True, help="Leave the sandbox running, by the name of demo.")
@click.option(
    "--example",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("examples/shop"),
    show_default=True,
    help="Folder of manifests to apply.",
)
def demo(postgres: int | None, example: Path, *, keep: bool) -> None:
    """Show the whole road once: from `kubectl apply` to tables and a login."""
    run_demo(example, postgres_version=postgres, keeps=keep, report=_Reporter())


class _Reporter:
    """Writes progress to stderr with the seconds since it was made."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def __call__(self, line: str) -> None:
        click.echo(f"{time.monotonic() - self._started:6.1f} s  {line}", err=True)


def _create(name: str, *, postgres: int | None, runs_operator: bool, report: Report) -> Sandbox:
    """The sandbox to start, new or as it was, with every program it needs."""
    options = Options(postgres_version=postgres, is_detached=True)
    binaries = ensure_binaries(report=report)
    sandbox = Sandbox(sandbox_dir(name), options, binaries=binaries, report=report)
    sandbox.runs_operator = runs_operator
    if not sandbox.is_new and postgres not in {None, sandbox.postgres.server.version}:
        raise SandboxError(
            f"sandbox {name} has Postgres {sandbox.postgres.server.version}; "
            "take it down first, or choose another --name"
        )
    return sandbox


def _open(name: str, report: Report) -> Sandbox:
    """A sandbox that exists; raises SandboxError otherwise."""
    home = sandbox_dir(name)
    if not (home / "sandbox.json").exists():
        raise SandboxError(f"there is no sandbox {name}; start it: appdb local up --name {name}")
    return Sandbox(home, Options(is_detached=True), report=report)


def _start(sandbox: Sandbox) -> None:
    """Start; a new sandbox that fails leaves its logs and nothing else."""
    try:
        sandbox.start()
    except BaseException:
        if sandbox.is_new:
            sandbox.remove(keeps_logs=True)
        raise


def _echo_parts(sandbox: Sandbox) -> None:
    for part in read_parts(sandbox):
        state = f"pid {part.pid}" if part.pid else "stopped"
        click.echo(f"  {part.name:<24} {state:<12} {part.address:<24} {part.log}".rstrip())
    click.echo(f"  {'kubeconfig (admin)':<24} {sandbox.kubeconfig}")
    click.echo(f"  {'kubeconfig (operator)':<24} {sandbox.operator.kubeconfig}")
