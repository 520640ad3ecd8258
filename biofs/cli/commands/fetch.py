"""`biofs fetch`."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import click

from biofs.cli import mount_lookup, options
from biofs.cli.output import quantities
from biofs.cli.output.report import INTERRUPTED, complain, confirm, one_line
from biofs.control.protocol import Ask
from biofs.errors import USAGE, QuietError
from biofs.settings.values import parse_size

Answers = Mapping[str, Mapping[str, Any]]
"""What mounts answer, by their mountpoints."""

_GOES_ON: Final = (
    "it goes on: `biofs fetch --status` shows it, `biofs fetch --cancel PATH` gives it up"
)


@click.command(
    "fetch",
    epilog="\b\nExamples:\n"
    "  biofs fetch ~/biotorrents/torrents/1/files/*/S288C*\n"
    "  biofs fetch --yes --no-wait ~/biotorrents/groups/1\n"
    "  biofs fetch --status",
)
@click.option("--yes", is_flag=True, help="Do not ask, however much it is.")
@click.option("--ask-above", metavar="SIZE", help="Ask above SIZE. [default: 1G, or as set]")
@click.option("--no-wait", is_flag=True, help="Return as soon as it is started.")
@click.option("--wait", is_flag=True, help="Start nothing; wait for what is being fetched.")
@click.option("--status", is_flag=True, help="Show what is being fetched.")
@click.option("--cancel", is_flag=True, help="Fetch PATH no further; what is here stays.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON, for programs.")
@click.argument("paths", metavar="[PATH]...", nargs=-1, shell_complete=options.complete_file)
def command(
    paths: tuple[str, ...],
    yes: bool,
    ask_above: str | None,
    no_wait: bool,
    wait: bool,
    status: bool,
    cancel: bool,
    as_json: bool,
) -> int:
    """Fetch data that are not here, through a BitTorrent client.

    PATH is a file, a directory below files/, a torrent or a group in a mount with an engine. Says
    how much it is, in whole pieces, asks if that is much, and waits until all is here and verified.
    Ctrl-C ends the waiting alone. What was fetched is seeded and never removed by biofs.
    """
    if status + cancel + wait + no_wait > 1:
        raise QuietError("one of --status, --cancel, --wait and --no-wait at a time", USAGE)
    limit = _limit(ask_above)
    if not (paths or status):
        raise QuietError("name what is to be fetched: see `biofs fetch --help`", USAGE)
    try:
        if status:
            return _status(paths, as_json=as_json)
        if cancel:
            return _cancel(paths, as_json=as_json)
        if wait:
            return _wait(paths, as_json=as_json)
        return _fetch(paths, None if yes else limit, yes=yes, wait=not no_wait, as_json=as_json)
    except (KeyError, TypeError, AttributeError, ValueError):
        where = f"{paths[0]}: its mount" if paths else "a mount"
        raise QuietError(f"{where} runs a different biofs version") from None


def _limit(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_size(text)
    except ValueError as error:
        raise QuietError(f"--ask-above: {error}", USAGE) from None


def _fetch(paths: Sequence[str], limit: int | None, *, yes: bool, wait: bool, as_json: bool) -> int:
    plans = _answers(paths, "fetch-plan")
    torrents = list(_of(plans, "torrents"))
    failed = _complain(torrents)
    coming = [each for each in torrents if each.get("files")]
    unlisted = sum(each.get("unlisted", 0) for each in torrents)
    if unlisted:
        complain(f"{quantities.counted(unlisted, 'file')} cannot be fetched: no such metainfo")
    if not coming:
        if as_json:
            click.echo(json.dumps({"torrents": torrents}))
        elif not (failed or unlisted):
            here = sum(each["here"] for each in torrents)
            click.echo(f"nothing to fetch: {quantities.counted(here, 'file')} here and verified")
        return int(bool(failed or unlisted))
    if not as_json:
        click.echo("\n".join(in_words(coming, plans.values())), err=True)
    _check(coming, plans, yes=yes)
    if not yes:
        _ask_first(plans.values(), limit)
    started = _answers(paths, "fetch")
    broken = _complain(each for each in _of(started, "failed") if each["path"] not in failed)
    if not wait:
        if as_json:
            click.echo(json.dumps({"torrents": torrents, "failed": list(_of(started, "failed"))}))
        else:
            complain(_GOES_ON)
        return int(bool(failed or broken or unlisted))
    return max(_wait(paths, as_json=as_json, said={*failed, *broken}), int(bool(unlisted)))


def _check(coming: Sequence[Mapping[str, Any]], plans: Answers, *, yes: bool) -> None:
    """Raise QuietError for what cannot end well."""
    if not yes and all(each["seeders"] == 0 for each in coming):
        raise QuietError(
            f"{one_line(coming[0]['path'])}: no seeders are known, so nobody may have it: "
            f"--yes fetches it all the same"
        )
    for mountpoint, plan in plans.items():
        if plan["room"] is not None and plan["coming"] > plan["room"]:
            raise QuietError(
                f"{mountpoint}: {quantities.size(plan['coming'])} to fetch, and room for "
                f"{quantities.size(plan['room'])}: make room, or set another download_dir"
            )


def _ask_first(plans: Iterable[Mapping[str, Any]], limit: int | None) -> None:
    much = [each for each in plans if each["coming"] > (limit or each["ask_above"])]
    if limit == 0 or much:
        confirm(f"fetch {quantities.size(sum(each['coming'] for each in plans))}?")


def in_words(
    coming: Iterable[Mapping[str, Any]], plans: Iterable[Mapping[str, Any]]
) -> Iterator[str]:
    """What is to be fetched, a line for each torrent, and how much room there is."""
    for each in coming:
        files = quantities.counted(each["files"], "file")
        said = f"{files} of {quantities.size(each['wanted'])}"
        if each["coming"] != each["wanted"]:
            said += f", {quantities.size(each['coming'])} to fetch in whole pieces"
        if each["here"]:
            said += f"; {quantities.counted(each['here'], 'file')} here already"
        seeders = each["seeders"]
        number = "seeders not known" if seeders is None else quantities.counted(seeders, "seeder")
        yield f"{one_line(each['path'])}: {said}; {number}"
    for plan in plans:
        if plan["room"] is not None:
            yield f"{quantities.size(plan['coming'])} together, room for {_room(plan['room'])}"


def _room(size: int) -> str:
    return quantities.size(size)


def _wait(paths: Sequence[str], *, as_json: bool, said: Iterable[str] = ()) -> int:
    """Show how far it is until all is verified. `said` are torrents whose failure was said."""
    try:
        answers = _answers(paths, "fetch-wait", in_facts=True)
    except KeyboardInterrupt:
        complain(_GOES_ON)
        return INTERRUPTED
    failed = list(_of(answers, "failed"))
    if as_json:
        click.echo(json.dumps(_joined(answers)))
    else:
        _complain(each for each in failed if each["path"] not in {*said})
        files = sum(each["verified"] for each in answers.values())
        size = quantities.size(sum(each["bytes"] for each in answers.values()))
        if files:
            click.echo(f"{size} in {quantities.counted(files, 'file')} here and verified")
    return int(bool(failed))


def _status(paths: Sequence[str], *, as_json: bool) -> int:
    answers = _answers(paths, "fetch-status") if paths else dict(_of_all_mounts())
    torrents = list(_of(answers, "torrents"))
    if as_json:
        click.echo(json.dumps({"torrents": torrents}))
        return 0
    for each in torrents:
        click.echo(_state(each))
    others = sum(each["others"] for each in answers.values())
    if others:
        click.echo(f"and {quantities.counted(others, 'other')}")
    if not torrents:
        click.echo("nothing is being fetched")
    return 0


def _of_all_mounts() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The status of each mount that has an engine. Raises QuietError if there is none."""
    mounts = [mount.mountpoint for mount in mount_lookup.mine()]
    if not mounts:
        raise QuietError("you have no biofs mount; `biofs mount` makes one")
    asked = Ask(do="fetch-status", arguments={"paths": []})
    problem: QuietError | None = None
    found = 0
    for mountpoint in mounts:
        try:
            answer = mount_lookup.ask_mount(mountpoint, asked, mountpoint)
        except QuietError as error:
            problem = error
            continue
        found += 1
        yield mountpoint, answer
    if problem is not None and not found:
        raise problem


def _state(each: Mapping[str, Any]) -> str:
    """A torrent in the engine, in a line."""
    where = one_line(each.get("path") or each["name"])
    files = quantities.counted(each["files"], "file")
    said = f"{each['state']}, {quantities.size(each['done'])} of {quantities.size(each['total'])}"
    said += f" in {files}"
    if each["state"] == "fetching":
        peers = quantities.counted(each["peers"], "peer")
        said += f", {quantities.size(each['rate'])}/s from {peers}"
    return f"{where}: {said}{': ' + one_line(each['message']) if each['message'] else ''}"


def _cancel(paths: Sequence[str], *, as_json: bool) -> int:
    answers = _answers(paths, "fetch-cancel")
    if as_json:
        click.echo(json.dumps(_joined(answers)))
        return int(bool(list(_of(answers, "failed"))))
    failed = _complain(_of(answers, "failed"))
    cancelled = sum(each["cancelled"] for each in answers.values())
    if cancelled:
        click.echo(f"{quantities.counted(cancelled, 'torrent')} given up: what is here stays")
    return int(bool(failed))


def _answers(paths: Sequence[str], do: str, *, in_facts: bool = False) -> Answers:
    """What each mount answers; how far it is goes to stderr meanwhile."""
    from biofs.cli.output import progress  # noqa: PLC0415 - rich takes a tenth of a second

    with progress.shown() as show:
        tell = _following(show) if in_facts else _telling(show)
        return {
            mountpoint: mount_lookup.ask_mount(mountpoint, ask, mountpoint, tell)
            for mountpoint, ask in mount_lookup.asks(paths, do).items()
        }


def _telling(show: Callable[..., None]) -> Callable[[str], None]:
    return lambda text: show(0.0, None, one_line(text))


def _following(show: Callable[..., None]) -> Callable[[str], None]:
    def tell(text: str) -> None:
        try:
            facts = json.loads(text)
        except ValueError:
            show(0.0, None, one_line(text))
            return
        show(float(facts["done"]), float(facts["total"]), how_far(facts))

    return tell


def how_far(facts: Mapping[str, Any]) -> str:
    """How far it is, in a few words: size, rate, peers, and how long it will take."""
    done, total, rate = facts["done"], facts["total"], facts["rate"]
    said = [f"{quantities.size(done)} of {quantities.size(total)}"]
    if facts["state"] == "checking":
        said.append("checking")
    elif facts["state"]:
        said.append(f"{quantities.size(rate)}/s")
        said.append(quantities.counted(facts["peers"], "peer"))
        if rate > 0 and total > done:
            said.append(f"{quantities.duration((total - done) / rate)} left")
    if facts["message"]:
        said.append(one_line(facts["message"]))
    return ", ".join(said)


def _of(answers: Answers, key: str) -> Iterator[dict[str, Any]]:
    """The entries of all mounts, their paths from the root."""
    for mountpoint, answer in answers.items():
        for each in answer[key]:
            shown = dict(each)
            if "path" in shown:
                shown["path"] = f"{mountpoint.rstrip('/')}/{shown['path']}"
            yield shown


def _joined(answers: Answers) -> dict[str, Any]:
    """The answers of all mounts in one: numbers added, lists after each other."""
    first = next(iter(answers.values()))
    return {
        key: list(_of(answers, key))
        if isinstance(value, list)
        else sum(answer[key] for answer in answers.values())
        for key, value in first.items()
    }


def _complain(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """Say what has failed; the paths."""
    failed = []
    for each in entries:
        if each.get("error"):
            complain(f"{each['path']}: {each['error']}")
            failed.append(each["path"])
    return failed
