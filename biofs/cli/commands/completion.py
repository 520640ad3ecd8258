"""`biofs completion`: what a shell has to read to complete biofs's command line."""

import os
import re
from typing import Final

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    get_completion_class,
)

_SPECIAL: Final = re.compile(r"[^\w@%+=:,./~-]")
VARIABLE = "_BIOFS_COMPLETE"
"""By which click is asked to complete, as it makes it of the program's name."""


class QuotingBash(BashComplete):
    """click's, but a word that bash would take apart or expand is completed so that it does not.

    zsh and fish quote by themselves. click's script has `read` take backslashes away.
    """

    source_template = BashComplete.source_template.replace(" read type", " read -r type")

    def format_completion(self, item: CompletionItem) -> str:
        value = item.value
        if _begun()[:1] not in {"'", '"'}:
            value = _SPECIAL.sub(lambda match: f"\\{match[0]}", value)
        return f"{item.type},{value}"


def _begun() -> str:
    """The word that is being completed, as it was typed: bash(1), COMP_WORDS."""
    words = os.environ.get("COMP_WORDS", "").split("\n")
    number = os.environ.get("COMP_CWORD", "")
    return words[int(number)] if number.isdecimal() and int(number) < len(words) else ""


add_completion_class(QuotingBash)


@click.command(
    "completion",
    epilog="Put it where your shell looks for it:\n\n"
    "\b\n"
    "  biofs completion bash >~/.local/share/bash-completion/completions/biofs\n"
    "  biofs completion zsh >~/.zfunc/_biofs      with ~/.zfunc in fpath\n"
    "  biofs completion fish >~/.config/fish/completions/biofs.fish",
)
@click.argument("shell", metavar="SHELL", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script for SHELL (bash, zsh or fish).

    Completing sends no request, and uses a mount only for paths.
    """
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"no such shell: {shell}")
    root = context.find_root()
    click.echo(found(root.command, {}, "biofs", VARIABLE).source())
