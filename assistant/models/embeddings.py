"""Embedding models that are reached over a network."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from assistant.errors import ModelError
from assistant.models.servers import TIMEOUT_SECONDS, OpenAIServer

if TYPE_CHECKING:
    import openai
    from openai.types import CreateEmbeddingResponse


class OpenAIEmbeddingEndpoint:
    """A model behind OpenAI's embeddings API, or behind another server that speaks it.

    Its identity is `openai:NAME`, and on another server than OpenAI's `openai:NAME@HOST:PORT/PATH`, without what is
    usual of the port and the path, because a name doesn't prove that two servers serve the same weights. Raises
    SettingsError for a URL or a key that can't be.
    """

    def __init__(
        self,
        name: str,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
        offline: bool = False,
    ) -> None:
        self._name = name
        self._server = OpenAIServer(api_key=api_key, base_url=base_url, offline=offline)
        self._timeout_seconds = timeout_seconds
        self._client: openai.OpenAI | None = None
        self.identity = self._server.identify(name)

    @property
    def host(self) -> str:
        """The server as it may be shown."""
        return self._server.host

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
            # Subtle: from None, for the cause's request holds the key in its headers.
            raise self._server.translate(
                error, name=self._name, doing="embed with", timeout_seconds=self._timeout_seconds
            ) from None
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

        from assistant.models.listening import make_hook  # which needs httpx2

        if self._client is None:
            arguments = self._server.connect(self._name, timeout_seconds=self._timeout_seconds)
            try:
                http = openai.DefaultHttpxClient(
                    timeout=self._timeout_seconds,
                    follow_redirects=False,  # what is sent was said to go to this host
                    event_hooks={"response": [make_hook(self.host, self._timeout_seconds)]},
                )
                self._client = openai.OpenAI(**arguments, http_client=http)
            except Exception as error:
                raise self._server.explain_client(error) from None
        return self._client


def _order_vectors(reply: "CreateEmbeddingResponse", count: int) -> list[list[float]]:
    """Return a reply's vectors in the order of the texts, whatever order they came in; else raise ValueError."""
    by_index = {item.index: item.embedding for item in reply.data}
    if len(reply.data) != count or set(by_index) != set(range(count)):
        raise ValueError("not a vector for each text")
    return [by_index[index] for index in range(count)]
