"""The unit under a real user manager, in name spaces of its own, where the machine allows that."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.mounting import environment

UNIT = Path(__file__).parents[2] / "packaging/systemd/biofs.service"
MANAGER = Path("/usr/lib/systemd/systemd")
CGROUPS = (Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup"))  # v1 and v2: cgroups(7)

# A drop-in, as a user would make one: systemd.unit(5).
DROP_IN = """
[Service]
ExecStart=
ExecStart=biofs mount --demo --foreground %h/biotorrents
RestartSec=100ms
StandardError=append:%h/messages
"""

# A user manager wants a machine that systemd has booted: sd_booted(3).
SCRIPT = f"""
mount -t tmpfs none /run/systemd && mkdir /run/systemd/system || exit 77
{MANAGER} --user >manager.log 2>&1 &
until systemctl --user is-system-running >/dev/null 2>&1; do
    kill -0 $! 2>/dev/null || exit 77
    sleep 0.1
done
show() {{ systemctl --user show biofs -p "$1" --value; }}
systemctl --user start biofs || exit
ls biotorrents >started || exit
kill -9 "$(show MainPID)"
until [[ $(show NRestarts) == 1 && $(show ActiveState) == active ]]; do
    [[ $(show NRestarts) -le 1 ]] || exit
    sleep 0.1
done
ls biotorrents >restarted || exit
systemctl --user stop biofs || exit
[[ $(show ActiveState)-$(show Result) == inactive-success ]] || exit
! grep -F " $HOME/biotorrents " /proc/self/mountinfo
"""


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """One without processes; what is in it then is all that the manager sees."""
    made = None
    for root in CGROUPS:
        if (root / "cgroup.procs").exists() and os.access(root, os.W_OK):
            made = root / f"biofs-test-{os.getpid()}"
            try:
                made.mkdir()
            except OSError:
                continue
            break
    else:
        pytest.skip("no cgroup can be made here")
    yield made
    for path, directories, _ in os.walk(made, topdown=False):
        for name in directories:
            Path(path, name).rmdir()
    made.rmdir()


@pytest.mark.skipif(
    os.geteuid() != 0 or not MANAGER.exists() or not shutil.which("unshare"),
    reason="needs root, systemd and unshare",
)
def test_the_unit_starts_ready_restarts_after_a_crash_and_stops(
    tmp_path: Path, cgroup: Path
) -> None:
    home = tmp_path / "home"
    unit = home / ".config/systemd/user/biofs.service"
    program = home / ".local/bin/biofs"
    for place in (unit.parent, program.parent, home / "run"):
        place.mkdir(parents=True)
    (home / "run").chmod(0o700)
    shutil.copy(UNIT, unit)
    drop_in = unit.with_name("biofs.service.d") / "test.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(DROP_IN)
    program.symlink_to(Path(sys.executable).with_name("biofs"))
    done = subprocess.run(
        [
            *("sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', str(cgroup)),
            *("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--cgroup"),
            *("bash", "-c", SCRIPT),
        ],
        env=environment(home, XDG_RUNTIME_DIR=str(home / "run")),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip(f"no user manager runs here: {done.stderr}")
    messages = home / "messages"
    said = messages.read_text() if messages.exists() else ""
    assert done.returncode == 0, (done.stdout, done.stderr, said)
    assert "categories" in (home / "started").read_text()
    assert (home / "restarted").read_text() == (home / "started").read_text()
    assert said.count("mounted on") == 2
    assert said.count("ends on SIGTERM") == 1
