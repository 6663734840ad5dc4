import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import numpy as np
import pytest

from assistant.embedding import EndpointEmbedder, PassageInput
from assistant.errors import ModelError, SettingsError
from assistant.models import OPENAI_URL, OpenAIEmbeddingEndpoint
from assistant.types import Span

KEY = "sk-secret-0123456789"
Reply = tuple[int, Any]


def make_vector(text: str) -> list[float]:
    """Return a vector that tells texts apart: their lengths and their first letters, not of length 1."""
    return [float(len(text)), float(ord(text[0])), 1.0]


def embed_backwards(request: dict[str, Any]) -> Reply:
    items = [{"object": "embedding", "index": i, "embedding": make_vector(t)} for i, t in enumerate(request["input"])]
    return 200, {"object": "list", "model": request["model"], "data": items[::-1], "usage": {}}


@dataclass
class EmbeddingServer:
    """An embeddings API on loopback: queued replies first, then real ones; remembers what it was asked."""

    base_url: str
    queue: list[Reply] = field(default_factory=list)
    delay_seconds: float = 0
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[EmbeddingServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            scripted.requests.append({"path": self.path, **request})
            scripted.keys.append(self.headers["Authorization"])
            time.sleep(scripted.delay_seconds)
            status, content = scripted.queue.pop(0) if scripted.queue else embed_backwards(request)
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("retry-after-ms", "1")
            with suppress(ConnectionError):  # the client may have given up
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    service = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    scripted = EmbeddingServer(f"http://127.0.0.1:{service.server_port}/v1")
    thread = Thread(target=service.serve_forever)
    thread.start()
    yield scripted
    service.shutdown()
    thread.join()
    service.server_close()


@pytest.fixture
def embedder(server: EmbeddingServer) -> Iterator[EndpointEmbedder]:
    embedder = EndpointEmbedder("tiny", base_url=server.base_url, api_key=KEY)
    yield embedder
    embedder.close()


def normalise(vector: list[float]) -> Any:
    return pytest.approx(np.array(vector) / np.linalg.norm(vector))


def make_reply(*vectors: Any) -> Reply:
    return 200, {"object": "list", "data": [{"index": i, "embedding": vector} for i, vector in enumerate(vectors)]}


def fail(status: int, message: str = "no", code: str | None = None) -> Reply:
    return status, {"error": {"message": message, "type": "error", "code": code}}


def test_vectors_come_back_in_order_with_length_1(server: EmbeddingServer, embedder: EndpointEmbedder) -> None:
    vectors = embedder.embed_questions(["bread", "water prices"])

    assert vectors.dtype == np.float32
    assert vectors[0] == normalise(make_vector("bread"))
    assert vectors[1] == normalise(make_vector("water prices"))
    assert server.requests == [
        {
            "path": "/v1/embeddings",
            "model": "tiny",
            "input": ["bread", "water prices"],
            "encoding_format": "float",
        }
    ]
    assert server.keys == [f"Bearer {KEY}"]


def test_passages_and_their_sentences_go_in_one_request(server: EmbeddingServer, embedder: EndpointEmbedder) -> None:
    passages = [
        PassageInput("News", "It rose. It fell.", (Span(0, 8), Span(9, 17))),
        PassageInput("More", "No sentences.", ()),
    ]

    first, second = embedder.embed_passages(passages)

    assert [request["input"] for request in server.requests] == [
        ["News\nIt rose. It fell.", "It rose.", "It fell.", "More\nNo sentences."]
    ]
    assert first.passage == normalise(make_vector("News\nIt rose. It fell."))
    assert first.sentences[1] == normalise(make_vector("It fell."))
    assert second.sentences.shape == (0, 3)


def test_requests_are_bounded_in_texts_and_characters(server: EmbeddingServer, embedder: EndpointEmbedder) -> None:
    texts = [*(f"{number} prices" for number in range(600)), *("x" * 60_000 for _ in range(3))]

    vectors = embedder.embed_questions(texts)

    assert [len(request["input"]) for request in server.requests] == [256, 256, 89, 1, 1]
    assert vectors[300] == normalise(make_vector("300 prices"))


def test_texts_that_services_refuse_are_sent_as_others(server: EmbeddingServer, embedder: EndpointEmbedder) -> None:
    embedder.embed_questions(["", " \n", "\ud83d alone", "NUL \x00"])

    assert server.requests[0]["input"] == [".", ".", "\ufffd alone", "NUL \x00"]


def test_no_texts_take_no_request(server: EmbeddingServer, embedder: EndpointEmbedder) -> None:
    assert len(embedder.embed_questions([])) == 0
    assert embedder.embed_passages([]) == []
    assert server.requests == []


@pytest.mark.parametrize(
    ("text", "count"), [("", 0), ("bread", 2), ("bread prices", 4), ("外務省は", 4), ("Reuters: 外務省", 6)]
)
def test_tokens_are_estimated_from_above(embedder: EndpointEmbedder, text: str, count: int) -> None:
    assert embedder.count_tokens([text]) == [count]


@pytest.mark.parametrize(
    ("base_url", "host"),
    [
        (None, "api.openai.com"),
        ("", "api.openai.com"),
        (OPENAI_URL, "api.openai.com"),
        (OPENAI_URL + "/", "api.openai.com"),
        ("HTTPS://API.OpenAI.com:443/v1", "api.openai.com"),
        ("https://models.example/v1", "models.example"),
        ("http://models.example:80/v1/", "models.example"),
        ("http://localhost:11434/v1", "localhost:11434"),
        ("http://localhost:11435/v1", "localhost:11435"),
        ("http://localhost:11434", "localhost:11434/"),
        ("http://localhost:11434/team/v1", "localhost:11434/team/v1"),
        ("http://[::1]:8080/v1", "[::1]:8080"),
        (f"https://{KEY}:{KEY}@models.example:8443/v1?key={KEY}#{KEY}", "models.example:8443"),
    ],
)
def test_the_identity_names_the_server_where_it_is_not_openai(base_url: str | None, host: str) -> None:
    embedder = EndpointEmbedder("tiny", base_url=base_url)

    assert embedder.host == host
    assert embedder.identity == ("openai:tiny" if host == "api.openai.com" else f"openai:tiny@{host}")


@pytest.mark.parametrize(
    "base_url",
    [
        "http://[::1",
        f"localhost:{KEY}/v1",
        f"//{KEY}/v1",
        "localhost",
        "/v1",
        "http://",
        "http:///v1",
        f"http://user:{KEY}@/v1",
        f"ftp://user:{KEY}@localhost/v1",
        f"http://user:{KEY}@localhost:x/v1",
        f"http://user:{KEY}@localhost:99999/v1",
        f"http://user:{KEY}@local\x1b[31mhost/v1",
        f"http://user:{KEY}@localhost/v1\n",
        f"http://user:{KEY}@local host/v1",
        f"http://user:{KEY}＃@localhost/v1",
        "http://local%41host/v1",
        "http://localhost/" + "x" * 1_000,
        "http://localhost\\@models.example\\/v1",
    ],
)
def test_a_url_that_is_none_is_refused_at_once(base_url: str) -> None:
    with pytest.raises(SettingsError, match="OPENAI_BASE_URL is no web address") as raised:
        EndpointEmbedder("tiny", base_url=base_url)

    assert KEY not in str(raised.value)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("key", [f"{KEY}\n", f"{KEY}é", f"{KEY} {KEY}", "\ud800"])
def test_a_key_that_is_none_is_refused_at_once(key: str) -> None:
    with pytest.raises(SettingsError, match="OPENAI_API_KEY is no key") as raised:
        EndpointEmbedder("tiny", api_key=key)

    assert KEY not in str(raised.value)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("HTTP_PROXY", f"garbage:{KEY}::x", "check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY"),
        ("ALL_PROXY", f"ftp://user:{KEY}@localhost", "check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY"),
        ("ALL_PROXY", f"socks5://user:{KEY}@localhost:1", "ALL_PROXY names a SOCKS proxy; .* pip install socksio"),
        ("SSL_CERT_FILE", f"/gone/{KEY}", "SSL_CERT_FILE or SSL_CERT_DIR names no certificates"),
    ],
)
def test_an_environment_that_allows_no_connection_is_an_error_of_ours(
    server: EmbeddingServer, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(variable, value)
    embedder = EndpointEmbedder("tiny", base_url=server.base_url)

    with pytest.raises(ModelError, match=message) as raised:
        embedder.embed_questions(["bread"])

    assert KEY not in str(raised.value)
    assert str(raised.value).isprintable()
    assert not server.requests


def test_a_password_and_a_query_are_sent_and_shown_nowhere(
    server: EmbeddingServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    password = "p@ss-9876"
    base_url = server.base_url.replace("//", "//user:p%40ss-9876@") + "?version=2"
    embedder = EndpointEmbedder("tiny", base_url=base_url, api_key=KEY)

    embedder.embed_questions(["bread"])
    server.queue = [fail(400, f"user:{password} p%40ss-9876 dXNlcjpwQHNzLTk4NzY= \x1b[31m")]
    with pytest.raises(ModelError, match=r"\(HTTP 400\): .*\[31m") as raised:
        embedder.embed_questions(["bread"])

    embedder.close()
    assert server.keys == ["Basic dXNlcjpwQHNzLTk4NzY="] * 2
    assert server.requests[0]["path"] == "/v1/embeddings?version=2"
    shown = f"{raised.value} {caplog.text} {embedder.identity} {vars(embedder)} {vars(embedder._endpoint)['_server']}"
    for secret in (password, "p%40ss", "dXNlcjpwQHNzLTk4NzY="):
        assert secret not in shown
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    "reply",
    [
        make_reply([1.0, 2.0]),
        make_reply([1.0, 2.0], [1.0, 2.0], [1.0, 2.0]),
        make_reply([1.0, 2.0], [1.0, 2.0, 3.0]),
        make_reply([1.0, 2.0], [0.0, 0.0]),
        make_reply([1.0, 2.0], [float("nan"), 1.0]),
        make_reply([1.0, 2.0], [1e400, 1.0]),
        make_reply([1.0, 2.0], [1e308, 1e308]),
        make_reply([1.0, 2.0], [10**400, 1.0]),
        make_reply(1.0, 2.0),
        make_reply([1.0, 2.0], ["a", "b"]),
        make_reply([], []),
        make_reply([1.0], None),
        make_reply("AACAPwAAAEA=", "AACAPwAAAEA="),
        (200, {"data": [{"index": 0, "embedding": [1.0]}, {"index": 0, "embedding": [1.0]}]}),
        (200, {"data": [{"embedding": [1.0]}, {"embedding": [1.0]}]}),
        (200, {"data": None}),
        (200, {"object": "list"}),
        (200, {}),
        (200, []),
        (200, b"<html>"),
        (200, b""),
    ],
)
def test_a_reply_that_makes_no_sense_is_an_error(
    server: EmbeddingServer, embedder: EndpointEmbedder, reply: Reply
) -> None:
    server.queue = [reply]

    with pytest.raises(ModelError) as raised:
        embedder.embed_questions(["bread", "water"])

    assert "\n" not in str(raised.value)
    assert not raised.value.retryable


def test_a_model_that_changes_its_dimension_is_refused(server: EmbeddingServer, embedder: EndpointEmbedder) -> None:
    embedder.embed_questions(["bread"])
    server.queue = [make_reply([1.0, 2.0])]

    with pytest.raises(ModelError, match="vectors of 3 and of 2 numbers"):
        embedder.embed_questions(["bread"])


@pytest.mark.parametrize(
    ("reply", "message", "retryable"),
    [
        (fail(400, f"too long:\n {KEY} " + "x" * 500), r"refuses to embed with tiny \(HTTP 400\): .*too long:", False),
        (fail(401, f"Incorrect API key provided: {KEY}"), "check OPENAI_API_KEY", False),
        (fail(403), "choose another model or key", False),
        (fail(404), "no model tiny", False),
        (fail(429, code="rate_limit_exceeded"), "try again in a minute", True),
        (fail(429, code="insufficient_quota"), "quota", False),
        (fail(500), r"HTTP 500\); try again later", True),
        ((503, b"<html>busy"), r"HTTP 503\); try again later", True),
    ],
)
def test_errors_say_what_to_do(
    server: EmbeddingServer,
    embedder: EndpointEmbedder,
    reply: Reply,
    message: str,
    retryable: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.queue = [reply] * 3
    caplog.set_level(logging.DEBUG)

    with pytest.raises(ModelError, match=message) as raised:
        embedder.embed_questions(["bread"])

    assert raised.value.retryable is retryable
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 300
    assert KEY not in str(raised.value)
    assert KEY not in caplog.text


def test_a_passing_failure_is_tried_again(server: EmbeddingServer, embedder: EndpointEmbedder) -> None:
    server.queue = [fail(500), fail(429)]

    vectors = embedder.embed_questions(["bread"])

    assert vectors.shape == (1, 3)
    assert len(server.requests) == 3


def test_a_server_that_is_not_there_is_named() -> None:
    embedder = EndpointEmbedder("tiny", base_url="http://127.0.0.1:1/v1", api_key=KEY)

    with pytest.raises(ModelError, match=r"127\.0\.0\.1:1 can't be reached; check the network") as raised:
        embedder.embed_questions(["bread"])

    embedder.close()
    assert raised.value.retryable


def test_a_slow_server_is_given_up(server: EmbeddingServer) -> None:
    server.delay_seconds = 0.3
    endpoint = OpenAIEmbeddingEndpoint("tiny", base_url=server.base_url, timeout_seconds=0.05)

    with pytest.raises(ModelError, match=r"took longer than 0\.05 seconds") as raised:
        endpoint.embed(["bread"])

    endpoint.close()
    assert raised.value.retryable


def test_openai_without_a_key_is_refused_before_any_request() -> None:
    with pytest.raises(ModelError, match="set OPENAI_API_KEY"):
        EndpointEmbedder("text-embedding-3-small").embed_questions(["bread"])


def test_a_server_of_ones_own_needs_no_key(server: EmbeddingServer) -> None:
    embedder = EndpointEmbedder("tiny", base_url=server.base_url)

    assert embedder.embed_questions(["bread"]).shape == (1, 3)

    embedder.close()


@pytest.mark.parametrize("show", [repr, str, vars])
def test_the_key_is_in_no_representation(embedder: EndpointEmbedder, show: Callable[[object], object]) -> None:
    assert KEY not in str(show(embedder))


def test_offline_nothing_is_sent_to_be_embedded(server: EmbeddingServer) -> None:
    embedder = EndpointEmbedder("tiny", base_url=server.base_url, offline=True)

    with pytest.raises(ModelError, match=r"^openai:tiny@127\.0\.0\.1:\d+ can't be used offline; "):
        embedder.embed_questions(["Who won?"])

    assert server.requests == []
