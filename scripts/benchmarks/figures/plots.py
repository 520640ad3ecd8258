"""The plots, from the results file. Runs where matplotlib is, and imports nothing of biofs.

`python plots.py RESULTS DIRECTORY` writes benchmarks.svg and benchmarks-scale.svg.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import matplotlib as mpl  # type: ignore[import-not-found,unused-ignore]

mpl.use("svg")
from matplotlib import pyplot as plt  # type: ignore[import-not-found,unused-ignore]

_MARKS = {
    "tmpfs": ("|", "0.4"),
    "floor": ("|", "black"),
    "floor+": ("x", "0.4"),
    "biofs": ("o", "tab:red"),
    "ratarmount": ("s", "tab:blue"),
    "squashfuse": ("^", "tab:green"),
    "rclone": ("D", "tab:orange"),
}


def compared(series: Sequence[Mapping[str, Any]], target: Path) -> None:
    """Each operation's rate on each system, as a ratio to the floor's."""
    rates = {
        (each["operation"], each["state"], each["system"]): each["count"] / median(each["seconds"])
        for each in series
    }
    rows = list(dict.fromkeys(key[:2] for key in rates))
    figure, axes = plt.subplots(figsize=(8, 0.32 * len(rows) + 1.2))
    for system, (mark, colour) in _MARKS.items():
        points = [
            (rates[*row, system] / rates[*row, "floor"], -place)
            for place, row in enumerate(rows)
            if (*row, system) in rates and (*row, "floor") in rates
        ]
        if points:
            across, down = zip(*points, strict=True)
            axes.scatter(across, down, marker=mark, color=colour, label=system, zorder=3)
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_yticks([-place for place in range(len(rows))], [", ".join(row) for row in rows])
    axes.set_xlabel("times as fast as a bare pyfuse3 file system (floor)")
    axes.grid(axis="x", which="both", color="0.9")
    axes.legend(loc="upper center", bbox_to_anchor=(0.4, 1.1), ncols=len(_MARKS), frameon=False)
    _save(figure, target)


def scaled(sizes: Sequence[Mapping[str, Any]], target: Path) -> None:
    """What an entry costs, by how many groups there are."""
    figure, axes = plt.subplots(figsize=(8, 4))
    groups = [size["groups"] for size in sizes]
    names = [1e6 / size["names"] for size in sizes]
    axes.plot(groups, names, marker="o", label="names of the category")
    for name in sizes[0]["rates"]:
        axes.plot(groups, [1e6 / size["rates"][name] for size in sizes], marker="o", label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
    axes.set_xlabel("groups in the category")
    axes.set_ylabel("µs an entry")
    axes.grid(which="both", color="0.9")
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    _save(figure, target)


def _save(figure: Any, target: Path) -> None:
    # Neither the date nor a random number: the same results make the same file.
    figure.savefig(target, bbox_inches="tight", metadata={"Date": None})
    text = target.read_text()
    target.write_text("\n".join(line.rstrip() for line in text.splitlines()) + "\n")


def main() -> None:
    """The program."""
    results, directory = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "biofs", "font.size": 9})
    if "tree" in results:
        compared(results["tree"], directory / "benchmarks.svg")
    if "scale" in results:
        scaled(results["scale"], directory / "benchmarks-scale.svg")


if __name__ == "__main__":
    main()
