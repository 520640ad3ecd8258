"""Documents name files that exist."""

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
DOCUMENTS = [
    CHECKOUT / "CONTRIBUTING.md",
    CHECKOUT / "docs/architecture.md",
    CHECKOUT / "docs/glossary.md",
    CHECKOUT / "docs/benchmarks.md",
    CHECKOUT / "docs/operations.md",
]
WHERE = ("", "biofs/", "biofs/mount/")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_a_file_that_a_document_names_exists(document: Path) -> None:
    names = re.findall(r"`((?:[\w.]+/)+[\w.]*|[\w]+/?[\w]+\.py)`", document.read_text("utf-8"))
    assert names
    for name in names:
        if name.startswith(("biofs/", "tests/", "scripts/", "packaging/")) or name.endswith(".py"):
            assert any((CHECKOUT / top / name).exists() for top in WHERE) or any(
                CHECKOUT.glob(f"biofs/**/{name}")
            ), name
