"""A scripted web server over real HTTP on loopback, as rude as it is told to be, which remembers what it was asked."""

import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Asked:
    """A request; header names are in lower case."""

    path: str
    headers: dict[str, str]


@dataclass
class Page:
    """An answer with its length, unless the headers say another."""

    body: bytes = b""
    type: str | None = "text/html; charset=utf-8"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Raw:
    """What is sent as it is, piece by piece with pauses between, and then silence or the end of the connection."""

    pieces: Iterable[bytes]
    pause_seconds: float = 0
    is_silent: bool = False


Answer = Page | Raw


@dataclass
class WebServer:
    """What the server answers at each path: an answer, several in turn, or what a function makes of the request."""

    port: int
    answers: dict[str, Answer | list[Answer] | Callable[[Asked], Answer]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/", *, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    @property
    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        answer = self.answers.get(asked.path, Page(b"no such page", status=404))
        if isinstance(answer, list):
            return answer.pop(0) if len(answer) > 1 else answer[0]
        return answer(asked) if callable(answer) else answer


def redirect(location: str, status: int = 302) -> Page:
    return Page(status=status, headers={"Location": location})


@contextmanager
def serve_web(context: ssl.SSLContext | None = None) -> Iterator[WebServer]:
    """Run a server until the block ends; with TLS where a context is given."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = server.answer(Asked(self.path, headers))
            try:
                if isinstance(answer, Page):
                    self.send_page(answer)
                else:
                    self.send_raw(answer)
            except OSError:  # the client has seen enough
                self.close_connection = True

        def send_page(self, page: Page) -> None:
            self.send_response_only(page.status)
            headers = {"Content-Length": str(len(page.body))} | ({"Content-Type": page.type} if page.type else {})
            for name, value in (headers | page.headers).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(page.body)

        def send_raw(self, raw: Raw) -> None:
            self.close_connection = True
            for number, piece in enumerate(raw.pieces):
                if number and server.closing.wait(raw.pause_seconds):
                    return
                self.wfile.write(piece)
            if raw.is_silent:
                server.closing.wait()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that breaks off is what is tested."""

    http_server = Server(("127.0.0.1", 0), Handler)
    if context:
        http_server.socket = context.wrap_socket(http_server.socket, server_side=True, do_handshake_on_connect=False)
    server = WebServer(http_server.server_address[1])
    thread = threading.Thread(target=http_server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        http_server.shutdown()
        http_server.server_close()
        thread.join()
