"""`appdb schema`: what a source declares, offline: DDL on stdout, findings on stderr."""

import os
import sys
from pathlib import Path

import click

from appdb.errors import NothingDetected
from appdb.model.analysis import Analysis
from appdb.model.finding import Finding, Severity
from appdb.source.analyze import AnalysisOptions
from appdb.source.folder import bundle_of_paths
from appdb.source.isolate import analyze_once
from appdb.source.outputs import as_json, as_mermaid, as_report, as_sql, summary

EXIT_BAD_INPUT = 1
EXIT_NOTHING = 3

_OUTPUTS = {"sql": as_sql, "json": as_json, "report": as_report, "mermaid": as_mermaid}
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}


@click.command()
@click.argument(
    "paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path)
)
@click.option("--framework", default="Auto", show_default=True, help="Read by this front end only.")
@click.option("-o", "--output", type=click.Choice(list(_OUTPUTS)), default="sql", show_default=True)
@click.option("--include", multiple=True, metavar="GLOB", help="Read only files that match.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Leave files out that match.")
def schema(
    paths: tuple[Path, ...],
    framework: str,
    output: str,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
) -> None:
    """Print the schema that the source at PATH declares.

    PATH is a file, a folder or a .tar.gz. Needs no cluster, no database and no network;
    nothing of the source is run. Exit code 0: found, 3: nothing found, 1: bad input.
    """
    bundle = bundle_of_paths(paths).select(include=include, exclude=exclude)
    try:
        found = analyze_once(bundle, AnalysisOptions(framework=framework))
    except NothingDetected as error:
        click.echo(f"nothing found: {error.message}", err=True)
        sys.exit(EXIT_NOTHING)
    _tell(found)
    if found.is_blocked:
        click.echo(f"no schema: {found.count(Severity.ERROR)} of the findings are errors", err=True)
        sys.exit(EXIT_BAD_INPUT)
    if found.declares_nothing:
        click.echo("nothing found: no table is declared beside the migrations", err=True)
        sys.exit(EXIT_NOTHING)
    click.echo(_OUTPUTS[output](found), nl=False)


def _tell(found: Analysis) -> None:
    """Write the findings like a compiler, and the summary behind them."""
    is_coloured = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    for finding in found.findings:
        click.echo(_line(finding, is_coloured=is_coloured), err=True, color=is_coloured)
    click.echo(summary(found), err=True)


def _line(finding: Finding, *, is_coloured: bool) -> str:
    if not is_coloured:
        return str(finding)
    severity = click.style(finding.severity, fg=_COLOURS[finding.severity], bold=True)
    place = click.style(f"{finding.span}: ", bold=True) if finding.span else ""
    return f"{place}{severity} {finding.code}: {finding.message}"
