"""Reads what a language model made of a question that follows others, which is to be a question that stands alone."""

import re
from collections.abc import Sequence

from assistant.terms import find_names, find_numbers, find_stems, find_words

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


# What is asked for, where a word of the question says so; "what" and "which" may ask for any of them.
_KINDS = (
    frozenset({"who", "whom", "whose"}),
    frozenset({"when"}),
    frozenset({"where"}),
    frozenset({"why"}),
    frozenset({"many", "much"}),
)


def read_rewritten(
    reply: str, question: str, *, earlier: Sequence[str] = (), answers: Sequence[str] = ()
) -> str | None:
    """Read a reply as the question that stands alone, or None where it can't be that.

    It is one line that asks, in at least one of the question's words that aren't grammar, and no longer than the
    question together with one of the `earlier` questions and a few names. It is none of those, asks for what the
    question asks for, and has no name and no number that neither a question nor one of the `answers` has.
    """
    lines = [line.strip() for line in _LABEL.sub("", reply).splitlines() if line.strip()]
    if len(lines) != 1:
        return None
    line = lines[0].strip(_QUOTED)
    longest = len(question) + max(map(len, earlier), default=0) + MAX_NAMES_CHARACTERS
    if len(line) > longest or not _asks(line, question):
        return None
    words = find_words(line)
    if words != find_words(question) and any(words == find_words(each) for each in earlier):
        return None
    if _asks_for_other(words, find_words(question)) or _invents(line, [question, *earlier, *answers]):
        return None
    # Where words stand without spaces between them, a whole clause is taken for one.
    stems = {stem for stem in find_stems(question) if stem.isascii()}
    return line if not stems or stems & set(find_stems(line)) else None


def _asks_for_other(ours: Sequence[str], theirs: Sequence[str]) -> bool:
    """Whether a line asks for one kind of thing, and the question for another: how much, and not when."""
    asked, wanted = ([kind for kind in _KINDS if not kind.isdisjoint(words)] for words in (ours, theirs))
    return bool(asked and wanted) and not any(kind in wanted for kind in asked)


def _invents(line: str, told: Sequence[str]) -> bool:
    """Whether a line has a name or a number that the conversation hasn't; its first word has a capital anyway."""
    known = {stem for text in told for stem in find_stems(text)}
    first = set(find_stems(line.split(maxsplit=1)[0]))
    names = {stem for name in find_names(line) for stem in find_stems(name)}
    numbers = {number for text in told for number in find_numbers(text)}
    return not (names - first <= known and numbers.issuperset(find_numbers(line)))


def _asks(line: str, question: str) -> bool:
    """Whether a line asks something, as a question or in the manner of the question ("Tell me more")."""
    if line.endswith(_QUESTION_MARKS):
        return True
    first, asked = find_words(line)[:1], find_words(question)[:1]
    if not first or first == asked:
        return bool(first)
    return first[0] in _QUESTION_WORDS and not line.endswith((".", "!"))
