"""What `biofs mount -o` takes."""

from collections.abc import Iterable

FUSE_OPTIONS = {
    "allow_other": "all users may use the mount",
    "allow_root": "root may use the mount",
    "default_permissions": "the kernel checks permissions",
    "noatime": "access times are not updated, which they are not anyway",
    "nodev": "device files have no effect; always on for ordinary users",
    "noexec": "no program can be executed",
    "nonempty": "the mountpoint need not be empty",
    "nosuid": "set-user-ID bits have no effect; always on for ordinary users",
    "ro": "read-only, as the mount always is",
    "xattr": "metadata as extended attributes",
}
"""Names that stand alone. `nonempty` and `xattr` are biofs's own, the others mount options."""

OWNER_OPTIONS = {
    "uid": "the numeric user ID that owns all files",
    "gid": "the numeric group ID that owns all files",
}
"""Names that need a number, such as `uid=1000`."""

_LARGEST_OWNER = 2**32 - 2  # the number above it means "leave it as it is": chown(2)


def parse(given: Iterable[str]) -> tuple[tuple[str, ...], int | None, int | None]:
    """Names of `FUSE_OPTIONS`, each once, the user ID and the group ID.

    Each text given can hold several options with commas between them. Raises ValueError.
    """
    names: dict[str, None] = {}
    numbers: dict[str, int] = {}
    for option in filter(None, map(str.strip, ",".join(given).split(","))):
        name, _, value = option.partition("=")
        if name == "rw":
            raise ValueError("rw: biofs is read-only: leave it out")
        if name in OWNER_OPTIONS:
            numbers[name] = _owner(name, value)
        elif option in FUSE_OPTIONS:
            names[option] = None
        else:
            known = ", ".join((*FUSE_OPTIONS, *(f"{name}=NUMBER" for name in OWNER_OPTIONS)))
            raise ValueError(f"{option}: no such option: there are {known}")
    return tuple(names), numbers.get("uid"), numbers.get("gid")


def _owner(name: str, value: str) -> int:
    if not (value.isascii() and value.isdecimal() and int(value[:12]) <= _LARGEST_OWNER):
        raise ValueError(f"{name}: needs a number, such as {name}=1000")
    return int(value)
