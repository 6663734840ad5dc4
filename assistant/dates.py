"""Reads days: those of an option, and those that a question names in its own words.

A word for time in a question mostly dates an event ("Who resigned on 12 March?"), and the article that tells of it may
be of any later day. So it only says which articles come first, unless it can but be about when they were published
(`TimeExpression.is_filter`):

- it is bound to a word for publishing: "this week's articles", "reported since Monday", "news from October 2023";
- it asks for what was known: "as of 12 March";
- it is recent as seen from today: "this week", "yesterday", "in the past three days";
- it is a first day: what has happened "since Tuesday" or "after the 12th" was not reported before.

A question with several such expressions, or of several clauses, may ask a different article for each, so that none of
them is read, except for one that is alone and recent. Days are UTC's. Everything here is a rule about English.
"""

import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from assistant.errors import SettingsError
from assistant.terms import split_clauses
from assistant.types import Span

_DAY = timedelta(days=1)


class Day(NamedTuple):
    """A day that a text names, with or without its year."""

    year: int | None
    month: int
    day: int


class Period(NamedTuple):
    """Days from the first to the last, both included; None where an end is open."""

    first: date | None
    last: date | None

    def holds(self, day: date) -> bool:
        """Whether a day lies in it."""
        return (self.first is None or self.first <= day) and (self.last is None or day <= self.last)


@dataclass(frozen=True, slots=True)
class TimeExpression:
    """Words for time in a question, where they stand in it, and what they mean.

    `is_filter`: only articles published in the period are meant. `is_strict`: no others, even where those don't answer.
    """

    phrase: str
    span: Span
    period: Period
    is_filter: bool
    is_strict: bool


# Options


def read_bounds(
    since: datetime | date | str | None, until: datetime | date | str | None
) -> tuple[datetime | date | None, datetime | date | None]:
    """Read the first and the last day or time of a filter as its start and its end, which is not included.

    A day stays a day, for a reader means that of the article's own zone; a time without a zone is UTC's. Raises
    SettingsError.
    """
    start = None if since is None else _read_moment(since)
    if until is None:
        return start, None
    end = _read_moment(until)
    try:
        # Just after a time, or the day after.
        return start, end + (timedelta.resolution if isinstance(end, datetime) else _DAY)
    except OverflowError:
        return start, None  # after the last day that there is


def to_time(moment: datetime | date) -> datetime:
    """Take a day for its first moment in UTC, and a time for itself."""
    return moment if isinstance(moment, datetime) else datetime(moment.year, moment.month, moment.day, tzinfo=UTC)


def _read_moment(moment: datetime | date | str) -> datetime | date:
    try:
        read = moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment))
    except ValueError:
        raise SettingsError(f"{moment!r} is no date; write it as 2025-03-15 or 2025-03-15T09:30:00+00:00") from None
    if not isinstance(moment, datetime) and len(str(moment)) <= len("2025-03-15"):
        return read.date()
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def get_bounds(period: Period) -> tuple[date | None, date | None]:
    """Get the first day of a period and the day after its last."""
    first, last = period
    return first, None if last is None or last == date.max else last + _DAY


# Days in words

_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_MONTH_NUMBERS = {name[:3]: number for number, name in enumerate(_MONTHS, start=1)}
_MONTH = "(?P<month>" + "|".join(f"{name}|{name[:3]}" for name in _MONTHS) + r"|sept)\b\.?"
_NUMBER_OF_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_DATES = (
    re.compile(rf"\b{_MONTH} {_NUMBER_OF_DAY}\b(?!:)(?:,? (?P<year>(?:19|20)\d\d)\b)?", re.IGNORECASE),
    re.compile(rf"\b{_NUMBER_OF_DAY} (?:of )?{_MONTH}(?:,? (?P<year>(?:19|20)\d\d)\b)?", re.IGNORECASE),
    re.compile(r"\b(?P<year>(?:19|20)\d\d)-(?P<month>0\d|1[0-2])-(?P<day>\d\d)\b"),
)


def find_days(text: str) -> tuple[Day, ...]:
    """List the days that a text names in words or as ISO dates: "October 7", "7 Oct 2023", "2023-10-07"."""
    return tuple(_to_day(match) for pattern in _DATES for match in pattern.finditer(text))


def _to_day(match: re.Match[str]) -> Day:
    month = _MONTH_NUMBERS.get(match["month"][:3].lower()) or int(match["month"])
    return Day(int(match["year"]) if match["year"] else None, month, int(match["day"]))


def describe_period(period: Period) -> str:
    """Name a period: "on 12 March 2025", "10–16 March 2025", "since 5 March 2025", "until 5 March 2025"."""
    first, last = period
    if first is None or last is None:
        return f"until {_write(last)}" if last else f"since {_write(first)}" if first else "at any time"
    if first == last:
        return f"on {_write(first)}"
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{_write(last)}"
    return f"{first.day} {first:%B}{'' if first.year == last.year else f' {first.year}'} – {_write(last)}"


def _write(day: date) -> str:
    return f"{day.day} {day:%B} {day.year}"


# Expressions

_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_COUNTS = {
    "few": 3, "couple": 2, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10,
}  # fmt: skip
_UNIT_DAYS = {"day": 1, "week": 7, "month": 30}
# A stretch of days, in groups that `_measure` reads.
_MONTH_NAME = "January|February|March|April|May|June|July|August|September|October|November|December"
_DAY_WORDS = (
    rf"\d{{1,2}}(?:st|nd|rd|th)? (?:of )?(?:{_MONTH_NAME})(?:,? (?:19|20)\d\d)?\b(?!,? \d{{4}})"
    rf"|(?:{_MONTH_NAME}) \d{{1,2}}(?:st|nd|rd|th)?\b(?!:)(?:,? (?:19|20)\d\d\b)?(?!,? \d{{4}})"
    r"|(?:19|20)\d\d-\d\d-\d\d\b"
)
# "Monday Night Football" and "the 12th Congress" are no days, and "the last week of the trial" may be long ago.
_WEEKDAY_WORDS = rf"(?:last |this )?(?:{'|'.join(_WEEKDAYS)})\b(?!\s+[A-Z])"
_ORDINAL_WORDS = r"the \d{1,2}(?:st|nd|rd|th)\b(?!\s+\w)"
_RECENT_WORDS = (
    r"yesterday|(?:this|last) (?:week|month)|(?:the )?(?:past|last) (?:week|month"
    rf"|(?:(?:\d{{1,2}}|{'|'.join(_COUNTS)})(?: of)? )(?:day|week|month)s)"
)
_MONTH_WORDS = rf"(?:{_MONTH_NAME})(?: of)? (?:19|20)\d\d|(?:{_MONTH_NAME})\b(?! \d)"
_STRETCH = (
    rf"(?:(?P<date>{_DAY_WORDS})|(?P<weekday>{_WEEKDAY_WORDS})|(?P<ordinal>{_ORDINAL_WORDS})"
    rf"|(?P<recent>\b(?:{_RECENT_WORDS})\b(?! of\b))|(?P<today>\btoday\b)|(?P<months>{_MONTH_WORDS})"
    r"|(?P<year>(?:19|20)\d\d\b))"
)
_PREPOSITION = r"\b(?P<preposition>as of|as at|up to|since|after|before|until|till|between|from|during|in|on|of)\b"
# "(?i:...)", for the names of months and weekdays have capitals: "may" and "march" are words.
_STRETCHES = re.compile(
    rf"(?:(?i:{_PREPOSITION}) )?(?:(?P<from_day>\d{{1,2}}) (?:and|to) )?(?<!\w){_STRETCH}(?P<possessive>['’]s)?"
    rf"(?: (?:and|to|until) (?P<other>{_DAY_WORDS}|{_WEEKDAY_WORDS}|{_ORDINAL_WORDS}))?"
)
_PUBLISHED = r"(?:articles?|reports?|reporting|stor(?:y|ies)|news|coverage|headlines?|pieces?|dispatch(?:es)?|issues?)"
# "Reports on 7 October" are about that day.
_PUBLISHED_BEFORE = re.compile(
    rf"\b(?:{_PUBLISHED}|(?P<verb>published|reported|written|wrote|printed|dated|appeared))\s+$",
    re.IGNORECASE,
)
_PUBLISHED_AFTER = re.compile(rf"\s+(?:{_PUBLISHED})\b", re.IGNORECASE)
_LATEST = re.compile(
    rf"\b(?:(?:latest|newest|most recent) (?:{_PUBLISHED}|updates?|developments?|figures?|word)"
    r"|the latest (?=on |about |from |in )|the latest(?=\?|$))",
    re.IGNORECASE,
)
LATEST_DAYS = 7


# "As of" can but be about a day, so that what follows it is read however it is written.
_AS_OF = re.compile(r"\bas[ -](?:of|at)\b(?! yet| late| right)", re.IGNORECASE)
_AS_OF_WORDS = 5
_WEEKDAY_BEFORE_DATE = re.compile(rf"\b(?:{'|'.join(_WEEKDAYS)}),? (?={_DAY_WORDS})")


def spell_out(question: str) -> str:
    """Write the days of a question as they are read here: in one space's distance, and whole after "as of".

    "as-of Mon, 12 mar" becomes "as of 12 March".
    """
    question = " ".join(question.split())
    match = _AS_OF.search(question)
    if match is None:
        return question
    words = question[match.end() :].split()
    spelled = [_spell(word) for word in words[:_AS_OF_WORDS]]
    rest = _WEEKDAY_BEFORE_DATE.sub("", " ".join([*spelled, *words[_AS_OF_WORDS:]]), count=1)
    return f"{question[: match.start()]}{match.group().replace('-', ' ')} {rest}".rstrip()


def _spell(word: str) -> str:
    """Write the name of a month or a weekday whole and with a capital, and leave any other word."""
    bare = word.rstrip(".,?!;:")
    end = word[len(bare) :].removeprefix(".")
    for name in (*_WEEKDAYS, *(month.capitalize() for month in _MONTHS)):
        if len(bare) >= len("Mar") and name.lower().startswith(bare.lower()):
            return name + end
    return word


def find_unread(question: str) -> str | None:
    """Find an "as of" whose day wasn't read, with the words after it."""
    match = _AS_OF.search(question)
    return re.split(r"[,?!]", " ".join(question[match.start() :].split()[:5]))[0] if match else None


def find_time(question: str, *, today: Callable[[], date | None]) -> TimeExpression | None:
    """Find the words of a question that say when its articles were published, or make some days more likely.

    `today` gives the day that "this week" is seen from, and is only asked where the question needs it; without one
    there is no time to speak of. A day that the question merely names is not meant: see `find_days`.
    """
    matches = [*_STRETCHES.finditer(question)]
    latest = _LATEST.search(question)
    now = today() if matches or latest else None
    if now is None:
        return None
    found = [read for match in matches if (read := _read_expression(question, match, now))]
    if latest and not found:
        week = Period(now - (LATEST_DAYS - 1) * _DAY, now)
        found = [TimeExpression(latest.group(), Span(*latest.span()), week, is_filter=False, is_strict=False)]
    if len(found) != 1:
        return None
    is_recent = found[0].is_filter and re.search(_RECENT_WORDS, found[0].phrase) is not None
    return found[0] if is_recent or (len(matches) < 2 and _has_one_clause(question, found[0])) else None


def _has_one_clause(question: str, expression: TimeExpression) -> bool:
    start, end = expression.span
    return len(split_clauses(f"{question[:start]} {question[end:]}")) == 1


def _read_expression(question: str, match: re.Match[str], today: date) -> TimeExpression | None:
    """Read one match; None where it says nothing that `find_days` doesn't, or nothing at all."""
    preposition = (match["preposition"] or "").lower()
    if preposition in {"before", "after"} and question[: match.start()].rstrip().endswith("day"):
        return None  # "the day before yesterday"
    before = _PUBLISHED_BEFORE.search(question, 0, match.start())
    is_recent = bool(match["recent"] or match["today"])
    is_published = bool(
        (before and (preposition or is_recent) and (before["verb"] or preposition != "on"))
        or (_PUBLISHED_AFTER.match(question, match.end()) and (match["possessive"] or is_recent))
    )
    is_as_of = preposition in {"as of", "as at", "up to"}
    try:
        period = _bound(preposition, _measure(match, today), match, today)
    except (ValueError, OverflowError):
        return None  # 31 February
    if not (is_published or is_as_of or match["recent"] or _says_more_than_when(match, preposition, period, today)):
        return None
    # "Since May left" is of a person.
    is_start = preposition in {"since", "after"} and not (match["year"] or match["months"] in _MONTH_NAME.split("|"))
    # "Last week's game" may have been reported at any time since.
    is_seen_from_today = match["recent"] and not match["possessive"]
    is_filter = bool(is_published or is_as_of or is_start or is_seen_from_today)
    return TimeExpression(
        " ".join(match.group().split()),
        Span(*match.span()),
        period,
        is_filter=is_filter,
        is_strict=is_filter and (is_published or is_as_of),
    )


def _says_more_than_when(match: re.Match[str], preposition: str, period: Period, today: date) -> bool:
    """Whether words that may well date an event also make some articles more likely than others."""
    if match["year"] or (period.last and period.last >= today and not period.first):
        return False  # it holds for all articles, or is too long to prefer any
    if match["date"]:
        return bool(match["other"] or match["from_day"] or preposition in {"since", "after", "before", "until", "till"})
    if match["months"]:
        return preposition in {"in", "during", "since", "after", "before"} and (period.first or today) <= today
    if match["weekday"]:
        return preposition in {"on", "since", "after", "before"} or match["weekday"].startswith(("last", "this"))
    return preposition != "" or bool(match["today"])


def _bound(preposition: str, stretch: Period, match: re.Match[str], today: date) -> Period:
    """Say which days a preposition makes of a stretch, which has both ends."""
    first, last = stretch
    if first is None or last is None:
        return stretch
    if preposition in {"between", "from"} and match["from_day"]:
        return Period(first.replace(day=int(match["from_day"])), last)
    if preposition in {"between", "from"} and match["other"]:
        other = re.fullmatch(_STRETCH, match["other"])
        return Period(first, _measure(other, today).last if other else None)
    if preposition == "since":
        return Period(first, None)
    if preposition == "after":
        return Period(last + _DAY, None)
    if preposition == "before":
        return Period(None, first - _DAY)
    if preposition in {"until", "till", "up to", "as of", "as at"}:
        return Period(None, last)
    return stretch


def _measure(match: re.Match[str], today: date) -> Period:
    """Say which days a stretch is, as seen from today. Raises ValueError or OverflowError for one that there isn't."""
    if words := match["date"]:
        named = next(_to_day(found) for pattern in _DATES if (found := pattern.fullmatch(words)))
        day = date(named.year, named.month, named.day) if named.year else _find_nearest(today, named.month, named.day)
        return Period(day, day)
    if words := match["weekday"]:
        back = (today.weekday() - _WEEKDAYS.index(words.split()[-1])) % 7
        day = today - (back or 7 * words.startswith("last")) * _DAY
        return Period(day, day)
    if words := match["ordinal"]:
        number = int(re.sub(r"\D", "", words))
        month = today if number <= today.day else today.replace(day=1) - _DAY
        while number > monthrange(month.year, month.month)[1] and number <= 31:
            month = month.replace(day=1) - _DAY
        return Period(month.replace(day=number), month.replace(day=number))
    if words := match["months"]:
        number = _MONTH_NUMBERS[words[:3].lower()]
        year = words[-4:]
        return _get_month(int(year) if year.isdigit() else _find_nearest(today, number, 1).year, number)
    if match["year"]:
        return Period(date(int(match["year"]), 1, 1), date(int(match["year"]), 12, 31))
    if match["today"]:
        return Period(today, today)
    return _measure_recent(match["recent"].lower().split(), today)


def _measure_recent(words: list[str], today: date) -> Period:
    if words == ["yesterday"]:
        return Period(today - _DAY, today - _DAY)
    which, unit = words[-2], words[-1]
    if which in {"this", "last"} and words[0] != "the":
        is_last = which == "last"
        if unit == "week":
            monday = today - (today.weekday() + 7 * is_last) * _DAY
            return Period(monday, monday + 6 * _DAY)
        month = today.replace(day=1) - _DAY if is_last else today
        return _get_month(month.year, month.month)
    if which in {"past", "last"}:
        return Period(today - _UNIT_DAYS[unit] * _DAY, today)
    counted = next(word for word in words if word in _COUNTS or word.isdigit())
    days = (_COUNTS.get(counted) or int(counted)) * _UNIT_DAYS[unit.removesuffix("s")]
    return Period(today - days * _DAY, today)


def _get_month(year: int, month: int) -> Period:
    return Period(date(year, month, 1), date(year, month, monthrange(year, month)[1]))


def _find_nearest(today: date, month: int, day: int) -> date:
    """Find the such day that is nearest to today: 29 February may be some years away. Raises ValueError for none."""
    years = range(max(today.year - 8, 1), min(today.year + 8, 9999) + 1)
    days = (date(year, month, day) for year in years if 1 <= day <= monthrange(year, month)[1])
    return min(days, key=lambda found: abs(found - today))
