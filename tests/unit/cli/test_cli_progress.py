"""How a warm-up is shown: a bar on a terminal, a line now and then elsewhere."""

import io

import pytest
import trio
import trio.testing
from rich.console import Console

from biofs.api.rate import Rate
from biofs.catalogue.warming import Progress
from biofs.cli.output import progress

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
def test_in_words(state: Progress, rate: str, said: str) -> None:
    assert progress.in_words(state, Rate.parse(rate), 10.0) == said


def test_a_line_every_half_minute_and_every_twentieth() -> None:
    out = io.StringIO()
    lines = progress.Lines(LIMITED, out)
    for second in range(0, 200, 6):
        sent = second // 6
        lines.show(SOME._replace(sent=sent, left=1000 - sent), second)
    lines.close()
    said = out.getvalue().splitlines()
    assert [line.split(" of ")[0] for line in said] == [
        f"biofs: {sent / 1000:.0%}: {sent}" for sent in (5, 10, 15, 20, 25, 30)
    ]
    lines.show(SOME._replace(sent=100, left=900), 190)
    assert out.getvalue().splitlines()[-1].startswith("biofs: 10%: 100 of 1,000 requests")


@pytest.mark.parametrize("no_color", [False, True])
def test_the_bar_says_the_same_and_heeds_no_color(
    monkeypatch: pytest.MonkeyPatch, no_color: bool
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")
    out = io.StringIO()
    bar = progress.Bar(LIMITED, Console(file=out, force_terminal=True, width=100))
    bar.show(SOME._replace(sent=0, left=0), 0.0)
    bar.show(SOME, 10.0)
    bar.close()
    shown = out.getvalue()
    assert "120 of 800 requests, 1 hour and 8 minutes left" in shown
    assert "15%" in shown
    assert ("\x1b[38;5" in shown or "\x1b[35m" in shown) != no_color


def test_what_fits_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(progress.display(LIMITED), progress.Lines)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(progress.display(LIMITED), progress.Lines)
    monkeypatch.setenv("TERM", "xterm")
    shown = progress.display(LIMITED)
    assert isinstance(shown, progress.Bar)
    shown.close()


async def test_it_is_followed_until_cancelled(autojump_clock: trio.testing.MockClock) -> None:
    seen: list[float] = []

    class Noting(progress.Lines):
        def show(self, state: Progress, elapsed: float) -> None:
            seen.append(elapsed)

    with trio.move_on_after(1.1):
        await progress.follow(Noting(LIMITED, io.StringIO()), lambda: SOME)
    assert seen == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0])
