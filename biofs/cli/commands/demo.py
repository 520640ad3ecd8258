"""`biofs demo`: the embedded catalogue over HTTP, and files for some of its torrents."""

from __future__ import annotations

import dataclasses
import shlex
import signal
from pathlib import Path

import click

from biofs.cli.output.terminal import safe
from biofs.errors import QuietError
from biofs.settings.load import check_demo

_AGES = ("0.1.2", "0.1.3", "json-api")


@click.group("demo")
def command() -> None:
    """The embedded catalogue, for a first look and for tests."""


@command.command(
    "serve",
    epilog="\b\nExamples:\n"
    "  biofs demo serve --port 8080 --groups 2600\n"
    "  biofs demo serve --age 0.1.3",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="The port to listen at; 0 lets the system choose.",
)
@click.option(
    "--groups",
    type=click.IntRange(1, 10_000_000),
    metavar="N",
    help="Serve N groups made up on demand in place of the embedded ones.",
)
@click.option(
    "--rate-limit/--no-rate-limit",
    default=True,
    show_default=True,
    help="Hold members to the documented pace; donors are exempt.",
)
@click.option(
    "--age",
    type=click.Choice(_AGES),
    default=_AGES[0],
    show_default=True,
    help="The release to answer like; json-api is the server of 2023, which lists nothing.",
)
def serve(host: str, port: int, groups: int | None, rate_limit: bool, age: str) -> None:
    """Serve the embedded catalogue over HTTP, as the real server would.

    Prints the address and the tokens it takes, or the cookie if it takes none, and serves until
    interrupted.
    """
    check_demo()
    # trio, starlette and hypercorn take a third of a second: not for --help.
    import trio  # noqa: PLC0415

    from biofs.demo import accounts  # noqa: PLC0415
    from biofs.demo.generator import Generated  # noqa: PLC0415
    from biofs.demo.server import app, json_api  # noqa: PLC0415
    from biofs.demo.server.serve import serve as serve_app  # noqa: PLC0415
    from biofs.demo.written.embedded import embedded  # noqa: PLC0415

    takes = f"tokens: {accounts.MEMBER_TOKEN} (rate limited), {accounts.DONOR_TOKEN} (not limited)"
    if age == "json-api":
        served = json_api.create_app()
    else:
        source = embedded() if groups is None else Generated(groups=groups)
        options = accounts.ServerOptions(rate_limit=rate_limit)
        if age == "0.1.3":
            options = dataclasses.replace(options, release="0.1.3")
            takes = f"cookie: {accounts.DONOR_COOKIE}"
        served = app.create_app(source, options=options)

    async def run() -> None:
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
            async with trio.open_nursery() as nursery:
                try:
                    address, bound = await nursery.start(serve_app, served, host, port)
                except OSError as error:
                    # trio adds the address, which is said already.
                    reason = (error.strerror or str(error)).partition(" (while ")[0]
                    raise QuietError(f"{host} port {port}: cannot listen: {reason}") from None
                shown = f"[{address}]" if ":" in address else address
                click.echo(f"serving http://{shown}:{bound}/")
                click.echo(takes)
                async for _ in signals:
                    break
                nursery.cancel_scope.cancel()

    trio.run(run)


def _directory(_ctx: click.Context, _param: click.Parameter, given: str | None) -> Path | None:
    if given == "":
        # Path("") is the working directory, which a variable that is not set must not mean.
        raise click.BadParameter("it is empty: name a directory")
    return None if given is None else Path(given)


@command.command("data", epilog="Example: biofs demo data ~/demo-data --torrents ~/demo-torrents")
@click.argument("directory", metavar="DIR", type=click.Path(file_okay=False), callback=_directory)
@click.option(
    "--torrents",
    type=click.Path(file_okay=False),
    callback=_directory,
    metavar="DIR",
    help="Also write the .torrent files, INFOHASH.torrent, without a passkey.",
)
def data(directory: Path, torrents: Path | None) -> None:
    """Write made-up files for the embedded catalogue, as a BitTorrent client would have them.

    The torrents of at most 1.5 MiB have contents, 8 MiB in all, to which the piece hashes of their
    .torrent files are true. Larger ones have none: their piece hashes are made up. Files that are
    there stay; one with other contents is an error.
    """
    check_demo()
    # Neither what the embedded catalogue needs nor humanize is for --help.
    from biofs.cli.output.quantities import counted, size  # noqa: PLC0415
    from biofs.demo.data import lay_out  # noqa: PLC0415
    from biofs.demo.written.embedded import every_torrent  # noqa: PLC0415

    try:
        laid = lay_out(every_torrent(), directory, torrents)
    except FileExistsError as error:
        raise QuietError(
            f"{error.filename}: exists with other contents: move it away, or name another directory"
        ) from None
    except OSError as error:
        raise QuietError(f"{error.filename}: {error.strerror or error}") from None
    files = counted(laid.files, "file")
    there = laid.files - laid.written
    click.echo(
        f"{safe(str(directory))}: {files} of {counted(laid.torrents, 'torrent')}, {size(laid.size)}"
        + (f" ({there:,} were there)" if there else "")
    )
    click.echo(
        f"skipped for their names: {counted(laid.skipped, 'file')}; next: "
        f"biofs mount --demo --data {safe(shlex.quote(str(directory)))} MOUNTPOINT"
    )
