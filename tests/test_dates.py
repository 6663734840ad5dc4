from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.dates import (
    Day,
    Period,
    describe_period,
    find_days,
    find_time,
    find_unread,
    get_bounds,
    read_bounds,
    spell_out,
)
from assistant.errors import SettingsError

TODAY = date(2025, 3, 27)  # a Thursday


def read(question: str, today: date | None = TODAY) -> tuple[str, str] | None:
    """What is read of a question: the period, and what it does."""
    found = find_time(question, today=lambda: today)
    if found is None:
        return None
    return describe_period(found.period), "only" if found.is_strict else "filter" if found.is_filter else "first"


def test_days_are_read_in_words_and_digits() -> None:
    assert find_days("on October 7, 2023 and 15 March, not 2023-12-05 nor at May 7:30 or in June 2024") == (
        Day(2023, 10, 7),
        Day(None, 3, 15),
        Day(2023, 12, 5),
    )


@pytest.mark.parametrize(
    ("question", "period"),
    [
        ("What do this week's articles say of Kyiv?", "24–30 March 2025"),
        ("What was reported since Monday about the flood?", "since 24 March 2025"),
        ("As of March 12, how many homes were hit?", "until 12 March 2025"),
        ("How many homes were hit, as of 12 March 2024?", "until 12 March 2024"),
        ("What did the Courier report before 5 March?", "until 4 March 2025"),
        ("news from October 2023 about the harbour", "1–31 October 2023"),
        ("Which stories were published between 5 and 10 March?", "5–10 March 2025"),
        ("What was reported from 28 February to 2 March?", "28 February – 2 March 2025"),
        ("What was published today?", "on 27 March 2025"),
        ("Which articles from the 12th, if any, name him?", "on 12 March 2025"),
        ("Which articles of 2024 name him?", "1 January – 31 December 2024"),
    ],
)
def test_what_is_bound_to_publishing_or_to_what_was_known_leaves_no_other_articles(question: str, period: str) -> None:
    assert read(question) == (period, "only")


@pytest.mark.parametrize(
    ("question", "period"),
    [
        ("What did Putin say this week?", "24–30 March 2025"),
        ("What did Putin say last week?", "17–23 March 2025"),
        ("What happened yesterday?", "on 26 March 2025"),
        ("What happened last month?", "1–28 February 2025"),
        ("What happened in the past three days?", "24–27 March 2025"),
        ("What happened in the last couple of weeks?", "13–27 March 2025"),
        ("What happened in the past week?", "20–27 March 2025"),
        ("What has the Kremlin said since Tuesday?", "since 25 March 2025"),
        ("What has been agreed since 11 March?", "since 11 March 2025"),
        ("What has been agreed since December 28?", "since 28 December 2024"),
        ("What was said after the 12th?", "since 13 March 2025"),
        ("What was said this week about the vote on 12 March and the 2024 budget?", "24–30 March 2025"),
        ("What was said after the 30th?", "since 31 January 2025"),
    ],
)
def test_what_is_recent_or_a_first_day_is_a_filter(question: str, period: str) -> None:
    assert read(question) == (period, "filter")


@pytest.mark.parametrize(
    ("question", "period"),
    [
        ("What happened on Monday?", "on 24 March 2025"),
        ("What has gone wrong since February left?", "since 1 February 2025"),
        ("What happened on Thursday?", "on 27 March 2025"),
        ("What happened last Thursday?", "on 20 March 2025"),
        ("What happened in October 2023?", "1–31 October 2023"),
        ("What was agreed before 5 March?", "until 4 March 2025"),
        ("What is the latest on the flood?", "21–27 March 2025"),
        ("Who was hurt in last week's game?", "17–23 March 2025"),
        ("How deep can a ship be today?", "on 27 March 2025"),
    ],
)
def test_what_may_well_date_an_event_only_says_what_comes_first(question: str, period: str) -> None:
    assert read(question) == (period, "first")


@pytest.mark.parametrize(
    "question",
    [
        "What happened on 12 March?",  # a day that is named: articles of it come first anyway
        "Who won the 1998 World Cup?",
        "Who plays on Monday Night Football?",
        "Which law did the 12th Congress pass?",
        "Will the bridge open before 5 April?",
        "What did the report on 7 October find?",
        "May he march in May?",
        "What was said up to 30 February?",
        "Who has been in office since 2019?",
        "What was the last week of the trial like?",
    ],
)
def test_an_event_or_a_name_says_nothing_of_articles(question: str) -> None:
    assert read(question) is None


@pytest.mark.parametrize(
    "question",
    [
        "What did the Post report on 4 May, and what did the Times find out since Monday?",
        "What changed between last week's articles and this week's articles?",
        "After the Times reported on 1 March that prices fell, did the Post report that wages were rising?",
    ],
)
def test_a_question_that_asks_several_articles_is_read_whole(question: str) -> None:
    assert read(question) is None


def test_what_is_recent_is_so_for_all_of_a_question() -> None:
    assert read("What did the Kremlin demand this week, and how did the government in Kyiv respond to it?") == (
        "24–30 March 2025",
        "filter",
    )


def test_without_a_today_there_is_no_time() -> None:
    assert read("What happened this week, as of 12 March?", None) is None


def test_today_is_asked_only_where_it_is_needed() -> None:
    def fail() -> date:
        raise AssertionError

    assert find_time("Who went up the hill on 12?", today=fail) is None


@given(st.text(max_size=80), st.dates())
def test_any_question_can_be_read_on_any_day(question: str, today: date) -> None:
    for words in (question, f"since the {len(question)}th", f"reported {question} last month", "the past 99 months"):
        found = find_time(words, today=lambda: today)
        assert found is None or (describe_period(found.period) and " ".join(words[slice(*found.span)].split()))


@given(st.dates(), st.dates())
def test_the_bounds_of_a_period_hold_its_days_and_no_others(first: date, last: date) -> None:
    period = Period(min(first, last), max(first, last))
    start, end = get_bounds(period)

    assert start is not None
    for day in (first, last):
        assert start <= day
        assert end is None or day < end
    assert end is None or (end - start).days == (period.last - period.first).days + 1  # type: ignore[operator]


@pytest.mark.parametrize("until", ["2025-03-15", date(2025, 3, 15)])
def test_the_last_day_of_a_filter_counts(until: date | str) -> None:
    assert read_bounds(None, until) == (None, date(2025, 3, 16))


def test_the_last_moment_of_a_filter_counts() -> None:
    time = datetime(2025, 3, 15, 9, 30, tzinfo=timezone(timedelta(hours=2)))

    assert read_bounds(time, time) == (time, time + timedelta.resolution)
    assert read_bounds("2025-03-15T09:30", "9999-12-31") == (datetime(2025, 3, 15, 9, 30, tzinfo=UTC), None)


def test_a_filter_that_is_no_date_is_refused() -> None:
    with pytest.raises(SettingsError, match="write it as 2025-03-15"):
        read_bounds("last Tuesday", None)


@pytest.mark.parametrize(
    ("question", "spelled"),
    [
        ("What was the toll as of 12 mar?", "What was the toll as of 12 March?"),
        ("AS-OF  wed, who left?", "AS OF Wednesday, who left?"),
        ("As of Monday, 2 Sept. 2024, who led?", "As of 2 September 2024, who led?"),
        ("Who marched in march  2025?", "Who marched in march 2025?"),
        ("May may sat as of yet.", "May may sat as of yet."),
    ],
)
def test_what_follows_as_of_is_read_however_it_is_written(question: str, spelled: str) -> None:
    assert spell_out(question) == spelled


@pytest.mark.parametrize(
    ("question", "unread"),
    [
        ("Who led as of 3/5/2026, and why?", "as of 3/5/2026"),
        ("As of early March, who led?", "As of early March"),
        ("As of 29 February 2025 who led?", "As of 29 February 2025"),
        ("As of 12 March 9999, who led?", "As of 12 March 9999"),
    ],
)
def test_a_day_that_cannot_be_read_is_found(question: str, unread: str) -> None:
    assert find_time(question, today=lambda: date(2026, 3, 17)) is None
    assert find_unread(question) == unread


def test_the_day_before_yesterday_is_not_all_days_before_it() -> None:
    assert find_time("Who left the day before yesterday?", today=lambda: date(2026, 3, 17)) is None
