"""Language models that are talked to, through LangChain: any provider whose package is installed.

A reply is streamed, always: a stream tells a slow model from a dead one, and its connection can be closed halfway.
"""

import re
import ssl
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeVar

from assistant.errors import ModelError, SettingsError
from assistant.models.servers import LOCAL_TIMEOUT_SECONDS, RETRY_COUNT, TIMEOUT_SECONDS, OpenAIServer
from assistant.redaction import Redaction, choose_secrets, hide

if TYPE_CHECKING:
    import openai
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessageChunk, BaseMessage

    from assistant.models.listening import Patience

Client = TypeVar("Client")

_BUSY = (408, 409, 429)  # statuses that pass, as all from 500 on may
# Some servers send what a model thinks before its reply.
_THOUGHT = re.compile(r"\A\s*<think>.*?(?:</think>|\Z)", re.DOTALL)
# These take no temperature but their own.
_REASONING_MODEL = re.compile(r"o\d|gpt-[5-9](?!.*chat)")


class Message(NamedTuple):
    """What one side says to the other."""

    role: Literal["system", "user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a reply; the counts and the reason for its end come with the last ones, if at all."""

    text: str
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    finish_reason: str | None = None


class ChatModel(Protocol):
    """A language model that replies to messages piece by piece."""

    @property
    def name(self) -> str:
        """Provider and name, `provider:name`."""

    @property
    def identity(self) -> str:
        """Provider, name and, where it isn't the provider's own, server: what an answer says answered."""

    @property
    def host(self) -> str:
        """Where the messages are sent, as it may be shown."""

    @property
    def is_local(self) -> bool:
        """Whether that is this machine."""

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Chunk, None, None]:
        """Ask for a reply of at most so many tokens; closing the iterator closes the connection.

        Raises ModelError, at any piece.
        """

    def astream(self, messages: Sequence[Message], *, max_tokens: int) -> AsyncGenerator[Chunk, None]:
        """Do the same without blocking; cancelling closes the connection."""

    def load(self) -> None:
        """Load what is slow to load, so that the first request needn't."""

    def close(self) -> None:
        """Close the connections; the next request opens them again."""


class OpenAIChatModel:
    """A model behind OpenAI's chat completions API, or behind another server that speaks it.

    Without a name it is the first one that the server lists. Nothing is sent to LangSmith unless `tracing` says so,
    whatever the environment says. Raises SettingsError for a URL or a key that can't be.
    """

    def __init__(
        self,
        name: str,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout_seconds: float | None = None,
        tracing: bool = False,
    ) -> None:
        self._name = name
        self._server = OpenAIServer(api_key=api_key, base_url=base_url)
        self._timeout_seconds = timeout_seconds or (LOCAL_TIMEOUT_SECONDS if self.is_local else TIMEOUT_SECONDS)
        self._tracing = tracing
        self._http: openai.DefaultHttpxClient | None = None
        self._model: BaseChatModel | None = None
        self._certificates: ssl.SSLContext | None = None
        self._lock = threading.RLock()  # it is loaded beside the embedding model, while it may already be asked

    def __repr__(self) -> str:
        return f"OpenAIChatModel({self._server.identify(self._name)!r})"

    @property
    def name(self) -> str:
        """The model; asks the server where no name was given. Raises ModelError."""
        return f"openai:{self._get_name()}"

    @property
    def identity(self) -> str:
        """The model and, where it isn't OpenAI's, its server; asks the server where no name was given."""
        return self._server.identify(self._get_name())

    @property
    def host(self) -> str:
        """The server, as it may be shown."""
        return self._server.host

    @property
    def is_local(self) -> bool:
        """Whether the server runs on this machine."""
        return self._server.is_local

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Chunk, None, None]:
        """Ask for a reply; closing the iterator closes the connection. A failure that may pass is tried again, twice.

        Raises ModelError.
        """
        has_begun, last = False, None
        try:
            model = self._get_model()
            stream = model.stream(_convert(messages), max_tokens=max_tokens)
            redaction = Redaction(self._server.secrets)
            with closing(_trace_next(stream, self._tracing, self._timeout_seconds, redaction)) as chunks:
                for chunk in chunks:
                    has_begun, last = True, chunk.finish_reason or last
                    yield chunk
        except ModelError:
            raise
        except Exception as error:
            # Subtle: from None, for the cause's request holds the key in its headers.
            raise self._translate(error, has_begun=has_begun) from None
        if last is None:  # servers close a stream with a reason, even where it is cut by a proxy that says nothing
            raise self._server.explain_cut()

    async def astream(self, messages: Sequence[Message], *, max_tokens: int) -> AsyncGenerator[Chunk, None]:
        """Do the same without blocking. Its connection is its own: one that is kept would belong to an event loop."""
        import openai

        has_begun, last = False, None
        try:
            async with self._open(openai.DefaultAsyncHttpxClient, is_async=True) as client:
                model = self._make_model(http_async_client=client)
                stream = model.astream(_convert(messages), max_tokens=max_tokens)
                redaction = Redaction(self._server.secrets)
                try:
                    async for chunk in _trace_anext(stream, self._tracing, self._timeout_seconds, redaction):
                        has_begun, last = True, chunk.finish_reason or last
                        yield chunk
                finally:
                    with suppress(Exception):
                        await stream.aclose()  # type: ignore[attr-defined]  # it is an async generator
        except ModelError:
            raise
        except Exception as error:
            raise self._translate(error, has_begun=has_begun) from None
        if last is None:
            raise self._server.explain_cut()

    def load(self) -> None:
        """Load the client's libraries. Raises ModelError where it can't be made."""
        self._get_model()

    def close(self) -> None:
        """Close the connections; the next request opens them again."""
        with self._lock:
            self._model = None
            if self._http is not None:
                self._http.close()
                self._http = None

    def _get_name(self) -> str:
        import openai

        with self._lock:
            if not self._name:
                arguments = self._server.connect("", timeout_seconds=self._timeout_seconds)
                try:
                    with openai.OpenAI(**arguments, http_client=self._open(openai.DefaultHttpxClient)) as client:
                        names = [hide(model.id, self._server.secrets) for model in client.models.list()]
                except Exception as error:
                    raise self._translate(error) from None
                self._name = next((name for name in names if "embed" not in name.lower()), "")
                if not self._name:
                    raise ModelError(f"{self.host} lists no model; name one with --model openai:NAME")
            return self._name

    def _get_model(self) -> "BaseChatModel":
        import openai

        with self._lock:
            if self._model is None:
                self._http = self._open(openai.DefaultHttpxClient)
                self._model = self._make_model(http_client=self._http)
            return self._model

    def _open(self, make: Callable[..., Client], *, is_async: bool = False) -> Client:
        """Open an HTTP client. Its certificates are loaded once, which takes longer than all the rest.

        It follows no redirect: what is asked was said to go to this host.
        """
        import httpx2

        from assistant.models.listening import make_async_hook, make_hook  # which need httpx2

        hook = (make_async_hook if is_async else make_hook)(self.host, self._timeout_seconds)
        try:
            if self._certificates is None:
                self._certificates = httpx2.create_ssl_context()
            return make(
                timeout=self._timeout_seconds,
                verify=self._certificates,
                follow_redirects=False,
                event_hooks={"response": [hook]},
            )
        except Exception as error:
            raise self._server.explain_client(error) from None

    def _make_model(self, **clients: Any) -> "BaseChatModel":
        name = self._get_name()
        arguments = self._server.connect(name, timeout_seconds=self._timeout_seconds)
        if not (self._server.is_openai and _REASONING_MODEL.match(name)):
            arguments["temperature"] = 0
        try:
            # Subtle: LangChain's own timeout between chunks can swallow a cancellation (wait_for, before Python 3.12),
            # and the HTTP client's does the same work.
            return _init_chat_model(
                "openai",
                name,
                stream_chunk_timeout=None,
                **arguments,
                **clients,
                stream_usage=True,
                use_responses_api=False,
                cache=False,
            )
        except Exception as error:
            raise self._server.explain_client(error) from None

    def _translate(self, error: Exception, *, has_begun: bool = False) -> ModelError:
        import openai

        if has_begun and isinstance(error, openai.APIConnectionError) and not isinstance(error, openai.APITimeoutError):
            return self._server.explain_cut()
        return self._server.translate(
            error, name=self._name or "a model", doing="answer with", timeout_seconds=self._timeout_seconds
        )


class ProviderChatModel:
    """A model of any other provider whose LangChain package is installed, with the keys that the package looks for."""

    is_local = False

    def __init__(
        self, provider: str, name: str, *, timeout_seconds: float | None = None, tracing: bool = False
    ) -> None:
        self._name = name
        self._timeout_seconds = timeout_seconds or TIMEOUT_SECONDS
        self._tracing = tracing
        self._model: BaseChatModel | None = None
        self.host = provider
        self.name = self.identity = f"{provider}:{name}"

    def check(self) -> None:
        """Raise SettingsError for a provider that isn't known, or whose package isn't installed."""
        with suppress(ModelError):  # which is of the key or the environment, and met again by who asks
            self._get_model()

    def stream(self, messages: Sequence[Message], *, max_tokens: int) -> Generator[Chunk, None, None]:
        """Ask for a reply; closing the iterator closes the connection. Raises ModelError."""
        try:
            stream = self._get_model().stream(_convert(messages), **self._bound(max_tokens))
            redaction = Redaction(_list_secrets(self._get_model()))
            with closing(_trace_next(stream, self._tracing, self._timeout_seconds, redaction)) as chunks:
                yield from chunks
        except ModelError:
            raise
        except Exception as error:
            raise self._translate(error) from None

    async def astream(self, messages: Sequence[Message], *, max_tokens: int) -> AsyncGenerator[Chunk, None]:
        """Do the same without blocking."""
        try:
            stream = self._get_model().astream(_convert(messages), **self._bound(max_tokens))
            redaction = Redaction(_list_secrets(self._get_model()))
            async for chunk in _trace_anext(stream, self._tracing, self._timeout_seconds, redaction):
                yield chunk
        except ModelError:
            raise
        except Exception as error:
            raise self._translate(error) from None

    def load(self) -> None:
        """Load the client's libraries. Raises ModelError where it can't be made."""
        self._get_model()

    def close(self) -> None:
        """Let go of the client."""
        self._model = None

    def _bound(self, max_tokens: int) -> dict[str, Any]:
        """Bound the reply, where the provider's class has a name for that."""
        known = getattr(type(self._get_model()), "model_fields", {})
        return {"max_tokens": max_tokens} if "max_tokens" in known else {}

    def _get_model(self) -> "BaseChatModel":
        if self._model is None:
            try:
                self._model = _init_chat_model(
                    self.host,
                    self._name,
                    temperature=0,
                    timeout=self._timeout_seconds,
                    max_retries=RETRY_COUNT,
                    cache=False,
                )
            except ImportError as error:  # which names it
                package = re.search(r"langchain[\w-]+", str(error))
                wanted = f"; run: pip install {package.group().replace('_', '-')}" if package else ""
                raise SettingsError(f"{self.identity} needs a package that isn't installed{wanted}") from None
            except Exception as error:  # a missing key, mostly; its text may repeat values of the environment
                if isinstance(error, ValueError) and str(error).startswith("Unsupported provider"):
                    raise SettingsError(
                        f"{self.host!r} is no provider that is known; write PROVIDER:NAME, such as openai:gpt-5-mini,"
                        " or anthropic:NAME after pip install langchain-anthropic"
                    ) from None
                raise ModelError(
                    f"no client for {self.identity} can be made ({type(error).__name__}); check its key"
                ) from None
        return self._model

    def _translate(self, error: Exception) -> ModelError:
        status = getattr(error, "status_code", None) or getattr(getattr(error, "response", None), "status_code", None)
        name = type(error).__name__
        if "Overflow" in name:
            return ModelError(f"{self.identity} can't read that much at once", is_too_long=True)
        if isinstance(status, int):
            is_passing = status >= 500 or status in _BUSY
            advice = "try again later" if is_passing else "check its name, its key and what it can read at once"
            return ModelError(f"{self.identity} failed (HTTP {status}); {advice}", retryable=is_passing)
        is_passing = "Timeout" in name or "Connect" in name or type(error).__module__.startswith("http")
        return ModelError(f"{self.identity} could not be used ({name}); try again later", retryable=is_passing)


def open_chat_model(
    model: str,
    *,
    api_key: str | None = None,
    base_url: str | None = None,
    timeout_seconds: float | None = None,
    tracing: bool = False,
) -> ChatModel:
    """Open a model given as `provider:name`; nothing is sent before it is asked.

    Raises SettingsError for a provider that isn't known or installed, a URL or a key that can't be.
    """
    provider, colon, name = model.partition(":")
    if provider == "openai" and colon:
        return OpenAIChatModel(
            name, api_key=api_key, base_url=base_url, timeout_seconds=timeout_seconds, tracing=tracing
        )
    if not re.fullmatch(r"[a-z][a-z0-9_]*", provider) or not name:
        raise SettingsError(f"unknown model {model!r}: use 'quotes' or PROVIDER:NAME, such as openai:gpt-5-mini")
    chosen = ProviderChatModel(provider, name, timeout_seconds=timeout_seconds, tracing=tracing)
    chosen.check()
    return chosen


def read_reply(model: ChatModel, messages: Sequence[Message], *, max_tokens: int, max_characters: int) -> str:
    """Ask, and read the whole reply, of at most so many characters, without what the model thinks before it.

    Raises ModelError.
    """
    reply = ""
    with closing(model.stream(messages, max_tokens=max_tokens)) as chunks:
        for chunk in chunks:
            reply += chunk.text
            if len(reply) > max_characters:
                break
    return _THOUGHT.sub("", reply[:max_characters]).strip()


def _init_chat_model(provider: str, name: str, **arguments: Any) -> "BaseChatModel":
    from langchain.chat_models import init_chat_model

    model: BaseChatModel = init_chat_model(name, model_provider=provider, **arguments)
    return model


def _convert(messages: Sequence[Message]) -> "list[BaseMessage]":
    from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

    kinds = {"system": SystemMessage, "user": HumanMessage, "assistant": AIMessage}
    return [kinds[message.role](message.text) for message in messages]


def _list_secrets(model: "BaseChatModel") -> tuple[str, ...]:
    """List the keys that a provider's class has found; LangChain's classes keep those as pydantic's SecretStr."""
    from pydantic import SecretStr

    values = vars(model).values()
    return choose_secrets(value.get_secret_value() for value in values if isinstance(value, SecretStr))


def _trace_next(
    stream: "Iterator[AIMessageChunk]", tracing: bool, timeout_seconds: float, redaction: Redaction
) -> Generator[Chunk, None, None]:
    """Read a stream with LangSmith's tracing off, unless it is wanted, and without the secrets that it repeats.

    Raises TimeoutError where no word comes.

    Subtle: that is a context variable, which is set only while the stream runs, for it would leak out of a generator.
    """
    from langsmith.run_helpers import tracing_context

    from assistant.models.listening import Patience

    patience = Patience(timeout_seconds)
    try:
        while True:
            with tracing_context(enabled=None if tracing else False), patience.lent():
                chunk = next(stream, None)
            if chunk is None:
                break
            _wait(patience, chunk)
            given = time.monotonic()
            yield _read_chunk(chunk, redaction)
            patience.excuse(time.monotonic() - given)
        if rest := redaction.finish():
            yield Chunk(rest)
    finally:
        with suppress(Exception):
            stream.close()  # type: ignore[attr-defined]  # it is a generator


async def _trace_anext(
    stream: "AsyncIterator[AIMessageChunk]", tracing: bool, timeout_seconds: float, redaction: Redaction
) -> AsyncGenerator[Chunk, None]:
    """Do the same for a stream that doesn't block."""
    from langsmith.run_helpers import tracing_context

    from assistant.models.listening import Patience

    patience = Patience(timeout_seconds)
    while True:
        with tracing_context(enabled=None if tracing else False), patience.lent():
            chunk = await anext(stream, None)
        if chunk is None:
            break
        _wait(patience, chunk)
        given = time.monotonic()
        yield _read_chunk(chunk, redaction)
        patience.excuse(time.monotonic() - given)
    if rest := redaction.finish():
        yield Chunk(rest)


def _wait(patience: "Patience", chunk: "AIMessageChunk") -> None:
    """Wait on after a chunk that says something, be it a thought; else only as long as before."""
    content = chunk.content
    if content.strip() if isinstance(content, str) else content:
        patience.renew()
    elif not chunk.usage_metadata:
        patience.check()


def _read_chunk(chunk: "AIMessageChunk", redaction: Redaction) -> Chunk:
    usage = chunk.usage_metadata
    metadata = chunk.response_metadata
    reason = metadata.get("finish_reason") or metadata.get("stop_reason") or metadata.get("done_reason")
    text = redaction.feed(str(chunk.text).encode("utf-8", "replace").decode())  # half of a pair can't be shown or kept
    return Chunk(
        text=text + redaction.finish() if reason else text,
        prompt_tokens=usage["input_tokens"] if usage else None,
        completion_tokens=usage["output_tokens"] if usage else None,
        finish_reason=str(reason) if reason else None,
    )
