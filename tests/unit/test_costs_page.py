"""docs/costs.md names tests that exist, one in each row."""

import re
from pathlib import Path

from tests.support.documents import names_of_tests

CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "docs/costs.md").read_text("utf-8")
ROW = re.compile(r"^\|.*\| `(tests/\S+\.py)::(\w+)` \|$")


def test_every_row_names_a_test_that_exists() -> None:
    rows = [
        line
        for line in PAGE.splitlines()
        if line.startswith("| ") and not line.endswith(("| test |", "| --- |"))
    ]
    assert len(rows) > 45
    for row in rows:
        found = ROW.match(row)
        assert found is not None, row
        path, name = found.groups()
        assert name in names_of_tests(CHECKOUT / path), f"{path}::{name}"


def test_every_test_of_the_budget_is_named() -> None:
    path = "tests/mount/test_budget.py"
    assert names_of_tests(CHECKOUT / path) == set(re.findall(rf"`{path}::(\w+)`", PAGE))
