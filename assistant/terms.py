"""Reads the words of a question or a sentence: terms, stems, numbers, names and the clauses of a question.

A word is what the full-text index takes for one (SQLite FTS5, unicode61): a run of letters and digits, without case
and, if Latin, without accents. A term is a word that says something about the subject, so not a stop word. Everything
here is a rule about English text in general; in another language nothing is a stop word and the rest still works.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple
from zlib import crc32

import Stemmer

from assistant.types import Span


def read_words(words: str) -> frozenset[str]:
    """Read a list of words that are divided by spaces or lines."""
    return frozenset(words.split())


# Words that carry grammar, not subject, and the words that a question is made with.
STOP_WORDS = read_words("""
    a about above after again against ain all also although am among an and any are aren as at be because been
    before being below between both but by can cannot could couldn d did didn do does doesn doing don down during
    each either else ever every few for from further get got had hadn has hasn have haven having he her here hers
    herself him himself his how however i if in into is isn it its itself just let ll m may me might more most
    much must my myself neither no nor not now of off on once only onto or other our ours ourselves out over own
    per re s same shall shan she should shouldn since so some such t than that the their theirs them themselves
    then there therefore these they this those though through to too toward towards under until up upon us ve very
    via was wasn we were weren what whatever when where whereas whether which while who whom whose why will with
    within without won would wouldn yet you your yours yourself yourselves
""")

_PORTER = Stemmer.Stemmer("porter")  # keeps the lock of the interpreter, so threads may share it
_WORD = re.compile(r"[^\W_]+")
_NOT_PLAIN = re.compile(r"[^\x00-\x7f\u2010-\u2027]")  # beyond ASCII and the quotes and dashes of print
_SPACED = bytes(code if chr(code).isalnum() else ord(" ") for code in range(128)) + b" " * 128  # all else is a space
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_NAME = re.compile(
    r"(?<!\w)(?<!\w['’])[A-Z][\w&.'’-]*(?:\s+(?:(?:of|the|de|van|von|al|bin|for|and|&)\s+){0,2}[A-Z0-9][\w&.'’-]*)*"
)


def _list_folded() -> dict[int, str | None]:
    """Map Latin letters with accents to those without, and a few more as unicode61 has them; accents alone go."""
    table: dict[int, str | None] = dict.fromkeys(range(0x0300, 0x0370))
    for code in (*range(0x00C0, 0x0250), *range(0x1E00, 0x1F00)):
        base = unicodedata.normalize("NFD", chr(code))[0]
        if base.isascii():
            table[code] = base
    return table | {ord("µ"): "μ", ord("ς"): "σ", ord("ſ"): "s"}


_FOLDED = _list_folded()


def find_words(text: str) -> list[str]:
    """List the words of a text in order, lower-case, Latin letters without accents."""
    lowered = text.lower()
    if lowered.isascii() or not _NOT_PLAIN.search(lowered):
        # Faster than a regular expression, by a third.
        return lowered.encode("ascii", "replace").translate(_SPACED).decode("ascii").split()
    return _WORD.findall(unicodedata.normalize("NFC", lowered).translate(_FOLDED))


def find_terms(text: str) -> tuple[str, ...]:
    """List the different words of a text that aren't stop words, in the order of their first appearance."""
    return tuple(dict.fromkeys(word for word in find_words(text) if word not in STOP_WORDS))


def find_stems(text: str) -> tuple[str, ...]:
    """List the different stems of a text's terms, in the order of their first appearance."""
    return tuple(dict.fromkeys(stem(term) for term in find_terms(text)))


def find_numbers(text: str) -> tuple[str, ...]:
    """List the different numbers written in digits, without the commas that group them ("1,200" is "1200")."""
    return tuple(dict.fromkeys(number.replace(",", "") for number in _NUMBER.findall(text)))


def find_names(text: str) -> tuple[str, ...]:
    """List the different proper names: runs of capitalised words, less the stop words at their ends ("The", "Who")."""
    names: dict[str, None] = {}
    for match in _NAME.finditer(text):
        words = match.group().split()
        while words and words[0].lower().strip(".'’") in STOP_WORDS:
            del words[0]
        while words and words[-1].lower().strip(".'’") in STOP_WORDS:
            del words[-1]
        name = re.sub(r"['’]s?$", "", " ".join(words).rstrip(".,-"))
        if name:
            names[name] = None
    return tuple(names)


_JOINTS = r"(?:and|or|but|while|whereas|although|though|because|which|who|whose)\s+"
_BOUNDARY = re.compile(rf"(?:[,;:?!]\s+|\s+[-–—|]\s+|\s+{_JOINTS})(?:{_JOINTS})*", re.IGNORECASE)


def split_clauses(question: str, *, limit: int = 4, minimum_terms: int = 3) -> tuple[Span, ...]:
    """Cut a question into at most `limit` clauses, each with at least `minimum_terms` different terms of its own.

    It is cut at punctuation, conjunctions and relative pronouns, which belong to no clause; a piece that is too small
    joins its neighbour. There is always one clause, if only the whole question.
    """
    ends = [0]
    starts = [0]
    for match in _BOUNDARY.finditer(question):
        word_before = question[starts[-1] : match.start()].rsplit(maxsplit=1)[-1:]
        after = question[match.end() : match.end() + 1]
        # "October 7, 2023" and "Jada Pinkett Smith and Will Smith" are each one thing.
        if after.isdigit() or (after.isupper() and word_before and word_before[0][0].isupper()):
            continue
        ends.append(match.start())
        starts.append(match.end())
    pieces = [
        _Piece(start, end, frozenset(find_terms(question[start:end])))
        for start, end in zip(starts, [*ends[1:], len(question)], strict=True)
    ]
    while len(pieces) > 1:
        sizes = [len(piece.terms) for piece in pieces]
        smallest = min(range(len(pieces)), key=sizes.__getitem__)
        if sizes[smallest] >= minimum_terms and len(pieces) <= limit:
            break
        # It joins the piece before it, which it mostly completes; where there are too many, its smaller neighbour.
        after_it = smallest == 0 or (
            sizes[smallest] >= minimum_terms
            and smallest + 1 < len(pieces)
            and sizes[smallest + 1] < sizes[smallest - 1]
        )
        first = smallest if after_it else smallest - 1
        one, other = pieces[first : first + 2]
        pieces[first : first + 2] = [_Piece(one.start, other.end, one.terms | other.terms)]
    return tuple(Span(piece.start, piece.end) for piece in pieces)


class _Piece(NamedTuple):
    start: int
    end: int
    terms: frozenset[str]


_OUTLET = r"[\"'“‘]?((?:The )?[A-Z][\w.&’'-]*(?:\s+(?:(?:of|the|&|-)\s+)?[A-Z][\w.&’'-]*)*)"
_SOURCE = re.compile(
    r"(?:according to|reported (?:by|in)|published (?:by|in)"
    r"|(?:article|report|piece|story|coverage|analysis|news) (?:from|by|in|of|published by))"
    rf"\s+(?:the\s+|an?\s+)?{_OUTLET}|{_OUTLET}[\"'”’]?(?:'s|’s)?\s+(?:article|report|piece|story|coverage|analysis)\b"
)


def find_sources(question: str) -> tuple[str, ...]:
    """List the different outlets that a question names as such: "according to Reuters", "the Courier's report"."""
    return tuple(dict.fromkeys(one or other for one, other in _SOURCE.findall(question)))


@lru_cache(maxsize=1 << 17)
def number_word(word: str) -> int:
    """Stand for a word's stem with 32 bits, the same in every run; stems that share a number are one in a million."""
    return number_stem(stem(word))


def number_stem(stemmed: str) -> int:
    """Stand for a stem with 32 bits: its CRC-32."""
    return crc32(stemmed.encode())


@lru_cache(maxsize=1 << 17)
def stem(word: str) -> str:
    """Cut a lower-case word down to its stem by Porter's algorithm (1980), as full-text search does, rarities aside.

    A word with other letters than ASCII's, or of two letters, stays as it is.
    """
    return _PORTER.stemWord(word) if len(word) > 2 and word.isascii() else word
