"""docs/costs.md names tests that exist, one in each row."""

import ast
import re
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "docs/costs.md").read_text("utf-8")
ROW = re.compile(r"^\|.*\| `(tests/\S+\.py)::(\w+)` \|$")


def named_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }


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
        assert name in named_in(CHECKOUT / path), f"{path}::{name}"


def test_every_test_of_the_budget_is_named() -> None:
    path = "tests/mount/test_budget.py"
    assert named_in(CHECKOUT / path) == set(re.findall(rf"`{path}::(\w+)`", PAGE))
