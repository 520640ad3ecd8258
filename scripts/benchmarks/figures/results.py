"""The results file, and what is made from it: the plots, and the tables in docs/benchmarks.md."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from biofs.errors import QuietError
from scripts.benchmarks.figures import table, targets
from scripts.benchmarks.peers import programs

Results = dict[str, Any]
"""Sections by name: as `measure` of each gave them."""

ROOT: Final = Path(__file__).resolve().parents[3]
FILE: Final = ROOT / "docs" / "benchmarks.json"
PAGE: Final = ROOT / "docs" / "benchmarks.md"
BEGIN: Final = "<!-- Written by `scripts/bench --save`. -->\n"
END: Final = "<!-- End of what `scripts/bench --save` writes. -->\n"


def about(*, quick: bool) -> dict[str, object]:
    """When and on what was measured."""
    processor = next(
        (
            line.partition(": ")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    cpus = sum(
        line.startswith("processor") for line in Path("/proc/cpuinfo").read_text().splitlines()
    )
    return {
        "date": time.strftime("%Y-%m-%d"),
        "quick": quick,
        "processor": processor,
        "cpus": cpus,
        "kernel": platform.release().partition("-")[0],
        "python": platform.python_version(),
        "pyfuse3": version("pyfuse3"),
        "ratarmount": _said(programs.peer("bin/python"), "-c", _RATARMOUNT),
        "squashfuse": _package("squashfuse"),
        "rclone": _package("rclone"),
    }


_RATARMOUNT: Final = "from importlib.metadata import version; print(version('ratarmount'))"


def _package(name: str) -> str:
    """The version of Debian's package, without Debian's own part."""
    return _said("dpkg-query", "--show", "--showformat", "${Version}", name).partition("+")[0]


def _said(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    return done.stdout.strip().partition("-")[0] if done.returncode == 0 else "unknown"


def save(measured: Results) -> None:
    """Write sections into the file; others that it has stay.

    When and on what was measured is noted for these alone, as "others", if it was something else.
    """
    known = load() if FILE.exists() else {}
    names = measured.keys() - {"about"}
    others = {name: about for name, about in known.get("others", {}).items() if name not in names}
    if known.keys() - {"about", "others"} - names and known["about"] != measured["about"]:
        others |= dict.fromkeys(sorted(names), measured["about"])
        measured = {**measured, "about": known["about"]}
    known["others"] = others
    FILE.write_text(json.dumps({**known, **measured}, indent=1, ensure_ascii=False) + "\n")


def load() -> Results:
    """What the file has."""
    found: Results = json.loads(FILE.read_text())
    return found


def draw() -> None:
    """Make the plots, with matplotlib, which only the peers' environment has."""
    script = Path(__file__).with_name("plots.py")
    command = [programs.peer("bin/python"), str(script), str(FILE), str(FILE.parent)]
    programs.run(*command)


def publish() -> None:
    """Write the tables into docs/benchmarks.md, between its two marks."""
    PAGE.write_text(published(PAGE.read_text(), load()))


def published(text: str, measured: Results) -> str:
    """The page's text with the tables of these results in it."""
    before, mark, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (mark and end):
        raise QuietError(f"docs/benchmarks.md lacks the lines {BEGIN.strip()} and {END.strip()}")
    shown = table.page(measured)
    if not measured["about"]["quick"]:
        shown += f"\n{targets.page(measured)}"
    return f"{before}{mark}\n{shown}\n{end}{after}"


if __name__ == "__main__":
    publish()
    sys.exit(0)
