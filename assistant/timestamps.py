"""Reads days and times as pages write them, in attributes that machines read and in words, with their zones.

Libraries that find the date of a page give its day; an article has a time, and its zone may stand in another field.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import NamedTuple

EARLIEST_YEAR = 1900
LATEST_YEAR = 2100
MAX_TEXT_CHARACTERS = 1_000
MAX_AHEAD = timedelta(days=3)  # of the clock: what is dated later isn't believed
NEAR_CHARACTERS = 30  # a time belongs to a day that is as near as this

# Offsets from UTC in hours, in the meaning that newspapers give to these letters.
_ZONES = {
    "Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "MEZ": 1, "WAT": 1, "CEST": 2, "MESZ": 2,
    "EET": 2, "CAT": 2, "SAST": 2, "EEST": 3, "EAT": 3, "MSK": 3, "IDT": 3, "TRT": 3, "GST": 4, "PKT": 5, "IST": 5.5,
    "WIB": 7, "SGT": 8, "HKT": 8, "PHT": 8, "AWST": 8, "JST": 9, "KST": 9, "ACST": 9.5, "AEST": 10, "AEDT": 11,
    "NZST": 12, "NZDT": 13, "BRT": -3, "ART": -3, "AST": -4, "EDT": -4, "EST": -5, "CDT": -5, "CST": -6, "MDT": -6,
    "MST": -7, "PDT": -7, "PST": -8, "AKDT": -8, "AKST": -9, "HST": -10,
}  # fmt: skip
# Those that change with the season.
_SEASONAL_ZONES = {
    "ET": "America/New_York", "CT": "America/Chicago", "MT": "America/Denver", "PT": "America/Los_Angeles",
}  # fmt: skip
_AMERICAN_ZONES = re.compile(r"\b(?:E|C|M|P)[SD]?T\b")

_ENGLISH_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
# Where a page doesn't say what it is written in.
_OTHER_LANGUAGES = ("de", "fr", "es", "it", "pt", "nl")

_YEAR = r"(?:(?:19|20)\d\d|25[4-9]\d)"
BUDDHIST_YEARS = 543  # that the years of Thailand are ahead
# With the marks that are vowels in Hindi and Thai, and Thai's short months: เม.ย.
_WORD = (
    r"(?:(?:[^\W\d_]|[\u0900-\u0903\u093a-\u094f\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]){3,12}"
    r"|[\u0e01-\u0e4e]{1,3}\.[\u0e01-\u0e4e]{1,2}\.)"
)
# 15/03/2025, 15.03.25
_FIGURES = re.compile(
    rf"(?<![\d.,:])(?P<first>\d{{1,2}})(?P<mark>[./-])[\s]?(?P<second>\d{{1,2}})(?P=mark)[\s]?"
    rf"(?P<year>{_YEAR}|\d\d)(?![\d:])"
)
_DAYS = (
    # 2025-03-15, 2025年3月15日
    re.compile(rf"(?<!\d)(?P<year>{_YEAR})(?P<mark>[-/.]|[年년]\s?)(?P<month>\d{{1,2}})(?:[-/.]|[月월]\s?)(?P<day>\d{{1,2}})(?!\d)"),
    # 15 March 2025, 15. März 2025, 1er mars 2025, 15 de marzo de 2025, 15-Mar-2025
    re.compile(
        rf"(?<!\d)(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|[.ºª])?[\s\xa0/-]{{1,3}}(?:de |of |d['’])?(?P<word>{_WORD})[.,]?"
        rf"[\s\xa0/-]{{1,3}}(?:del? )?(?P<year>{_YEAR})(?!\d)"
    ),
    # March 15, 2025
    re.compile(rf"(?P<word>{_WORD})\.?[\s\xa0]{{1,3}}(?P<day>\d{{1,2}})(?:st|nd|rd|th)?,?[\s\xa0]{{1,3}}(?P<year>{_YEAR})(?!\d)"),
    _FIGURES,
)  # fmt: skip
# The halves of a day, in front of the hour in East Asia, and behind it in Arabic, Persian and English.
_HALVES = {
    "오전": 0, "上午": 0, "午前": 0, "凌晨": 0, "早上": 0, "오후": 12, "下午": 12, "午後": 12, "晚上": 12,
    "ص": 0, "صباحا": 0, "صباحًا": 0, "م": 12, "مساء": 12, "مساءً": 12, "قبل از ظهر": 0, "بعد از ظهر": 12,
    "ق.ظ": 0, "ب.ظ": 12,
}  # fmt: skip
_ZONE = r"[A-Z]{1,4}T\b|UTC\b|Z\b|MES?Z\b|MSK\b|WIB\b"
_TIME = re.compile(
    r"(?:(?P<early>오전|오후|上午|下午|午前|午後|凌晨|早上|晚上)\s?)?"
    r"(?<![\d:.,/])(?P<hour>[01]?\d|2[0-3])"
    rf"(?:[:.hH](?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d)(?:[.,]\d{{1,9}})?)?"
    rf"|(?P<unit>[時时點点시])(?:\s?(?P<minutes>[0-5]?\d)[分분]?)?|(?P<figures>[0-5]\d)(?=\s?(?:{_ZONE})))?(?!\d)"
    r"\s?(?P<half>(?:[aApP]\.?\s?[mM])\b\.?|Uhr\b|uur\b|h\b|(?:صباح[اً]+|مساءً?|[صم]|(?:قبل|بعد) از ظهر|[قب]\.ظ)(?!\w))?"
    rf"[\s\xa0]{{0,2}}\(?(?P<zone>(?:(?:UTC|GMT)\s?)?[+\-−]\d{{1,2}}(?::?\d{{2}})?(?!\d)|{_ZONE})?"
)
_TELLING = ("minute", "half", "unit", "figures")  # without which a number is no time
_COMPACT = re.compile(r"(?P<day>(?:19|20)\d{6})(?:T?(?P<time>\d{4}(?:\d{2})?))?(?P<zone>Z|[+-]\d{2}:?\d{2})?")
# The digits of Arabic and Persian, which stand for ASCII's one for one.
_DIGITS = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "0123456789" * 2)
_OFFSET = re.compile(r"(?P<sign>[+\-−])(?P<hours>\d{1,2}):?(?P<minutes>\d{2})?")


class Timestamp(NamedTuple):
    """A day, with its time where `has_time`; the time has a zone where one was written.

    `is_assumed`: 3/4/2025 may be two days, and one was chosen.
    """

    time: datetime
    has_time: bool
    is_assumed: bool = False

    @property
    def has_zone(self) -> bool:
        """Whether it says how far from UTC its time is."""
        return self.time.tzinfo is not None


def read_timestamp(value: str, *, language: str | None = None, is_month_first: bool = False) -> Timestamp | None:
    """Read the value of a field that holds a date and nothing else; None where it holds none."""
    value = value.strip()[:MAX_TEXT_CHARACTERS]
    if re.fullmatch(r"1\d{9}(?:\d{3})?", value):  # seconds or milliseconds since 1970
        return _accept(Timestamp(datetime.fromtimestamp(int(value[:10]), UTC), True))
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        pass
    else:
        # A year and a week are ISO dates as well, and so are eight digits.
        return _accept(Timestamp(_fix_zone(parsed), len(value) > len("2025-03-15")))
    if match := _COMPACT.fullmatch(value):
        return _read_compact(match)
    return next((found for _, found in find_timestamps(value, language=language, is_month_first=is_month_first)), None)


def find_timestamps(
    text: str, *, language: str | None = None, is_month_first: bool = False
) -> Iterator[tuple[int, Timestamp]]:
    """Find the days that a short text names with their year, in order, each with where it begins.

    The time next to a day is taken with it. `language` is what month names are looked up in besides English;
    `is_month_first` says how 03/04/2025 is read.
    """
    text = text[:MAX_TEXT_CHARACTERS].translate(_DIGITS)
    is_month_first = is_month_first or bool(_AMERICAN_ZONES.search(text))
    position = 0
    while matches := [match for pattern in _DAYS if (match := pattern.search(text, position))]:
        match = min(matches, key=lambda found: (found.start(), -found.end()))
        day = _read_day(match, language, is_month_first)
        if day is None:
            position = match.start() + 1
            continue
        found, start, position = _add_time(day, text, match, position)
        if _accept(found):
            yield start, found._replace(is_assumed=_is_ambiguous(match))


def find_orders(text: str) -> Iterator[bool]:
    """Find the days in a short text that are written in figures and can only be read in one way: 12/25/2025.

    Yields whether the month comes first. With full stops the day does everywhere, which tells nothing of other marks.
    """
    for match in _FIGURES.finditer(text[:MAX_TEXT_CHARACTERS].translate(_DIGITS)):
        first, second = int(match["first"]), int(match["second"])
        if match["mark"] != "." and 1 <= min(first, second) <= 12 < max(first, second) <= 31:
            yield second > 12


@lru_cache(maxsize=64)
def is_month_first_in(locale: str) -> bool | None:
    """Whether the month comes first in a locale, such as "en-US"; None where the year does or nobody knows."""
    from dateparser.languages.loader import default_loader

    try:
        order = default_loader.get_locale(locale).info.get("date_order")
    except ValueError:  # one that it doesn't have
        return None
    return {"MDY": True, "DMY": False}.get(str(order))


def is_american(text: str) -> bool:
    """Whether a text names a time zone of the United States, where the month comes first."""
    return bool(_AMERICAN_ZONES.search(text))


def _accept(found: Timestamp | None) -> Timestamp | None:
    """Leave out what stands for no date: year 1, the first day that computers count from, and what is yet to come."""
    if (
        found is None
        or not EARLIEST_YEAR <= found.time.year < LATEST_YEAR
        or found.time.date().isoformat() == "1970-01-01"
        or is_ahead(found.time)
    ):
        return None
    return found


def is_ahead(time: datetime) -> bool:
    """Whether a time lies further ahead than clocks and zones explain; one without a zone is taken as UTC."""
    return (time if time.tzinfo else time.replace(tzinfo=UTC)) > datetime.now(UTC) + MAX_AHEAD


def _read_day(match: re.Match[str], language: str | None, is_month_first: bool) -> datetime | None:
    groups = match.groupdict()
    year = int(groups["year"])
    if year < 100:
        year += 2000 if year < 70 else 1900
    if year >= 2500 and (language == "th" or "\u0e00" <= groups.get("word", "")[:1] <= "\u0e7f"):
        year -= BUDDHIST_YEARS
    if "word" in groups:
        month, day = _find_month(groups["word"], language), int(groups["day"])
    elif "first" in groups:
        first, second = int(groups["first"]), int(groups["second"])
        is_swapped = second > 12 or (is_month_first and groups["mark"] != "." and first <= 12)
        day, month = (second, first) if is_swapped else (first, second)
    else:
        month, day = int(groups["month"]), int(groups["day"])
    try:
        return datetime(year, month or 0, day)
    except ValueError:
        return None


def _is_ambiguous(match: re.Match[str]) -> bool:
    """Whether a day in figures may be another: with full stops the day comes first everywhere."""
    groups = match.groupdict()
    if "first" not in groups or groups["mark"] == ".":
        return False
    first, second = int(groups["first"]), int(groups["second"])
    return first != second and max(first, second) <= 12


def _find_month(word: str, language: str | None) -> int | None:
    folded = word.lower().replace(".", "")
    for number, name in enumerate(_ENGLISH_MONTHS, start=1):
        if folded in (name, name[:3]) or (folded == "sept" and number == 9):
            return number
    is_thai = "\u0e00" <= word[0] <= "\u0e7f"
    languages = ("th",) if is_thai else (language,) if language else _OTHER_LANGUAGES
    return next((month for code in languages if (month := _load_months(code).get(folded))), None)


@lru_cache(maxsize=64)
def _load_months(language: str) -> dict[str, int]:
    """Load the names of months in a language, in small letters, and as they are grown together with "in"."""
    from dateparser.languages.loader import default_loader

    try:
        info = default_loader.get_locale(language).info
    except ValueError:  # a language that it doesn't have
        return {}
    months = {}
    for number, key in enumerate(_ENGLISH_MONTHS, start=1):
        for name in info.get(key, ()):
            months[str(name).lower().replace(".", "")] = number
            if language == "he":
                months[f"ב{name}"] = number
    return months


def _add_time(day: datetime, text: str, match: re.Match[str], earliest: int) -> tuple[Timestamp, int, int]:
    """Take the time that follows the day, or else the one that stands in front of it; say where both begin and end."""
    after = _find_time(text[match.end() : match.end() + NEAR_CHARACTERS], is_last=False)
    before = max(earliest, match.start() - NEAR_CHARACTERS)
    time = after or _find_time(text[before : match.start()], is_last=True)
    if time is None:
        return Timestamp(day, False), *match.span()
    start = match.start() if after else before + time.start()
    end = match.end() + (after.end() if after else 0)
    hour, second = int(time["hour"]), int(time["second"] or 0)
    minute = int(time["minute"] or time["minutes"] or time["figures"] or 0)
    half = (time["half"] or "").lower()
    shift = _HALVES.get(time["early"] or half, {"a": 0, "p": 12}.get(half[:1]))
    if shift is not None and hour <= 12:
        hour = hour % 12 + shift
    moment = day.replace(hour=hour, minute=minute, second=second)
    return Timestamp(moment.replace(tzinfo=_find_zone(time["zone"], moment)), True), start, end


def _find_time(text: str, *, is_last: bool) -> re.Match[str] | None:
    times = [match for match in _TIME.finditer(text) if any(match[name] for name in _TELLING)]
    if not times or not is_last:
        return times[0] if times else None
    # "0845 GMT (1645 HKT)" is one time.
    first = len(times) - 1
    while first and not re.search(r"\w", text[times[first - 1].end() : times[first].start()]):
        first -= 1
    return times[first]


def _find_zone(zone: str | None, moment: datetime) -> timezone | None:
    if not zone:
        return None
    if offset := _OFFSET.search(zone):
        minutes = int(offset["hours"]) * 60 + int(offset["minutes"] or 0)
        return _make_zone(minutes if offset["sign"] == "+" else -minutes)
    if zone in _SEASONAL_ZONES:
        from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

        try:
            difference = moment.replace(tzinfo=ZoneInfo(_SEASONAL_ZONES[zone])).utcoffset()
        except ZoneInfoNotFoundError:
            return None
        return timezone(difference) if difference is not None else None
    return _make_zone(int(_ZONES[zone] * 60)) if zone in _ZONES else None


def _make_zone(minutes: int) -> timezone | None:
    if abs(minutes) > 14 * 60:
        return None
    return timezone(timedelta(minutes=minutes)) if minutes else UTC


def _fix_zone(moment: datetime) -> datetime:
    """Write UTC in one way, whatever it was written as."""
    return moment.replace(tzinfo=UTC) if moment.utcoffset() == timedelta(0) else moment


def _read_compact(match: re.Match[str]) -> Timestamp | None:
    time = (match["time"] or "").ljust(6, "0")
    try:
        moment = datetime.strptime(match["day"] + time, "%Y%m%d%H%M%S")
    except ValueError:
        return None
    return _accept(Timestamp(moment.replace(tzinfo=_find_zone(match["zone"], moment)), bool(match["time"])))
