"""Says which articles a question asks: by its options, and by its own words for time.

Options always win: where `since` or `until` is given, the question's words narrow nothing. A period that is not strict
(`dates.TimeExpression`) is given up where no article is from it, or none of it answers, and that is said: a journalist
would rather see last week's decision, with its date, than nothing. A strict one never is.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from assistant.dates import (
    Period,
    TimeExpression,
    describe_period,
    find_time,
    find_unread,
    get_bounds,
    read_bounds,
    spell_out,
    to_time,
)
from assistant.errors import SettingsError
from assistant.port import Snapshot
from assistant.schema import PassageFilter
from assistant.snapshot import EVERYTHING
from assistant.terms import find_terms
from assistant.types import Span, Understood

OUTLETS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Scope:
    """What is asked, and of which articles: those that `filter` lets through, those of the `preferred` period first.

    `question` is without the words that were read as a filter: no article need hold them. `wider` is asked where this
    doesn't answer.
    """

    question: str
    filter: PassageFilter
    preferred: Period | None = None
    understood: tuple[Understood, ...] = ()
    wider: "Scope | None" = None


def read_options(
    outlet: str | None, since: datetime | date | str | None, until: datetime | date | str | None
) -> PassageFilter:
    """Read what was chosen of articles as a filter. Raises SettingsError for what can't be."""
    if outlet is not None and not isinstance(outlet, str):
        raise SettingsError(f"an outlet is text, and not {type(outlet).__name__}")
    start, end = read_bounds(since, until)
    if start is not None and end is not None and to_time(start) >= to_time(end):
        raise SettingsError(f"no time lies between since {since} and until {until}; since must be the earlier")
    return PassageFilter(outlet, start, end)


def read_scope(
    question: str, *, library: Snapshot, options: PassageFilter = EVERYTHING, today: date | None = None
) -> Scope:
    """Read which articles a question asks, of those that the options let through.

    `today` is what "this week" is seen from: without it, the day of the newest article, or of the last that the options
    let through.
    """
    question = spell_out(question)
    expression = find_time(question, today=lambda: today or library.newest_day(before=options.until))
    unknown = _check_outlet(options.outlet, library.outlets()) if options.outlet is not None else ()
    if expression is None:
        unread = find_unread(question)
        said = (Understood(f"Not read: {unread!r}; --until DATE answers as of a day"),) if unread else ()
        return Scope(question, options, None, (*unknown, *said))
    period = PassageFilter(None, *get_bounds(expression.period))
    if not expression.is_filter:
        if not library.has_articles(period):
            return Scope(question, options, None, unknown)
        return Scope(question, options, expression.period, (*unknown, _describe(expression)))
    if options.since is not None or options.until is not None:
        return Scope(question, options, None, unknown)
    rest = _leave_out(question, expression.span)
    narrowed = replace(period, outlet=options.outlet)
    what = f"published {describe_period(expression.period)} ({expression.phrase})"
    if not library.has_articles(narrowed):
        if expression.is_strict:
            return Scope(rest, narrowed, None, (*unknown, Understood(f"No article was {what}")))
        return Scope(rest, options, None, (*unknown, Understood(f"No article was {what}, so all were asked")))
    wider = Scope(
        rest, options, None, (*unknown, Understood(f"Nothing {what} answers this, so all articles were asked"))
    )
    return Scope(rest, narrowed, None, (*unknown, _describe(expression)), None if expression.is_strict else wider)


def _describe(time: TimeExpression) -> Understood:
    what = f"published {describe_period(time.period)}"
    text = f"Read as: articles {what} ({time.phrase})" if time.is_filter else f"First: articles {what} ({time.phrase})"
    return Understood(text, *time.period, is_filter=time.is_filter)


def _leave_out(question: str, span: Span) -> str:
    rest = " ".join(f"{question[: span.start]} {question[span.end :]}".split()).lstrip(",;:. ")
    rest = re.sub(r"\s+(?=[,;:.?!])", "", rest)
    return rest if find_terms(rest) else question


def _check_outlet(outlet: str, known: Sequence[str]) -> tuple[Understood, ...]:
    """Say which outlets there are where none is that one, likely ones first."""
    if outlet.lower() in {name.lower() for name in known}:
        return ()
    if not known:
        return (Understood(f"No article is of the outlet {outlet!r}: none has one"),)
    lowered = {name.lower(): name for name in known}
    alike = [name for name in known if outlet.strip() and outlet.strip().lower() in name.lower()]
    alike += [
        lowered[name] for name in difflib.get_close_matches(outlet.lower(), lowered) if lowered[name] not in alike
    ]
    said = f"; did you mean {' or '.join(map(repr, alike[:3]))}?" if alike else "."
    listed = ", ".join(known[:OUTLETS_SHOWN]) + (" and more" if len(known) > OUTLETS_SHOWN else "")
    return (Understood(f"No article is of the outlet {outlet!r}{said} There are {listed}"),)
