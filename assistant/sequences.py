"""Finds what a statement puts at another time than its evidence does: before or after, or as a cause of its cause."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from assistant.clauses import read_verbs
from assistant.facts import Cited, Token, read_tokens
from assistant.lexicon import find_verb
from assistant.terms import STOP_WORDS, find_stems, find_words, read_words, stem

AROUND = 24  # characters before a day in which the word for its side stands


def find_misordered(statement: str, tokens: Sequence[Token], cited: Cited) -> Iterator[str]:
    """Yield what a statement says of when and why otherwise than the sentences cited for it."""
    texts = [text for text, _ in cited]
    yield from _find_changed_times(statement, tokens, cited)
    yield from _find_misdated(statement, texts)
    yield from _find_reversed_order(statement, texts)
    yield from _find_causes(statement, texts)


# Times ----------------------------------------------------------------------------------------------------------------

_DATED = frozenset({"weekday", "month", "number"})
_HOURS = frozenset(
    map(stem, read_words("midnight noon midday dawn dusk sunrise sunset morning evening night christmas"))
)
_UNTIL, _SINCE = (
    read_words("before until till by preceded precedes preceding"),
    read_words("after since from followed follows following"),
)
# Of these only before a day or a year: "from the bank" says nothing of when.
_OF_DAYS = read_words("by from")
_SIDES = read_words("before until till by after since from")
_SIDE = re.compile(
    r"\b(before|until|till|by|preced\w+|after|since|from|follow\w+)\s+"
    r"(?:(?:the|an?|its|his|her|their|it|he|she|they|late|early|[A-Z]?[a-z]+day|\d{1,2})\s+){0,2}\Z"
)


def _find_changed_times(statement: str, tokens: Sequence[Token], cited: Cited) -> Iterator[str]:
    """Yield what is said to be before something, or until then, where the evidence says after it, or the reverse."""
    forms = {token.form for token in tokens}
    for token in tokens:
        ours = _find_side(statement, token)
        if not ours:
            continue
        is_day = token.kind in _DATED or token.form in _HOURS
        every = [(other, _find_side(text, other)) for text, sentence in cited for other in sentence]
        theirs = {side for other, side in every if other.form == token.form}
        against = (_SINCE if ours in _UNTIL else _UNTIL) - (frozenset() if is_day else _OF_DAYS)
        if theirs and theirs <= against and (is_day or ours not in _OF_DAYS):
            yield f"the evidence says {min(theirs)} {token.text}, not {ours}"
        elif token.kind in _DATED and ours in _SIDES and theirs and ours not in theirs:
            moved = [o for o, side in every if side == ours and o.kind == token.kind and o.form not in forms]
            if moved:
                yield f"the evidence says {ours} {moved[0].text}, not {token.text}"


def _find_side(text: str, token: Token) -> str:
    """Find the word that says on which side of a token something is: "until" in "until Friday 3 May"."""
    match = _SIDE.search(text, max(0, token.start - AROUND), token.start)
    return match[1].lower() if match else ""


_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")


_OPENS = re.compile(
    r"(?:\A|[,;]|\band)\s*(?:\b(?:in|on|by|since|until|from|last|late|early|next)\s+)*\Z", re.IGNORECASE
)


class _Dated(NamedTuple):
    """A day, month or year of a sentence, by the forms and kinds of its tokens, and the verbs that it may date."""

    forms: frozenset[str]
    kinds: frozenset[str]
    verbs: Sequence[str]  # base forms, the nearest last


def _find_misdated(statement: str, texts: Sequence[str]) -> Iterator[str]:
    """Yield what a statement dates as a sentence dates something else, where that gives it another date."""
    ours = _read_dated(statement)
    known = {verb.lemma for verb in read_verbs(statement)}
    theirs = [_read_dated(text) for text in texts] if ours else []
    for date in ours:
        verb = next((verb for verb in reversed(date.verbs) if verb in known), None)
        every = [other for sentence in theirs for other in sentence if other.kinds == date.kinds]
        same = [other for other in every if other.forms == date.forms]
        others = [other for other in every if other.forms != date.forms and verb in other.verbs]
        if verb is not None and same and others and not any(verb in other.verbs for other in same):
            yield f"the evidence has another date for this: {verb}"


def _read_dated(text: str) -> Sequence[_Dated]:
    """Read the dates of a sentence; none where it isn't plain which verb each goes with.

    "Begun in 1998 and opened in 2004" has each after its verb, "In 1998 it was begun and in 2004 opened" before it.
    """
    dates: list[list[Token]] = []
    for token in read_tokens(text):
        is_day = token.kind == "number" and token.text.isdigit() and not token.unit
        if token.kind in {"weekday", "month"} or is_day:
            if dates and not text[dates[-1][-1].end : token.start].strip(" ,"):
                dates[-1].append(token)
            else:
                dates.append([token])
    dates = [
        date
        for date in dates
        if any(token.kind != "number" for token in date) or (len(date) == 1 and _YEAR.fullmatch(date[0].text))
    ]
    edges = [0, *(edge for date in dates for edge in (date[0].start, date[-1].end)), len(text)]
    stretches = [_list_verbs(text[edges[at] : edges[at + 1]]) for at in range(0, len(edges), 2)]
    if not dates:
        return ()
    is_after = bool(stretches[0])
    stretches = stretches[:-1] if is_after else [verbs[::-1] for verbs in stretches[1:]]
    if not all(stretches) or not (is_after or all(_OPENS.search(text, 0, date[0].start) for date in dates)):
        return ()
    return [
        _Dated(frozenset(token.form for token in date), frozenset(token.kind for token in date), verbs)
        for date, verbs in zip(dates, stretches, strict=True)
    ]


def _list_verbs(text: str) -> list[str]:
    return [find_verb(word) for word in find_words(text) if word not in STOP_WORDS and find_verb(word)]


# Order and cause ------------------------------------------------------------------------------------------------------

# What stands between what came first and what came then, or was caused by it; and between the latter and the former.
_FORWARD = r"before|and then|, then|, so|caus(?:ed|es|ing)|led to|leads to|prompted|triggered|sparked"
_BACKWARD = r"after|because of|because|due to|owing to|as a result of"
_ORDER = re.compile(rf"(?:\b|(?=,))(?P<forward>{_FORWARD})\b|\b(?P<backward>{_BACKWARD})\b", re.IGNORECASE)
_OF_TIME = frozenset(
    map(stem, read_words("second seconds minute minutes hour hours day days week weeks month year years"))
)


class _Course(NamedTuple):
    """What came first and what came then, by stems; and the verbs of each."""

    first: frozenset[str]
    then: frozenset[str]
    first_verbs: frozenset[str]
    then_verbs: frozenset[str]


def _find_reversed_order(statement: str, texts: Sequence[str]) -> Iterator[str]:
    """Yield that one thing came before another, or was its cause, where a sentence like it has the reverse."""
    ours = _read_course(statement)
    theirs = [course for course in map(_read_course, texts) if course]
    if ours is None:
        return
    for other in theirs:
        straight = len(ours.first & other.first) + len(ours.then & other.then)
        crossed = len(ours.first & other.then), len(ours.then & other.first)
        is_like = min(crossed) >= 1 and sum(crossed) >= 3 and 2 * sum(crossed) >= len(ours.first | ours.then)
        has_crossed = bool(ours.first_verbs & other.then_verbs and ours.then_verbs & other.first_verbs)
        stays = bool(ours.first_verbs & other.first_verbs or ours.then_verbs & other.then_verbs)
        if (is_like and sum(crossed) > 2 * straight) or (has_crossed and not stays):
            yield "the evidence says which came first the other way round"
            return


def _read_course(text: str) -> _Course | None:
    """Read what came first and what came then in a sentence with one word for order or cause."""
    matches = list(_ORDER.finditer(text))
    if len(matches) != 1:
        return None
    match = matches[0]
    before, after = text[: match.start()], text[match.end() :]
    if not before.strip():  # "After the talks, they signed"
        after, _, before = after.partition(",")
    if not before.strip() or not after.strip():
        return None
    first, then = (before, after) if match["forward"] else (after, before)
    stems = [frozenset(find_stems(part)) - _OF_TIME for part in (first, then)]
    verbs = [frozenset(verb.lemma for verb in read_verbs(part.strip())) for part in (first, then)]
    return _Course(stems[0], stems[1], verbs[0], verbs[1])


_CAUSE = re.compile(
    r"\b(?:because|caus(?:e[sd]?|ing)|led (?:\w+ ){0,3}to|lead(?:s|ing)? to|forced|forcing|as a result|thanks to"
    r"|owing to|result(?:s|ed|ing)? (?:in|from)|prompt(?:ed|s|ing)|trigger(?:ed|s|ing)|sparked|sparking|blamed"
    r"|driven by|due to(?! \w+ (?:on|in|next))|brought about|responsible for|in (?:protest|response|retaliation))\b",
    re.IGNORECASE,
)
_REASON = re.compile(
    r"\b(?:since|amid|blam\w+|attribut\w+|leaving|meaning|cit(?:ed|ing)|reasons?|to (?:protest|avoid|prevent)"
    r"|force|cause|leads?|why|responsib\w+|for \w+ing|by \w+ing|thank\w*|response|protest\w*|ow(?:ing|ed) to|due to"
    r"|over (?!\d|an?\b|the\b|two\b|three\b|four\b|five\b|six\b|\w+ (?:years|seasons|months|weeks|days)))\b",
    re.IGNORECASE,
)


def _find_causes(statement: str, texts: Sequence[str]) -> Iterator[str]:
    match = _CAUSE.search(statement)
    if match and not any(_CAUSE.search(text) or _REASON.search(text) for text in texts):
        yield f"the evidence doesn't say that one caused the other: {match.group()}"
