"""`biofs find` searches what is known, and asks nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from biofs.catalogue.warming import Warming
from biofs.cli import main
from biofs.demo.server.app import create_app
from biofs.demo.written.embedded import embedded
from biofs.settings.load import load
from biofs.store.database import snapshot
from biofs.store.database.files import store_path
from tests.support.catalogues import running

TOKEN = "test-token-8f3a"
ADH1 = "categories/Sequences/Alcohol dehydrogenase ADH1 [1]"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache in which the sequences of the embedded catalogue are known whole."""
    for variable in ("BIOFS_URL", "BIOFS_COOKIE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("BIOFS_TOKEN", TOKEN)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    cache = tmp_path / "cache"
    settings = load({"cache_dir": str(cache)}, os.environ)
    path = store_path(settings)
    assert path is not None
    trio.run(_fill, path)
    return cache


async def _fill(path: Path) -> None:
    async with running(create_app(embedded()), path) as catalogue:
        await Warming(catalogue, [1], details=True, most_bytes=1 << 30).run()


@pytest.fixture
def find(cache: Path, capfd: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str) -> tuple[int, str, str]:
        place = [] if "--snapshot" in arguments else ["--cache-dir", str(cache)]
        code = main(["find", *place, *arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return run


def test_groups_are_printed_the_best_first(find: Run) -> None:
    code, out, err = find("alcohol", "dehydrogenase")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == ADH1
    assert find("saccharomyces s288c schild")[0] == 1, "a phrase that is nowhere"
    assert find("saccharomyces", "s288c", "schild")[1] == f"{ADH1}\n"


def test_files_are_printed_where_they_stand(find: Run) -> None:
    top = f"{ADH1}/FASTA, Sanger, Contig [1]/files/ADH1 - YOL086C"
    code, out, _ = find("--files", "S288C_YOL086C", "protein")
    assert (code, out) == (0, f"{top}/S288C_YOL086C_ADH1_protein.fsa\n")
    assert len(find("--files", "S288C_YOL086C")[1].splitlines()) == 4
    assert len(find("--files", "--limit", "2", "S288C_YOL086C")[1].splitlines()) == 2
    assert find("--files", "dehydrogenase")[0] == 1
    _, out, _ = find("--files", "--json", "YOL086C", "protein")
    assert json.loads(out) == {
        "path": f"{top}/S288C_YOL086C_ADH1_protein.fsa",
        "group": 1,
        "torrent": 1,
        "size": 385,
    }


def test_json_has_an_object_a_line(find: Run) -> None:
    _, out, _ = find("--json", "--limit", "3", "genome")
    found = [json.loads(line) for line in out.splitlines()]
    assert len(found) == 3
    assert all(each["path"].endswith(f" [{each['group']}]") for each in found)


def test_nothing_found_is_said(find: Run) -> None:
    assert find("nothing-has-this") == (
        1,
        "",
        "biofs: no match in the cache; `biofs warm --details` fetches more\n",
    )


@pytest.mark.parametrize("words", [["*"], ["-"], ['"'], ["", "   "]])
def test_what_has_no_word_is_a_wrong_command_line(find: Run, words: list[str]) -> None:
    code, _, err = find("--", *words)
    assert (code, err) == (2, "biofs: there is no word to search for\n")


@pytest.mark.parametrize(
    "words", [["OR"], ['a"b'], ["NEAR(genome)"], ["title:genome"], ["(genome", "AND"], ["gen*"]]
)
def test_nothing_in_a_word_is_syntax(find: Run, words: list[str]) -> None:
    code, _, err = find("--", *words)
    assert code in {0, 1}
    assert "syntax" not in err


def test_whose_knowledge_it_is_need_not_be_said_if_there_is_one(
    find: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BIOFS_TOKEN")
    assert find("dehydrogenase", "adh1")[1] == f"{ADH1}\n"
    monkeypatch.setenv("BIOFS_TOKEN", "another-token-77")
    code, _, err = find("dehydrogenase")
    assert code == 1
    assert "with this account, but with another: give --token-file" in err
    monkeypatch.setenv("BIOFS_URL", "https://elsewhere.example")
    code, _, err = find("dehydrogenase")
    assert "nothing is known of https://elsewhere.example: `biofs warm` fetches it" in err


def test_a_snapshot_is_searched(find: Run, cache: Path, tmp_path: Path) -> None:
    [store] = cache.glob("*.sqlite")
    file = tmp_path / "snapshot"
    snapshot.write(store, file, 1.0, "https://x")
    before = file.read_bytes()
    assert find("--snapshot", str(file), "dehydrogenase", "adh1")[1] == f"{ADH1}\n"
    assert len(find("--snapshot", str(file), "--files", "S288C_YOL086C")[1].splitlines()) == 4
    assert file.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"no database at all", b"SQLite format 3\0" * 100])
def test_a_file_that_is_no_store_is_refused_in_a_line(
    find: Run, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    code, out, err = find("--snapshot", str(file), "genome")
    assert (code, out) == (1, "")
    assert err.startswith(f"biofs: {file}: ")
    assert err.count("\n") == 1
    assert file.read_bytes() == content


def test_it_loads_neither_trio_nor_httpx(cache: Path) -> None:
    program = (
        "import sys; from biofs.cli import main;"
        f"code = main(['find', '--cache-dir', {str(cache)!r}, 'dehydrogenase']);"
        "sys.exit(code or bool({'trio', 'httpx', 'pyfuse3'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
