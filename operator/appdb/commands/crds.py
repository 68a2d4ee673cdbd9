"""`appdb crds`: the CustomResourceDefinitions, for people and for scripts/crds."""

from pathlib import Path

import click

from appdb.api.crd import render_crd, render_crds
from appdb.api.kinds import KINDS


@click.command()
@click.option(
    "--output-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write one file per kind here instead of printing.",
)
def crds(output_dir: Path | None) -> None:
    """Print the CustomResourceDefinitions as YAML."""
    if output_dir is None:
        click.echo(render_crds(), nl=False)
        return
    output_dir.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        (output_dir / f"{kind.plural}.yaml").write_text(render_crd(kind), encoding="utf-8")
