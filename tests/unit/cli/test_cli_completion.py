"""Completing biofs's command line, in each shell as far as it is there, and without a request."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import biofs
from biofs.cli import main, program

CHECKOUT = str(Path(biofs.__file__).parents[1])
ALL = sorted(program.lazy)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment in which `biofs` is this checkout's."""
    program = tmp_path / "bin" / "biofs"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -P -m biofs "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}:{os.environ['PATH']}"
    return {"PATH": path, "HOME": str(tmp_path), "PYTHONPATH": CHECKOUT, "LANG": "C.UTF-8"}


def script(capsys: pytest.CaptureFixture[str], shell: str) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


def bash(environ: dict[str, str], text: str, words: list[str]) -> list[str]:
    """What bash would offer for the last of the words, as it would write it."""
    program = (
        "source <(cat)\ncompopt() { printf 'by bash itself: %s\\n' \"$2\"; }\n"
        'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _biofs_completion biofs\n'
        'printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", program, "bash", *words],
        env=environ,
        input=text,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["biofs", ""], ALL),
        (["biofs", "lo"], ["login", "logout"]),
        (["biofs", "ls", "se"], ["Sequences", "search/"]),
        (["biofs", "ls", "tag"], ["tags/"]),
        (["biofs", "ls", "categories/Seq"], ["by bash itself: default"]),
        (["biofs", "warm", "Im"], ["Images"]),
        (["biofs", "warm", "Mach"], ["Machine\\ Data"]),
        (["biofs", "warm", "'Mach"], ["Machine Data"]),
        (["biofs", "mount", ""], ["by bash itself: dirnames"]),
        (["biofs", "explain", "x"], ["by bash itself: default"]),
        (["biofs", "api", "torrentg"], ["torrentgroup"]),
        (["biofs", "mount", "--cache-s"], ["--cache-size"]),
        (["biofs", "mount", "--token-file", "x"], ["by bash itself: default"]),
        (["biofs", "notifications", "clear", "Ne"], ["news"]),
        (["biofs", "completion", "f"], ["fish"]),
    ],
)
def test_bash(
    environ: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    offered: list[str],
) -> None:
    found = bash(environ, script(capsys, "bash"), words)
    assert sorted(found) == sorted(offered)


def test_fish(environ: dict[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "biofs.fish"
    file.write_text(script(capsys, "fish"))
    offered = subprocess.run(
        ["fish", "--no-config", "-c", f'source {file}; complete -C "biofs warm Mach"'],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert offered.splitlines() == ["Machine Data"]


def test_zsh(environ: dict[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "_biofs"
    file.write_text(script(capsys, "zsh"))
    # What the completion system would be told, said instead.
    program = (
        "compdef() { : }; _describe() { print -l -- ${(P)@[-1]} }\n"
        "compadd() { while [[ $1 == -* ]]; do shift 1; done; print -l -- ${(P)@[-1]} }\n"
        f"source {file}; words=(biofs warm Mach); CURRENT=3; _biofs_completion"
    )
    done = subprocess.run(
        ["zsh", "-f", "-c", program],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Machine Data" in done.stdout, done.stderr


def test_completing_loads_nothing_heavy_and_says_nothing_of_what_is_wrong(
    environ: dict[str, str], tmp_path: Path
) -> None:
    config = tmp_path / ".config/biofs/config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("this is not TOML")
    program = (
        "import atexit, json, sys; from biofs.cli import main;"
        "atexit.register(lambda: print(json.dumps(list(sys.modules)), file=sys.stderr)); main([])"
    )
    asked = {"_BIOFS_COMPLETE": "bash_complete", "COMP_WORDS": "biofs\nls\nSeq", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        env={**environ, **asked},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == "plain,Sequences\n"
    [modules] = done.stderr.splitlines()
    assert not set(json.loads(modules)) & {"trio", "httpx", "pyfuse3", "rich", "keyring"}


def test_another_shell_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "tcsh"]) == 2
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in capsys.readouterr().err
