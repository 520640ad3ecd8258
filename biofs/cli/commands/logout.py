"""`biofs logout`: forgets what `biofs login` kept."""

import click

from biofs.errors import QuietError
from biofs.settings import logins
from biofs.settings.values import default_config_file


@click.command("logout", epilog="Example: biofs logout")
def command() -> None:
    """Delete the token that `biofs login` saved.

    The server takes it as before: revoke it at the site if others may have it. What was fetched
    stays; `biofs cache clear` removes it.
    """
    file = default_config_file()
    login = None if file is None else logins.read(file.parent)
    if file is None or login is None:
        raise QuietError("not logged in: nothing to do")
    try:
        logins.forget(file.parent, login)
    except logins.NoKeyring as error:
        raise QuietError(f"the system keyring keeps the token: {error}") from None
    except OSError as error:
        raise QuietError(f"{file.parent}: {error.strerror}") from None
    click.echo(f"the token for {login.url} is forgotten; mounts that run still have it")
