"""The description of what is published: `biofs-snapshot.json`, beside the files that it names.

    {"format": 1, "catalogue": "https://torrents.bio", "made": 1764100000,
     "groups": 300, "torrents": 512,
     "snapshot": {"id": "<64 hex>", "file": "snapshot-<16 hex>.sqlite.zst",
                  "size": 1, "sha256": "<64 hex>",
                  "unpacked_size": 1, "unpacked_sha256": "<64 hex>"},
     "deltas": [{"from": "<64 hex>", "to": "<64 hex>", "file": "delta-<16 hex>.zst",
                 "size": 1, "sha256": "<64 hex>", "unpacked_size": 1}],
     "former": [{"file": "snapshot-<16 hex>.sqlite.zst", "since": 1764000000}]}

A description comes from anybody: whatever is wrong with it raises DescriptionError. Fields that are
not known are passed over, so that a later biofs can add some within the same format. A file is
named without a directory: it lies beside the description. An id is the checksum of a snapshot's
logical content (`biofs.store.snapshots.identity`), sizes are bytes, `made` is seconds since the
epoch. `former` is for publishers: files that are not needed any more since then, and still there
for who began to fetch them. What is signed is the description's text; it vouches for the files by
their checksums.
"""

from __future__ import annotations

import heapq
from typing import Annotated, Final, NamedTuple, TypeAlias

import msgspec
from msgspec import Meta

FILE: Final = "biofs-snapshot.json"
SIGNATURE_FILE: Final = f"{FILE}.minisig"
FORMAT: Final = 1
LARGEST: Final = 1 << 20
"""Bytes of a description; of a signature, 1 KiB is already much."""
LARGEST_SIGNATURE: Final = 4096
MOST_DELTAS: Final = 400
LARGEST_FILE: Final = 1 << 40
"""Bytes: what a description can claim, not what a reader has to take."""

Hex: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
FileName: TypeAlias = Annotated[str, Meta(pattern=r"\A[A-Za-z0-9_-](\.?[A-Za-z0-9_-]){0,127}\Z")]
"""No slash, no leading dot, no two dots together: it cannot lead out of its directory."""
Size: TypeAlias = Annotated[int, Meta(ge=1, le=LARGEST_FILE)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=1 << 40)]
Address: TypeAlias = Annotated[str, Meta(pattern=r"\Ahttps?://[!-~]{1,1000}\Z")]
Seconds: TypeAlias = Annotated[int, Meta(ge=0, le=1 << 33)]


class DescriptionError(Exception):
    """What was fetched is not a description that can be used; the message says why, in one line."""


class SnapshotFile(msgspec.Struct, frozen=True, kw_only=True):
    """A whole snapshot, compressed. Sizes in bytes; `unpacked_…` is of the SQLite file in it."""

    id: Hex
    file: FileName
    size: Size
    sha256: Hex
    unpacked_size: Size
    unpacked_sha256: Hex


class DeltaFile(
    msgspec.Struct, frozen=True, kw_only=True, rename={"from_id": "from", "to_id": "to"}
):
    """What leads from the snapshot `from_id` to the snapshot `to_id`, compressed."""

    from_id: Hex
    to_id: Hex
    file: FileName
    size: Size
    sha256: Hex
    unpacked_size: Size


class FormerFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that no description needs since a time (seconds since the epoch)."""

    file: FileName
    since: Seconds


class Description(msgspec.Struct, frozen=True, kw_only=True):
    """What is published: a catalogue's newest snapshot, and deltas that lead to it, newest last.

    `catalogue` is the server's URL, `made` when this was published (seconds since the epoch).
    """

    format: int
    catalogue: Address
    made: Seconds
    groups: Count
    torrents: Count
    snapshot: SnapshotFile
    deltas: Annotated[tuple[DeltaFile, ...], Meta(max_length=MOST_DELTAS)] = ()
    former: Annotated[tuple[FormerFile, ...], Meta(max_length=2 * MOST_DELTAS)] = ()


class _Format(msgspec.Struct):
    format: int


_format: Final = msgspec.json.Decoder(_Format)
_decode: Final = msgspec.json.Decoder(Description)


def parse(text: bytes) -> Description:
    """The description in `text`. Raises DescriptionError for anything else."""
    if len(text) > LARGEST:
        raise DescriptionError(f"larger than {LARGEST:,} bytes: not a snapshot's description")
    try:
        number = _format.decode(text).format
        if number != FORMAT:
            raise DescriptionError(f"format {number}, which this version of biofs does not know")
        found = _decode.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DescriptionError(f"not a snapshot's description: {error}") from None
    named = [found.snapshot.file, *(delta.file for delta in found.deltas)]
    if len(set(named)) < len(named):
        raise DescriptionError("not a snapshot's description: names a file twice")
    return found


def encode(description: Description) -> bytes:
    """The description as text; the same one gives the same bytes."""
    return msgspec.json.format(msgspec.json.encode(description), indent=1) + b"\n"


class _Way(NamedTuple):
    size: int
    number: int  # settles which of two equal ways is taken
    at: str
    deltas: tuple[DeltaFile, ...]


def path(description: Description, have_id: str) -> list[DeltaFile] | None:
    """The deltas that lead from a snapshot to the newest one, in the order of their use.

    Those with the fewest bytes in all. Empty if it is the newest; None if there are none, or the
    whole snapshot is as cheap to fetch.
    """
    leading: dict[str, list[DeltaFile]] = {}
    for delta in description.deltas:
        leading.setdefault(delta.from_id, []).append(delta)
    ways, reached, count = [_Way(0, 0, have_id, ())], set[str](), 0
    while ways:
        way = heapq.heappop(ways)
        if way.at == description.snapshot.id:
            return list(way.deltas)
        if way.at in reached:
            continue
        reached.add(way.at)
        for delta in leading.get(way.at, ()):
            size = way.size + delta.size
            if size < description.snapshot.size:
                count += 1
                heapq.heappush(ways, _Way(size, count, delta.to_id, (*way.deltas, delta)))
    return None


def verify(text: bytes, signature: bytes, public_key: str) -> None:
    """Check that `text` was signed (minisign) with the secret half of `public_key` (`RW…`).

    Raises DescriptionError if it was not, or if key or signature are none.
    """
    import minisign  # noqa: PLC0415 - loads a library of cryptography

    if not signature:
        raise DescriptionError("not signed")
    if len(signature) > LARGEST_SIGNATURE:
        raise DescriptionError("its signature is not one of minisign")
    try:
        key = minisign.PublicKey.from_base64(public_key)
    except (minisign.Error, ValueError) as error:
        raise DescriptionError(f"{public_key}: not a public key of minisign: {error}") from None
    try:
        key.verify(text, minisign.Signature.from_bytes(signature))
    except minisign.VerifyError as error:
        raise DescriptionError(f"not signed with the key that is trusted: {error}") from None
    except (minisign.Error, ValueError) as error:
        raise DescriptionError(f"its signature is not one of minisign: {error}") from None
