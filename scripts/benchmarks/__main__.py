"""`scripts/bench`."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import click

from biofs.errors import QuietError
from scripts.benchmarks import operations
from scripts.benchmarks.figures import results
from scripts.benchmarks.peers.systems import SYSTEMS
from scripts.benchmarks.sections import registry


def say(text: str) -> None:
    """A line about how it goes."""
    click.echo(f"{time.strftime('%H:%M:%S')} {text}", err=True)


@click.command()
@click.option("--quick", is_flag=True, help="A tenth of everything, two repetitions.")
@click.option("--repeat", type=click.IntRange(1), help="Repetitions; 5 by default.")
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    type=click.Choice([*SYSTEMS, *operations.NAMES]),
    help="Of `tree` only this system or operation; can be given again. Systems:"
    f" {', '.join(SYSTEMS)}. Operations: {'; '.join(operations.NAMES)}.",
)
@click.option(
    "--scale",
    "most",
    type=click.IntRange(1_000),
    help="How many groups `scale` goes up to; 100,000 by default. A million need 12 GB.",
)
@click.option(
    "--walk",
    type=click.IntRange(0),
    help="Up to how many groups `scale` also walks over everything; 10,000 by default.",
)
@click.option(
    "--scratch",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    default=Path("/dev/shm"),
    show_default=True,
    help="Where trees and stores are made; on tmpfs, so that no disk is measured.",
)
@click.option(
    "--disk",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    default=Path("/var/tmp"),
    show_default=True,
    help="Where the files of `contents` and `swarm` are made, 4 GB of them; on a disk.",
)
@click.option("--save", is_flag=True, help="Write docs/benchmarks.json, the plots, the page.")
@click.argument("names", metavar="[SECTION]...", nargs=-1, type=click.Choice(registry.NAMES))
def main(
    quick: bool,
    repeat: int | None,
    only: tuple[str, ...],
    most: int | None,
    walk: int | None,
    scratch: Path,
    disk: Path,
    save: bool,
    names: tuple[str, ...],
) -> None:
    """Measure biofs beside a bare pyfuse3 file system and what people use.

    SECTION is tree, scale, giant, network, start, contents, snapshot or swarm: all of them by
    default, and tree with --only.
    """
    # What is mounted is to be unmounted, however this ends.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    chosen = names or (("tree",) if only else registry.NAMES)
    plan = registry.Plan(
        quick=quick,
        repetitions=repeat or (2 if quick else 5),
        only=only,
        most=most or (10_000 if quick else 100_000),
        walk=(1_000 if quick else 10_000) if walk is None else walk,
    )
    measured: results.Results = {"about": results.about(quick=quick)}
    for name in chosen:
        where = disk if name in registry.ON_DISK else scratch
        base = Path(tempfile.mkdtemp(prefix="biofs-bench-", dir=where))
        try:
            measured[name] = registry.measure(name, base, plan, say)
        finally:
            shutil.rmtree(base, ignore_errors=True)
        click.echo(registry.shown(name, measured))
        if save:
            # Each when it is done: what comes after may fail.
            results.save(measured)
    if save:
        results.draw()
        results.publish()


if __name__ == "__main__":
    try:
        main()
    except QuietError as error:
        say(str(error))
        sys.exit(1)
