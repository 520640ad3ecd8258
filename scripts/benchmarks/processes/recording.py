"""Serves a made-up catalogue and keeps every answer that it gives, as a file for nginx to serve.

`python -m scripts.benchmarks.processes.recording DIRECTORY GROUPS` prints its URL and serves until
it is terminated. An answer's file is named as the query that it answers.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Final

import trio
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message

from biofs.demo.accounts import ServerOptions
from biofs.demo.generator import Generated
from biofs.demo.server.app import create_app
from biofs.demo.server.serve import serve

TORRENTS: Final = 3
FILES: Final = 20


def recording(directory: Path, groups: int) -> Starlette:
    """An application that answers like the server, and writes down what it answered."""
    source = Generated(groups, TORRENTS, FILES, (1,))
    app = create_app(source, options=ServerOptions(rate_limit=False))

    async def answer(request: Request) -> Response:
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        await app(request.scope, request.receive, send)
        body = b"".join(message.get("body", b"") for message in sent)
        (directory / request.url.query).write_bytes(body)
        return Response(body, sent[0]["status"], media_type="application/json")

    return Starlette(routes=[Route("/api.php", answer)])


async def _main(directory: Path, groups: int) -> None:
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async with trio.open_nursery() as nursery:
            host, port = await nursery.start(serve, recording(directory, groups))
            print(f"http://{host}:{port}", flush=True)
            async for _ in signals:
                nursery.cancel_scope.cancel()


if __name__ == "__main__":
    trio.run(_main, Path(sys.argv[1]), int(sys.argv[2]))
