"""The command as a user runs it: what it prints, its exit code, and never a traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import biofs
from biofs.cli import program

CHECKOUT = str(Path(biofs.__file__).parents[1])


def run(*arguments: str, home: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `biofs` with nothing in the environment but what it is given."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "PYTHONPATH": CHECKOUT, **environ}
    return subprocess.run(
        [sys.executable, "-P", "-m", "biofs", *arguments],
        env=environ,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_its_version() -> None:
    result = CliRunner().invoke(program, ["--version"])
    assert result.output == f"biofs {biofs.__version__}\n"


def test_its_help_names_every_command_with_that_commands_own_line() -> None:
    result = CliRunner().invoke(program, ["--help"])
    assert result.exit_code == 0
    group = program
    context = click.Context(group)
    names = group.list_commands(context)
    assert {"mount", "umount", "api", "torrent", "notifications", "demo"} <= set(names)
    for name in names:
        command = group.get_command(context, name)
        assert command is not None
        assert command.name == name
        line = command.get_short_help_str(100)
        assert line == group.lazy[name][1]
        assert (line if name in group.often else name) in " ".join(result.output.split())


def test_its_help_fits_a_screen_and_shows_examples() -> None:
    """A screen of 80 by 24, less a line for the prompt."""
    lines = CliRunner().invoke(program, ["--help"], terminal_width=80).output.splitlines()
    assert len(lines) <= 23
    assert max(map(len, lines)) <= 80
    assert "  Examples:" in lines


@pytest.mark.parametrize("name", program.list_commands(click.Context(program)))
def test_the_help_of_a_command_shows_an_example(name: str) -> None:
    command = program.get_command(click.Context(program), name)
    assert command is not None
    parts = command.commands.values() if isinstance(command, click.Group) else [command]
    for part in parts:
        assert f"biofs {name}" in (part.epilog or ""), part.name


@pytest.mark.parametrize(
    "arguments",
    [
        *(["mount"], ["umount"], ["demo"], ["demo", "serve"], ["demo", "data"]),
        *(["status"], ["explain"], ["refresh"], ["verify"], ["warm"], ["export"]),
        *(["cache"], ["cache", "info"], ["cache", "clear"]),
        *(["ls"], ["login"], ["logout"], ["doctor"], ["completion"]),
    ],
)
def test_every_command_has_help(arguments: list[str]) -> None:
    result = CliRunner().invoke(program, [*arguments, "-h"])
    assert result.exit_code == 0
    assert result.output.startswith(f"Usage: biofs {' '.join(arguments)} ")


@pytest.mark.parametrize(
    "arguments",
    [
        *(["--help"], ["mount", "--help"], ["mount", "/nowhere"], ["umount", "/nowhere"]),
        *(["status"], ["explain", "/nowhere"], ["refresh", "/nowhere"], ["cache", "info"]),
        *(["verify", "/nowhere"], ["verify", "--help"]),
        *(["warm", "--help"], ["warm", "Nothing"], ["export", "--help"]),
        *(["ls", "/nowhere"], ["login", "--help"], ["logout"], ["doctor", "--offline"]),
        *(["completion", "bash"], ["status", "--watch"], ["demo", "data", "--help"]),
    ],
)
def test_help_and_mistakes_cost_no_heavy_imports(tmp_path: Path, arguments: list[str]) -> None:
    script = (
        "import json, sys; from biofs.cli import main; main(sys.argv[1:]);"
        "print(); print(json.dumps(list(sys.modules)))"
    )
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": CHECKOUT}
    output = subprocess.run(
        [sys.executable, "-P", "-c", script, *arguments],
        env=environ,
        capture_output=True,
        timeout=60,
        check=True,
    ).stdout
    modules = set(json.loads(output.splitlines()[-1]))
    assert "click" in modules
    assert not modules & {"trio", "httpx", "pyfuse3", "starlette", "hypercorn", "keyring"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["mount"], "missing argument 'MOUNTPOINT': see `biofs mount --help`"),
        (["mount", "a", "b"], "got unexpected extra argument (b): see `biofs mount --help`"),
        (["mount", "--token", "x", "m"], "no such option '--token'"),
        (["mount", "--wait", "long", "m"], "invalid value for '--wait': 'long' is not a valid"),
        (["mount", "--log-level", "loud", "m"], "invalid value for '--log-level': 'loud' is not"),
        (["mount", "--url", "torrents.bio", "m"], "--url: the URL "),
        (["mount", "--rate", "1/0", "m"], "--rate: a rate is requests/seconds"),
        (["mount", "--wait", "-1", "m"], "--wait: a number of seconds from 0 to 86400"),
        (["mount", "-o", "bogus", "m"], "-o: bogus: no such option: there are "),
        (["mount", "--demo", "--url", "https://x", "m"], "--url cannot be combined with --demo"),
        (["mount", "--demo", ""], "the mountpoint is empty: name a directory"),
        (["umount"], "missing argument 'MOUNTPOINT': see `biofs umount --help`"),
        (["umount", ""], "the mountpoint is empty: name a directory"),
        (["unmount", "m"], "no such command 'unmount'"),
        (["demo", "serve", "--port", "70000"], "invalid value for '--port': 70000 is not in"),
        (["demo", "serve", "--age", "1"], "invalid value for '--age': '1' is not one of '0.1.2'"),
        (["demo", "serve", "--groups", "0"], "invalid value for '--groups': 0 is not in"),
    ],
)
def test_a_wrong_command_line(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("BIOFS_TOKEN", "test-token-8f3a")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setattr("biofs.cli.system.fuse.check", lambda _options: None)
    assert biofs.cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"biofs: {said}")
    assert captured.err.count("\n") == 1


def test_as_a_process_it_says_one_line_and_leaves_no_trace(tmp_path: Path) -> None:
    result = run("mount", "m", home=tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        "biofs: no token: `biofs login` asks for it and keeps it; or give --token-file FILE, "
        "or set BIOFS_TOKEN, or try --demo\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_without_arguments_it_shows_its_help(tmp_path: Path) -> None:
    result = run(home=tmp_path)
    assert result.returncode == 2
    assert result.stderr.startswith("Usage: biofs [OPTIONS] COMMAND [ARGS]...\n")


def test_it_does_not_import_from_where_the_user_is(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise SystemExit(99)")
    assert run("--version", home=tmp_path).returncode == 0


@pytest.mark.parametrize("stdout", ["a pipe that nobody reads", "nothing"])
def test_stdout_may_be_gone(tmp_path: Path, stdout: str) -> None:
    redirect = "| :" if stdout != "nothing" else ">&-"
    script = f'{{ sleep 0.2; "$0" -P -m biofs --help; echo $? >code; }} {redirect}'
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PYTHONPATH": CHECKOUT}
    result = subprocess.run(
        ["/bin/bash", "-c", script, sys.executable],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert result.stderr == ""
    assert (tmp_path / "code").read_text() == ("1\n" if stdout != "nothing" else "0\n")
