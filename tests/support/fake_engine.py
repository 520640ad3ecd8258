"""An engine that "fetches" from a directory beside it, and the `biofs` command with it.

Files in the directory $BIOFS_FAKE_ENGINE tell it what to do, and what it was asked is written down
there: `seed/` has all data, `hold` stops it, `wrong` has it write wrong bytes, `gone` makes it
unreachable; `calls` has a line for each call that is not a question, `asked` one for each call.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from biofs.cli import main as biofs
from biofs.contents.engines import choose
from biofs.contents.engines.engine import EngineError, Finding, Progress, State
from biofs.settings.load import Settings
from biofs.tree.metainfo import Metainfo, has_announce, parse
from biofs.tree.pieces import ZEROS

VARIABLE = "BIOFS_FAKE_ENGINE"


class FakeEngine:
    """An `Engine`; like clients it writes whole pieces, into files of their full size."""

    name = "libtorrent"

    def __init__(self, base: Path, downloads: Path) -> None:
        self.base = base
        self.downloads = downloads
        self.torrents: dict[bytes, tuple[Metainfo, dict[int, int]]] = {}

    def _note(self, *what: object, question: bool = False) -> None:
        for name in ("asked",) if question else ("asked", "calls"):
            with (self.base / name).open("a") as file:
                file.write(json.dumps(what) + "\n")
        if (self.base / "gone").exists():
            raise EngineError("the engine is not reachable: start it")

    def fetch(self, torrent: bytes, indexes: Collection[int]) -> None:
        metainfo = parse(torrent)
        info_hash = (metainfo.info_hash_v1 or metainfo.info_hash_v2 or b"")[:20]
        known = self.torrents.setdefault(info_hash, (metainfo, {}))
        assert has_announce(torrent) or known[1], "a private torrent without announce URLs"
        self._note("fetch", info_hash.hex(), sorted(indexes), has_announce(torrent))
        for index in indexes:
            known[1].setdefault(index, 0)
        self._advance()

    def _advance(self) -> None:
        if (self.base / "hold").exists():
            return
        for metainfo, wanted in self.torrents.values():
            for index, done in wanted.items():
                length = metainfo.files[index].length
                if done < length or not length:
                    self._bring(metainfo, index)
                    wanted[index] = length

    def _bring(self, metainfo: Metainfo, index: int) -> None:
        self._file(metainfo, index)
        for piece in metainfo.pieces(index, 0, metainfo.files[index].length):
            for part in piece.parts:
                if part.file == ZEROS:
                    continue
                with self._seed(metainfo, part.file).open("rb") as seed:
                    seed.seek(part.start)
                    data = seed.read(part.length)
                if (self.base / "wrong").exists():
                    data = bytes(byte ^ 1 for byte in data)
                with self._file(metainfo, part.file).open("r+b") as file:
                    file.seek(part.start)
                    file.write(data)

    def _seed(self, metainfo: Metainfo, index: int) -> Path:
        return self.base / "seed" / self._path(metainfo, index)

    def _file(self, metainfo: Metainfo, index: int) -> Path:
        path = self.downloads / self._path(metainfo, index)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.touch()
            os.truncate(path, metainfo.files[index].length)
        return path

    def _path(self, metainfo: Metainfo, index: int) -> Path:
        return Path(*map(os.fsdecode, (metainfo.name, *metainfo.files[index].path)))

    def cancel(self, info_hash: bytes, indexes: Collection[int] | None = None) -> None:
        self._note("cancel", info_hash.hex(), None if indexes is None else sorted(indexes))
        metainfo, wanted = self.torrents[info_hash]
        for index in [*wanted] if indexes is None else indexes:
            if wanted.get(index, -1) < metainfo.files[index].length:
                wanted.pop(index, None)

    def progress(self, info_hash: bytes) -> Progress | None:
        self._note("progress", question=True)
        self._advance()
        return self._progress(info_hash) if info_hash in self.torrents else None

    def _progress(self, info_hash: bytes) -> Progress:
        metainfo, wanted = self.torrents[info_hash]
        indexes = sorted(wanted)
        size = sum(metainfo.files[index].length for index in indexes)
        done = [wanted[index] for index in indexes]
        finished = sum(done) == size
        state = State.FINISHED if finished else State.FETCHING
        name = os.fsdecode(metainfo.name)
        rate = 0 if finished else 1000
        return Progress(info_hash, name, state, indexes, done, size, rate, 1, 1, "")

    def all(self) -> Sequence[Progress]:
        self._note("all", question=True)
        self._advance()
        return [self._progress(info_hash) for info_hash in self.torrents]

    def directory(self, info_hash: bytes) -> Path | None:
        self._note("directory", question=True)
        return self.downloads if info_hash in self.torrents else None

    def download_directory(self) -> Path:
        self._note("download_directory", question=True)
        return self.downloads

    def check(self) -> Sequence[Finding]:
        return [Finding(True, "a fake")]

    def close(self) -> None:
        """Nothing to do."""


def main() -> int:
    """`biofs`, with this engine wherever one is set."""
    base = Path(os.environ[VARIABLE])

    def made(settings: Settings) -> FakeEngine:
        return FakeEngine(base, choose.download_dir(settings))

    choose.choose = made
    return biofs()


if __name__ == "__main__":
    sys.exit(main())
