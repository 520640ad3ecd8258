"""docs/reliability.md names tests that exist."""

import re
from pathlib import Path

from tests.support.documents import names_of_tests

CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "docs/reliability.md").read_text("utf-8")
ROW = re.compile(r"^\|.*\| `(tests/\S+\.py)::(\w+)` \|$", re.MULTILINE)


def test_every_promise_names_a_test_that_exists() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")]
    heads = [line for line in rows if line.endswith(("| test |", "| --- |"))]
    measured = [
        line
        for line in rows
        if " MiB |" in line or " ms |" in line or line.endswith(("| memory |", "| worst |"))
    ]
    named = ROW.findall(PAGE)
    assert len(named) == len(rows) - len(heads) - len(measured)
    assert len(named) > 50
    for path, name in named:
        assert name in names_of_tests(CHECKOUT / path), f"{path}::{name}"
