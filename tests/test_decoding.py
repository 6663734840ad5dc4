import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assistant.decoding import decode, normalise
from assistant.errors import ArticleError

ANY_TEXT = st.text() | st.text("e\u0301\u0327\x00\x1b\r\n\u2028\u2029\x85\ufeff\u1100\u1161\xad\ud800\udc00 ")


@given(ANY_TEXT)
@example("e\x00\u0301")
def test_normalised_text_has_one_form(text: str) -> None:
    once = normalise(text)

    assert normalise(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert not any(unicodedata.category(character) == "Cc" and character not in "\n\t" for character in once)
    assert once.splitlines() == once.split("\n")[: len(once.splitlines())]


def test_soft_hyphens_are_no_text() -> None:
    assert normalise("the har\xadbour, the govern\xad\nment") == "the harbour, the government"


@given(st.text("abcé “”—\n中", min_size=1), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]))
def test_text_is_decoded_as_it_was_encoded(text: str, encoding: str) -> None:
    assert decode(text.encode(encoding), "story.txt") == text


def test_what_is_no_text_is_refused_by_name() -> None:
    with pytest.raises(ArticleError, match=r"^story\.txt: not text"):
        decode(bytes(range(256)) * 20, "story.txt")
