"""Signatures of minisign (jedisct1.github.io/minisign), by the library of the same format.

A description is signed; it has the checksums of all files that it names, so they are, too. A
snapshot that is a file on this machine is signed itself: `minisign -S` puts FILE.minisig beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import minisign

from biofs.errors import QuietError
from biofs.settings import private_files
from biofs.store.database.files import StoreError
from biofs.store.snapshots.description import LARGEST_SIGNATURE

PASSWORD_VARIABLE: Final = "BIOFS_SIGNING_PASSWORD"  # noqa: S105 - the variable's name
SUFFIX: Final = ".minisig"


class Signer:
    """A secret key, ready to sign."""

    def __init__(self, key: minisign.SecretKey) -> None:
        self._key = key

    @property
    def public_key(self) -> str:
        """What `snapshot_key` has to be."""
        return str(self._key.get_public_key().to_base64(), "ascii")

    def sign(self, text: bytes, comment: str) -> bytes:
        """A signature of `text`, which vouches for the `comment` (one line), too."""
        return bytes(self._key.sign(text, trusted_comment=comment)) + b"\n"


def load(file: Path, password: Callable[[], str]) -> Signer:
    """The secret key in a file of `minisign -G`; `password` is called if it has one.

    Raises QuietError for another file, one that others can read, and a wrong password.
    """
    try:
        found = private_files.read(file)
    except FileNotFoundError:
        raise QuietError(f"{file}: no such file; `minisign -G` makes a key") from None
    found.check(private_files.SECRET)
    try:
        key = minisign.SecretKey.from_bytes(found.content)
        if key.is_encrypted():
            key.decrypt(password())
    except (minisign.Error, ValueError, MemoryError) as error:
        raise QuietError(f"{file}: not a key that can sign: {error}") from None
    return Signer(key)


def verify_file(file: Path, public_key: str) -> None:
    """Check the signature beside a snapshot that is a file here; for a thread.

    Raises StoreError if there is none, or it is not of this key.
    """
    beside = file.with_name(file.name + SUFFIX)
    try:
        with beside.open("rb") as opened:
            signature = minisign.Signature.from_bytes(opened.read(LARGEST_SIGNATURE))
        if not signature.is_prehashed():  # it would take the whole file into memory
            raise StoreError(f"{beside}: a signature of the old kind: sign it again")
        with file.open("rb") as opened:
            minisign.PublicKey.from_base64(public_key).verify(opened, signature)
    except OSError as error:
        raise StoreError(f"{error.filename}: {error.strerror}: no signature, no mount") from None
    except (minisign.Error, ValueError) as error:
        raise StoreError(f"{file}: not signed with the key that is trusted: {error}") from None
