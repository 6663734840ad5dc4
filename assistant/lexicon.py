"""What a word may be: a lexicon of English with the parts of speech and base forms of its words (lemminflect)."""

from functools import cache


@cache
def _look_up(word: str) -> dict[str, tuple[str, ...]]:
    from lemminflect import getAllLemmas

    found: dict[str, tuple[str, ...]] = getAllLemmas(word)
    return found


def find_verb(word: str) -> str:
    """Find the base form of the verb that a word, in lower case, may be; empty where it is none."""
    return next(iter(_look_up(word).get("VERB", ())), "")


def is_noun(word: str) -> bool:
    """Tell whether a word, in lower case, may be a noun or an adjective."""
    return not _look_up(word).keys().isdisjoint({"NOUN", "ADJ"})


def is_thing(word: str) -> bool:
    """Tell whether a word, in lower case, is a noun or an adjective and neither an adverb nor a form of a verb."""
    return is_noun(word) and "ADV" not in _look_up(word) and find_verb(word) in {"", word}


def is_verb_form(word: str) -> bool:
    """Tell whether a word, in lower case, is a form of a verb that isn't its base, and no noun: "signed"."""
    return find_verb(word) not in {"", word} and "NOUN" not in _look_up(word)


def is_adjective(word: str) -> bool:
    """Tell whether a word, in lower case, may be an adjective and no noun."""
    return "ADJ" in _look_up(word) and "NOUN" not in _look_up(word)


def is_known(word: str) -> bool:
    """Tell whether a word, in lower case, is a common one; names of people and most places are not."""
    return bool(_look_up(word))
