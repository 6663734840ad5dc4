"""A scripted server that speaks OpenAI's chat completions over real HTTP on loopback, and remembers its requests."""

import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Usage = dict[str, int]


@dataclass
class Says:
    """A reply in pieces, each sent as a chunk of a stream.

    `usage` is left out where it is None; the connection is cut after the pieces where `is_cut`, and stays silent for
    `stall_seconds` there. `pause_seconds` pass before each piece but the first.
    """

    pieces: Sequence[str]
    usage: Usage | None = field(default_factory=lambda: {"prompt_tokens": 100, "completion_tokens": 10})
    finish_reason: str = "stop"
    is_cut: bool = False
    stall_seconds: float = 0
    pause_seconds: float = 0


@dataclass
class Fails:
    """An error, or any other body."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


Reply = Says | Fails
Script = Callable[[dict[str, Any]], Reply]


@dataclass
class ModelServer:
    """What the server is to say next: the queue first, then what `script` makes of a request."""

    base_url: str
    queue: list[Reply] = field(default_factory=list)
    script: Script | None = None
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    models: list[str] = field(default_factory=lambda: ["text-embedder", "tiny"])
    has_lost_client: threading.Event = field(default_factory=threading.Event)
    sent_at: list[float] = field(default_factory=list)  # when each piece was sent, as time.perf_counter has it

    def says(self, *texts: str) -> None:
        """Queue replies of one piece each."""
        self.queue += [Says([text]) for text in texts]

    @property
    def prompts(self) -> list[str]:
        """The last message of each request."""
        return [request["messages"][-1]["content"] for request in self.requests]


def error_body(message: str = "no", code: str | None = None) -> dict[str, Any]:
    """Make the body that OpenAI sends with an error."""
    return {"error": {"message": message, "type": "error", "code": code}}


@contextmanager
def serve() -> Iterator[ModelServer]:
    """Run a server until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.headers.append({name.lower(): value for name, value in self.headers.items()})
            self._send(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in server.models]})

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.requests.append({"path": self.path, **request})
            server.headers.append({name.lower(): value for name, value in self.headers.items()})
            if server.queue:
                reply = server.queue.pop(0)
            else:
                assert server.script is not None, "the server was asked more often than it was told what to say"
                reply = server.script(request)
            try:
                if isinstance(reply, Fails):
                    self._send(reply.status, reply.body if reply.body is not None else error_body(), reply.headers)
                else:
                    self._stream(reply)
            except ConnectionError:
                server.has_lost_client.set()
                self.close_connection = True

        def _send(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            for name, value in ({"retry-after-ms": "1"} if headers is None or not headers else headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def _stream(self, reply: Says) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self._event(self._chunk({"role": "assistant", "content": ""}))
            for position, piece in enumerate(reply.pieces):
                if position:
                    time.sleep(reply.pause_seconds)
                self._event(self._chunk({"content": piece}))
                server.sent_at.append(time.perf_counter())
            if reply.stall_seconds:
                time.sleep(reply.stall_seconds)
            if reply.is_cut:
                self.close_connection = True
                return
            self._event(self._chunk({}, finish_reason=reply.finish_reason))
            if reply.usage:
                self._event({**self._chunk({}), "choices": [], "usage": {**reply.usage, "total_tokens": 0}})
            self._write(b"data: [DONE]\n\n")
            self._write(b"")

        def _chunk(self, delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
            choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
            return {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "tiny", "choices": [choice]}

        def _event(self, value: dict[str, Any]) -> None:
            self._write(b"data: " + json.dumps(value).encode() + b"\n\n")

        def _write(self, body: bytes) -> None:
            self.wfile.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
            self.wfile.flush()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Service(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            if not isinstance(sys.exception(), ConnectionError):  # a client may always hang up
                super().handle_error(request, client_address)

    service = Service(("127.0.0.1", 0), Handler)
    server = ModelServer(f"http://127.0.0.1:{service.server_port}/v1")
    thread = threading.Thread(target=service.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        service.shutdown()
        thread.join()
        service.server_close()
