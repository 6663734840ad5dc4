import asyncio
import json
import logging
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, repeat
from threading import Thread
from typing import Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from model_server import Fails, ModelServer, Says, error_body, serve

from assistant.errors import ModelError, SettingsError
from assistant.models import (
    ChatModel,
    Chunk,
    Message,
    OpenAIChatModel,
    Price,
    ProviderChatModel,
    find_price,
    open_chat_model,
)
from assistant.models.prices import PRICES_FILE, _load

KEY = "sk-canary-0123456789"
MESSAGES = (Message("system", "Be brief."), Message("user", "Hi $name {x}"), Message("assistant", "Yes?"))


def read(model: ChatModel) -> list[Chunk]:
    return list(model.stream(MESSAGES, max_tokens=50))


async def aread(model: ChatModel) -> list[Chunk]:
    return [chunk async for chunk in model.astream(MESSAGES, max_tokens=50)]


def test_a_reply_comes_in_pieces_with_its_usage(server: ModelServer) -> None:
    server.queue = [Says(["Hel", "lo"])] * 2
    model = open_chat_model("openai:tiny", base_url=server.base_url, api_key=KEY)

    chunks = read(model)
    others = asyncio.run(aread(model))
    model.close()

    assert "".join(chunk.text for chunk in chunks) == "Hello"
    assert [chunk.text for chunk in chunks if chunk.text] == ["Hel", "lo"]
    assert [(c.prompt_tokens, c.completion_tokens) for c in chunks if c.prompt_tokens is not None] == [(100, 10)]
    assert [chunk.finish_reason for chunk in chunks if chunk.finish_reason] == ["stop"]
    assert others == chunks
    assert server.requests[0] == server.requests[1]
    assert [(m["role"], m["content"]) for m in server.requests[0]["messages"]] == list(MESSAGES)


def test_a_closed_model_opens_again(server: ModelServer) -> None:
    server.says("One", "Two")
    model = OpenAIChatModel("tiny", base_url=server.base_url)

    assert "".join(chunk.text for chunk in read(model)) == "One"
    model.close()
    model.close()
    assert "".join(chunk.text for chunk in read(model)) == "Two"
    model.close()


@pytest.mark.parametrize(
    ("name", "base_url", "temperature"),
    [("gpt-4o", None, True), ("gpt-5-mini", None, False), ("o4-mini", None, False), ("gpt-5-chat-latest", None, True),
     ("o4-mini", "http://127.0.0.1:1/v1", True)],
)  # fmt: skip
def test_the_temperature_is_0_where_the_model_takes_one(name: str, base_url: str | None, temperature: bool) -> None:
    model = OpenAIChatModel(name, base_url=base_url, api_key=KEY)
    model.load()

    assert (getattr(model._model, "temperature", None) == 0) is temperature
    assert KEY not in f"{model!r} {model._model!r}"
    model.close()


def test_what_is_shown_of_a_server() -> None:
    local = OpenAIChatModel("tiny", base_url="http://user:secret@localhost:11434/v1")
    rented = OpenAIChatModel("gpt-5-mini", api_key=KEY)

    assert (local.host, local.is_local, local.identity) == ("localhost:11434", True, "openai:tiny@localhost:11434")
    assert (rented.host, rented.is_local, rented.identity) == ("api.openai.com", False, "openai:gpt-5-mini")
    assert not OpenAIChatModel("tiny", base_url="http://127.0.0.1.evil.example/v1").is_local
    assert "secret" not in repr(local)


def test_openai_without_a_key_is_refused_before_any_request() -> None:
    with pytest.raises(ModelError, match="set OPENAI_API_KEY"):
        read(OpenAIChatModel("gpt-5-mini"))


@pytest.mark.parametrize("model", ["quote", "openai", ":x", "An:x", "anthropic:"])
def test_what_is_no_model_is_refused(model: str) -> None:
    with pytest.raises(SettingsError, match="PROVIDER:NAME"):
        open_chat_model(model)


def test_a_provider_that_is_not_there_is_said_so_before_it_is_asked() -> None:
    with pytest.raises(SettingsError, match="run: pip install langchain-anthropic"):
        open_chat_model("anthropic:claude-sonnet")
    with pytest.raises(SettingsError, match="'nobody' is no provider that is known"):
        open_chat_model("nobody:x")


def test_any_provider_that_is_installed_answers(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    model = ProviderChatModel("openai", "tiny")
    server.says("Hello")

    assert "".join(chunk.text for chunk in read(model)) == "Hello"

    for failure, retryable in ((Fails(401, error_body(KEY)), False), (Fails(429), True), (Fails(500), True)):
        server.queue = [failure] * 3
        with pytest.raises(ModelError, match=rf"openai:tiny failed \(HTTP {failure.status}\)") as raised:
            read(model)
        assert raised.value.retryable is retryable
        assert KEY not in str(raised.value)
    server.queue = [Fails(400, error_body("context_length_exceeded"))]
    with pytest.raises(ModelError) as raised:
        read(model)
    assert raised.value.is_too_long
    assert KEY not in caplog.text
    model.close()


class Local(ProviderChatModel):
    """A provider whose model replies out of this process, in words."""

    def _get_model(self) -> GenericFakeChatModel:
        return GenericFakeChatModel(messages=iter(["Hello there"]))


async def test_a_provider_s_model_is_read_without_blocking() -> None:
    assert [chunk.text for chunk in await aread(Local("local", "tiny")) if chunk.text] == ["Hello", " ", "there"]


def test_a_price_is_of_the_provider_s_own_model() -> None:
    assert find_price("openai:gpt-4o-mini") == Price(0.15, 0.6)
    assert find_price("openai:gpt-4o-mini-2024-07-18") == Price(0.15, 0.6)
    assert find_price("openai:gpt-4o-mini@127.0.0.1:8089") is None
    assert find_price("openai:gpt-4o-mini-search") is None
    assert find_price("openai:gpt-99") is None
    assert Price(0.25, 2.0).cost(1_000_000, 500_000) == 1.25


def test_every_price_is_dated_and_costs_more_to_write_than_to_read() -> None:
    assert '"reviewed": "20' in PRICES_FILE.read_text(encoding="utf-8")
    assert all(0 < prompt < completion for prompt, completion in _load().values())


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("ALL_PROXY", f"ftp://user:{KEY}@localhost", "check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY"),
        ("SSL_CERT_FILE", f"/gone/{KEY}", "SSL_CERT_FILE or SSL_CERT_DIR names no certificates"),
    ],
)
def test_an_environment_that_allows_no_connection_is_an_error_of_ours(
    server: ModelServer, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, message: str
) -> None:
    monkeypatch.setenv(variable, value)
    model = OpenAIChatModel("tiny", base_url=server.base_url)

    with pytest.raises(ModelError, match=message) as raised:
        read(model)
    with pytest.raises(ModelError, match=message):
        asyncio.run(aread(model))

    assert KEY not in str(raised.value)
    assert server.requests == []


@contextmanager
def raw_server(*parts: bytes, pause_seconds: float = 0.0) -> Iterator[str]:
    """Serve a stream of these bytes, the last of them again and again until the client leaves."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            with suppress(ConnectionError):
                for part in chain(parts, repeat(parts[-1])):
                    self.wfile.write(part)
                    self.wfile.flush()
                    time.sleep(pause_seconds)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    service = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service.daemon_threads = True
    thread = Thread(target=service.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{service.server_port}/v1"
    finally:
        service.shutdown()
        thread.join()
        service.server_close()


def delta(**fields: str) -> bytes:
    choice = {"index": 0, "delta": fields, "finish_reason": None}
    value = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "tiny", "choices": [choice]}
    return b"data: " + json.dumps(value).encode() + b"\n\n"


@pytest.mark.parametrize("sign", [b": ping\n\n", delta(content=""), delta(content=" "), b"d"])
@pytest.mark.parametrize("begin", [(), (delta(content="Hello"),)])
def test_signs_of_life_are_no_words(sign: bytes, begin: tuple[bytes, ...]) -> None:
    with raw_server(*begin, sign, pause_seconds=0.01) as base_url:
        model = OpenAIChatModel("tiny", base_url=base_url, timeout_seconds=0.2)

        for failing in (lambda: read(model), lambda: asyncio.run(aread(model))):
            with pytest.raises(ModelError, match=r"took longer than 0\.2 seconds") as raised:
                failing()
            assert raised.value.retryable
        model.close()


def test_a_reply_without_end_is_said_to_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.models.listening.MAX_REPLY_BYTES", 100_000)
    with raw_server(b"data: ", b"x" * 1_000) as base_url:
        model = OpenAIChatModel("tiny", base_url=base_url)

        for failing in (lambda: read(model), lambda: asyncio.run(aread(model))):
            with pytest.raises(ModelError, match="sends a reply without end"):
                failing()
        model.close()


def test_a_redirect_is_not_followed(server: ModelServer) -> None:
    with serve() as other:
        leads = Fails(307, b"", {"Location": f"{other.base_url}/chat/completions?secret={KEY}"})
        server.queue = [leads, leads]
        model = OpenAIChatModel("tiny", base_url=server.base_url, api_key=KEY)

        for failing in (lambda: read(model), lambda: asyncio.run(aread(model))):
            with pytest.raises(ModelError, match=r"points to 127\.0\.0\.1:\d+.*, where nothing is sent") as raised:
                failing()
            assert KEY not in str(raised.value)
        model.close()

    assert other.requests == []
    assert len(server.requests) == 2


@pytest.mark.parametrize(
    ("error", "message", "retryable"),
    [
        ({"message": f"overloaded {KEY}", "code": 503}, r"had a fault .*: overloaded \*\*\*; try again", True),
        ({"message": "maximum context length"}, "can't read that much", False),
        ({"message": "no such thing", "code": 400}, r"refuses to go on with tiny \(400\): no such thing", False),
        ("broken", "had a fault in the middle", True),
    ],
)
def test_what_a_server_says_is_wrong_in_the_middle_is_said(error: Any, message: str, retryable: bool) -> None:
    event = b"data: " + json.dumps({"error": error}).encode() + b"\n\n"
    with raw_server(delta(content="Hello"), event) as base_url:
        model = OpenAIChatModel("tiny", base_url=base_url, api_key=KEY)
        heard: list[str] = []

        with pytest.raises(ModelError, match=message) as raised:
            heard.extend(chunk.text for chunk in model.stream(MESSAGES, max_tokens=50))
        model.close()

    assert "".join(heard) == "Hello"
    assert raised.value.retryable is retryable
    assert KEY not in str(raised.value)


def test_a_server_that_was_reached_is_not_said_to_be_out_of_reach() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def hang_up() -> None:
            with suppress(OSError):
                while True:
                    listening.accept()[0].close()

        Thread(target=hang_up, daemon=True).start()
        model = OpenAIChatModel("tiny", base_url=f"http://127.0.0.1:{listening.getsockname()[1]}/v1")
        with pytest.raises(ModelError, match="was reached, but broke off") as raised:
            read(model)
        model.close()
        listening.shutdown(socket.SHUT_RDWR)

    assert raised.value.retryable


def test_the_time_that_the_reader_takes_is_not_the_servers(server: ModelServer) -> None:
    server.says("Yes.")
    model = OpenAIChatModel("tiny", base_url=server.base_url, timeout_seconds=1)

    with closing(model), closing(model.stream(MESSAGES, max_tokens=50)) as chunks:
        said = next(chunk.text for chunk in chunks if chunk.text)
        time.sleep(1.1)  # as long as another model takes to verify the first sentence
        rest = list(chunks)

    assert said == "Yes."
    assert "stop" in [chunk.finish_reason for chunk in rest]
