"""Secrets given by the environment are found neither in /proc nor by children."""

import os
import subprocess
import sys

PROGRAM = """
import os, subprocess, sys
from biofs.cli import hide_secrets
hide_secrets()
sys.stdout.flush()
mine = open("/proc/self/environ", "rb").read()
child = subprocess.run(["env"], capture_output=True, check=True).stdout
print(b"secret" in mine, b"BIOFS_TOKEN=secret" in child, b"OTHER=kept" in mine and b"kept" in child)
print(os.environ["BIOFS_TOKEN"], os.environ["BIOFS_COOKIE"])
"""


def test_they_are_blanked_out_and_still_there_for_us() -> None:
    given = {"BIOFS_TOKEN": "secret-7f", "BIOFS_COOKIE": "session=secret-8e", "OTHER": "kept"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **given},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "False False True\nsecret-7f session=secret-8e\n"


def test_without_any_nothing_happens() -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("BIOFS_")}
    program = "import sys, biofs.cli as e; e.hide_secrets(); print('ctypes' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], env=kept, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
