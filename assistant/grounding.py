"""Whether evidence supports a statement: nearness of meaning, and the names and numbers that must be in it."""

from collections.abc import Sequence

from assistant.embedding import Embedder
from assistant.errors import SettingsError
from assistant.sentences import split_sentences
from assistant.terms import find_numbers, find_stems
from assistant.types import Support

SUPPORTED_FROM = 0.6  # the score from which a statement counts as supported
MISSING_NUMBER = 0.5  # what is left of the score when a number of the statement is not in the evidence


def verify(statement: str, evidence: Sequence[str], *, embedder: Embedder) -> Support:
    """Check a statement against evidence, given as sentences or as whole articles; one text alone will do.

    The score is the mean of the share of the statement's words that the evidence sentence nearest to it and its
    neighbours hold, and of that sentence's cosine with the statement; a number that the evidence lacks halves it.
    """
    if isinstance(evidence, str):
        evidence = [evidence]
    if not isinstance(statement, str) or not all(isinstance(text, str) for text in evidence):
        raise SettingsError("a statement is text, and its evidence a list of texts")
    sentences = [text[start:end] for text in evidence for start, end in split_sentences(text)]
    if not sentences or not statement.strip():
        return Support(0.0, False, ("there is no evidence",) if not sentences else ("the statement is empty",))
    vectors = embedder.embed_questions([statement, *sentences])
    cosines = vectors[1:] @ vectors[0]
    wanted = set(find_stems(statement))
    held = [set(find_stems(sentence)) & wanted for sentence in sentences]
    # A sentence is read with its neighbours: what "he" or "the plan" is often stands in the one before.
    windows = [set().union(*held[max(0, i - 1) : i + 2]) for i in range(len(held))]
    coverage = [len(window) / len(wanted) if wanted else 0.0 for window in windows]
    score = max((max(0.0, float(cosine)) + share) / 2 for cosine, share in zip(cosines, coverage, strict=True))
    known_numbers = {number for text in evidence for number in find_numbers(text)}
    missing = [number for number in find_numbers(statement) if number not in known_numbers]
    reasons = [f"{number} is not in the evidence" for number in missing]
    if missing:
        score *= MISSING_NUMBER
    if score < SUPPORTED_FROM:
        reasons.append("no sentence of the evidence says this")
    return Support(min(1.0, score), score >= SUPPORTED_FROM, tuple(reasons))
