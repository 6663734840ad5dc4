"""Reads what a sentence asserts: its verbs, who does what to whom, and whether it is so, planned, possible or alleged.

There is no parser here. A verb is a word that a lexicon knows as one (lemminflect) where a verb may stand, and its
clause is what stands about it up to the next mark or conjunction: enough to see that two sentences of the same words
say different things, and silent where it isn't.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from assistant.lexicon import find_verb, is_known, is_noun
from assistant.terms import STOP_WORDS, find_words, read_words, stem

Reserve = Literal["doubted", "claimed", ""]
Status = Literal["done", "under way", "planned", "possible", "unknown"]

MAX_AUXILIARIES = 5  # words between an auxiliary and its verb, adverbs among them
MAX_HEAD = 7  # words between "plans" and "to build"
MAX_ARGUMENTS = 12  # words on each side of a verb
MAX_ANTECEDENT = 8  # words


_BE = read_words("be am is are was were been being get gets got isn aren wasn weren")
_FINITE_BE = read_words("am is are was were")
_HAVE = read_words("have has had having haven hasn hadn ve")
_DO = read_words("do does did doing done didn doesn don")
_PLANNED_MODALS = read_words("will would shall should must ll wouldn won shouldn ought")
_POSSIBLE_MODALS = read_words("may might could couldn")
_AUXILIARIES = _BE | _HAVE | _DO | _PLANNED_MODALS | _POSSIBLE_MODALS | read_words("can cannot")
_NEGATIONS = read_words("not never no none nobody neither nor nothing without cannot hardly barely t")
_ADVERBS = read_words("not never also then now already still ever just soon even so far since yet only t always be")
_DETERMINERS = read_words("""
    a an the his her its their our my your this these those every each some any no another of in at for with from into s
""")
# What the words before a relative pronoun hang on: it stands for what comes after these.
_HEADS = read_words("""
    to by with for from in on at against about between into and or but said told after before as than
""")
_AFTERWARDS = read_words("after before as while during following since")
_PREPOSITIONS = read_words("of in at on from for with during near under over between since")
_BEFORE_GERUNDS = read_words("of by from for without after before while when since despite")
_PRONOUNS = read_words("he she it they we i you who which that this these those one his her their its him them")
# What "to" and a verb after them say that somebody means to do, or is made to, and what they say was done.
_PLANS = read_words("""
    plan plans planned planning expect expects expected due set intend intends intended aim aims aimed hope hopes
    hoped want wants wanted offer offers offered propose proposes proposed proposal consider considers considered
    considering threaten threatens threatened vow vows vowed promise promises promised pledge pledges pledged agree
    agrees agreed ask asks asked urge urges urged order orders ordered call calls called seek seeks sought try tries
    tried attempt attempts attempted schedule scheduled prepare prepares prepared preparing ready face faces faced
    going about deal bid move effort need needs needed ought advise advised bound weigh weighs weighed weighing mull
    mulls mulled discuss discusses discussed demand demands demanded motion request requests petition application plea
    permission licence license campaign ambition
""")
_DENIALS = read_words("""
    fail fails failed refuse refuses refused refusing decline declines declined deny denies denied denying denial
    rejected rejects reject dismiss dismissed dismisses
""")
# The same in two words: "ruled out closing it".
_DENYING = frozenset(
    {("ruled", "out"), ("rule", "out"), ("rules", "out"), ("ruling", "out"), ("short", "of"), ("instead", "of")}
    | {("rather", "than"), ("far", "from")}
)
# What makes a report of what comes after it, or a guess, for which nobody in the article vouches.
_DOUBTS = read_words("""
    accuse accuses accused accusing accusation accusations allege alleges alleged alleging allegedly allegation
    allegations rumour rumours rumor rumors rumoured reportedly purportedly supposedly suspect suspects suspected
    suspicion fear fears feared appear appears appeared apparently seem seems seemed perhaps possibly probably
    likely unlikely potential potentially whether if unless unclear unconfirmed disputed doubt doubts doubted
    investigating investigate investigates speculation speculated deny denies denied denying denial
""")
_PROVEN = read_words("established confirmed proven proved shown verified determined demonstrated substantiated certain")
_PROOFS = read_words("evidence proof indication suggestion sign")
# Those that hold beyond a comma.
_ORDERS = read_words("say tell write reply answer repeat output print mention report state claim pretend")
_BEFORE_ORDERS = read_words("please and then always instead must should to now just only you")
_CLAIMS = read_words("claim allegation accusation charge rumour rumor")
_LASTING_DOUBTS = read_words("if unless whether critics opponents")
# What says that somebody says it, which a statement may put in the place of a claim.
_ATTRIBUTIONS = read_words("""
    say says said saying tell tells told report reports reported indicate indicates indicated warn warns warned
    according call calls called describe describes described write writes wrote add adds added insist insists
    insisted
""")
# What somebody thinks or claims, for which he alone vouches.
_OPINIONS = read_words("""
    claim claims claimed claiming suggest suggests suggested suggesting critics opponents believe believes believed
    thought argue argues argued contend contends contended maintain maintains maintained insist insists insisted
""")
_BOUNDARIES = read_words(
    "but while whereas although though because who which whom whose where that if unless when until"
)
_RELATIVES = read_words("who which whom whose where")
SPEECH = read_words("say tell add state announce report note explain write declare claim insist")
# Whom or what they are said of may stand on either side; those in the second line say what something is called.
SYMMETRIC = read_words("""
    meet marry merge talk agree differ negotiate split share join discuss clash fight play draw
    call name dub title nickname term label
""")
_NO_NAMES = read_words("""
    i monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december one two three four five six seven eight nine ten eleven twelve twenty thirty
""")
# Verbs whose subject may be what the same verb is done to: "the shop closed", "they closed the shop".
ERGATIVE = read_words("""
    open close begin start end stop increase decrease move change sink break burn grow return turn join sell run drop
    double halve resume continue improve worsen expand shrink slow melt spread develop finish reopen shut crash explode
    collapse roll drive fly sail rise fall build tear lower widen narrow vary transfer enter leave cut
""")
_IRREGULAR_BASES = read_words("""
    cut put set hit let cost shut hurt bet cast quit read spread split beat bid outbid upset shed broadcast offset burst
""")

_WORD = re.compile(r"[^\W_]+")
_STOP = re.compile(r"[;!?]|\.['\"”’]*\s")
_BREAK = re.compile(r"[;:()\[\]\"“”„«»]|—|–|\s-\s|[.!?]\s|''|``|(?<!\w)['‘’]|[,.!?]['’](?!\w)")


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb of a sentence, by its base form, with the stems of what stands before and after it in its clause.

    In a passive clause, `agents` is what stands after "by". Who a relative pronoun stands for is what is before it.
    `names` are those of the agents, `patient_names` those of the patients; `has_pronoun` and `has_patient_pronoun` say
    that a pronoun may stand for one; `complement` is all that comes after the verb. `reserve` says that the sentence
    doubts it, or only that somebody claims it.
    """

    lemma: str
    text: str
    status: Status
    is_negated: bool
    reserve: Reserve
    is_passive: bool
    agents: frozenset[str]
    patients: frozenset[str]
    names: frozenset[str]
    patient_names: frozenset[str]
    has_pronoun: bool
    has_patient_pronoun: bool
    complement: frozenset[str]

    @property
    def arguments(self) -> frozenset[str]:
        """All that stands about it."""
        return self.agents | self.patients


@dataclass(frozen=True, slots=True)
class _Word:
    text: str  # in lower case
    shown: str
    is_first: bool  # of a clause
    follows_comma: bool
    follows_stop: bool  # a full stop, or a semicolon


@lru_cache(maxsize=1 << 10)
def read_verbs(text: str) -> tuple[Verb, ...]:
    """Read the verbs of a sentence in order, auxiliaries aside."""
    words = list(_read(text))
    return tuple(
        _read_verb(words, place)
        for place, word in enumerate(words)
        if _is_verb(words, place) or (word.text == "than" and place > 1) or _is_defeat(words, place)
    )


def _is_by_agent(words: Sequence[_Word], at: int) -> bool:
    """Tell whether "by" names who does it, and not by how much: "by 91 votes"."""
    return words[at].text == "by" and at + 1 < len(words) and not words[at + 1].text[0].isdigit()


def _is_defeat(words: Sequence[_Word], place: int) -> bool:
    """Tell whether a noun says who beat whom: "a defeat by Wrenfield"."""
    return words[place].text == "defeat" and place + 1 < len(words) and words[place + 1].text == "by"


def _read(text: str) -> Iterator[_Word]:
    end = 0
    for match in _WORD.finditer(text):
        between = text[end : match.start()]
        is_break = _BREAK.search(text, end, match.start())  # with what stands before it: "the drivers' union"
        is_first = end == 0 or bool(is_break) or match.group().lower() in _BOUNDARIES
        yield _Word(match.group().lower(), match.group(), is_first, "," in between, bool(_STOP.search(between)))
        end = match.end()


def _is_verb(words: Sequence[_Word], place: int) -> bool:
    word = words[place]
    if word.text in _AUXILIARIES or word.text in STOP_WORDS or len(word.text) < 2:
        return False
    if word.shown[0].isupper() and place:
        return False
    base = find_verb(word.text)
    if not base:
        return False
    before = words[place - 1].text if place else ""
    after = words[place + 1].text if place + 1 < len(words) else ""
    if before in _DETERMINERS and not (word.text.endswith("ing") and before in {"of", "for", "from", "in", "with"}):
        return False
    if before == "to" or before in _AUXILIARIES or before in _PRONOUNS or before in _ADVERBS:
        return True
    if _is_past(word.text, base):
        return True
    if word.text.endswith("ing"):
        is_denied = place > 1 and (words[place - 2].text, before) in _DENYING
        return word.is_first or word.follows_comma or before in _BEFORE_GERUNDS or before in _PLANS or is_denied
    # "The museum returns the figures", not "museum returns".
    return not is_noun(word.text) or (word.text.endswith("s") and after in _DETERMINERS)


def _is_past(word: str, base: str) -> bool:
    return (word != base and not word.endswith(("ing", "s"))) or (base in _IRREGULAR_BASES and word == base)


def _read_verb(words: Sequence[_Word], place: int) -> Verb:
    word = words[place]
    base = find_verb(word.text) or word.text  # "than" sets one beside the other as a verb does
    auxiliaries = _find_auxiliaries(words, place)
    clause = _find_clause(words, place)
    is_participle = _is_past(word.text, base)
    after = words[place + 1].text if place + 1 < len(words) else ""
    is_passive = is_participle and (
        (bool(auxiliaries & _BE) and not _is_active_perfect(auxiliaries))
        or after == "by"
        or _joins_passive(words, place)
    )
    is_passive = is_passive or _is_defeat(words, place)
    left = before = list(words[clause.start : place])
    right = list(words[place + 1 : clause.stop])
    to = next((at for at, each in enumerate(right[:MAX_HEAD]) if each.text == "to"), None) if base == "lose" else None
    if to is not None and _is_named(right[to + 1 :]):  # "lost 5-0 to Harlow" is "was beaten by Harlow"
        left, right = right[to + 1 :], left
    base = "beat" if to is not None or base == "defeat" else base
    if left and left[0].text in {"who", "which", "that"} and (whom := _find_antecedent(words, clause.start)):
        if all(_is_auxiliary(each) for each in left[1:]):
            left = whom
        elif (
            _is_named(left[1:]) or left[1].text in _PRONOUNS or (is_noun(left[1].text) and not find_verb(left[1].text))
        ):
            left, right = left[1:], [*right, *whom]  # "the book, which the critic praised"
    after_it = range(place + 1, clause.stop)
    is_reduced = is_participle and not auxiliaries and after in _PREPOSITIONS and not word.follows_comma
    if is_reduced and left == before and base not in SPEECH and _has_other_verb(words, place, clause):
        left = []  # "a clock built in Grenoble" doesn't say that the clock built something
    if is_passive:
        by = next((at for at, each in enumerate(right) if _is_by_agent(right, at)), len(right))
        agents, patients = right[by + 1 :], left
    elif (
        base in SPEECH
        and base != "tell"
        and not auxiliaries
        and (not left or (word.follows_comma and _is_named(right) and not _has_other_verb(words, place, after_it)))
    ):
        # "...," said the minister, after the mayor had spoken
        agents = right[: next((at for at, each in enumerate(right) if each.text in _AFTERWARDS), None)]
        patients = left
    else:
        agents, patients = left, right
    if base in SPEECH:  # what comes after the next comma may be said by another
        patients = patients[: next((at for at, each in enumerate(patients) if at > 2 and each.follows_comma), None)]
    subjects = _stems([each for each in agents if not find_verb(each.text) or is_noun(each.text)])
    is_named = not word.text.endswith("ing") or bool(auxiliaries & _BE)
    return Verb(
        lemma=base,
        text=word.text,
        status=_tell_status(words, place, auxiliaries, is_participle=is_participle),
        is_negated=_is_negated(words, place, clause.start),
        reserve=_tell_reserve(words, place),
        is_passive=is_passive,
        agents=subjects,
        patients=_stems(patients),
        names=_stems([each for each in agents if _is_name(each, words)]),
        patient_names=_stems([each for each in patients if _is_name(each, words)]),
        has_pronoun=not subjects or not is_named or any(each.text in _PRONOUNS for each in agents),
        has_patient_pronoun=any(each.text in _PRONOUNS for each in patients[:3]),
        complement=_stems(words[place + 1 :]),
    )


def _is_thing(word: _Word) -> bool:
    return is_noun(word.text) and not find_verb(word.text)


def _find_antecedent(words: Sequence[_Word], place: int) -> list[_Word]:
    """Find what a relative pronoun stands for, as far as it is named: what is before it, back to what it hangs on."""
    start = place
    while start > 0 and place - start < MAX_ANTECEDENT:
        text = words[start - 1].text
        if text in _HEADS or text in _AUXILIARIES or _is_verb(words, start - 1):
            break
        if start < place and words[start].is_first:
            break
        start -= 1
    found = [word for word in words[start:place] if word.text not in _PRONOUNS]
    return found if any(each.text in _DETERMINERS or _is_name(each, words) for each in words[start:place]) else []


def _has_other_verb(words: Sequence[_Word], place: int, clause: range) -> bool:
    return any(words[at].shown in _AUXILIARIES or _is_verb(words, at) for at in clause if at != place)


def _is_auxiliary(word: _Word) -> bool:
    return word.text in _AUXILIARIES or word.text in _ADVERBS or word.text.endswith("ly")


def _joins_passive(words: Sequence[_Word], place: int) -> bool:
    """Tell whether another participle stands between one and its "by": "designed and directed by"."""
    following = [word.text for word in words[place + 1 : place + 4]]
    return len(following) == 3 and following[0] in {"and", "or"} and following[2] == "by"


def _is_named(words: Sequence[_Word]) -> bool:
    """Tell whether words begin with who it is: "..., said the minister", and not "she said, in a letter"."""
    first = words[0] if words else None
    return first is not None and (first.shown[0].isupper() or first.text in {"the", "a", "an", "his", "her", "its"})


def _is_name(word: _Word, words: Sequence[_Word]) -> bool:
    is_name = word.shown[0].isupper() and word.text not in _NO_NAMES
    return is_name and (word is not words[0] or not is_known(word.text))


def _is_active_perfect(auxiliaries: frozenset[str]) -> bool:
    return bool(auxiliaries & _HAVE) and not auxiliaries & {"been", "be", "being"}


def _find_auxiliaries(words: Sequence[_Word], place: int) -> frozenset[str]:
    """Collect the auxiliaries right before a verb, adverbs passed over."""
    found = set()
    for at in range(place - 1, max(-1, place - 1 - MAX_AUXILIARIES), -1):
        text = words[at].text
        if text in _AUXILIARIES or text == "to":
            found.add(text)
        elif not (text in _ADVERBS or text.endswith("ly")):
            break
        if words[at].is_first:
            break
    return frozenset(found)


def _find_clause(words: Sequence[_Word], place: int) -> range:
    start = place
    has_comma = False  # between a word and the verb
    while start > 0 and place - start < MAX_ARGUMENTS:
        # "Ferrante, whose firm makes lifts, said": the relative clause is closed, and stands between.
        # "Quieter but heavier than": both are set beside it.
        joins = words[place].text == "than" and words[start].text == "but"
        if words[start].is_first and not (has_comma and words[start].text in _RELATIVES) and not joins:
            break
        has_comma = has_comma or words[start].follows_comma
        start -= 1
    end = place + 1
    while end < len(words) and not words[end].is_first and end - place <= MAX_ARGUMENTS:
        end += 1
    return range(start, end)


def _stems(words: Sequence[_Word]) -> frozenset[str]:
    return frozenset(
        stem(folded)
        for word in words
        for folded in find_words(word.text)
        if word.text not in STOP_WORDS and word.text not in SPEECH and len(word.text) > 1 and not word.text.isdigit()
    )


def _tell_status(words: Sequence[_Word], place: int, auxiliaries: frozenset[str], *, is_participle: bool) -> Status:
    if auxiliaries & _POSSIBLE_MODALS:
        return "possible"
    if auxiliaries & _PLANNED_MODALS:
        return "planned"
    is_infinitive = "to" in auxiliaries
    if is_infinitive and auxiliaries & _FINITE_BE:  # "is now to start"
        return "planned"
    if words[place].text.endswith("ing") and auxiliaries & _FINITE_BE:
        return "under way"
    if is_infinitive or words[place].text.endswith("ing"):
        for at in range(place - 1, max(-1, place - 1 - MAX_HEAD), -1):
            if words[at].text in _PLANS:
                return "planned"
            if words[at].is_first:
                break
        return "unknown"
    if auxiliaries & (_HAVE | {"was", "were", "been"}) or (is_participle and not auxiliaries & _BE):
        return "done"
    return "unknown"


def _is_negated(words: Sequence[_Word], place: int, start: int) -> bool:
    if place + 1 < len(words) and words[place + 1].text in {"no", "nothing", "nobody", "none"}:
        return True
    if place > 1 and (words[place - 2].text, words[place - 1].text) in _DENYING:
        return True
    for at in range(place - 1, max(-1, place - 1 - MAX_AUXILIARIES), -1):
        text = words[at].text
        if text in _NEGATIONS or text in _DENIALS:
            return True
        if words[at].is_first or not (text in _AUXILIARIES or text in _ADVERBS or text == "to" or text.endswith("ly")):
            break
    return any(
        words[at].text in {"no", "none", "nobody", "neither"} and words[at + 1].text not in {"more", "less", "fewer"}
        for at in range(start, place)
    )


def _tell_reserve(words: Sequence[_Word], place: int) -> Reserve:
    """Find a word of doubt before a verb, with neither a "but" nor a comma that ends it between them."""
    has_comma = words[place].follows_comma
    for at in range(place - 1, -1, -1):
        word = words[at]
        if word.text in {"but", "while", "although", "though"}:
            return ""
        reaches = not has_comma or word.text in _LASTING_DOUBTS or _opens_clause(words, at)
        if word.text in _DOUBTS and reaches and not any(each.text == "true" for each in words[at + 1 : at + 4]):
            return "doubted"
        if word.text in _OPINIONS and reaches:
            return "claimed"
        if word.text in {"say", "know", "confirm"} and at and words[at - 1].text in {"cannot", "not", "t"} and reaches:
            return "doubted"
        if _is_unproven(words, at) and not has_comma:
            return "doubted"
        if _is_order(words, at) and reaches:
            return "doubted"
        if word.follows_stop:
            break
        has_comma = has_comma or word.follows_comma
    # "... had taken the town, a claim that the army rejected".
    is_claim = any(one.text == "a" and two.text in _CLAIMS for one, two in pairwise(words[place + 1 :]))
    return "claimed" if is_claim else ""


def _is_order(words: Sequence[_Word], at: int) -> bool:
    """Tell whether somebody is told to say something: "Say that ...", which says nothing of whether it is so."""
    return words[at].text in _ORDERS and (words[at].is_first or words[at - 1].text in _BEFORE_ORDERS)


def _is_unproven(words: Sequence[_Word], at: int) -> bool:
    """Tell whether a word ends "could not be established", "has not been confirmed", "no evidence" and their like."""
    before = [word.text for word in words[max(0, at - 5) : at]]
    if words[at].text in _PROOFS:
        return before[-1:] in (["no"], ["without"]) or before[-2:] == ["not", "any"]
    if words[at].text not in _PROVEN or not {"not", "t", "never", "cannot"} & set(before):
        return False
    negation = max(place for place, text in enumerate(before) if text in {"not", "t", "never", "cannot"})
    return all(text in _AUXILIARIES or text in _ADVERBS or text.endswith("ly") for text in before[negation + 1 :])


def _opens_clause(words: Sequence[_Word], at: int) -> bool:
    return any(word.text in {"that", "whether"} for word in words[at + 1 : at + 4])


def needs_subject(text: str) -> bool:
    """Tell whether a sentence begins with a pronoun for somebody."""
    return find_words(text)[:1] in (["he"], ["she"], ["they"])


_IN_MAY = re.compile(r"(?<=[\w,] )May\b")


def has_doubt(text: str) -> bool:
    """Tell whether a sentence has a word of doubt, of denial or of possibility anywhere."""
    text = _IN_MAY.sub(" ", text)
    return not _split(text).isdisjoint(_DOUBTS | _OPINIONS | _DENIALS | _POSSIBLE_MODALS | {"not", "never", "reported"})


def has_attribution(text: str) -> bool:
    """Tell whether a sentence says that somebody says something."""
    return not _split(text).isdisjoint(_ATTRIBUTIONS)


def _split(text: str) -> set[str]:
    return {match.group().lower() for match in _WORD.finditer(text)}
