from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.timestamps import find_timestamps, is_american, read_timestamp

NOON = datetime(2025, 3, 15, 9, 30, tzinfo=UTC)


def zone(hours: float) -> timezone:
    return timezone(timedelta(hours=hours))


@pytest.mark.parametrize(
    ("text", "language", "time"),
    [
        ("2025-03-15T09:30:00Z", None, NOON),
        ("2025-03-15T09:30:00+0200", None, NOON.replace(tzinfo=zone(2))),
        ("2025-03-15 09:30:00 +02:00", None, NOON.replace(tzinfo=zone(2))),
        ("20250315T0930Z", None, NOON),
        ("20250315093000", None, NOON.replace(tzinfo=None)),
        ("1742031000", None, NOON),
        ("1742031000000", None, NOON),
        ("Sat, 15 Mar 2025 09:30:00 GMT", None, NOON),
        ("Sat 15 Mar 2025 09.30 GMT", "en", NOON),
        ("March 15, 2025 9:30 am EST", "en", NOON.replace(tzinfo=zone(-5))),
        ("9:30 a.m. ET, March 15, 2025", "en", NOON.replace(tzinfo=zone(-4))),
        ("January 15, 2025 9:30 pm ET", "en", datetime(2025, 1, 15, 21, 30, tzinfo=zone(-5))),
        ("12:05 a.m., 15 March 2025", "en", datetime(2025, 3, 15, 0, 5)),
        ("15. März 2025, 09:30 Uhr", "de", NOON.replace(tzinfo=None)),
        ("Publié le 15 mars 2025 à 09h30", "fr", NOON.replace(tzinfo=None)),
        ("15 de marzo de 2025 a las 9:30 h", "es", NOON.replace(tzinfo=None)),
        ("15 במרץ 2025, 09:30", "he", NOON.replace(tzinfo=None)),
        ("١٥ مارس ٢٠٢٥ ٠٩:٣٠", "ar", NOON.replace(tzinfo=None)),
        ("2025年3月15日 9:30", "zh", NOON.replace(tzinfo=None)),
        ("2025.03.15. 오전 9:30", "ko", NOON.replace(tzinfo=None)),
        ("2025年3月15日 下午9:30", "zh", datetime(2025, 3, 15, 21, 30)),
        ("2025年3月15日 午後9時05分", "ja", datetime(2025, 3, 15, 21, 5)),
        ("2025年3月15日21時", "ja", datetime(2025, 3, 15, 21)),
        ("2025-03-15 9:30 ب.ظ", "fa", datetime(2025, 3, 15, 21, 30)),
        ("١٥ مارس ٢٠٢٥ ٠٩:٣٠ م", "ar", datetime(2025, 3, 15, 21, 30)),
        ("15 มีนาคม 2568 เวลา 09:30 น.", "th", NOON.replace(tzinfo=None)),
        ("15 มี.ค. 2568 09:30 น.", None, NOON.replace(tzinfo=None)),
        ("15 March 2550", "en", None),
        ("0930 GMT (1730 HKT) March 15, 2025", "en", NOON),
        ("15/03/2025", None, datetime(2025, 3, 15)),
        ("03/15/2025", None, datetime(2025, 3, 15)),
        ("15 März 2025", None, datetime(2025, 3, 15)),
        ("15-Mar-25", None, None),
        ("vor 2 Stunden", "de", None),
        ("0001-01-01T00:00:00Z", None, None),
        ("1970-01-01T00:00:00Z", None, None),
        ("31 February 2025", "en", None),
        ("2025", None, None),
        ("", None, None),
    ],
)
def test_times_are_read_as_pages_write_them(text: str, language: str | None, time: datetime | None) -> None:
    stamp = read_timestamp(text, language=language)

    assert (stamp.time if stamp else None) == time
    assert stamp is None or stamp.has_time == (stamp.time.hour + stamp.time.minute > 0)
    assert stamp is None or stamp.has_zone == (stamp.time.tzinfo is not None)


def test_a_month_comes_first_where_the_page_is_american() -> None:
    assert read_timestamp("03/04/2025") == (datetime(2025, 4, 3), False, True)
    assert read_timestamp("03/04/2025", is_month_first=True) == (datetime(2025, 3, 4), False, True)
    assert read_timestamp("03/04/2025 9:30 am PST") == (datetime(2025, 3, 4, 9, 30, tzinfo=zone(-8)), True, True)
    assert is_american("9:30 am PST")
    assert not is_american("9:30 CET")


def test_a_time_in_front_of_its_day_is_where_both_begin() -> None:
    line = "Updated 9:12 AM ET, Fri April 4, 2025"

    assert [line[start:] for start, _ in find_timestamps(line)] == ["9:12 AM ET, Fri April 4, 2025"]


def test_several_times_in_a_line_are_found_where_they_stand() -> None:
    line = "Published 15 March 2025 09:30. Updated 16 March 2025"

    found = [(line[start:][:8], stamp.time) for start, stamp in find_timestamps(line)]

    assert found == [
        ("15 March", datetime(2025, 3, 15, 9, 30)),
        ("16 March", datetime(2025, 3, 16)),
    ]


@given(st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2026, 1, 1), timezones=st.just(UTC)))
def test_what_is_written_is_read(time: datetime) -> None:
    time = time.replace(second=0, microsecond=0)

    for form in ("%Y-%m-%dT%H:%M:%SZ", "%d %B %Y, %H:%M UTC", "%B %d, %Y %I:%M %p GMT"):
        assert read_timestamp(time.strftime(form)) == (time, True, False)


@given(st.text(max_size=300))
def test_any_text_is_looked_through(text: str) -> None:
    assert all(0 <= start < len(text) for start, _ in find_timestamps(text))


def test_a_time_that_is_yet_to_come_is_not_believed() -> None:
    now = datetime.now(UTC)

    assert read_timestamp((now + timedelta(days=30)).isoformat()) is None
    assert read_timestamp("1 March 2099") is None
    assert read_timestamp(f"{now + timedelta(days=1):%Y-%m-%d}") is not None


@pytest.mark.parametrize(
    ("text", "is_assumed"),
    [("3/4/2025", True), ("13/4/2025", False), ("4/4/2025", False), ("3.4.2025", False), ("3 April 2025", False)],
)
def test_the_order_of_day_and_month_may_be_assumed(text: str, is_assumed: bool) -> None:
    found = read_timestamp(text)

    assert found is not None
    assert found.is_assumed is is_assumed
