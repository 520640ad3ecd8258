"""The lock files are whole, exact, the same everywhere, and name no place to install from."""

import re
import tomllib
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
BUILD, RUNTIME, TESTS = (CHECKOUT / f"requirements{kind}.lock" for kind in ("-build", "", "-dev"))
_REQUIREMENT = re.compile(r"([a-z0-9.-]+)==([a-z0-9.]+)( ; [^\\]+)? \\")
_HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")


def locked(path: Path) -> dict[str, str]:
    """Version by name."""
    lines = path.read_text("utf-8").splitlines()
    assert lines.pop(0) == "# Written by scripts/lock."
    versions: dict[str, str] = {}
    hashes = 1
    for line in lines:
        if _HASH.fullmatch(line):
            hashes += 1
            continue
        found = _REQUIREMENT.fullmatch(line)
        assert found, line
        assert hashes, line
        versions[found[1]] = found[2]
        hashes = 0
    assert hashes
    return versions


def names(requirements: list[str]) -> set[str]:
    found = (re.split(r"[^\w.-]", line)[0] for line in requirements)
    return {re.sub("[-_.]+", "-", name).lower() for name in found}  # as PEP 503 has it


@pytest.fixture
def project() -> dict[str, dict[str, list[str]]]:
    loaded: dict[str, dict[str, list[str]]] = tomllib.loads(
        (CHECKOUT / "pyproject.toml").read_text("utf-8")
    )
    return loaded


def test_all_that_the_project_names_is_locked(project: dict[str, dict[str, list[str]]]) -> None:
    dependencies = names(project["project"]["dependencies"])
    assert dependencies <= set(locked(RUNTIME))
    assert names(project["dependency-groups"]["dev"]) <= set(locked(TESTS))
    assert names(project["build-system"]["requires"]) <= set(locked(BUILD))


def test_the_lock_files_agree() -> None:
    runtime, tests, build = locked(RUNTIME), locked(TESTS), locked(BUILD)
    assert runtime.items() <= tests.items()
    assert {name: build[name] for name in build.keys() & tests.keys()}.items() <= tests.items()


def test_what_the_benchmark_compares_with_is_locked() -> None:
    wanted = (CHECKOUT / "requirements-bench.in").read_text("utf-8").splitlines()
    peers = names([line for line in wanted if not line.startswith("#")])
    assert peers == {"ratarmount", "matplotlib"}
    assert peers <= set(locked(CHECKOUT / "requirements-bench.lock"))
