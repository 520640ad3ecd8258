"""The `biofs` command. Each command is a file of this package, imported only when it is run."""

import atexit
import gc
from collections.abc import Sequence
from contextlib import suppress

import click

from biofs import __version__
from biofs.cli.lazy import LazyGroup
from biofs.cli.output.report import guarded
from biofs.cli.system import processes

__all__ = ["main", "program"]


@click.group(
    "biofs",
    cls=LazyGroup,
    lazy={
        "mount": ("biofs.cli.commands.mount", "Mount the catalogue at MOUNTPOINT."),
        "umount": ("biofs.cli.commands.umount", "End the mount at MOUNTPOINT."),
        "ls": ("biofs.cli.commands.ls", "Show a category, a tag, a group … as a table."),
        "find": (
            "biofs.cli.commands.find",
            "Search the cache and print paths, the best first.",
        ),
        "status": ("biofs.cli.commands.status", "Show a mount's activity and how much is cached."),
        "explain": (
            "biofs.cli.commands.explain",
            "Describe PATH and how many requests reading it would take.",
        ),
        "refresh": ("biofs.cli.commands.refresh", "Refresh PATH now."),
        "warm": ("biofs.cli.commands.warm", "Prefetch what is missing, within the rate limit."),
        "export": (
            "biofs.cli.commands.export",
            "Export the cache to FILE as a mountable snapshot.",
        ),
        "login": (
            "biofs.cli.commands.login",
            "Keep your API token, so that `biofs mount DIR` is all.",
        ),
        "doctor": ("biofs.cli.commands.doctor", "Check this machine and suggest fixes."),
    },
    seldom={
        "verify": ("biofs.cli.commands.verify", "Check data on this machine against its hashes."),
        "logout": ("biofs.cli.commands.logout", "Delete the token that `biofs login` saved."),
        "cache": ("biofs.cli.commands.cache", "Inspect or clear the cache."),
        "api": ("biofs.cli.commands.api", "Send ACTION to the server and print its answer."),
        "torrent": ("biofs.cli.commands.torrent", "Fetch the .torrent file of the torrent ID."),
        "notifications": ("biofs.cli.commands.notifications", "Clear your notifications."),
        "completion": (
            "biofs.cli.commands.completion",
            "Print the completion script for SHELL (bash, zsh or fish).",
        ),
        "demo": (
            "biofs.cli.commands.demo",
            "The embedded catalogue, for a first look and for tests.",
        ),
    },
    epilog="\b\nExamples:\n"
    "  biofs mount --demo ~/biotorrents      a first look, without an account\n"
    "  biofs login && biofs mount ~/biotorrents\n\n"
    "`biofs COMMAND --help` and `man biofs` say more.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, message="biofs %(version)s")
def program() -> None:
    """The catalogue of BioTorrents.de as a read-only directory."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line (without the program's name) and return the exit code.

    0: done. 1: it did not work. 2: the command line is wrong. 130: interrupted. Unless it is 0, one
    line on stderr says why. Never raises.
    """
    with suppress(OSError):
        processes.open_descriptors()
    processes.hide_secrets()
    # Looking for cycles in all that was imported takes 50 ms, at the very end (measured).
    atexit.register(gc.freeze)
    if processes.is_completing():
        # It tells click how bash quotes.
        from biofs.cli.commands import completion  # noqa: F401, PLC0415
    return guarded(program, argv)
