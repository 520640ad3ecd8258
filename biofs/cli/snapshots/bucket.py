"""A bucket of an S3-compatible object store, by `minio` (the extra `biofs[publish]`).

Credentials come from the environment, under the names that all tools of AWS know, and never from
the command line, which others can read.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import urlsplit

from biofs.errors import USAGE, QuietError
from biofs.store.snapshots.description import FILE, SIGNATURE_FILE

if TYPE_CHECKING:
    import minio

T = TypeVar("T")
SCHEME: Final = "s3://"
AWS: Final = "https://s3.amazonaws.com"
ENDPOINT_VARIABLE: Final = "AWS_ENDPOINT_URL"
_KEYS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")

_CHANGES: Final = {"Cache-Control": "no-cache"}
_STAYS: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
_TYPES: Final = {".json": "application/json", ".zst": "application/zstd"}


class Bucket:
    """Files whose names begin with a prefix, in a bucket. See `biofs.store.snapshots.places`."""

    def __init__(self, client: minio.Minio, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""

    def read(self, name: str, most: int) -> bytes | None:
        from minio.error import S3Error  # noqa: PLC0415 - an extra

        with self._told():
            try:
                answer = self._client.get_object(self._bucket, self._prefix + name)
            except S3Error as error:
                if error.code == "NoSuchKey":
                    return None
                raise
            try:
                return bytes(answer.read(most))
            finally:
                answer.close()
                answer.release_conn()

    def fetch(self, name: str, into: Path) -> None:
        with self._told():
            self._client.fget_object(self._bucket, self._prefix + name, str(into))

    def put(self, name: str, file: Path) -> None:
        # An object is there when all of it is (AWS: "Amazon S3 data consistency model").
        with self._told():
            self._client.fput_object(
                self._bucket,
                self._prefix + name,
                str(file),
                content_type=_TYPES.get(Path(name).suffix, "text/plain"),
                metadata=dict(_CHANGES if name in {FILE, SIGNATURE_FILE} else _STAYS),
            )

    def times(self) -> dict[str, float]:
        with self._told():
            return {
                found.object_name.removeprefix(self._prefix): found.last_modified.timestamp()
                for found in self._client.list_objects(self._bucket, self._prefix)
                if found.object_name and found.last_modified
            }

    def remove(self, name: str) -> None:
        with self._told():
            self._client.remove_object(self._bucket, self._prefix + name)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What goes wrong, in one line without secrets."""
        from minio.error import MinioException, S3Error  # noqa: PLC0415 - an extra
        from urllib3.exceptions import HTTPError  # noqa: PLC0415

        try:
            yield
        except S3Error as error:
            raise QuietError(f"{SCHEME}{self._bucket}: {error.code}: {error.message}") from None
        except (MinioException, HTTPError, ValueError) as error:
            raise QuietError(f"{SCHEME}{self._bucket}: {_plain(error)}") from None


def _plain(error: Exception) -> str:
    reason = getattr(error, "reason", None)
    return str(reason if isinstance(reason, Exception) else error)


def open_bucket(url: str, endpoint: str | None, environ: Mapping[str, str] = os.environ) -> Bucket:
    """The bucket in `s3://BUCKET/PREFIX`, at AWS or at the URL `endpoint`.

    Raises QuietError without `biofs[publish]`, without credentials, or for what is no such URL.
    """
    name, _, prefix = url.removeprefix(SCHEME).partition("/")
    try:
        import minio  # noqa: PLC0415 - an extra
    except ImportError:
        raise QuietError("publishing to a bucket needs: pip install 'biofs[publish]'") from None
    at = urlsplit(endpoint or environ.get(ENDPOINT_VARIABLE) or AWS)
    if not name or at.scheme not in {"https", "http"} or not at.netloc or at.path.strip("/"):
        raise QuietError("a bucket is s3://BUCKET/PREFIX, an endpoint https://HOST[:PORT]", USAGE)
    missing = [key for key in _KEYS if not environ.get(key)]
    if missing:
        raise QuietError(f"{' and '.join(missing)} in the environment: not set")
    key, secret = (environ[name] for name in _KEYS)
    client = _checked(
        lambda: minio.Minio(
            at.netloc,
            access_key=key,
            secret_key=secret,
            session_token=environ.get("AWS_SESSION_TOKEN") or None,
            region=environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None,
            secure=at.scheme == "https",
        )
    )
    return Bucket(client, name, prefix.strip("/"))


def _checked(make: Callable[[], T]) -> T:
    try:
        return make()
    except ValueError as error:
        raise QuietError(f"--endpoint: {error}", USAGE) from None
