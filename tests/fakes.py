"""Real implementations of what the assistant needs from elsewhere, small and with a memory: no mocks."""

import re
import zlib
from collections.abc import Callable, Sequence

import numpy as np
from hypothesis import strategies as st

from assistant.embedding import PassageInput, PassageVectors
from assistant.errors import ModelError
from assistant.vectors import FloatArray

_ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=400)
_FRAGMENTS = [
    "The",
    "U.S.",
    "Sen.",
    "Smith",
    "said",
    "3.5",
    "“Stop!”",
    "No.",
    "10",
    "...",
    "-",
    "it",
    "ended.",
    "Why?!",
    "(Yes.)",
    "新しい。",
    "a.m.",
    "He",
    "1.",
    "#",
    "[2]",
    "eBay",
    "—",
]
_FRAGMENTS += ["\n", "\r\n", "\n\n", "\t", "\0", "\u2028", "\u00a0", "x" * 70, "e\u0301" * 40]
_NEWS_TEXT = st.lists(st.sampled_from(_FRAGMENTS), max_size=150).map(" ".join)
# Texts of any characters but lone surrogates, and texts of what is hard about news.
NEWS_TEXTS = st.one_of(_ANY_TEXT, _NEWS_TEXT)

_TOKEN = re.compile(r"\w+|[^\w\s]")


def count_words(texts: Sequence[str]) -> list[int]:
    """Count each text's words and marks."""
    return [len(_TOKEN.findall(text)) for text in texts]


class WordEmbedder:
    """An Embedder whose vectors are bags of hashed words: texts that share words are near, on every machine alike.

    It remembers each text that it embedded: passages, with their headers, in `embedded`, questions in `questions`.
    Where `fail_at` is given, it fails at that text of `embedded`, counted from 1, as often as it comes to it.
    """

    def __init__(
        self, *, identity: str = "words", dimension: int = 256, max_tokens: int = 96, fail_at: int | None = None
    ) -> None:
        self.identity = identity
        self.dimension = dimension
        self.max_tokens = max_tokens
        self.fail_at = fail_at
        self.embedded: list[str] = []
        self.questions: list[str] = []
        self.is_loaded = False

    def load(self) -> None:
        """Load what there is to load."""
        self.is_loaded = True

    def close(self) -> None:
        """Release what was loaded."""
        self.is_loaded = False

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Count each text's words and marks."""
        return count_words(texts)

    def embed_questions(self, texts: Sequence[str]) -> FloatArray:
        """Embed questions, a row each."""
        self.questions.extend(texts)
        return self._embed(texts)

    def embed_passages(
        self, passages: Sequence[PassageInput], *, progress: Callable[[int], None] | None = None
    ) -> list[PassageVectors]:
        """Embed passages and their sentences."""
        vectors = []
        for done, (header, text, sentences) in enumerate(passages, start=1):
            if self.fail_at is not None and len(self.embedded) + 1 >= self.fail_at:
                raise ModelError("the embedding model broke, as it was told to")
            self.embedded.append(f"{header}\n{text}")
            rows = self._embed([f"{header}\n{text}", *(text[start:end] for start, end in sentences)])
            vectors.append(PassageVectors(rows[0], rows[1:]))
            if progress:
                progress(done)
        return vectors

    def _embed(self, texts: Sequence[str]) -> FloatArray:
        rows = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()) or [text]:
                row[zlib.crc32(word.encode("utf-8", "surrogatepass")) % self.dimension] += 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)
