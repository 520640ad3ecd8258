"""How progress is shown: a bar on a terminal, a line now and then elsewhere."""

import io
import os
import subprocess
import sys

import pytest
import trio
import trio.testing
from rich.console import Console

from biofs.api.server import Rate
from biofs.catalogue.warming import Progress
from biofs.cli.commands import warm
from biofs.cli.output import progress
from biofs.settings.load import load

LIMITED = Rate.parse("1/6")
SOME = Progress(sent=120, left=680, exact=True, categories=12, listed=12, gone=0, failed=0)


@pytest.mark.parametrize(
    ("state", "rate", "said"),
    [
        (SOME, "1/6", "120 of 800 requests, 1 hour and 8 minutes left"),
        (SOME, "unlimited", "120 of 800 requests, 57 seconds left"),
        (
            SOME._replace(exact=False, listed=3),
            "1/6",
            "120 of about 800 requests, about 1 hour and 8 minutes left, 3 of 12 categories listed",
        ),
        (SOME._replace(sent=0), "unlimited", "0 of 680 requests, unknown left"),
        (SOME._replace(sent=1, left=0), "1/6", "1 of 1 request, 0 seconds left"),
    ],
)
def test_how_far_a_warm_up_is(state: Progress, rate: str, said: str) -> None:
    assert warm.how_far(state, Rate.parse(rate), 10.0) == said


def test_a_line_every_half_minute_and_every_twentieth() -> None:
    out = io.StringIO()
    lines = progress.Lines(out)
    for second in range(0, 200, 6):
        lines.show(second // 6, 1000, f"{second // 6} of 1,000", second)
    lines.close()
    said = out.getvalue().splitlines()
    assert said == [
        f"biofs: {done / 1000:.0%}: {done} of 1,000" for done in (5, 10, 15, 20, 25, 30)
    ]
    lines.show(100, 1000, "100 of 1,000", 190)
    assert out.getvalue().splitlines()[-1] == "biofs: 10%: 100 of 1,000"


@pytest.mark.parametrize("no_color", [False, True])
def test_the_bar_says_the_same_and_honours_no_color(
    monkeypatch: pytest.MonkeyPatch, no_color: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    out = io.StringIO()
    bar = progress.Bar(Console(file=out, force_terminal=True, width=100))
    bar.show(0, 0, "nothing yet", 0.0)
    bar.show(120, 800, "120 of 800 requests", 10.0)
    bar.close()
    shown = out.getvalue()
    assert "120 of 800 requests" in shown
    assert "15%" in shown
    assert ("\x1b[38;5" in shown or "\x1b[35m" in shown) != no_color


def test_what_fits_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(progress.meter(), progress.Lines)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(progress.meter(), progress.Lines)
    monkeypatch.setenv("TERM", "xterm")
    meter = progress.meter()
    assert isinstance(meter, progress.Bar)
    meter.close()


async def test_a_warm_up_is_shown_until_it_ends(
    autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[float, str]] = []

    class Noting(progress.Lines):
        def show(self, done: float, total: float | None, said: str, elapsed: float) -> None:
            seen.append((elapsed, said))

    class Warming:
        async def run(self) -> None:
            await trio.sleep(1.1)

        def progress(self) -> Progress:
            return SOME

    monkeypatch.setattr(progress, "meter", lambda: Noting(io.StringIO()))
    stopped = await warm._follow(
        Warming(), load({"demo": True, "cache_dir": "/nowhere", "rate": "1/6"}, {})
    )
    assert stopped is None
    assert [elapsed for elapsed, _ in seen] == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0])
    assert all(said.startswith("120 of 800 requests") for _, said in seen)


@pytest.mark.parametrize("terminal", [True, False])
def test_what_draws_the_bar_is_loaded_when_a_bar_is_shown(*, terminal: bool) -> None:
    program = (
        "import sys\n"
        "from biofs.cli.output import progress\n"
        "times, loaded = iter([0.0, 0.1, 1.0]), []\n"
        "with progress.shown(lambda: next(times)) as show:\n"
        "    for said in ('at once', 'later'):\n"
        "        show(0, 1, said)\n"
        "        loaded.append('rich' in sys.modules)\n"
        "print(*loaded)\n"
    )
    command = [sys.executable, "-c", program]
    others = {k: v for k, v in os.environ.items() if k not in {"FORCE_COLOR", "TTY_COMPATIBLE"}}
    env = {**others, "TERM": "xterm"} | ({"FORCE_COLOR": "1"} if terminal else {})
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=env)
    assert done.stdout.split() == ["False", str(terminal)], done.stderr
