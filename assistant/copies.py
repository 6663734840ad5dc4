"""Tells copies of one story from other articles: a wire report under two bylines, a page under two addresses.

An article's signature is the MinHash of its shingles, runs of SHINGLE_WORDS words (Broder, 1997): the share of places
in which two signatures agree estimates how alike the sets of shingles are. Bands of a signature are keys to look up
what may be alike, so that no article is compared with all others (Leskovec, Rajaraman and Ullman, 2020, chapter 3).

Signatures are stored, so what they are made of never changes: no random numbers and no library have a part in them.
"""

import zlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from assistant.terms import find_words

SHINGLE_WORDS = 3
BANDS, BAND_ROWS = 42, 3
HASHES = BANDS * BAND_ROWS
# What shares so much of its shingles with another article, of those of both, is a copy. A cut by a third leaves 0.67,
# distinct reports of one event seldom share 0.1.
MIN_LIKENESS = 0.45

BATCH_SHINGLES = 256  # hashed at once, in what the processor's cache holds

Signature = npt.NDArray[np.uint32]


def sign(text: str) -> Signature:
    """Make the signature (HASHES,) of a text; one without words is like no other."""
    words = find_words(text)
    if not words:
        return np.zeros(0, np.uint32)
    numbers = np.array([zlib.crc32(word.encode()) for word in words], np.uint64)
    # A text that is shorter than a shingle is one.
    size = min(SHINGLE_WORDS, len(numbers))
    shingles = np.zeros(len(numbers) - size + 1, np.uint64)
    for place in range(size):
        shingles = _mix(shingles + numbers[place : place + len(shingles)])
    # Multiply, add and keep the high half: 2-universal (Dietzfelbinger, 1996).
    lowest = np.full(HASHES, np.iinfo(np.uint64).max)
    for start in range(0, len(shingles), BATCH_SHINGLES):
        hashed = shingles[start : start + BATCH_SHINGLES, None] * _FACTORS + _SUMMANDS
        lowest = np.minimum(lowest, hashed.min(axis=0))
    signature: Signature = (lowest >> np.uint64(32)).astype(np.uint32)
    return signature


def cut_bands(signature: Signature) -> list[int]:
    """Cut a signature into the keys of its bands, as 64-bit numbers: copies share one, and few others do."""
    if not len(signature):
        return []
    keys = np.arange(1, BANDS + 1, dtype=np.uint64)
    for row in signature.reshape(BANDS, BAND_ROWS).T:
        keys = _mix(keys + row)
    return [int(key) for key in keys.view(np.int64)]


def is_copy(one: Signature, other: Signature) -> bool:
    """Whether two articles are copies of one story, by their signatures."""
    if not len(one) or not len(other):
        return False
    agree = one == other
    # Sharing a band is asked here too, so that it says nothing which of the two was looked up.
    return bool(agree.mean() >= MIN_LIKENESS and agree.reshape(BANDS, BAND_ROWS).all(axis=1).any())


def group_copies(signatures: Mapping[int, Signature]) -> list[set[int]]:
    """Part articles into groups: an article is in that of each of its copies. The order says nothing."""
    groups = {article: {article} for article in signatures}
    articles = [article for article, signature in signatures.items() if len(signature)]
    rows = np.array([signatures[article] for article in articles])
    for place, one in enumerate(articles):
        # All others at once, for there may be a hundred, and few of them are alike.
        likenesses = (rows[place + 1 :] == rows[place]).mean(axis=1)
        for step in np.flatnonzero(likenesses >= MIN_LIKENESS).tolist():
            other = articles[place + 1 + step]
            if groups[one] is not groups[other] and is_copy(signatures[one], signatures[other]):
                groups[one] |= groups[other]
                for article in groups[other]:
                    groups[article] = groups[one]
    return [group for article, group in groups.items() if article == min(group)]


def _mix(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Scatter 64-bit numbers: the finaliser of splitmix64 (Steele, Lea and Flood, 2014)."""
    numbers = numbers + np.uint64(0x9E3779B97F4A7C15)
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


_FACTORS = _mix(np.arange(HASHES, dtype=np.uint64)) | np.uint64(1)
_SUMMANDS = _mix(np.arange(HASHES, 2 * HASHES, dtype=np.uint64))
