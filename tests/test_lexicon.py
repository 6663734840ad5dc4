import pytest

from assistant.lexicon import find_verb, is_known, is_noun, is_thing


@pytest.mark.parametrize(("word", "base"), [("sold", "sell"), ("went", "go"), ("denied", "deny")])
def test_a_form_of_a_verb_has_its_base(word: str, base: str) -> None:
    assert find_verb(word) == base


def test_what_is_no_verb_has_none() -> None:
    assert find_verb("retailer") == ""


def test_names_are_not_common_words() -> None:
    assert not is_known("okafor")
    assert is_known("police")


def test_a_thing_is_a_noun_and_nothing_else_that_a_sentence_may_say_in_passing() -> None:
    assert is_thing("motive")
    assert not is_thing("planned")
    assert not is_thing("alone")
    assert is_noun("bridge")
