"""What a file that is opened as a store can be instead."""


class StoreError(Exception):
    """The file is not a store that this version can use; the message says why."""


class StoreCorrupt(StoreError):  # noqa: N818 - says what it is
    """The file is damaged, or no SQLite file at all."""
