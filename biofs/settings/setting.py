"""What one setting is: the columns of the table of settings (table.py)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from biofs.settings import values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Group = Literal[
    "account",
    "storage",
    "pace",
    "mount",
    "contents",
    "fetching",
    "logging",
    "catalogue",
    "connection",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting: what it means and where it can be given."""

    name: str
    """Its key in the settings file; with `-` for `_` its long option."""
    type: Any = str
    """str, float, bool, Path, list[str], list[Path] or a Literal: what the file holds, a Path as a
    string."""
    help: str
    """One line, without the default."""
    group: Group
    """Commands take options by group."""
    metavar: str = ""
    """The unit or kind of its value."""
    parse: Callable[[Any], Any] = values.as_given
    """Raises ValueError for a value that is wrong. A Path that it gets is absolute."""
    default: Any = None
    """A value still to be parsed, or a function that finds a path; None: there is none."""
    default_text: str = ""
    """The default in words, where it is not the value itself."""
    default_with: Mapping[str, Any] = field(default_factory=dict)
    """The default if another setting is given."""
    fixed_with: Mapping[str, Any] = field(default_factory=dict)
    """The value, parsed, which another setting that is given stands for."""
    flags: tuple[str, ...] = ()
    """Options of the command line, as click declares them; none: it cannot be given there."""
    in_file: bool = True
    variable: str = ""
    """A variable of the environment; its value is a text, so `type` has to be str."""
    in_fstab: bool = False
    secret: bool = False
    """Then no file that others can read can hold it, and no child inherits the variable."""
    alone: bool = False
    """With it only the command line counts: what is set elsewhere is for the real server."""
    also_with: tuple[str, ...] = ()
    """Settings with which only the command line counts, and in the settings file this one too."""
    excludes: tuple[str, ...] = ()
    """Settings that cannot be given with it; one that a weaker source gives is passed over."""
    left_to_urls: tuple[str, ...] = ()
    """Settings that it excludes or stands for as a file, but not if its value is a URL."""
    fields: tuple[str, ...] | None = None
    """Fields of `Settings` that it fills; None: the one of its name."""
    example: str = ""
    """A TOML value for the documentation."""

    @property
    def option(self) -> str:
        """What messages call it on the command line."""
        return self.flags[0].split("/")[0] if self.flags else f"--{self.name.replace('_', '-')}"

    @property
    def choices(self) -> tuple[str, ...]:
        """The texts it can be, if they are few."""
        return get_args(self.type) if get_origin(self.type) is Literal else ()

    @property
    def shown_default(self) -> str:
        """The default for people; empty if there is none worth a word."""
        if self.default_text or not isinstance(self.default, str | float):
            return self.default_text
        if isinstance(self.default, str):
            return self.default
        return "" if isinstance(self.default, bool) else f"{self.default:g}"

    @property
    def filled(self) -> tuple[str, ...]:
        """The fields of `Settings` that it fills."""
        return (self.name,) if self.fields is None else self.fields
