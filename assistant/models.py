"""The vendors' clients: models that are reached over a network, their replies and errors in our own terms."""

import re
from base64 import b64encode
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

from assistant.errors import ModelError, SettingsError

if TYPE_CHECKING:
    import openai
    from openai.types import CreateEmbeddingResponse

OPENAI_HOST = "api.openai.com"
OPENAI_URL = f"https://{OPENAI_HOST}/v1"
TIMEOUT_SECONDS = 60.0
RETRY_COUNT = 2
MAX_URL_CHARACTERS = 1_000

_HOST = re.compile(r"[\w.-]+|[\da-f:.]+(%\w+)?")
_KEY = re.compile(r"[!-~]+")


class OpenAIEmbeddingEndpoint:
    """A model behind OpenAI's embeddings API, or behind another server that speaks it.

    Its identity is `openai:NAME`, and on another server than OpenAI's `openai:NAME@HOST:PORT/PATH`, without what is
    usual of the port and the path, because a name doesn't prove that two servers serve the same weights. The key and
    the URL's password stay here: no error, repr or log of ours shows them. Raises SettingsError for a URL or a key that
    can't be.
    """

    def __init__(
        self,
        name: str,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        if api_key and not _KEY.fullmatch(api_key):
            raise SettingsError("OPENAI_API_KEY is no key: it holds a space, a line break or a letter that no key has")
        self._name = name
        self._api_key = api_key
        self._server = _read_url(base_url or OPENAI_URL)
        self._timeout_seconds = timeout_seconds
        self._client: openai.OpenAI | None = None
        self.identity = f"openai:{name}" if self.host == OPENAI_HOST else f"openai:{name}@{self.host}"

    @property
    def host(self) -> str:
        """The server as it may be shown: its host, with the port and the path where those aren't the usual ones."""
        return self._server.name

    def __repr__(self) -> str:
        return f"OpenAIEmbeddingEndpoint({self.identity!r})"

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Embed texts in one request, vectors in the order of the texts; whoever calls checks the vectors.

        A failure that may pass is tried again, twice; one that stays raises ModelError.
        """
        import openai

        try:
            reply = self._get_client().embeddings.create(model=self._name, input=list(texts), encoding_format="float")
            return _order_vectors(reply, len(texts))
        except openai.OpenAIError as error:
            raise self._translate(error) from None  # subtle: the cause's request holds the key in its headers
        except (ArithmeticError, ValueError, TypeError, AttributeError):
            raise ModelError(
                f"{self.host} doesn't answer as OpenAI's embeddings API does; check OPENAI_BASE_URL"
            ) from None

    def close(self) -> None:
        """Close the connections; the next request opens them again."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _get_client(self) -> "openai.OpenAI":
        import openai

        if self._client is None:
            if not self._api_key and self.host == OPENAI_HOST:
                raise ModelError(f"{self.identity} needs a key; set OPENAI_API_KEY")
            try:
                self._client = openai.OpenAI(
                    api_key=self._api_key or "none",  # servers of one's own mostly want none, but the client does
                    base_url=self._server.url,
                    default_headers=self._server.headers,
                    default_query=self._server.query,
                    timeout=self._timeout_seconds,
                    max_retries=RETRY_COUNT,
                )
            # Subtle: each repeats a value of the environment, and a proxy's may hold a password.
            except ImportError:
                raise ModelError(
                    "HTTP_PROXY, HTTPS_PROXY or ALL_PROXY names a SOCKS proxy; unset it, or run: pip install socksio"
                ) from None
            except OSError:
                raise ModelError("SSL_CERT_FILE or SSL_CERT_DIR names no certificates; mend or unset it") from None
            except Exception:
                raise ModelError(
                    f"no connection to {self.host} can be made of the settings; "
                    "check HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, then OPENAI_BASE_URL"
                ) from None
        return self._client

    def _translate(self, error: "openai.OpenAIError") -> ModelError:
        """Say in one line what is wrong and what to do, mostly in our own words: a server's may repeat the key."""
        import openai

        match error:
            case openai.APITimeoutError():
                return ModelError(
                    f"{self.host} took longer than {self._timeout_seconds:g} seconds; try again later", retryable=True
                )
            case openai.APIConnectionError():
                return ModelError(
                    f"{self.host} can't be reached; check the network and OPENAI_BASE_URL", retryable=True
                )
            case openai.AuthenticationError():
                return ModelError(f"{self.host} refuses the key; check OPENAI_API_KEY")
            case openai.PermissionDeniedError():
                return ModelError(f"{self.host} doesn't let this key use {self._name}; choose another model or key")
            case openai.NotFoundError():
                return ModelError(f"{self.host} has no model {self._name}; check its name and OPENAI_BASE_URL")
            case openai.RateLimitError(code="insufficient_quota"):
                return ModelError(f"The account's quota at {self.host} is used up; add to it or use another key")
            case openai.RateLimitError():
                return ModelError(f"{self.host} is asked too often; try again in a minute", retryable=True)
            case openai.APIStatusError(status_code=status) if status >= 500 or status in (408, 409):
                return ModelError(f"{self.host} has a fault (HTTP {status}); try again later", retryable=True)
            case openai.APIStatusError(status_code=status):
                reason = self._redact(error.message)
                return ModelError(f"{self.host} refuses to embed with {self._name} (HTTP {status}): {reason}")
        return ModelError(f"{self.host} could not be used ({type(error).__name__}); check OPENAI_BASE_URL")

    def _redact(self, message: str) -> str:
        """Make a server's message one short line without the key or a password."""
        line = "".join(character for character in " ".join(message.split()) if character.isprintable())
        for secret in (self._api_key, *self._server.secrets):
            line = line.replace(secret, "***") if secret else line
        return line[:200]


class _Server(NamedTuple):
    """A server's URL in parts: what may be shown, and what is sent."""

    name: str
    url: str
    query: dict[str, str]
    headers: dict[str, str]
    secrets: tuple[str, ...]

    def __repr__(self) -> str:
        return f"_Server({self.name!r})"


def _read_url(base_url: str) -> _Server:
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
    return _Server(
        name=host if path == "/v1" else host + (path or "/"),
        url=f"{parts.scheme}://{host}{path}",
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers=headers,
        secrets=secrets,
    )


def _is_plain(url: str) -> bool:
    return url.isprintable() and " " not in url and len(url) <= MAX_URL_CHARACTERS


def _order_vectors(reply: "CreateEmbeddingResponse", count: int) -> list[list[float]]:
    """Return a reply's vectors in the order of the texts, whatever order they came in; else raise ValueError."""
    by_index = {item.index: item.embedding for item in reply.data}
    if len(reply.data) != count or set(by_index) != set(range(count)):
        raise ValueError("not a vector for each text")
    return [by_index[index] for index in range(count)]
