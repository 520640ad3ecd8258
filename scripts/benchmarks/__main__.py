"""`scripts/bench`."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import click

from biofs.errors import QuietError
from scripts.benchmarks import comparing, results, table
from scripts.benchmarks.systems import SYSTEMS


def say(text: str) -> None:
    """A line about how it goes."""
    click.echo(f"{time.strftime('%H:%M:%S')} {text}", err=True)


@click.command()
@click.option("--quick", is_flag=True, help="A tenth of the tree, two repetitions.")
@click.option("--repeat", type=click.IntRange(1), help="Repetitions; 5 unless told.")
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help=f"Only these systems ({', '.join(SYSTEMS)}) or operations, such as find or 'ls -lR'.",
)
@click.option(
    "--scratch",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    default="/dev/shm",
    show_default=True,
    help="Where trees and stores are made; on tmpfs, so that no disk is measured.",
)
@click.option("--results", "target", type=click.Path(dir_okay=False, path_type=Path))
def main(
    quick: bool, repeat: int | None, only: tuple[str, ...], scratch: Path, target: Path | None
) -> None:
    """Measure biofs beside a bare pyfuse3 file system and what people use."""
    systems = [name for name in only if name in SYSTEMS] or list(SYSTEMS)
    operations = [name for name in only if name not in SYSTEMS]
    repetitions = repeat or (2 if quick else 5)
    size = comparing.QUICK if quick else comparing.WHOLE
    base = Path(tempfile.mkdtemp(prefix="biofs-bench-", dir=scratch))
    try:
        series = comparing.compare(base, size, systems, operations, repetitions, say)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    click.echo(table.plain(table.rates(series, systems)))
    click.echo()
    click.echo(table.plain(table.calls(series, systems)))
    if target:
        results.save(target, {"tree": [each.as_json() for each in series]})


if __name__ == "__main__":
    try:
        with suppress(BrokenPipeError):
            main(standalone_mode=True)
    except QuietError as error:
        click.echo(f"biofs: {error}", err=True)
        sys.exit(1)
