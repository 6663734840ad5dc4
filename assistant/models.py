"""The vendors' clients: models that are reached over a network, their replies and errors in our own terms."""

from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from assistant.errors import ModelError

if TYPE_CHECKING:
    import openai
    from openai.types import CreateEmbeddingResponse

OPENAI_HOST = "api.openai.com"
OPENAI_URL = f"https://{OPENAI_HOST}/v1"
TIMEOUT_SECONDS = 60.0
RETRY_COUNT = 2


class OpenAIEmbeddingEndpoint:
    """A model behind OpenAI's embeddings API, or behind another server that speaks it.

    Its identity is `openai:NAME`, and on another host than OpenAI's `openai:NAME@HOST`, because a name doesn't prove
    that two hosts serve the same weights. The key stays here: no error, repr or log of ours shows it.
    """

    def __init__(
        self,
        name: str,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._name = name
        self._api_key = api_key
        self._base_url = base_url or OPENAI_URL
        self._timeout_seconds = timeout_seconds
        self._host = urlsplit(self._base_url).hostname or "the embedding server"
        self._client: openai.OpenAI | None = None
        self.identity = f"openai:{name}" if self._host == OPENAI_HOST else f"openai:{name}@{self._host}"

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
        except (ValueError, TypeError, AttributeError):
            raise ModelError(
                f"{self._host} doesn't answer as OpenAI's embeddings API does; check OPENAI_BASE_URL"
            ) from None

    def close(self) -> None:
        """Close the connections; the next request opens them again."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _get_client(self) -> "openai.OpenAI":
        import openai

        if self._client is None:
            if not self._api_key and self._host == OPENAI_HOST:
                raise ModelError(f"{self.identity} needs a key; set OPENAI_API_KEY")
            # Servers of one's own mostly want no key, but the client insists on one.
            self._client = openai.OpenAI(
                api_key=self._api_key or "none",
                base_url=self._base_url,
                timeout=self._timeout_seconds,
                max_retries=RETRY_COUNT,
            )
        return self._client

    def _translate(self, error: "openai.OpenAIError") -> ModelError:
        """Say in one line what is wrong and what to do, mostly in our own words: a server's may repeat the key."""
        import openai

        match error:
            case openai.APITimeoutError():
                return ModelError(
                    f"{self._host} took longer than {self._timeout_seconds:g} seconds; try again later", retryable=True
                )
            case openai.APIConnectionError():
                return ModelError(
                    f"{self._host} can't be reached; check the network and OPENAI_BASE_URL", retryable=True
                )
            case openai.AuthenticationError():
                return ModelError(f"{self._host} refuses the key; check OPENAI_API_KEY")
            case openai.PermissionDeniedError():
                return ModelError(f"{self._host} doesn't let this key use {self._name}; choose another model or key")
            case openai.NotFoundError():
                return ModelError(f"{self._host} has no model {self._name}; check its name and OPENAI_BASE_URL")
            case openai.RateLimitError(code="insufficient_quota"):
                return ModelError(f"The account's quota at {self._host} is used up; add to it or use another key")
            case openai.RateLimitError():
                return ModelError(f"{self._host} is asked too often; try again in a minute", retryable=True)
            case openai.APIStatusError(status_code=status) if status >= 500 or status in (408, 409):
                return ModelError(f"{self._host} has a fault (HTTP {status}); try again later", retryable=True)
            case openai.APIStatusError(status_code=status):
                reason = self._redact(error.message)
                return ModelError(f"{self._host} refuses to embed with {self._name} (HTTP {status}): {reason}")
        return ModelError(f"{self._host} could not be used ({type(error).__name__}); check OPENAI_BASE_URL")

    def _redact(self, message: str) -> str:
        """Make a server's message one short line without the key."""
        line = " ".join(message.split())
        return (line.replace(self._api_key, "***") if self._api_key else line)[:200]


def _order_vectors(reply: "CreateEmbeddingResponse", count: int) -> list[list[float]]:
    """Return a reply's vectors in the order of the texts, whatever order they came in; else raise ValueError."""
    by_index = {item.index: item.embedding for item in reply.data}
    if len(reply.data) != count or set(by_index) != set(range(count)):
        raise ValueError("not a vector for each text")
    return [by_index[index] for index in range(count)]
