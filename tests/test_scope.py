from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from assistant.dates import Period, to_time
from assistant.errors import SettingsError
from assistant.library import Library
from assistant.schema import PassageFilter
from assistant.scope import Scope, read_options, read_scope
from assistant.types import Article, Understood

ARTICLES = [
    Article("old", "Old", "Ferries stop.", "Harbour Courier", published=datetime(2025, 3, 5, 23, 30, tzinfo=UTC)),
    Article("undated", "Undated", "Ferries sail."),
    Article("new", "New", "Ferries wait.", "Vale Observer", published=datetime(2025, 3, 20, 8, 0, tzinfo=UTC)),
]
WEEK = PassageFilter(since=date(2025, 3, 17), until=date(2025, 3, 24))

Read = Callable[..., Scope]


@pytest.fixture
def read(library: Library) -> Read:
    """Read a question that is asked of the articles, or of others."""

    def read(
        question: str, *, articles: Sequence[Article] = ARTICLES, today: date | None = None, **options: object
    ) -> Scope:
        with library.writing():
            library.add([(article, ()) for article in articles])
        chosen = read_options(*(options.get(name) for name in ("outlet", "since", "until")))  # type: ignore[arg-type]
        with library.snapshot() as snapshot:
            return read_scope(question, library=snapshot, options=chosen, today=today)

    return read


def test_a_plain_question_asks_all(read: Read) -> None:
    assert read("Who left?") == Scope("Who left?", PassageFilter())


def test_this_week_is_seen_from_the_newest_article_and_said(read: Read) -> None:
    scope = read("What happened this week?")

    assert scope.filter == WEEK
    assert scope.understood == (
        Understood(
            "Read as: articles published 17–23 March 2025 (this week)", date(2025, 3, 17), date(2025, 3, 23), True
        ),
    )


@pytest.mark.parametrize(
    ("question", "rest"),
    [
        ("As of 6 March, who had left?", "who had left?"),
        ("What do this week's articles say of Kyiv?", "What do articles say of Kyiv?"),
        ("What happened on Thursday?", "What happened on Thursday?"),
        ("this week", "this week"),
    ],
)
def test_words_that_are_a_filter_need_stand_in_no_article(read: Read, question: str, rest: str) -> None:
    assert read(question).question == rest


def test_this_week_is_seen_from_the_day_that_was_given(read: Read) -> None:
    assert read("What happened this week?", today=date(2025, 3, 5)).filter == PassageFilter(
        since=date(2025, 3, 3), until=date(2025, 3, 10)
    )


def test_an_option_for_time_wins(read: Read) -> None:
    scope = read("What happened this week?", since="2025-03-01")

    assert scope == Scope("What happened this week?", PassageFilter(since=date(2025, 3, 1)))


def test_an_outlet_and_words_for_time_go_together(read: Read) -> None:
    scope = read("What happened this week?", outlet="vale observer")

    assert (scope.filter.outlet, scope.filter.since) == ("vale observer", WEEK.since)


def test_what_does_not_answer_is_given_up_for_all_articles_unless_it_was_meant_strictly(read: Read) -> None:
    wider = read("What happened this week?").wider

    assert wider is not None
    assert wider.filter == PassageFilter()
    assert wider.understood[0].text == (
        "Nothing published 17–23 March 2025 (this week) answers this, so all articles were asked"
    )
    assert read("What do this week's articles say?").wider is None
    assert read("As of 6 March, who had left?").wider is None


def test_a_time_of_no_article_asks_all_and_says_so(read: Read) -> None:
    scope = read("What happened last month?")

    assert (scope.filter, scope.wider) == (PassageFilter(), None)
    assert "No article was published 1–28 February 2025" in scope.understood[0].text
    assert scope.understood[0].text.endswith("so all were asked")


@pytest.mark.parametrize("question", ["As of 2 February 2020, who led?", "What did last month's articles say?"])
def test_a_strict_time_of_no_article_asks_none_and_says_so(read: Read, question: str) -> None:
    scope = read(question)

    assert scope.filter != PassageFilter()
    assert scope.wider is None
    assert "No article was published" in scope.understood[0].text


def test_an_as_of_that_is_not_read_is_said(read: Read) -> None:
    scope = read("Who led as of 3/5/2026?")

    assert scope.filter == PassageFilter()
    assert scope.understood[0].text == "Not read: 'as of 3/5/2026'; --until DATE answers as of a day"


def test_what_only_dates_an_event_hides_nothing(read: Read) -> None:
    scope = read("What happened on Thursday?")

    assert scope.filter == PassageFilter()
    assert scope.preferred == Period(date(2025, 3, 20), date(2025, 3, 20))
    assert scope.understood[0].text == "First: articles published on 20 March 2025 (on Thursday)"
    assert read("What happened in May 2024?") == Scope("What happened in May 2024?", PassageFilter())


@pytest.mark.parametrize(("outlet", "meant"), [("Courier", "'Harbour Courier'"), ("Vale Obsever", "'Vale Observer'")])
def test_an_outlet_that_no_article_has_is_named_with_those_that_there_are(read: Read, outlet: str, meant: str) -> None:
    (understood,) = read("Who left?", outlet=outlet).understood

    assert f"did you mean {meant}? There are Harbour Courier, Vale Observer" in understood.text


def test_an_outlet_that_is_like_none_gets_no_guess(read: Read) -> None:
    assert read("Who left?", outlet="Zzz").understood[0].text == (
        "No article is of the outlet 'Zzz'. There are Harbour Courier, Vale Observer"
    )
    assert read("Who left?", outlet="harbour courier").understood == ()


def test_where_no_article_has_an_outlet_that_is_said(read: Read) -> None:
    assert "none has one" in read("Who?", articles=[ARTICLES[1]], outlet="Zzz").understood[0].text


def test_an_option_that_cannot_be_is_refused(read: Read) -> None:
    with pytest.raises(SettingsError, match="an outlet is text"):
        read("Who left?", outlet=5)


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("2025-04-02", "2025-04-01"),
        (date(2025, 4, 2), datetime(2025, 4, 1, 23, tzinfo=UTC)),
        ("2025-04-01T10:00:00+00:00", "2025-04-01T09:00:00+00:00"),
    ],
)
def test_a_period_that_ends_before_it_begins_is_refused(since: str | date, until: str | date) -> None:
    with pytest.raises(SettingsError, match=r"no time lies between since 2025-04-0.* and until 2025-04-01"):
        read_options(None, since, until)


@pytest.mark.parametrize("day", ["2025-04-01", "2025-04-01T10:00:00+00:00", datetime(2025, 4, 1)])
def test_a_period_may_be_one_day_or_one_moment(day: str | datetime) -> None:
    options = read_options(None, day, day)

    assert options.since is not None
    assert options.until is not None
    assert to_time(options.since) < to_time(options.until)


def test_today_is_the_day_of_the_newest_article_where_it_appeared(read: Read) -> None:
    late = replace(ARTICLES[2], published=datetime(2025, 3, 16, 23, 30, tzinfo=timezone(timedelta(hours=-5))))

    scope = read("What happened this week?", articles=[ARTICLES[0], late])

    assert scope.filter == PassageFilter(since=date(2025, 3, 10), until=date(2025, 3, 17))
    assert scope.understood[0].is_filter
