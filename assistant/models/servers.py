"""A server that speaks OpenAI's protocol: its address taken apart, and its errors in our own words."""

import math
import re
import time
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from assistant.errors import ModelError, SettingsError
from assistant.redaction import choose_secrets, redact

if TYPE_CHECKING:
    import openai

OPENAI_HOST = "api.openai.com"
OPENAI_URL = f"https://{OPENAI_HOST}/v1"
# Until the first word of a reply, and between two of them. A server on this machine is slow to read, and costs nothing.
TIMEOUT_SECONDS, LOCAL_TIMEOUT_SECONDS = 60.0, 300.0
RETRY_COUNT = 2  # after 429 and 5xx, as long as the server says where it says so, for two minutes at most each
MAX_URL_CHARACTERS = 1_000

_HOST = re.compile(r"[\w.-]+|[\da-f:.]+(%\w+)?")
_TOO_LONG_CODE = "context_length_exceeded"
# What servers say instead of that code: vLLM, llama.cpp, Ollama, LM Studio and others.
_TOO_LONG = re.compile(
    r"context (?:length|window|size)|maximum context|too many tokens|prompt is too long", re.IGNORECASE
)
_LOOPBACK = re.compile(r"127\.\d+\.\d+\.\d+")
_KEY = re.compile(r"[!-~]+")


class OpenAIServer:
    """OpenAI, or another server that speaks its protocol, and the key for it.

    The key and the URL's password stay here: no error, repr or log of ours shows them. Raises SettingsError for a URL
    or a key that can't be. `offline` lets nobody connect to it.
    """

    def __init__(self, *, api_key: str | None = None, base_url: str | None = None, offline: bool = False) -> None:
        if api_key and not _KEY.fullmatch(api_key):
            raise SettingsError("OPENAI_API_KEY is no key: it holds a space, a line break or a letter that no key has")
        self._api_key = api_key
        self._address = _read_url(base_url or OPENAI_URL)
        self._is_offline = offline

    def __repr__(self) -> str:
        return f"OpenAIServer({self.host!r})"

    @property
    def host(self) -> str:
        """The server as it may be shown: its host, with the port and the path where those aren't the usual ones."""
        return self._address.name

    @property
    def is_openai(self) -> bool:
        """Whether it is OpenAI's own."""
        return self.host == OPENAI_HOST

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine."""
        host = urlsplit(self._address.url).hostname or ""
        return host in ("localhost", "::1") or bool(_LOOPBACK.fullmatch(host))

    def identify(self, name: str) -> str:
        """Name a model so that two servers' models of one name are told apart: `openai:NAME`, or with `@HOST`."""
        return f"openai:{name}" if self.is_openai else f"openai:{name}@{self.host}"

    def connect(self, name: str, *, timeout_seconds: float) -> dict[str, Any]:
        """List what OpenAI's clients are made of, for a model.

        Raises ModelError where there is no connecting, or OpenAI would want a key.
        """
        if self._is_offline:
            raise ModelError(
                f"{self.identify(name)} can't be used offline; leave --offline out to connect to {self.host}"
            )
        if not self._api_key and self.is_openai:
            raise ModelError(f"{self.identify(name)} needs a key; set OPENAI_API_KEY")
        return {
            "api_key": self._api_key or "none",  # servers of one's own mostly want none, but the client does
            "base_url": self._address.url,
            "default_headers": self._address.headers,
            "default_query": self._address.query,
            "timeout": timeout_seconds,
            "max_retries": RETRY_COUNT,
        }

    def explain_client(self, error: Exception) -> ModelError:
        """Say why no client can be made. Subtle: each cause repeats a value of the environment, maybe a password."""
        if isinstance(error, ImportError):
            return ModelError(
                "HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names a SOCKS proxy; unset it, or run: pip install socksio"
            )
        if isinstance(error, OSError):
            return ModelError("SSL_CERT_FILE or SSL_CERT_DIR names no certificates; mend or unset it")
        return ModelError(
            f"no connection to {self.host} can be made of the settings; "
            "check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, then OPENAI_BASE_URL"
        )

    def translate(self, error: Exception, *, name: str, doing: str, timeout_seconds: float) -> ModelError:
        """Say in one line what is wrong and what to do, mostly in our own words: a server's may repeat the key."""
        import openai

        match error:
            case openai.APITimeoutError():
                return self.explain_timeout(timeout_seconds)
            case openai.APIConnectionError():
                return self._explain_connection(error.__cause__, timeout_seconds)
            case openai.AuthenticationError():
                return ModelError(f"{self.host} refuses the key; check OPENAI_API_KEY")
            case openai.PermissionDeniedError():
                return ModelError(f"{self.host} doesn't let this key use {name}; choose another model or key")
            case openai.NotFoundError():
                return ModelError(f"{self.host} has no model {name}; check its name and OPENAI_BASE_URL")
            case openai.RateLimitError(code="insufficient_quota"):
                return ModelError(f"The account's quota at {self.host} is used up; add to it or use another key")
            case openai.RateLimitError():
                wait = _describe_wait(_read_retry_after(error.response.headers))
                return ModelError(f"{self.host} is asked too often; try again {wait}", retryable=True)
            case openai.BadRequestError() if error.code == _TOO_LONG_CODE or _TOO_LONG.search(error.message):
                reason = self.redact(error.message)
                return ModelError(f"{self.host} can't read that much at once with {name}: {reason}", is_too_long=True)
            case openai.APIStatusError(status_code=status) if status >= 500 or status in (408, 409):
                return ModelError(f"{self.host} has a fault (HTTP {status}); try again later", retryable=True)
            case openai.APIStatusError(status_code=status) if 300 <= status < 400:
                elsewhere = _describe_redirect(error.response.headers.get("location", ""))
                return ModelError(
                    f"{self.host} points to {elsewhere}, where nothing is sent unasked; check OPENAI_BASE_URL, and"
                    " give that address there if it is the right one"
                )
            case openai.APIStatusError(status_code=status):
                reason = self.redact(error.message)
                return ModelError(f"{self.host} refuses to {doing} {name} (HTTP {status}): {reason}")
            case openai.APIResponseValidationError():
                return ModelError(f"{self.host} doesn't answer as OpenAI's API does; check OPENAI_BASE_URL")
            case openai.APIError():
                return self._explain_event(error, name)
            case ValueError() | TypeError() | AttributeError() | LookupError():
                return ModelError(f"{self.host} doesn't answer as OpenAI's API does; check OPENAI_BASE_URL")
        # What breaks off in the middle of a stream comes as the HTTP library's own error.
        if "Timeout" in type(error).__name__:
            return self.explain_timeout(timeout_seconds)
        if type(error).__module__.startswith("http"):
            return self.explain_cut()
        return ModelError(f"{self.host} could not be used ({type(error).__name__}); check OPENAI_BASE_URL")

    def _explain_connection(self, cause: BaseException | None, timeout_seconds: float) -> ModelError:
        """Say what became of a connection: a server that can't be reached is told from one that was."""
        import openai

        while isinstance(cause, openai.APIConnectionError):  # LangChain's error is raised from OpenAI's
            cause = cause.__cause__
        name = type(cause).__name__
        if isinstance(cause, ModelError):
            return cause
        if cause is None or "Connect" in name or name in ("ProxyError", "UnsupportedProtocol"):
            return ModelError(f"{self.host} can't be reached; check the network and OPENAI_BASE_URL", retryable=True)
        if "Timeout" in name:
            return self.explain_timeout(timeout_seconds)
        return ModelError(
            f"{self.host} was reached, but broke off before it had answered; try again, or check OPENAI_BASE_URL",
            retryable=True,
        )

    def _explain_event(self, error: "openai.APIError", name: str) -> ModelError:
        """Say what is wrong where the server says so in the middle of a reply, in place of a status."""
        reason = self.redact(error.message)
        body = error.body if isinstance(error.body, Mapping) else {}
        code = str(body.get("code") or "")
        if code == _TOO_LONG_CODE or _TOO_LONG.search(error.message):
            return ModelError(f"{self.host} can't read that much at once with {name}: {reason}", is_too_long=True)
        if code.startswith("4") and code not in ("408", "409", "429"):
            return ModelError(f"{self.host} refuses to go on with {name} ({self.redact(code)}): {reason}")
        return ModelError(f"{self.host} had a fault in the middle of its answer: {reason}; try again", retryable=True)

    def explain_cut(self) -> ModelError:
        """Say that a reply broke off."""
        return ModelError(f"{self.host} broke off in the middle of its answer; try again", retryable=True)

    def explain_timeout(self, timeout_seconds: float) -> ModelError:
        """Say that it took too long."""
        return ModelError(f"{self.host} took longer than {timeout_seconds:g} seconds; try again later", retryable=True)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What has to be hidden in all that it says: the key and the URL's password."""
        return choose_secrets((self._api_key, *self._address.secrets))

    def redact(self, message: str) -> str:
        """Make a server's message one short line without the key or a password."""
        return redact(message, (self._api_key, *self._address.secrets))


class _Address(NamedTuple):
    """A server's URL in parts: what may be shown, and what is sent."""

    name: str
    url: str
    query: dict[str, str]
    headers: dict[str, str]
    secrets: tuple[str, ...]

    def __repr__(self) -> str:
        return f"_Address({self.name!r})"


def _read_url(base_url: str) -> _Address:
    """Take a URL apart. Raises SettingsError, without showing it, for where its password stands isn't known then."""
    try:
        parts = urlsplit(base_url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not host or not _HOST.fullmatch(host) or parts.scheme not in ("http", "https") or not _is_plain(base_url):
        raise SettingsError("OPENAI_BASE_URL is no web address; write it as http://localhost:11434/v1")
    host = f"[{host}]" if ":" in host else host
    if port not in (None, {"http": 80, "https": 443}[parts.scheme]):
        host = f"{host}:{port}"
    path = parts.path.rstrip("/")
    headers: dict[str, str] = {}
    secrets: tuple[str, ...] = ()
    if parts.username is not None:
        # Subtle: sent as a header, as the client would do it, because its log shows the URL.
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        code = b64encode(pair.encode()).decode()
        headers["Authorization"] = f"Basic {code}"
        secrets = (code, pair, unquote(parts.password or ""), parts.password or "")
    return _Address(
        name=host if path == "/v1" else host + (path or "/"),
        url=f"{parts.scheme}://{host}{path}",
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers=headers,
        secrets=secrets,
    )


def _describe_redirect(location: str) -> str:
    """Name the host that a redirect leads to, without anything else that it holds."""
    try:
        return _read_url(location).name if "://" in location else "another path"
    except SettingsError:
        return "another address"


def _read_retry_after(headers: Mapping[str, str]) -> float:
    """Read how many seconds a server wants to be left alone; 0 where it doesn't say."""
    value = headers.get("retry-after", "").strip()
    with suppress(ValueError):
        seconds = float(value)
        return seconds if math.isfinite(seconds) else 0.0
    with suppress(ValueError, OverflowError):
        return parsedate_to_datetime(value).timestamp() - time.time()
    return 0.0


def _describe_wait(seconds: float) -> str:
    """Say when to try again, rounded up; where a server doesn't say, its limit is mostly one of each minute."""
    if seconds <= 60:
        return "in a minute"
    for unit, size, most in (("minutes", 60, 7_200), ("hours", 3_600, 172_800), ("days", 86_400, 8_640_000)):
        if seconds <= most:
            return f"in {math.ceil(seconds / size)} {unit}"
    return "later"


def _is_plain(url: str) -> bool:
    return url.isprintable() and " " not in url and len(url) <= MAX_URL_CHARACTERS
