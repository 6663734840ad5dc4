"""The vendors' clients: models that are reached over a network, their replies and errors in our own terms."""

from assistant.models.chat import (
    ChatModel,
    Chunk,
    Message,
    OpenAIChatModel,
    ProviderChatModel,
    open_chat_model,
    read_reply,
)
from assistant.models.embeddings import OpenAIEmbeddingEndpoint
from assistant.models.prices import Price, find_price
from assistant.models.servers import OPENAI_URL
from assistant.models.tokens import CountTokens, estimate_tokens, make_token_counter

__all__ = [
    "OPENAI_URL",
    "ChatModel",
    "Chunk",
    "CountTokens",
    "Message",
    "OpenAIChatModel",
    "OpenAIEmbeddingEndpoint",
    "Price",
    "ProviderChatModel",
    "estimate_tokens",
    "find_price",
    "make_token_counter",
    "open_chat_model",
    "read_reply",
]
