"""From a path on the command line to the mount it lies in, without touching that mount.

Looking at a path in the mount would have things fetched, and hang where the mount hangs.
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from biofs.contents.disk import mountinfo
from biofs.control import client
from biofs.control.protocol import LONGEST_ASK, Ask, decode_path, encode_path, line
from biofs.errors import USAGE, QuietError

_MOST_LINKS = 40  # path_resolution(7)


def locate(path: str, mounts: Sequence[mountinfo.Mount] | None = None) -> tuple[str, str]:
    """The mountpoint of the biofs mount that `path` leads into, and the rest of the path.

    Links are followed up to the mountpoint, and so is a `..` that leads out of a mount; the rest is
    the mount's to follow, which is asked, if it answers, where a `..` below a link leads. Raises
    QuietError for a path elsewhere.
    """
    if not path:
        raise QuietError("the path is an empty name: give one in a mount of biofs", USAGE)
    mounts = mountinfo.read() if mounts is None else mounts
    places = {mount.mountpoint for mount in mounts if mount.is_biofs and _is_on_top(mount, mounts)}
    here, left, links = "/", deque(_absolute(path).split("/")), 0
    while left:
        if here in places:
            above = _leaves(left)
            if not above:
                beyond = _followed(here, left)
                if beyond is None:
                    break
                links += 1
                if links > _MOST_LINKS:
                    raise QuietError(f"{path}: too many levels of symbolic links")
                here, left = os.path.dirname(here), beyond  # noqa: PTH120 - a text
                continue
            for _ in range(above):
                left.popleft()
            here = os.path.dirname(here)  # noqa: PTH120 - a text, not a path to look at
            continue
        name = left.popleft()
        if name in {"", "."}:
            continue
        if name == "..":
            here = os.path.dirname(here)  # noqa: PTH120 - a text, not a path to look at
            continue
        here = f"{here.rstrip('/')}/{name}"
        target = None if here in places else _link(here)
        if target is None:
            continue
        links += 1
        if links > _MOST_LINKS:
            raise QuietError(f"{path}: too many levels of symbolic links")
        here = "/" if target.startswith("/") else os.path.dirname(here)  # noqa: PTH120
        left.extendleft(reversed(target.split("/")))
    if here not in places:
        raise QuietError(f"{path}: not in a mount of biofs: `biofs status` says where there is one")
    return here, "/".join(left)


def ask(
    path: str,
    do: str,
    *,
    everything: bool = False,
    wait: bool = True,
    progress: Callable[[str], None] = lambda _text: None,
) -> dict[str, object]:
    """Ask the mount in which `path` lies about it. Raises QuietError if it has no answer."""
    mountpoint, rest = locate(path)
    asked = Ask(do=do, path=encode_path(rest), everything=everything, wait=wait)
    return ask_mount(mountpoint, asked, path, progress)


def ask_mount(
    mountpoint: str,
    asked: Ask,
    path: str,
    progress: Callable[[str], None] = lambda _text: None,
) -> dict[str, object]:
    """Ask the mount at a mountpoint. Raises QuietError, about `path`, if it has no answer."""
    try:
        return client.ask(mountpoint, asked, progress)
    except client.NoMount:
        raise QuietError(
            f"{mountpoint}: no answer: that mount is another user's, or of an older biofs"
        ) from None
    except client.Failed as error:
        raise QuietError(f"{path}: {error}") from None


def asks(paths: Iterable[str], do: str) -> Mapping[str, Ask]:
    """What is asked of each mount about these paths in it.

    Raises QuietError for a path elsewhere, and for too many.
    """
    found: dict[str, dict[str, None]] = {}
    for path in paths:
        mountpoint, rest = locate(path)
        found.setdefault(mountpoint, {})[encode_path(rest)] = None
    made = {
        mountpoint: Ask(do=do, arguments={"paths": [*rests]}) for mountpoint, rests in found.items()
    }
    for mountpoint, asked in made.items():
        if len(line(asked)) > LONGEST_ASK:
            raise QuietError(
                f"{mountpoint}: more paths than fit a request: name the directory above them", USAGE
            )
    return made


def mine() -> list[mountinfo.Mount]:
    """The mounts whose socket is this user's, each mountpoint once, in their order."""
    places = {mount.mountpoint: mount for mount in mountinfo.read() if mount.is_biofs}
    return [mount for place, mount in sorted(places.items()) if client.is_there(place)]


def _absolute(path: str) -> str:
    if path.startswith("/"):
        return path
    try:
        return f"{os.getcwd()}/{path}"  # noqa: PTH109 - asks no file system, as Path.cwd would not
    except OSError:
        raise QuietError(f"{path}: relative to a current directory that is gone") from None


def _leaves(parts: Iterable[str]) -> int:
    """How many parts of a path from a mount's root lead out of it, 0 if they stay there.

    What lies below a view may be a link, and then only the mount knows where its `..` leads. In the
    root and in `categories` nothing is one.
    """
    inside: list[str] = []
    for number, part in enumerate(parts, 1):
        if part == "..":
            if not inside:
                return number
            inside.pop()
        elif part not in {"", "."}:
            if inside and inside[0] != "categories":
                return 0
            inside.append(part)
    return 0


def _followed(mountpoint: str, left: deque[str]) -> deque[str] | None:
    """Have the mount follow a path with `..` in it. None if it stays there: `left` is then the path
    without links, or as it was if the mount does not know it.

    Otherwise what is left of it from the directory above the mountpoint.
    """
    if ".." not in left:
        return None
    try:
        answer = client.ask(mountpoint, Ask(do="where", path=encode_path("/".join(left))))
    except (client.NoMount, client.Failed):
        return None
    for key in ("out", "path"):
        if isinstance(answer.get(key), str):
            parts = [os.fsdecode(part) for part in decode_path(str(answer[key]))]
            if key == "out":
                return deque(parts)
            left.clear()
            left.extend(parts)
    return None


def _is_on_top(mount: mountinfo.Mount, mounts: Sequence[mountinfo.Mount]) -> bool:
    return mountinfo.topmost(mounts, mount.mountpoint) == mount


def _link(path: str) -> str | None:
    """Where a link leads, None for all else; what is not there is found out by who opens it."""
    try:
        return os.readlink(path)  # noqa: PTH115 - a text, kept as it is
    except OSError:
        return None
