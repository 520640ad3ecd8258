"""`biofs demo serve --age`, as a process: what it prints, and that it answers like that age."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from biofs.demo.accounts import DONOR_COOKIE, DONOR_TOKEN
from tests.support.mounting import environment

TOKEN = {"authorization": f"Bearer {DONOR_TOKEN}"}
COOKIE = {"cookie": DONOR_COOKIE}


@pytest.mark.parametrize(
    ("age", "said", "headers", "status", "has"),
    [
        ("0.1.2", "tokens: ", TOKEN, 200, '"groupName":"'),
        ("0.1.3", f"cookie: {DONOR_COOKIE}", COOKIE, 200, '"groupName":null'),
        ("json-api", "tokens: ", TOKEN, 404, '"errors":"not found"'),
    ],
)
def test_it_answers_like_the_age(
    tmp_path: Path, age: str, said: str, headers: dict[str, str], status: int, has: str
) -> None:
    command = [sys.executable, "-m", "biofs", "demo", "serve", "--port", "0", "--age", age]
    with subprocess.Popen(
        command, env=environment(tmp_path), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[-1]
            assert process.stdout.readline().startswith(said)
            answer = httpx.get(f"{url}api.php?action=browse", headers=headers, timeout=30)
            assert answer.status_code == status
            assert has in answer.text
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) == 0
