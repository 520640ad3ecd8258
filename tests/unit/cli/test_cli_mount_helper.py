"""What mount(8) asks for, in the words of `biofs mount`; and the lines of packaging/fstab."""

from pathlib import Path

import click
import pytest

from biofs.cli import mount_helper
from biofs.cli.commands import mount
from biofs.cli.mount_helper import translate
from biofs.settings.values import FUSE_OPTIONS

PACKAGING = Path(__file__).parents[3] / "packaging"


def test_what_mount_passes_on() -> None:
    options = "rw,noexec,nosuid,nodev,token_file=/etc/t,rate=1/6,_netdev,user,x-systemd.automount"
    assert translate(["https://t.example", "/m", "-s", "-o", options, "-t", "fuse.biofs"]) == [
        "mount",
        "--token-file=/etc/t",
        "--rate=1/6",
        "-o",
        "noexec,nosuid,nodev",
        "--url=https://t.example",
        "--",
        "/m",
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["demo", "-m", "-o", "rw"], None),
        (["demo", "/m"], ["mount", "--demo", "--", "/m"]),
        (["demo", "/m", "-o", "demo"], ["mount", "--demo", "--", "/m"]),
        (["none", "/m", "-o", "offline,uid=7"], ["mount", "--offline", "-o", "uid=7", "--", "/m"]),
        (["/a b.snapshot", "/m"], ["mount", "--snapshot=/a b.snapshot", "--", "/m"]),
        (
            ["https://lab.example/catalogue/all.biofs", "/m"],
            ["mount", "--snapshot=https://lab.example/catalogue/all.biofs", "--", "/m"],
        ),
        (
            ["https://lab.example/biofs-snapshot.json", "/m", "-o", "snapshot_key=RWx/+="],
            [
                *("mount", "--snapshot-key=RWx/+="),
                *("--snapshot=https://lab.example/biofs-snapshot.json", "--", "/m"),
            ],
        ),
        (["file:///shared/", "/m"], ["mount", "--snapshot=file:///shared/", "--", "/m"]),
        (
            ["none", "/m", "-o", "snapshot=https://lab.example/catalogue,ttl=60"],
            ["mount", "--snapshot=https://lab.example/catalogue", "--ttl=60", "--", "/m"],
        ),
        (["https://host.zst", "/m"], ["mount", "--url=https://host.zst", "--", "/m"]),
        (["--demo", "/m"], None),
        (["demo"], None),
        (["demo", "/m", "/n"], None),
        (["demo", "/m", "-o"], None),
        (["demo", "/m", "-o", "remount,ro"], None),
        ([], None),
    ],
)
def test_it_is_translated_or_refused(arguments: list[str], expected: list[str] | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match=r".+"):
            translate(arguments)
    else:
        assert translate(arguments) == expected


@pytest.mark.parametrize("flags", ["-f", "-fv", "-nf"])
def test_a_fake_mount_mounts_nothing(flags: str) -> None:
    assert translate(["demo", "/m", flags]) is None
    assert translate(["demo", "/m", "-o", "fake"]) is not None


def test_a_slip_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["mount.fuse.biofs", "demo"])
    assert mount_helper.main() == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_every_option_of_mount_can_stand_in_fstab() -> None:
    known = {*mount_helper._WITH_VALUE, *mount_helper._ALONE}
    options = {param.name for param in mount.command.params if isinstance(param, click.Option)}
    # The source says the URL; mount(8) has -o of its own, and never mounts in the foreground.
    assert options - known == {"url", "options", "foreground"}
    assert known <= options


def test_the_lines_for_fstab_are_understood() -> None:
    lines = [
        line.split()
        for line in (PACKAGING / "fstab").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert len(lines) == 3
    for source, directory, kind, options, dump, check in lines:
        assert (kind, dump, check) == ("fuse.biofs", "0", "0")
        translated = translate([source, directory, "-o", f"rw,{options}"])
        assert translated is not None
        command, *arguments = translated
        assert command == "mount"
        context = mount.command.make_context("mount", arguments)
        assert context.params["mountpoint"] == directory
        for option in ",".join(context.params["options"]).split(","):
            assert option in FUSE_OPTIONS


def test_the_unit_starts_what_there_is() -> None:
    unit = (PACKAGING / "systemd/biofs.service").read_text()
    [line] = [line for line in unit.splitlines() if line.startswith("ExecStart=")]
    _, command, *arguments = line.partition("=")[2].split()
    assert command == "mount"
    assert mount.command.make_context("mount", arguments).params["foreground"]
    assert "Type=notify" in unit
    assert "NoNewPrivileges=" not in "".join(
        line for line in unit.splitlines() if not line.startswith("#")
    )
