"""Notices texts that aren't in English, the one language that the local embedding model knows.

A rough look: other scripts are told by their letters, the larger languages of Western Europe by their commonest words.
What it doesn't notice is no proof of English.
"""

import re
from collections import Counter
from collections.abc import Iterable

from assistant.terms import STOP_WORDS, find_words, read_words

FOREIGN_LETTERS = 0.3  # share of letters that aren't Latin from which a text isn't English
SAMPLE_CHARACTERS = 500
FEW_WORDS = 4  # in a text this short one word tells

_LETTER = re.compile(r"[^\W\d_]")
_OTHER_LETTER = re.compile(r"[^\W\d_\u0000-\u024f\u1e00-\u1eff\uff00-\uff60]")


# Written as `find_words` has them, without accents, and without words that are English as well.
_COMMON_WORDS = tuple(
    read_words(words) - STOP_WORDS
    for words in (
        "der das und ist nicht ein eine mit von dem des im fur auf sich wie wer wann warum zu auch hat wurde uber wird",
        "le la les des une et est pas dans que qui pour sur avec du au quand pourquoi combien il elle ont ete sont",
        "el los las una y es en que por para con del se cuando quien como su cual fue son ha porque donde",
        "il lo gli una e non di che per con del della nel quando chi perche sono dei alla quale quanto",
        "os uma e nao em que por para com do da na quando quem como seu foi sao dos pelo qual",
        "het een en niet van op met voor dat wat wie wanneer hoe waarom zijn werd wordt heeft naar",
        "och att det som pa av for med den inte ar ett om var nar vem hur varfor har blev",
    )
)
# Each of them with the languages, by number, that it is common in.
_LANGUAGES = {
    word: tuple(number for number, common in enumerate(_COMMON_WORDS) if word in common)
    for word in frozenset().union(*_COMMON_WORDS)
}


def is_foreign(text: str) -> bool:
    """Whether a text is noticeably in another language than English."""
    sample = text[:SAMPLE_CHARACTERS]
    if not sample.isascii() and len(_OTHER_LETTER.findall(sample)) > FOREIGN_LETTERS * len(_LETTER.findall(sample)):
        return True
    words = find_words(sample)
    english = sum(word in STOP_WORDS for word in words)
    counts = Counter(number for word in words for number in _LANGUAGES.get(word, ()))
    foreign = max(counts.values(), default=0)
    return foreign > english and foreign >= (1 if len(words) <= FEW_WORDS else 2)


def describe_languages(question: str, passages: Iterable[str]) -> tuple[str, ...]:
    """Say what a reader should know of a question and the passages found for it, where they aren't in English."""
    notes = []
    if is_foreign(question):
        notes.append(
            "The question doesn't seem to be in English, the only language that the embedding model knows: articles"
            " are found by its words alone. --embedding-model chooses another one."
        )
    found = [is_foreign(passage) for passage in passages]
    if sum(found) * 2 > len(found):
        notes.append(
            "Most of what was found doesn't seem to be in English, the only language that the embedding model knows:"
            " it was found by words alone, and nothing is surely missing from the articles."
        )
    return tuple(notes)
