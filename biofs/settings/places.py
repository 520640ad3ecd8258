"""Where biofs keeps its files by default; None where no home directory is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def default_config_file() -> Path | None:
    """The settings file, which need not exist."""
    import platformdirs  # noqa: PLC0415 - the table of settings is loaded by every command

    return _at_home(platformdirs.user_config_path("biofs") / "config.toml")


def default_cache_dir() -> Path | None:
    """The cache directory."""
    import platformdirs  # noqa: PLC0415 - as above

    return _at_home(platformdirs.user_cache_path("biofs"))


def default_log_file() -> Path | None:
    """The log of a mount in the background."""
    import platformdirs  # noqa: PLC0415 - as above

    return _at_home(platformdirs.user_log_path("biofs") / "biofs.log")


def _at_home(path: Path) -> Path | None:
    # A user without HOME and without an entry in passwd gets a relative path.
    return path if path.is_absolute() else None
