"""Finds words that a statement drops or turns, and that its evidence can't be told without: former, deputy, without."""

import re
from collections.abc import Iterator, Sequence

from assistant.facts import Cited, Token, is_negative
from assistant.lexicon import is_adjective, is_thing
from assistant.terms import STOP_WORDS, find_stems, find_words, read_words, stem

MAX_REJECTED = 4  # words after "instead of"


def find_unqualified(statement: str, tokens: Sequence[Token], cited: Cited, *, is_long: bool = False) -> Iterator[str]:
    """Yield what a statement says without the word that makes something else of it, or with the contrary one.

    `is_long` says that the sentences are the nearest of many: another may have the word without what is before it here,
    or tell of the vote.
    """
    texts = [text for text, _ in cited]
    yield from _find_offices(statement, texts)
    yield from _find_kin(statement, texts)
    if not is_long:
        yield from _find_privative(statement, texts)
        yield from _find_other_vote(statement, texts)
        yield from _find_exclusive(statement, texts)
        yield from _find_other_charge(statement, texts)
    yield from _find_turned(statement, tokens, texts)
    yield from _find_rejected(statement, tokens, texts)


# Offices --------------------------------------------------------------------------------------------------------------

_NAME = r"[A-Z][\w’'-]*[a-z](?: (?:(?:de|van|von|der|al|bin|la) )*[A-Z][\w’'-]*[a-z])*"
_OFFICE = r"(?:(?:the|an?|its|their|his|her|[\w’'-]+['’]s?) )?((?:[a-z-]+ ){0,3}[a-z-]+)"
_HELD = re.compile(rf"({_NAME})(?: (?:is|was|are|were) (?:now )?|, ){_OFFICE}(?= of\b| for\b| at\b|,|\.|\Z)")
_HOLDS = re.compile(rf"(?:\b[Tt]he|\b[Aa]n?|\b[Ii]ts|\b[Tt]heir|,) ((?:[a-z-]+ ){{0,3}}[a-z-]+),? ({_NAME})")
# What makes another office of one.
_DEPUTIES = read_words(
    "deputy vice former acting assistant ex interim then shadow junior honorary late co designate elect"
)


def _list_offices(text: str) -> Iterator[tuple[frozenset[str], str, frozenset[str]]]:
    """Yield who is said to be what: the words of the name, of the office the last word, and those before it."""
    held = list(_HELD.finditer(text))
    taken = {match.end(2) for match in held}  # "Prowse, the industry secretary, Solvane ...": it is hers
    for match in (*held, *(match for match in _HOLDS.finditer(text) if match.end(1) not in taken)):
        name, office = (match[1], match[2]) if match.re is _HELD else (match[2], match[1])
        words = re.split(r"[ -]", office)
        if is_thing(words[-1]) and not is_adjective(words[-1]) and words[-1] not in STOP_WORDS:
            yield frozenset(find_words(name)), words[-1], frozenset(words[:-1])


def _find_offices(statement: str, texts: Sequence[str]) -> Iterator[str]:
    """Yield who is said to hold an office that, in the evidence, another holds, or whose deputy is."""
    theirs = [office for text in texts for office in _list_offices(text)]
    deputies = _DEPUTIES - ({"former", "ex"} if _ONCE.search(statement) else set())
    for name, office, before in _list_offices(statement):
        same = [(other, words) for other, held, words in theirs if held == office]
        own = [words for other, words in same if other & name]
        others = [
            other
            for other, words in same
            if not other & name and not words & _DEPUTIES and not (words and before and words.isdisjoint(before))
        ]
        if own and all((words ^ before) & deputies for words in own):
            yield f"the evidence says {' '.join(sorted((own[0] ^ before) & deputies))}: {office}"
        elif not own and others and name <= {word for text in texts for word in find_words(text)}:
            yield f"the evidence says this of somebody else: {office}"


def _find_kin(statement: str, texts: Sequence[str]) -> Iterator[str]:
    """Yield offices that a statement gives to somebody whom the evidence calls the holder's kin, or aide."""
    held = [(name, office) for text in texts for name, office, _ in _list_offices(text)]
    for name, office, before in _list_offices(statement):
        if before & STOP_WORDS:  # "who leads the union"
            continue
        its = rf"\b{re.escape(office)}['’]s? (?:[\w-]+ ){{0,2}}[\w-]+,? ({_NAME})"
        kin = [frozenset(find_words(match[1])) for text in texts for match in re.finditer(its, text)]
        if any(each & name for each in kin) and not any(other & name and of == office for other, of in held):
            yield f"the evidence says {office}'s: {' '.join(sorted(name))}"


# Words that are dropped or turned -------------------------------------------------------------------------------------

# What isn't, or may not be, what the noun after one of these says (privative and non-subsective adjectives, Kamp 1975).
_PRIVATIVE = read_words("""
    former ex deputy vice acting assistant interim honorary incoming alleged suspected suspended ousted sacked
    aspiring fake shadow attempted
""")
_LIKE_FORMER = read_words("old previous earlier late")
_ONCE = re.compile(r"\b(?:once|formerly|used to|then|previously|at the time|suspected|alleged\w*|accused|later)\b")


def _find_privative(statement: str, texts: Sequence[str]) -> Iterator[str]:
    """Yield who or what is called so without the word that, wherever the evidence calls it so, denies or doubts it."""
    theirs = [pair for text in texts for pair in _list_nouns(text)]
    for before, noun, is_title in _list_nouns(statement):
        same = [words & _PRIVATIVE for words, other, _ in theirs if other == noun]
        missing = frozenset.intersection(*same) if same else frozenset[str]()
        if missing and not before & (_PRIVATIVE | _LIKE_FORMER) and not is_title and not _ONCE.search(statement):
            yield f"the evidence says {min(missing)}: {noun}"


def _list_nouns(text: str) -> Iterator[tuple[frozenset[str], str, bool]]:
    """Yield the words for things with those before each, and whether it is a title, or what somebody was or became."""
    words = re.findall(r"[^\W_]+|[,;:.]", text)
    for at, word in enumerate(words):
        lower = word.lower()
        if lower in STOP_WORDS or lower in _PRIVATIVE or not lower.isalpha() or not is_thing(lower):
            continue
        before = [each.lower() for each in words[max(0, at - 2) : at]]
        if len(before) == 2 and (before[1] in STOP_WORDS or not before[1].isalpha() or not is_adjective(before[1])):
            before = before[1:] if before[1] not in {"prime", "chief", "foreign", "police", "finance"} else before
        following = words[at + 1] if at + 1 < len(words) else ""
        is_title = word[0].isupper() and following[:1].isupper()
        was = not {"was", "were", "as", "became"}.isdisjoint(words[max(0, at - 3) : at])
        yield frozenset(before), stem(lower), is_title or was


# Words that stand for each other's contrary before the same.
_CONTRARY = (
    (read_words("with"), read_words("without")),
    (read_words("for"), read_words("against")),
    (read_words("including also even"), read_words("except excluding bar")),
    (read_words("inside within"), read_words("outside beyond")),
    (read_words("beside alongside"), read_words("against")),
)
_TURNING = frozenset(word for pair in _CONTRARY for words in pair for word in words)


def _find_turned(statement: str, tokens: Sequence[Token], texts: Sequence[str]) -> Iterator[str]:
    """Yield prepositions that stand, before or after the same word, where the evidence has only their contrary."""
    ours = list(_list_turning(statement))
    if not ours or any(is_negative(token) and token.text.lower() not in _WITHOUT for token in tokens):
        return
    theirs = [turning for text in texts for turning in _list_turning(text)]
    for word, before, after in ours:
        for one, other in (*_CONTRARY, *((two, one) for one, two in _CONTRARY)):
            if word not in one:
                continue
            is_stance = word in {"for", "against"}
            alike = [
                each
                for each, left, right in theirs
                if (after and right == after) or (is_stance and before and left == before)
            ]
            turned = [each for each in alike if each in other]
            if turned and not any(each in one for each in alike):
                yield f"the evidence says {turned[0]}, not {word}"


# How votes were cast, as a statement says it plainly, and all that may say so in the evidence.
_VOTES = {
    "for": (
        r"\bvot\w+ (?:\w+ )?(?:for|in favou?r)\b",
        r"\b(?:for|favou?r\w*|back\w*|support\w*|approv\w*|pass\w*|yes)\b",
    ),
    "against": (r"\bvot\w+ (?:\w+ )?against\b", r"\b(?:against|oppos\w*|reject\w*|no|not|dissent\w*)\b"),
    "abstained": (r"\babst(?:ain|ention)\w*", r"\b(?:abst(?:ain|ention)\w*|not|absent|neither|nor)\b|n['’]t\b"),
}
_VOTED = re.compile(r"\b(?:vot(?:e|es|ed|ing)|abstain\w*|abstention\w*|ballots?)\b", re.IGNORECASE)


def _find_other_vote(statement: str, texts: Sequence[str]) -> Iterator[str]:
    """Yield how a statement says that votes were cast, where the evidence tells of votes and of none that was so."""
    evidence = " ".join(texts)
    if not _VOTED.search(evidence):
        return
    for stance, (plainly, anyhow) in _VOTES.items():
        if re.search(plainly, statement, re.IGNORECASE) and not re.search(anyhow, evidence, re.IGNORECASE):
            yield f"the evidence says that votes were cast otherwise: {stance}"


_ONLY = re.compile(
    r"\A(?:Only (?!\d|one\b|two\b|three\b|four\b|five\b|six\b|seven\b|eight\b|nine\b|ten\b"
    r"|a\b|an\b|some\b|few\b|half\b"
    r"|when\b|if\b|after\b|because\b)|(?:\w+ ){1,4}(?:alone|solely|exclusively)\b)|\b(?:solely|exclusively)\b"
)
_EXCLUSIVE = re.compile(
    r"\b(?:only|alone|lone|sole|solely|exclusive(?:ly)?|just|single|else|others?|except|but|besides|apart|merely|unique\w*"
    r"|none|nobody|nothing|until|unless|remaining|last|restrict\w*|limit\w*|confined|rest|purely|entirely)\b|\bno ",
    re.IGNORECASE,
)


def _find_exclusive(statement: str, texts: Sequence[str]) -> Iterator[str]:
    """Yield that a statement says it of nothing else, where the evidence has no word that does."""
    match = _ONLY.search(statement)
    if match and not any(map(_EXCLUSIVE.search, texts)):
        yield f"the evidence doesn't say {match[0].split()[-1].lower()}"


# How a court, or a jury, found, and of what.
_FOUND = re.compile(
    r"\b(?:(?P<cleared>acquit\w*|cleared|exonerat\w*|not guilty|innocent)"
    r"|(?P<convicted>guilty|convict(?:ed|s|ing)?))\b",
    re.IGNORECASE,
)
_CHARGE = re.compile(r"\b(?:of|on) ((?:(?!\b(?:but|and|while|though|although)\b)[^.;,])+)", re.IGNORECASE)


def _list_charges(text: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield how it was found, "cleared" or "convicted", with the stems of what it was of."""
    found = list(_FOUND.finditer(text))
    ends = [each.start() for each in found[1:]]
    for match, end in zip(found, [*ends, len(text)], strict=False):
        stems = {stem for each in _CHARGE.finditer(text, match.end(), end) for stem in find_stems(each[1])}
        yield match.lastgroup or "", frozenset(stems)


def _find_other_charge(statement: str, texts: Sequence[str]) -> Iterator[str]:
    """Yield a charge of which somebody is cleared in the evidence and convicted in the statement, or the reverse."""
    theirs = [charge for text in texts for charge in _list_charges(text)]
    for finding, charge in _list_charges(statement):
        likest = max((len(charge & other) for _, other in theirs), default=0)
        if likest and all(other != finding for other, of in theirs if len(charge & of) == likest):
            yield f"the evidence doesn't say that this is what somebody was {finding} of: {min(charge)}"


_WITHOUT = frozenset({"without", "against", "except", "excluding"})


def _list_turning(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield the words that have a contrary, with the stems of the word before and of the next that is no stop word."""
    words = re.findall(r"[^\W_]+|[,;:.]", text.lower())
    for at, word in enumerate(words):
        if word not in _TURNING:
            continue
        after = next((each for each in words[at + 1 : at + 5] if each not in STOP_WORDS), "")
        yield word, stem(words[at - 1]) if at else "", stem(after) if after.isalnum() else ""


_INSTEAD = re.compile(
    rf"\b(?:instead of|rather than|and not|but not)\s+((?:[\w’'-]+\s?){{1,{MAX_REJECTED}}})", re.IGNORECASE
)
_OTHERWISE = re.compile(
    r"\b(?:instead|rather|from(?! [A-Z]\w+(?:[.,]|\Z))|not|no|never|original\w*|previous\w*|earlier|had|planned"
    r"|replac\w*|once|first|was to"
    r"|were to|meant|chang\w*|mov\w*|switch\w*|formerly)\b",
    re.IGNORECASE,
)


def _find_rejected(statement: str, tokens: Sequence[Token], texts: Sequence[str]) -> Iterator[str]:
    """Yield what the evidence names only as what something else has taken the place of: "instead of September"."""
    if _OTHERWISE.search(statement):
        return
    rejected = {stem(word) for text in texts for match in _INSTEAD.finditer(text) for word in find_words(match[1])}
    held = {stem(word) for text in texts for word in find_words(_INSTEAD.sub(" ", text))}
    for token in tokens:
        word = token.text.lower()
        if stem(word) in rejected - held and (token.is_fact or is_thing(word)) and word not in STOP_WORDS:
            yield f"the evidence says another instead of {token.text}"
