import hashlib
import os
import tempfile
from pathlib import Path

import pytest
from fakes import NEWS_TEXTS
from hypothesis import given

from assistant.models.tokens import _VOCABULARIES, estimate_tokens, make_token_counter

CACHE = Path(os.environ.get("TIKTOKEN_CACHE_DIR") or Path(tempfile.gettempdir()) / "data-gym-cache")


@pytest.mark.parametrize(
    ("text", "tokens"), [("", 0), ("The bridge", 3), ("2025", 4), ("£2.4m", 5), ("外務省", 5), ("a, b", 3)]
)
def test_an_estimate_counts_pieces_of_words_digits_marks_and_bytes(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


def test_without_a_vocabulary_it_is_estimated_and_nothing_is_fetched(tmp_path: Path) -> None:
    for model in ("openai:gpt-4o", "openai:gpt-99", "openai:gpt-4o@127.0.0.1:80", "anthropic:claude"):
        assert make_token_counter(model, vocabularies=tmp_path)("The bridge reopened.") == 7


def test_a_vocabulary_that_is_not_exact_is_left_alone(tmp_path: Path) -> None:
    address, _ = _VOCABULARIES["o200k_base"]
    file = tmp_path / hashlib.sha1(address.encode()).hexdigest()
    file.write_bytes(b"IQ== 0\n")

    assert make_token_counter("openai:gpt-4o", vocabularies=tmp_path) is estimate_tokens
    assert file.read_bytes() == b"IQ== 0\n"


def test_two_texts_never_take_more_together_than_apart() -> None:
    assert estimate_tokens("The bridge" + "\n" + "reopened") <= estimate_tokens("The bridge") + 1 + estimate_tokens(
        "reopened"
    )


@pytest.mark.skipif(not any(CACHE.glob("*")), reason="no vocabulary of tiktoken's is on this machine")
@given(NEWS_TEXTS)
def test_an_estimate_is_from_above(text: str) -> None:
    exact = make_token_counter("openai:gpt-4o", vocabularies=CACHE)

    assert estimate_tokens(text) >= exact(text)
