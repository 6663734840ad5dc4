"""Finds what in a statement its evidence lacks or contradicts: names, numbers, days, negations, quoted words.

A statement is aligned with each of the sentences that are most like it. Where both go on alike on both sides of a gap,
what stands in the gap is compared: "killed 13 people" and "killed 12 people" have a number each, and not the same.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import combinations, pairwise, product

from assistant.facts import (
    CLASS_NOUNS,
    Token,
    are_equal_amounts,
    are_opposites,
    find_quotations,
    is_negative,
    may_be_negative,
)
from assistant.lexicon import find_verb, is_adjective, is_thing, is_verb_form
from assistant.terms import STOP_WORDS, find_words, read_words, stem

MAX_GAP = 4  # tokens; in a longer gap the texts say different things
CONTEXT = 4  # tokens on each side of one by which sentences are told that speak of the same
VERBATIM_SHARE = 0.75  # of a statement's tokens, from which it is taken to repeat a sentence
FRAME_SHARE = 0.85  # the same, of what is neither name nor number
MAX_SUBSTITUTED = 2  # tokens
MAX_EXCHANGED = 6  # words
REPEATING_SHARE = 0.5  # the same, from which what it has beside the sentence is an addition to it
ADDED_BELOW = 0.45  # the cosine of a word with the nearest of the evidence
SUBSTITUTED_BELOW = 0.5  # the cosine of two words in context; those of synonyms are above
# The same of two phrases by themselves: in context, "a lasting peace" is near to "a breathing space". Of 42 pairs that
# mean the same six are below, and of 26 that don't, 17.
PHRASE_BELOW = 0.35
PHRASE_TOKENS = (2, 3)
MAX_PREDICATED = 5  # tokens of a statement that says one word of its subject
SHARED_FROM = 0.3  # the cosine of two words, by themselves, for what a share may be of: "staff" and "workforce"
# What stands between two that are one, or that are listed.
_EQUATING = read_words("and or nor but as well is are was were became remains remained the a an met with s")
# Small numbers and vague ones that a paraphrase may bring in.
_VAGUE = frozenset(
    {"1", "1th", "half", "double", "triple", "quarter", "dozens", "hundreds", "thousands", "millions", "billions"}
)
_FEW = frozenset({"two", "three"})


@dataclass(frozen=True, slots=True)
class Gap:
    """A place where statement and sentence differ, each by its tokens, and how much is equal around it."""

    statement: Sequence[Token]
    sentence: Sequence[Token]
    start: int  # of the gap in the statement
    at: int  # and in the sentence
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class Alignment:
    """A statement's tokens laid beside a sentence's: which are matched (one flag each), and the gaps between."""

    matched: Sequence[int | None]
    gaps: Sequence[Gap]
    sentence: Sequence[Token]
    forms: Sequence[str]  # of the statement's tokens

    @property
    def share(self) -> float:
        """The share of the statement's tokens that are matched."""
        return sum(place is not None for place in self.matched) / max(1, len(self.matched))

    def count_skips(self) -> int:
        """Count the places where the statement goes on and the sentence has more in between."""
        return sum(not gap.statement and gap.left > 0 and gap.right > 0 for gap in self.gaps)

    def count_context(self, place: int) -> int:
        """Count the tokens about a place of the statement that are matched."""
        around = (*self.matched[max(0, place - CONTEXT) : place], *self.matched[place + 1 : place + 1 + CONTEXT])
        return sum(other is not None for other in around)


def align(statement: Sequence[Token], sentence: Sequence[Token]) -> Alignment:
    """Align by the longest runs of equal forms (Ratcliff and Obershelp, 1988)."""
    matcher = SequenceMatcher(
        None, [token.form for token in statement], [token.form for token in sentence], autojunk=False
    )
    blocks = matcher.get_matching_blocks()
    matched: list[int | None] = [None] * len(statement)
    for at, other, size in blocks:
        matched[at : at + size] = range(other, other + size)
    gaps = []
    for before, after in pairwise([(0, 0, 0), *blocks]):
        start, other = before[0] + before[2], before[1] + before[2]
        if start < after[0] or other < after[1]:
            gap = Gap(statement[start : after[0]], sentence[other : after[1]], start, other, before[2], after[2])
            gaps.append(gap)
    return Alignment(matched, gaps, sentence, [token.form for token in statement])


@dataclass(frozen=True, slots=True)
class EvidenceFacts:
    """What all the evidence holds: the units that each form has there, and the initials of names."""

    units: Mapping[str, frozenset[str]]
    initials: frozenset[str]
    amounts: Sequence[Token]


def read_facts(sentences: Sequence[Sequence[Token]]) -> EvidenceFacts:
    """Collect the facts of the sentences of the evidence."""
    units: dict[str, set[str]] = {}
    initials: set[str] = set()
    for sentence in sentences:
        run = ""
        for token in sentence:
            units.setdefault(token.form, set()).add(token.unit)
            run = (run + token.text[0].lower())[-6:] if token.text[0].isupper() else ""
            initials.update(run[start:] for start in range(len(run) - 1))
    amounts = [token for sentence in sentences for token in sentence if token.kind == "number"]
    return EvidenceFacts({form: frozenset(found) for form, found in units.items()}, frozenset(initials), amounts)


def find_missing(statement: Sequence[Token], facts: EvidenceFacts, known: Set[str] = frozenset()) -> Iterator[str]:
    """Yield which names, numbers and days of a statement the evidence doesn't have; `known` are forms it needn't."""
    for token in statement:
        if not token.is_fact or token.form in _VAGUE or token.form in known or _counts_named(token):
            continue
        units = facts.units.get(token.form)
        if units is None:
            if not _is_known(token, facts) and not any(are_equal_amounts(token, other) for other in facts.amounts):
                yield f"{token.text} is not in the evidence"
        elif token.unit and token.unit not in units and "" not in units:
            yield f"{token.text} {token.unit} is not in the evidence"


def _counts_named(token: Token) -> bool:
    """Tell whether a number may count what the evidence names one by one: "the two airlines"."""
    return token.text.lower() in _FEW and token.is_definite and not token.unit


def _is_known(token: Token, facts: EvidenceFacts) -> bool:
    """Tell whether the evidence has a token in another guise: initials, a people's name, "4th" for 4."""
    if token.kind == "name":
        return token.form in facts.initials or any(is_kin(token.form, form) for form in facts.units)
    return token.form.removesuffix("th") in facts.units or f"{token.form}th" in facts.units


def is_kin(one: str, other: str) -> bool:
    """Tell whether one form begins with the other, as "Ukrainian" does with "Ukraine"."""
    shorter, longer = sorted((one, other), key=len)
    return (
        len(shorter) >= 4 and len(longer) - len(shorter) <= 4 and longer.startswith(shorter[: max(4, len(shorter) - 1)])
    )


def find_contradictions(statement: Sequence[Token], alignments: Sequence[Alignment]) -> Iterator[str]:
    """Yield what the nearest sentences say otherwise."""
    for number, alignment in enumerate(alignments):
        others = [*alignments[:number], *alignments[number + 1 :]]
        for gap in alignment.gaps:
            if not _is_tight(gap, alignment):
                continue
            yield from _compare_gap(gap, alignment, others)
        for place, at in enumerate(alignment.matched):
            if at is None:
                continue
            ours, theirs = statement[place], alignment.sentence[at]
            if (
                ours.unit
                and theirs.unit
                and ours.unit != theirs.unit
                and not _is_said_elsewhere(place, alignment, others)
            ):
                yield f"the evidence says {theirs.text} {theirs.unit}, not {ours.text} {ours.unit}"


def _is_tight(gap: Gap, alignment: Alignment) -> bool:
    if len(gap.statement) > MAX_GAP or len(gap.sentence) > MAX_GAP:
        return False
    at_end = gap.start == 0 or gap.start + len(gap.statement) == len(alignment.matched)
    return min(3, gap.left) + min(3, gap.right) + at_end >= 2 and alignment.share >= 0.5


def _is_said_elsewhere(place: int, alignment: Alignment, others: Sequence[Alignment]) -> bool:
    """Tell whether another sentence has the token of a place, and as much of what is around it."""
    context = alignment.count_context(place)
    return any(other.matched[place] is not None and other.count_context(place) >= context for other in others)


def _compare_gap(gap: Gap, alignment: Alignment, others: Sequence[Alignment]) -> Iterator[str]:
    ours_negative = [i for i, token in enumerate(gap.statement) if is_negative(token)]
    theirs_negative = [i for i, token in enumerate(gap.sentence) if is_negative(token)]
    if len(ours_negative) % 2 != len(theirs_negative) % 2:
        if ours_negative and _negates(gap.statement, gap.sentence, gap.right):
            if not _is_said_elsewhere(gap.start + ours_negative[0], alignment, others):
                yield "the evidence says this without the negation"
        elif (
            theirs_negative
            and _negates(gap.sentence, gap.statement, gap.right)
            and not any(_spans_gap(gap, other, alignment) for other in others)
        ):
            yield "the evidence says this with a negation"
    held = {token.form for token in alignment.sentence}
    negated = [
        any(is_negative(token) for token in side if token.kind == "negation") for side in (gap.statement, gap.sentence)
    ]
    for offset, ours in enumerate(gap.statement):
        if ours.form in held:
            continue  # it stands in another place: see find_crossings
        for theirs in gap.sentence:
            if (
                _differ(ours, theirs, gap)
                and not (negated[0] != negated[1] and are_opposites(ours.form, theirs.form))  # "failed", "did not pass"
                and not _says_the_same(ours, theirs, alignment.sentence)
                and not _is_said_elsewhere(gap.start + offset, alignment, others)
            ):
                yield f"the evidence says {theirs.text}, not {ours.text}"
                break


def _says_the_same(ours: Token, theirs: Token, sentence: Sequence[Token]) -> bool:
    """Tell whether a sentence has another word for a token that its own one there is the opposite of."""
    if are_equal_amounts(ours, theirs) or any(are_equal_amounts(ours, token) for token in sentence):
        return True
    return any(are_opposites(theirs.form, token.form) and not ours.is_fact for token in sentence)


def _negates(negative: Sequence[Token], other: Sequence[Token], right: int) -> bool:
    """Tell whether the negation in one side of a gap, which the other side lacks, is all or the last that it has."""
    if any(may_be_negative(token) for token in other):
        return False
    rest = sum(not is_negative(token) for token in negative)
    return rest == len(other) <= 1 or (not other and right > 0 and is_negative(negative[-1]))


def _spans_gap(gap: Gap, other: Alignment, alignment: Alignment) -> bool:
    """Tell whether another sentence goes over a place without a gap, with as much around it."""
    before, after = gap.start - 1, gap.start + len(gap.statement)
    if before < 0 or after >= len(other.matched):
        return False
    one, two = other.matched[before], other.matched[after]
    return (
        one is not None
        and two is not None
        and two - one == after - before
        and other.count_context(before) >= alignment.count_context(before)
    )


def _differ(ours: Token, theirs: Token, gap: Gap) -> bool:
    """Tell whether two tokens in one place are of a kind and not the same."""
    if ours.form.removesuffix("th") == theirs.form.removesuffix("th"):
        return False
    if are_opposites(ours.form, theirs.form):
        return True
    kinds = {ours.kind, theirs.kind}
    if "according" in {ours.text.lower(), theirs.text.lower()}:
        return False
    if kinds == {"name", "word"} and (ours if ours.kind == "word" else theirs).text[:1].isupper():
        kinds = {"name"}
    if kinds == {"name"}:
        capitals = [sum(token.text[:1].isupper() for token in tokens) for tokens in (gap.statement, gap.sentence)]
        both = len(gap.statement), len(gap.sentence)
        return 2 * capitals[0] > both[0] and 2 * capitals[1] > both[1] and not is_kin(ours.form, theirs.form)
    return len(kinds) == 1 and ours.is_fact


def find_substitutions(
    alignments: Sequence[Alignment], likeness: Callable[[int, int, int], float], *, is_long: bool = False
) -> Iterator[str]:
    """Yield the words that stand, in a sentence that is the same but for a word or two, where it has quite another.

    `likeness` is the cosine of a token of the statement and one of a sentence, given as the place of the token, the
    number of the alignment, and the place in the sentence. `is_long` says that the sentences are the nearest of many:
    another may have the statement's verb.
    """
    for number, alignment in enumerate(alignments):
        held = {token.form for token in alignment.sentence}
        verbs = (
            [gap for gap in alignment.gaps if not is_long and _exchanges_verb(gap)] if _repeats(alignment, held) else []
        )
        if alignment.share < VERBATIM_SHARE and not verbs:
            continue
        others = [*alignments[:number], *alignments[number + 1 :]]
        for gap in alignment.gaps if alignment.share >= VERBATIM_SHARE else verbs:
            is_short = max(len(gap.statement), len(gap.sentence)) <= MAX_SUBSTITUTED
            if not gap.sentence or not (is_short or gap in verbs):
                continue
            for place, ours in enumerate(gap.statement, start=gap.start):
                theirs = [at for at, token in enumerate(gap.sentence, start=gap.at) if token.kind != "negation"]
                theirs = theirs if is_short else theirs[-1:]
                if (
                    (is_negative(ours) and any(is_negative(token) for token in alignment.sentence))
                    or ours.kind == "negation"
                    or ours.text.lower() in STOP_WORDS
                    or ours.form in held
                    or not theirs
                    or _is_said_elsewhere(place, alignment, others)
                ):
                    continue
                nearest = max(theirs, key=lambda at: likeness(place, number, at))
                other = alignment.sentence[nearest]
                base = find_verb(ours.text.lower())
                if base and (other.text.lower().startswith(base) or (other.kind == "name" and is_verb_form(ours.text))):
                    continue  # "led" for "leader of"; and a verb takes no name's place
                if likeness(place, number, nearest) < SUBSTITUTED_BELOW and not _share_root(ours, other):
                    yield f"the evidence says {other.text}, not {ours.text}"


def find_substituted_phrases(
    statement: str, sentences: Sequence[str], alignments: Sequence[Alignment], likeness: Callable[[str, str], float]
) -> Iterator[str]:
    """Yield the phrases that stand, in a sentence that goes on alike on both sides, where it has quite another.

    `sentences` are those that are aligned, `likeness` the cosine of two phrases by themselves.
    """
    for number, (sentence, alignment) in enumerate(zip(sentences, alignments, strict=True)):
        held, ours = {token.form for token in alignment.sentence}, set(alignment.forms)
        others = [*alignments[:number], *alignments[number + 1 :]]
        for gap in alignment.gaps:
            sides = (gap.statement, gap.sentence)
            if (
                not all(PHRASE_TOKENS[0] <= len(side) <= PHRASE_TOKENS[1] for side in sides)
                or any(token.kind != "word" for side in sides for token in side)
                or any(token.form in held for token in gap.statement)
                or any(token.form in ours for token in gap.sentence)
                or not _is_tight(gap, alignment)
                or any(_is_said_elsewhere(gap.start + place, alignment, others) for place in range(len(gap.statement)))
            ):
                continue
            said, instead = (
                text[side[0].start : side[-1].end] for text, side in zip((statement, sentence), sides, strict=True)
            )
            are_runs = all(len(text.split()) == len(side) for text, side in zip((said, instead), sides, strict=True))
            if are_runs and likeness(said, instead) < PHRASE_BELOW:  # what has "were" or "under" in it is no phrase
                yield f"the evidence says {instead}, not {said}"


def _exchanges_verb(gap: Gap) -> bool:
    """Tell whether a gap has a verb in the past tense where the sentence has another, before what both go on with."""
    if len(gap.statement) != 1 or not gap.sentence or not gap.right:
        return False
    words = [side[-1].text.lower() for side in (gap.statement, gap.sentence)]
    return all(is_verb_form(word) and not word.endswith(("s", "ing")) for word in words)


def _repeats(alignment: Alignment, held: Set[str]) -> bool:
    """Tell whether a sentence has most of a statement's tokens, in whatever order."""
    found = sum(
        place is not None or form in held for place, form in zip(alignment.matched, alignment.forms, strict=True)
    )
    return found >= VERBATIM_SHARE * len(alignment.matched)


def find_additions(
    alignments: Sequence[Alignment], nearest: Callable[[int], float], *, share: float = REPEATING_SHARE
) -> Iterator[str]:
    """Yield the words that a statement puts into a sentence that goes on without them, and that no sentence is near.

    `nearest` is the highest cosine of a token of the statement, given by its place, with any word of the evidence.
    `share` is how much of the statement the sentence has to hold.
    """
    best = max(alignments, key=lambda alignment: alignment.share)
    if best.share < share:
        return
    for gap in best.gaps:
        if gap.sentence:
            continue
        for place, token in enumerate(gap.statement, start=gap.start):
            is_elsewhere = any(alignment.matched[place] is not None for alignment in alignments)
            if token.kind == "word" and _is_thing(token) and not is_elsewhere and nearest(place) < ADDED_BELOW:
                yield f"{token.text} is added to what the evidence says"


_PREDICATE = re.compile(r"\b(?:is|are|was|were|remains?|remained) (?:now |still |very |quite )?([a-z]+)\W*\Z")


def find_unsaid(
    statement: str, tokens: Sequence[Token], held: Set[str], nearest: Callable[[int], float]
) -> Iterator[str]:
    """Yield the one word that a short statement says of its subject, where no word of the evidence is near it.

    `held` are the forms of all tokens of the evidence, `nearest` is as for `find_additions`. What the subject shares
    with the evidence proves nothing of it: "The dam is safe."
    """
    match = _PREDICATE.search(statement)
    if match is None or len(tokens) > MAX_PREDICATED:
        return
    place, said = len(tokens) - 1, tokens[-1]
    word = match[1]
    is_word = said.start == match.start(1) and said.kind == "word" and (is_thing(word) or is_adjective(word))
    if is_word and said.form not in held and nearest(place) < ADDED_BELOW:
        yield f"the evidence doesn't say {word}"


_SHARE_OF = re.compile(
    r"(\d[\d.,]*\s?(?:%|per ?cent)|half|thirds?|quarters?|fifths?)\s+of\s+"
    r"(?:(?:the|its|their|his|her|all|whole|entire|global|total)\s+)*([a-z-]+)",
    re.IGNORECASE,
)


def find_other_shares(statement: str, texts: Sequence[str], compare: Callable[[str, str], float]) -> Iterator[str]:
    """Yield what a share is of, where the evidence has that share of quite another thing."""
    theirs = [match for text in texts for match in _SHARE_OF.finditer(text)]
    held = {stem(word) for text in texts for word in find_words(text)}
    for match in _SHARE_OF.finditer(statement):
        same = [other[2] for other in theirs if other[1].lower() == match[1].lower()]
        if same and stem(match[2].lower()) not in held and all(compare(match[2], it) < SHARED_FROM for it in same):
            yield f"the evidence says {match[1]} of {same[0]}, not of {match[2]}"


def _is_thing(token: Token) -> bool:
    """Tell whether a word is a noun or an adjective: a verb is too often another way to say the same."""
    word = token.text.lower()
    return len(word) > 3 and token.before != "to" and word not in CLASS_NOUNS and is_thing(word)


def _share_root(one: Token, other: Token) -> bool:
    """Tell whether a word stands in the other, as "rails" in "derailed", or is a pronoun for it."""
    shorter, longer = sorted((one.form, other.form), key=len)
    return (len(shorter) >= 4 and shorter in longer) or other.text.lower() in {"others", "one", "ones", "another"}


def find_crossings(statement: Sequence[Token], alignments: Sequence[Alignment]) -> Iterator[str]:
    """Yield two names or numbers that have changed places in a sentence that is the same but for them."""
    for alignment in alignments:
        sentence = alignment.sentence
        places = {token.form: at for at, token in enumerate(sentence)}
        counts = Counter(token.form for token in (*statement, *sentence))  # 2 where each has it once
        facts = [
            (place, places[token.form])
            for place, token in enumerate(statement)
            if token.form in places and counts[token.form] == 2
        ]
        facts = [(place, at) for place, at in facts if _is_named(statement[place]) and _is_named(sentence[at])]
        named = {statement[place].form for place, _ in facts}
        frame = [token.form for token in statement if token.form not in named]
        other = [token.form for token in sentence if token.form not in named]
        voices = [sum(token.before == "by" for token in tokens) for tokens in (statement, sentence)]
        if (
            len(facts) < 2
            or not frame
            or voices[0] != voices[1]
            or _count_common(frame, other) < FRAME_SHARE * len(frame)
        ):
            continue
        for (one, at), (two, until) in combinations(facts, 2):
            if until < at and _have_crossed(statement[one], statement[two], sentence[at], sentence[until]):
                yield f"the evidence has {statement[one].text} and {statement[two].text} in each other's place"


def find_exchanged(statement: str, sentences: Sequence[str]) -> Iterator[str]:
    """Yield what has changed places in a statement that is word for word a stretch of a sentence but for that."""
    ours = find_words(statement)
    for sentence in sentences:
        theirs = find_words(sentence)
        for start in range(len(theirs) - len(ours) + 1):
            window = theirs[start : start + len(ours)]
            if window == ours:
                return
            exchanged = _find_exchange(ours, window)
            if exchanged:
                yield f"the evidence has {exchanged[0]} and {exchanged[1]} in each other's place"


def _find_exchange(ours: Sequence[str], theirs: Sequence[str]) -> tuple[str, str] | None:
    """Find the two runs of words that have to change places for one text to be the other, of as many words.

    Not where they are listed ("Bonn and Rome"), where one "is" the other, or where they took their prepositions along.
    """
    differing = [place for place, (one, other) in enumerate(zip(ours, theirs, strict=True)) if one != other]
    if not differing:
        return None
    ours, theirs = ours[differing[0] : differing[-1] + 1], theirs[differing[0] : differing[-1] + 1]
    if sorted(ours) != sorted(theirs):
        return None
    for one, two in product(range(1, min(MAX_EXCHANGED, len(ours) - 2) + 1), repeat=2):
        between = ours[one:-two]
        if (
            between
            and between == theirs[two:-one]
            and ours[:one] == theirs[-one:]
            and ours[-two:] == theirs[:two]
            and not set(between) <= _EQUATING
            and STOP_WORDS.isdisjoint((ours[0], ours[-two]))
        ):
            return " ".join(ours[:one]), " ".join(ours[-two:])
    return None


def _is_named(token: Token) -> bool:
    return token.is_fact or token.text[:1].isupper()


def _have_crossed(one: Token, two: Token, at: Token, until: Token) -> bool:
    """Tell whether two facts of a statement, which stand in a sentence the other way round, have another part there.

    They have not where they are listed ("Bonn and Rome"), or have taken their prepositions along ("in Bonn on Monday").
    """
    is_listed = two.before in {"and", "or", one.text.lower()} or at.before in {"and", "or", until.text.lower()}
    is_listed = is_listed or two.is_apposed or until.is_apposed or one.is_apposed or at.is_apposed
    is_listed = is_listed or two.before in {"is", "are", "was", "were"}  # the one is the other
    is_listed = is_listed or "by" in {token.before for token in (one, two, at, until)}  # see assistant/clauses.py
    kinds = {token.kind if token.kind != "word" else "name" for token in (one, two)}
    stay = any(ours.before == theirs.before != "of" for ours, theirs in ((one, at), (two, until)))
    if kinds == {"number"} and one.before == two.before:  # "in 2008 after ... in 2020": the preposition says nothing
        stay = False
    return len(kinds) == 1 and not is_listed and not stay


def _count_common(one: Sequence[str], other: Sequence[str]) -> int:
    """Count how much of one list another has in the same order."""
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return sum(block.size for block in matcher.get_matching_blocks())


def find_misquoted(statement: str, evidence: Sequence[str]) -> Iterator[str]:
    """Yield what stands in quotation marks in a statement and not, word for word, in a text of the evidence."""
    quotations = find_quotations(statement)
    texts = [f" {' '.join(find_words(text))} " for text in evidence] if quotations else []
    for quotation in quotations:
        wanted = f" {' '.join(find_words(quotation))} "
        if not any(wanted in text for text in texts):
            yield f"not verbatim: {quotation}"
