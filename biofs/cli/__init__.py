"""The `biofs` command. Each command is a module in `commands/`, imported only when it is run.

What every command does first is here, too: secrets do not stay in the environment, and standard
descriptors that are closed are opened.
"""

import atexit
import gc
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from biofs import __version__
from biofs.cli.output.report import guarded, let_go_of_stderr
from biofs.settings.table import OTHERS_SECRET_VARIABLES, SECRET_VARIABLES

_STREAMS: Final = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def open_descriptors() -> None:
    """Have /dev/null where a supervisor left standard input, output or error closed.

    The next file or pipe that is opened would get that number, and what is written for the user
    would go there; Python has None in place of the stream. Raises OSError without a /dev/null.
    """
    for number, (name, mode) in enumerate(_STREAMS):
        try:
            os.fstat(number)
        except OSError:
            # The lowest number that is free: open(2). Those below it are open by now.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def is_completing() -> bool:
    """Whether a shell asks what could follow, as `biofs completion` told it to."""
    return bool(os.environ.get("_BIOFS_COMPLETE"))


def hide_secrets() -> None:
    """Blank out token and cookie where others look for them, and where children inherit them.

    /proc/PID/environ shows the memory in which a program got its environment (proc_pid_environ(5)),
    whatever becomes of the variables. So it is overwritten in place; `os.environ`, a copy that
    Python made, keeps them for who reads the settings.
    """
    variables = (*SECRET_VARIABLES, *OTHERS_SECRET_VARIABLES)
    given = [name for name in variables if os.environ.get(name)]
    if not given:
        return
    import ctypes  # noqa: PLC0415 - seldom needed, and slow to load

    library = ctypes.CDLL(None)
    library.getenv.restype = ctypes.c_void_p
    library.getenv.argtypes = [ctypes.c_char_p]
    for name in given:
        value = library.getenv(name.encode())
        if value:
            ctypes.memset(value, 0, len(ctypes.string_at(value)))


class LazyGroup(click.Group):
    """`lazy` has, for each command, its module and its line of help. The module calls it
    `command`, or as is said behind a colon.

    The line stands there so that the group's own help needs no module: trio, httpx and pyfuse3 take
    half a second to import. `seldom` names those that the help only names.
    """

    def __init__(
        self,
        *args: Any,
        lazy: Mapping[str, tuple[str, str]],
        seldom: Mapping[str, tuple[str, str]],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.often = lazy
        self.lazy = {**lazy, **seldom}

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.lazy)

    def get_command(
        self,
        ctx: click.Context,
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in self.lazy:
            return None
        module, _, name = self.lazy[cmd_name][0].partition(":")
        command = getattr(import_module(module), name or "command")
        if not isinstance(command, click.Command):
            raise TypeError(f"{self.lazy[cmd_name][0]} is no command")
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        found = [
            CompletionItem(name, help=line)
            for name, (_, line) in self.lazy.items()
            if name.startswith(incomplete)
        ]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # Those that every program has are not worth three lines of a screen.
        self.format_commands(ctx, formatter)

    def format_commands(
        self,
        ctx: click.Context,
        formatter: click.HelpFormatter,
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.often.items()])
        others = ", ".join(name for name in self.lazy if name not in self.often)
        with formatter.indentation():
            formatter.write_text(f"Also: {others}")


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
        "fetch": (
            "biofs.cli.commands.fetch",
            "Fetch data that are not here, through a BitTorrent client.",
        ),
        "status": ("biofs.cli.commands.status", "Show a mount's activity and how much is cached."),
        "explain": (
            "biofs.cli.commands.explain",
            "Describe PATH and how many requests reading it would take.",
        ),
        "warm": ("biofs.cli.commands.warm", "Prefetch what is missing, within the rate limit."),
        "login": (
            "biofs.cli.commands.login",
            "Keep your API token, so that `biofs mount DIR` is all.",
        ),
        "doctor": ("biofs.cli.commands.doctor", "Check this machine and suggest fixes."),
    },
    seldom={
        "export": (
            "biofs.cli.snapshots.export",
            "Export the cache to FILE as a mountable snapshot.",
        ),
        "refresh": ("biofs.cli.commands.refresh", "Refresh PATH now."),
        "verify": ("biofs.cli.commands.verify", "Check data on this machine against its hashes."),
        "logout": ("biofs.cli.commands.login:logout", "Delete the token that `biofs login` saved."),
        "publish": (
            "biofs.cli.snapshots.publish",
            "Publish the cache to DIR or s3://BUCKET/PREFIX, for mounts elsewhere.",
        ),
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
    "  biofs login && biofs mount ~/biotorrents\n"
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
        open_descriptors()
    hide_secrets()
    # Looking for cycles in all that was imported takes 50 ms, at the very end (measured).
    atexit.register(gc.freeze)
    if is_completing():
        # It tells click how bash quotes.
        from biofs.cli.commands import completion  # noqa: F401, PLC0415
    code = guarded(program, argv)
    let_go_of_stderr()
    return code
