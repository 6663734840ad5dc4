"""Counts tokens: exactly where the model's vocabulary is on this machine, else from above. Nothing is downloaded."""

import hashlib
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path

CountTokens = Callable[[str], int]

# The vocabularies' addresses, whose SHA-1 names their file in tiktoken's cache folder, and the files' SHA-256.
_VOCABULARIES = {
    "o200k_base": (
        "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ),
    "cl100k_base": (
        "https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    ),
}

# Letters of a word share a token; digits and marks are counted one by one, and what is beyond ASCII by its bytes
# in UTF-8: what a vocabulary doesn't know is spelt in those, and of what it knows few pieces are of less than two.
LETTERS_PER_TOKEN = 3
BYTES_PER_TOKEN = 2
_PIECE = re.compile(r"(?P<word> ?[A-Za-z]+)|(?P<space>[ \t\r\n]+)|(?P<other>[^\x00-\x7f]+)|(?P<mark>.)", re.DOTALL)


def make_token_counter(model: str, *, vocabularies: Path | None) -> CountTokens:
    """Make what counts the tokens of a text for a model.

    `vocabularies` is tiktoken's cache folder. Where it doesn't hold what the model is counted by, whole and exact, the
    count is an estimate from above.
    """
    name = _find_vocabulary(model)
    if vocabularies is None or name is None or not _is_whole(vocabularies, name):
        return estimate_tokens
    return _load_counter(name)


def estimate_tokens(text: str) -> int:
    """Estimate a text's tokens from above, for any model whose vocabulary holds the common pieces of words."""
    count = 0
    for match in _PIECE.finditer(text):
        piece = match[0]
        match match.lastgroup:
            case "word":
                count += -(-len(piece.strip()) // LETTERS_PER_TOKEN)
            case "other":
                count += -(-len(piece.encode("utf-8", "surrogatepass")) // BYTES_PER_TOKEN)
            case _:
                count += len(piece)
    return count


def _find_vocabulary(model: str) -> str | None:
    provider, _, name = model.partition(":")
    if provider != "openai" or "@" in name:
        return None
    import tiktoken

    try:
        return tiktoken.encoding_name_for_model(name)
    except KeyError:
        return "o200k_base"  # which all since 2024 have


def _is_whole(folder: Path, name: str) -> bool:
    """Whether a vocabulary is there and exact. Subtle: where it isn't, tiktoken would delete it and ask the network."""
    if name not in _VOCABULARIES:
        return False
    address, sha256 = _VOCABULARIES[name]
    file = folder / hashlib.sha1(address.encode(), usedforsecurity=False).hexdigest()
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest() == sha256
    except OSError:
        return False


@cache
def _load_counter(name: str) -> CountTokens:
    import tiktoken

    encoding = tiktoken.get_encoding(name)

    def count(text: str) -> int:
        # Subtle: nothing is special in an article, and long runs of spaces overflow the pattern's stack.
        return len(encoding.encode(" ".join(text.split()), disallowed_special=()))

    return count
