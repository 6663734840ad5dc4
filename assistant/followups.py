"""Reads what a language model made of a question that follows others, which is to be a question that stands alone."""

import re
from collections.abc import Sequence

from assistant.terms import find_stems, find_words

MAX_NAMES_CHARACTERS = 200  # for who and what its pronouns and its gaps stand for

_LABEL = re.compile(r"\A\W*(?:(?:last|standalone|stand-alone|rewritten) )*question\W*:\W*", re.IGNORECASE)
_QUOTED = "\"“”'‘’`* "
_QUESTION_MARKS = ("?", "？", "؟", ";")
# fmt: off
_QUESTION_WORDS = frozenset([
    "are", "can", "could", "did", "do", "does", "had", "has", "have", "how", "is", "may", "might", "should", "was",
    "were", "what", "when", "where", "which", "who", "whom", "whose", "why", "will", "would",
])
# fmt: on


def read_rewritten(reply: str, question: str, *, earlier: Sequence[str] = ()) -> str | None:
    """Read a reply as the question that stands alone, or None where it can't be that.

    It is one line that asks, in at least one of the question's words that aren't grammar, and no longer than the
    question together with one of the `earlier` questions and a few names.
    """
    lines = [line.strip() for line in _LABEL.sub("", reply).splitlines() if line.strip()]
    if len(lines) != 1:
        return None
    line = lines[0].strip(_QUOTED)
    longest = len(question) + max(map(len, earlier), default=0) + MAX_NAMES_CHARACTERS
    if len(line) > longest or not _asks(line, question):
        return None
    # Where words stand without spaces between them, a whole clause is taken for one.
    stems = {stem for stem in find_stems(question) if stem.isascii()}
    return line if not stems or stems & set(find_stems(line)) else None


def _asks(line: str, question: str) -> bool:
    """Whether a line asks something, as a question or in the manner of the question ("Tell me more")."""
    if line.endswith(_QUESTION_MARKS):
        return True
    first, asked = find_words(line)[:1], find_words(question)[:1]
    if not first or first == asked:
        return bool(first)
    return first[0] in _QUESTION_WORDS and not line.endswith((".", "!"))
