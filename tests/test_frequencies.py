from datetime import UTC, datetime

from assistant.chroma_server import MAX_KEYS, MAX_VALUE_BYTES
from assistant.frequencies import (
    MAX_PASSAGES,
    MAX_STEMS,
    Frequencies,
    count_stems,
    read_frequencies,
    to_frequency_record,
)
from assistant.shared import SharedLibrary
from assistant.terms import number_word
from assistant.types import Article, Passage


def test_each_passage_counts_once_and_so_does_its_header() -> None:
    article = Article("a", "Ships", "Foxes and a fox.Dogs.", published=datetime(2025, 3, 15, tzinfo=UTC))

    passages = [Passage("a", start, end, article.text[start:end]) for start, end in ((0, 16), (16, 21))]

    counted = count_stems(article.ref, passages)

    assert counted.passages == 2
    assert counted.counts[number_word("fox")] == counted.counts[number_word("dog")] == 1
    assert counted.counts[number_word("ship")] == counted.counts[number_word("march")] == 2
    assert counted.newest == datetime(2025, 3, 15, tzinfo=UTC).toordinal()


def test_a_share_stands_for_the_whole() -> None:
    known = Frequencies(100, {1: 10, 2: 1})

    assert known.estimate(1, passage_count=1_000) == 100
    assert known.estimate(2, passage_count=50) == 1
    assert known.estimate(3, passage_count=1_000) == 1


def test_counts_are_halved_where_there_are_too_many() -> None:
    many = Frequencies(MAX_PASSAGES, {1: MAX_PASSAGES, 2: 1}).plus(Frequencies(10, {1: 10}))

    assert many.passages <= MAX_PASSAGES
    assert abs(many.counts[1] - many.passages) <= 5
    assert 2 not in many.counts


def test_the_record_is_within_the_limits_and_keeps_the_frequent(shared_library: SharedLibrary) -> None:
    counts = {number * 77_777 % 2**32: 1 + number % 50_000 for number in range(MAX_STEMS + 500)}
    with shared_library.writing():
        records, _ = shared_library.find_collections() or ()
        record = to_frequency_record(Frequencies(60_000, counts, 738_000))
        records.write([to_frequency_record(Frequencies(1, {5: 1})), record])

        found = read_frequencies(records)

    values = [value for value in record.metadata.values() if isinstance(value, str)]
    assert len(record.metadata) <= MAX_KEYS
    assert max(map(len, values)) <= MAX_VALUE_BYTES
    assert len(found.counts) == MAX_STEMS
    assert found.counts.items() <= counts.items()
    assert (found.passages, found.newest) == (60_000, 738_000)


def test_without_a_record_nothing_is_known(shared_library: SharedLibrary) -> None:
    with shared_library.writing():
        records, _ = shared_library.find_collections() or ()

        assert read_frequencies(records) == Frequencies()
