"""Reads what heads an article, its outlet and day, and what that proves: who reports and when, not what happened."""

import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from assistant.facts import read_tokens
from assistant.terms import find_words

_HEADER = re.compile(
    r"\A(?:(?P<outlet>[^\n!?;]{1,80}), )?(?P<day>\d{1,2} (?:January|February|March|April|May|June|July|August|September"
    r"|October|November|December) \d{4})(?:: [^\n]+)?\Z"
)
_REPORTED = re.compile(r"\b(?:report(?:s|ed|ing)?|publish\w*|wrote|writes|written|according to|articles?)\b", re.I)
_SAID = re.compile(r"\b(?:said|says|told|noted|notes|quoted|quotes|carried|carries)\b")
_RELATIVE = {"yesterday": -1, "today": 0, "tonight": 0, "tomorrow": 1}
_COMING = re.compile(r"\b(?:will|next|due|plan\w*|expect\w*|to (?:be|begin|start|open|close))\b")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Header(NamedTuple):
    """What heads an article: the outlet, where it is known, and the day when it was published."""

    outlet: str
    day: date


def read_header(text: str) -> Header | None:
    """Read an outlet and a day, as "Vale Observer, 1 April 2025", with or without a title; None where it is neither."""
    match = _HEADER.match(text.strip())
    if match is None:
        return None
    try:
        return Header(match["outlet"] or "", datetime.strptime(match["day"], "%d %B %Y").date())
    except ValueError:  # 31 June
        return None


def is_report(statement: str, header: Header) -> bool:
    """Tell whether a statement is about the article that a header heads: that the outlet says it, or said it then."""
    outlet = set(find_words(header.outlet)) - {"the"}
    names_outlet = bool(outlet) and outlet <= set(find_words(statement))
    return bool(_REPORTED.search(statement) or (names_outlet and _SAID.search(statement)))


def find_dated(texts: Sequence[str], header: Header) -> frozenset[str]:
    """Find the days that texts mean, if they were published on a header's: the forms of the tokens of their dates."""
    forms: set[str] = set()
    for day in _resolve(texts, header.day):
        forms.update((str(day.day), f"{day.day}th", f"{day:%B}".lower(), str(day.year), _WEEKDAYS[day.weekday()]))
    words = {word for text in texts for word in find_words(text)}
    months = {token.form for text in texts for token in read_tokens(text) if token.kind == "month"}
    if months or {"year", "month", "week"} & words:  # "in June", "this year"
        forms.add(str(header.day.year))
    if {"last", "previous"} & words and "year" in words:
        forms.add(str(header.day.year - 1))
    return frozenset(forms)


def _resolve(texts: Sequence[str], published: date) -> Iterator[date]:
    """Yield the days that words like "yesterday" and "on Monday" mean: the last of the name, or the next."""
    for text in texts:
        for word in find_words(text):
            if word in _RELATIVE:
                yield published + timedelta(days=_RELATIVE[word])
        for token in read_tokens(text):
            if token.kind == "weekday":
                back = (published.weekday() - _WEEKDAYS.index(token.form)) % 7
                yield published - timedelta(days=back)
                if _COMING.search(text):
                    yield published + timedelta(days=7 - back)
