"""How often words stand in the passages of a shared library: an estimate, kept in one record that writers add to.

A server can count what holds a word only by looking through everything. Two writers that end at the same moment may
lose what one of them counted, and what was removed stays counted; a share of a sample says all the same how rare a word
is, which is what ranking asks.
"""

import base64
import heapq
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from assistant.chroma_server import MAX_VALUE_BYTES, Collection, Record, Value
from assistant.schema import describe_words, pack_stems
from assistant.terms import find_words, number_word
from assistant.types import ArticleRef, Passage

RECORD = "frequencies"
# So many passages are counted at most, for a count has two bytes; then all counts are halved, and the past fades.
MAX_PASSAGES = 60_000
_VALUES = 28  # of the record's metadata
_CHUNK = MAX_VALUE_BYTES // 4 * 4
_STEM_BYTES = 6
MAX_STEMS = _VALUES * _CHUNK // 4 * 3 // _STEM_BYTES


@dataclass(frozen=True, slots=True)
class Frequencies:
    """How many of some passages hold each stem, by the stem's number (`terms.number_stem`).

    `newest` is the day of the newest of their articles, as `date.toordinal` numbers it; 0 where none has one.
    """

    passages: int = 0
    counts: Mapping[int, int] = field(default_factory=dict)
    newest: int = 0

    def plus(self, other: "Frequencies") -> "Frequencies":
        """Add what was counted in other passages."""
        passages, counts = self.passages + other.passages, Counter(self.counts)
        counts.update(other.counts)
        while passages > MAX_PASSAGES:
            passages //= 2
            counts = Counter({number: count // 2 for number, count in counts.items() if count > 1})
        return Frequencies(passages, counts, max(self.newest, other.newest))

    def estimate(self, number: int, *, passage_count: int) -> int:
        """Estimate how many of so many passages hold a stem: at least 1, for what wasn't seen may be there."""
        count = self.counts.get(number, 0)
        return min(max(round(count / self.passages * passage_count), 1), passage_count) if count else 1


def count_stems(article: ArticleRef, passages: Iterable[Passage]) -> Frequencies:
    """Count in how many passages of an article each stem stands, its title, outlet and date included."""
    header = {number_word(word) for words in describe_words(article) for word in find_words(words)}
    counts: Counter[int] = Counter()
    total = 0
    for passage in passages:
        counts.update(header | set(np.frombuffer(pack_stems(passage)[0], np.uint32).tolist()))
        total += 1
    return Frequencies(total, counts, article.published.date().toordinal() if article.published else 0)


def to_frequency_record(frequencies: Frequencies) -> Record:
    """Make the record, of the most frequent stems where there are too many."""
    kept = heapq.nlargest(MAX_STEMS, frequencies.counts.items(), key=lambda item: (item[1], item[0]))
    rows = np.array(kept, np.uint32).reshape(-1, 2)
    encoded = base64.b64encode(rows[:, 0].astype("<u4").tobytes() + rows[:, 1].astype("<u2").tobytes()).decode()
    # Every value each time, for an upsert leaves standing what it doesn't name.
    values: dict[str, Value] = {
        f"w{number}": encoded[number * _CHUNK : (number + 1) * _CHUNK] for number in range(_VALUES)
    }
    metadata = {"kind": RECORD, "passages": frequencies.passages, "newest": frequencies.newest, **values}
    return Record(RECORD, np.array([1, 0], np.float32), metadata)


def read_frequencies(records: Collection) -> Frequencies:
    """Read the record; nothing where there is none, or none that can be read: it is made again."""
    found = records.get([RECORD])
    if not found:
        return Frequencies()
    metadata = found[0].metadata
    try:
        content = base64.b64decode("".join(str(metadata[f"w{number}"]) for number in range(_VALUES)), validate=True)
        count = len(content) // _STEM_BYTES
        numbers = np.frombuffer(content[: 4 * count], "<u4").tolist()
        counts = np.frombuffer(content[4 * count :], "<u2").tolist()
        known = dict(zip(numbers, counts, strict=True))
        return Frequencies(int(metadata["passages"]), known, int(metadata["newest"]))
    except (ValueError, TypeError, KeyError):
        return Frequencies()
