"""Runs one of `fuzzing`'s targets under atheris: what scripts/fuzz calls."""

from __future__ import annotations

import sys
from pathlib import Path

import atheris  # type: ignore[import-not-found]

with atheris.instrument_imports(include=["biofs"]):
    from tests.support import fuzzing


def main() -> None:
    """`python -m tests.support.fuzz_guided DIRECTORY TARGET [SECONDS]`."""
    directory, target, *seconds = sys.argv[1:]
    corpus = Path(directory, target)
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(fuzzing.seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    found = f"-artifact_prefix={corpus}-"
    limits = [f"-max_total_time={seconds[0] if seconds else 60}", "-max_len=20000", "-timeout=10"]
    atheris.Setup([sys.argv[0], str(corpus), found, *limits], fuzzing.TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
