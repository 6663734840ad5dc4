"""Says which articles a question asks: by its options, and by its own words for time.

Options always win: where `since` or `until` is given, the question's words narrow nothing. A period that no article of
the library is from, and one that is not strict (`dates.TimeExpression`) and doesn't answer, is given up, and that is
said: a journalist would rather see last week's decision, with its date, than nothing.
"""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache

from assistant.dates import Period, TimeExpression, describe_period, find_time, get_bounds, read_bounds
from assistant.errors import SettingsError
from assistant.schema import PassageFilter
from assistant.terms import find_terms
from assistant.types import ArticleRef, Span, Understood

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


def read_scope(
    question: str,
    *,
    list_articles: Callable[[], Sequence[ArticleRef]],
    outlet: str | None = None,
    since: datetime | date | str | None = None,
    until: datetime | date | str | None = None,
    today: date | None = None,
) -> Scope:
    """Read which articles a question asks; those of the library are listed only where its words or an outlet need it.

    `today` is what "this week" is seen from: without it, the day of the newest article, or of `until` where that is
    earlier. Raises SettingsError for an option that can't be.
    """
    if outlet is not None and not isinstance(outlet, str):
        raise SettingsError(f"an outlet is text, and not {type(outlet).__name__}")
    start, end = read_bounds(since, until)
    options = PassageFilter(outlet, start, end)
    articles = cache(list_articles)
    expression = find_time(question, today=lambda: today or _find_newest_day(articles(), options))
    unknown = _check_outlet(outlet, articles()) if outlet is not None else ()
    if expression is None:
        return Scope(question, options, None, unknown)
    if not expression.is_filter:
        days = (time.astimezone(UTC).date() for article in articles() if (time := article.published))
        if not any(map(expression.period.holds, days)):
            return Scope(question, options, None, unknown)
        return Scope(question, options, expression.period, (*unknown, _describe(expression)))
    if since is not None or until is not None:
        return Scope(question, options, None, unknown)
    rest = _leave_out(question, expression.span)
    narrowed = PassageFilter(outlet, *get_bounds(expression.period))
    what = f"published {describe_period(expression.period)} ({expression.phrase})"
    if not any(_lets_through(narrowed, article) for article in articles()):
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
    return rest if find_terms(rest) else question


def _find_newest_day(articles: Sequence[ArticleRef], options: PassageFilter) -> date | None:
    """Find the last day on which an article was published that an option for time lets through."""
    dated = (article for article in articles if _lets_through(PassageFilter(until=options.until), article))
    return max((time.astimezone(UTC).date() for article in dated if (time := article.published)), default=None)


def _lets_through(filter: PassageFilter, article: ArticleRef) -> bool:
    """Whether a filter lets an article through, as the library's own search has it."""
    if filter.outlet is not None and (article.outlet or "").lower() != filter.outlet.lower():
        return False
    time = article.published
    if time is None:
        return filter.since is None and filter.until is None
    return (filter.since is None or time >= filter.since) and (filter.until is None or time < filter.until)


def _check_outlet(outlet: str, articles: Sequence[ArticleRef]) -> tuple[Understood, ...]:
    """Say which outlets there are where none is that one, likely ones first."""
    known = sorted({article.outlet for article in articles if article.outlet})
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
