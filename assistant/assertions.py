"""Finds what a statement asserts otherwise than the sentences cited for it do, in the same words.

A plan told as done, what was denied or alleged told as fact, roles changed over, a speaker dropped or made up. Numbers,
dates and qualifiers are compared by assistant/quantities.py, sequences.py and qualifiers.py. Every rule needs something
in the evidence to compare with, and is silent where there is nothing.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import TypeAlias

from assistant.clauses import ERGATIVE, SPEECH, SYMMETRIC, Verb, has_attribution, has_doubt, needs_subject, read_verbs
from assistant.facts import CLASS_NOUNS, UNIT_STEMS, Cited, Token, are_opposites, may_be_negative, read_tokens
from assistant.lexicon import find_verb, is_thing
from assistant.qualifiers import find_unqualified
from assistant.quantities import find_misquantified
from assistant.sequences import find_misordered
from assistant.terms import STOP_WORDS, find_stems, find_words, read_words, stem

REPEATING_SHARE = 0.6  # of a statement's tokens in a sentence, from which both speak of the same
SAME_CLAUSE_SHARE = 0.5  # of what is around a verb, from which two clauses in an article are taken to be one
OPPOSING_SHARE = 0.5  # the same, where a word has its opposite in the other

_Pairs: TypeAlias = Sequence[tuple[Verb, Sequence[Verb]]]


def find_misstated(statement: str, tokens: Sequence[Token], cited: Cited, *, is_long: bool = False) -> Iterator[str]:
    """Yield what a statement says otherwise than the sentences cited for it, each with its text and its tokens.

    `is_long` says that these are the nearest of many, as of an article, in which a verb has clauses that say other
    things.
    """
    texts = [text for text, _ in cited]
    pairs = list(_pair_verbs(statement, texts, share=SAME_CLAUSE_SHARE if is_long else 0))
    yield from _find_unreserved(statement, tokens, pairs, cited)
    roles, opposites = list(_find_changed_roles(pairs, texts, is_long=is_long)), list(_find_opposites(tokens, cited))
    if not (roles and opposites and _COMPARED.search(statement)):  # "ahead of" one is "behind" the other
        yield from (*roles, *opposites)
    yield from _find_named_later(statement, texts)
    yield from find_misquantified(statement, tokens, cited)
    yield from find_misordered(statement, tokens, cited)
    yield from find_unqualified(statement, tokens, cited, is_long=is_long)
    yield from _find_considered(statement, texts)
    yield from _find_sought(statement, texts)
    yield from _find_untimely(statement, cited)
    yield from _find_foretold(statement, texts)
    yield from _find_supposed(statement, texts)
    if not is_long:  # another sentence of an article may name the speaker
        yield from _find_invented_speaker(statement, texts)
        yield from _find_other_speaker(tokens, texts)
    yield from _find_converse(statement, texts)


# Verbs ----------------------------------------------------------------------------------------------------------------


def _pair_verbs(statement: str, texts: Sequence[str], *, share: float) -> Iterator[tuple[Verb, Sequence[Verb]]]:
    """Yield each verb of the statement with those of the evidence that are the same and have most around them alike.

    At least this `share` of what is around the verb of the statement has to be.
    """
    theirs = [verb for text in texts for verb in read_verbs(text)]
    for verb in read_verbs(statement):
        same = [other for other in theirs if other.lemma == verb.lemma]
        shared = [
            # By what is said, for who says it is the question.
            len(verb.patients & other.patients if verb.lemma in SPEECH else verb.arguments & other.arguments)
            for other in same
        ]
        around = verb.patients if verb.lemma in SPEECH else verb.arguments
        if same and max(shared) >= share * len(around):
            yield verb, [other for other, count in zip(same, shared, strict=True) if count == max(shared)]


def _find_unreserved(statement: str, tokens: Sequence[Token], pairs: _Pairs, cited: Cited) -> Iterator[str]:
    """Yield what is negated, doubted or still to come in the evidence, and not in the statement."""
    is_doubting = has_doubt(statement)
    is_attributed = has_attribution(statement)
    is_negative = any(may_be_negative(token) for token in tokens)
    theirs_negative = any(may_be_negative(token) for _, sentence in cited for token in sentence)
    for verb, others in pairs:
        if verb.lemma in SPEECH:
            continue
        if all(other.is_negated for other in others) and not is_negative:
            yield f"the evidence says this with a negation: {verb.text}"
        elif verb.is_negated and not theirs_negative and not any(other.is_negated for other in others):
            yield f"the evidence says this without the negation: {verb.text}"
        elif not is_doubting and all(
            other.reserve == "doubted" or (other.reserve and not is_attributed) for other in others
        ):
            yield f"the evidence reports this, or doubts it, and doesn't say it: {verb.text}"
        elif verb.status == "done" and all(other.status in {"planned", "possible"} for other in others):
            yield f"the evidence doesn't say that this has happened: {verb.text}"
        elif verb.status == "planned" and not is_doubting and all(other.status == "possible" for other in others):
            yield f"the evidence says only that this is possible: {verb.text}"


def _find_changed_roles(pairs: _Pairs, texts: Sequence[str], *, is_long: bool) -> Iterator[str]:
    held = {stem(word) for text in texts for word in find_words(text)}
    # In an article, whom a description is of may stand in any sentence: "the striker" may be the one named here.
    parties = set[str]() if is_long else {agent for text in texts for each in read_verbs(text) for agent in each.agents}
    for verb, others in pairs:
        if verb.lemma in SYMMETRIC:
            continue
        if all(_is_reversed(verb, other) or _is_displaced(verb, other) for other in others):
            yield f"the evidence says who does this to whom the other way round: {verb.text}"
        elif verb.lemma != "than" and all(
            _has_other_agent(verb, other, held, parties) or _is_told(verb, other) for other in others
        ):
            yield f"the evidence says this of somebody else: {verb.text}"


def _is_reversed(verb: Verb, other: Verb) -> bool:
    forward = (verb.agents & other.patients) - other.agents
    backward = (verb.patients & other.agents) - other.patients
    return bool(forward and backward) and (verb.lemma == "than" or not verb.agents & other.agents)


def _is_displaced(verb: Verb, other: Verb) -> bool:
    """Tell whether who does it is named in the evidence as whom it is done to, or the other way round."""
    if verb.lemma in SPEECH or verb.lemma in ERGATIVE or not other.patients:
        return False
    if not other.agents:  # "she accused Weber" doesn't say that Weber accused anybody
        is_object = verb.names & other.patient_names and verb.patient_names
        return bool(is_object and other.has_pronoun and not verb.patient_names & other.patient_names)
    is_done_to = verb.names & other.patient_names and not verb.agents & other.agents and not other.has_pronoun
    does_it = (
        verb.is_passive
        and not verb.agents
        and verb.patient_names & other.names
        and not verb.patients & other.patients
        and not other.has_patient_pronoun
    )
    does_only = (
        verb.patients
        and verb.patients <= other.agents
        and other.patients
        and not verb.patients & other.patients
        and not other.has_patient_pronoun
    )
    return bool(is_done_to or does_it or does_only)


def _is_told(verb: Verb, other: Verb) -> bool:
    """Tell whether who says something is, in the evidence, only spoken of."""
    is_spoken_of = verb.lemma in SPEECH and verb.names and verb.names <= other.complement
    return bool(is_spoken_of and other.agents and not other.has_pronoun and not verb.agents & other.agents)


def _has_other_agent(verb: Verb, other: Verb, held: set[str], parties: set[str]) -> bool:
    """Tell whether two clauses of one verb and one object have quite different subjects, both in the evidence."""
    if verb.names and other.names:  # a name may be one word of several, or in lower case
        differ = not (verb.names & other.agents or other.names & verb.agents)
    elif verb.names:
        differ = False
    else:  # "the company" may be Casa Noble, but the coast guard is not the owner, Visayan Lines
        is_described = bool(other.agents - other.names) and not verb.agents & _CLASSES and verb.agents <= parties
        differ = (not other.names or is_described) and not verb.agents & other.agents
    return (
        differ
        and bool(verb.agents)
        and not verb.has_pronoun
        and not other.has_pronoun
        and verb.agents <= held
        and (verb.lemma in SPEECH or bool(verb.patients & other.patients))
    )


_COMPARED = re.compile(r"\b(?:than|ahead|behind|above|below|over|under|before|after|beside|to)\b")


def _find_named_later(statement: str, texts: Sequence[str]) -> Iterator[str]:
    """Yield what is said of somebody whom the evidence names only after it has said it, with a pronoun."""
    stems = [{stem(word) for word in find_words(text)} for text in texts]
    for verb in read_verbs(statement):
        names = verb.patient_names if verb.is_passive and not verb.agents else verb.names
        if not names or verb.lemma in SPEECH:
            continue
        places = [
            place
            for place, text in enumerate(texts)
            for other in read_verbs(text)
            if other.lemma == verb.lemma and len(verb.complement & other.complement - names) >= 2
        ]
        if not places or not needs_subject(texts[places[-1]]):
            continue
        before, after = set[str]().union(*stems[: places[-1] + 1]), set[str]().union(*stems[places[-1] + 1 :])
        if not names & before and names & after:
            yield f"the evidence says this of somebody else: {verb.text}"


# What a thing is called that has a name: nothing new is said of it so.
_CLASSES = frozenset(map(stem, CLASS_NOUNS))

# Opposites ----------------------------------------------------------------------------------------------------------


def _find_opposites(tokens: Sequence[Token], cited: Cited) -> Iterator[str]:
    """Yield a word whose opposite a sentence has that is like the statement otherwise, and which it hasn't itself."""
    forms = {token.form for token in tokens}
    theirs = [token for _, sentence in cited for token in sentence]
    negative = [{token.form for token in each if may_be_negative(token)} for each in (tokens, theirs)]
    held = {token.form for token in theirs}
    for token in tokens:
        if token.kind == "name" or token.form in held | UNIT_STEMS.keys() or token.text.lower() in STOP_WORDS:
            continue
        for _, sentence in cited:
            if len(forms & {other.form for other in sentence}) < OPPOSING_SHARE * len(forms):
                continue
            opposite = next(
                (one for one in sentence if one.form not in forms and are_opposites(token.form, one.form)), None
            )
            if opposite is None or any(are_opposites(opposite.form, form) for form in held):
                continue  # or the sentence has another word for it
            # "Not open" may be "closed".
            if bool(negative[0] - {token.form}) == bool(negative[1] - {opposite.form}):
                yield f"the evidence says {opposite.text}, not {token.text}"
                break


# Considering ----------------------------------------------------------------------------------------------------------

_CONSIDERED = re.compile(
    r"\b(?:consider|weigh|mull|contemplat|ponder|explor|discuss|think|talk)(?:s|ed|ing|e|es)?\s"
    r"(?:(?:about|over|of|up|whether|to|an?|the|its|his|her|their|possible)\s)*([a-z]+)",
    re.IGNORECASE,
)


def _find_considered(statement: str, texts: Sequence[str]) -> Iterator[str]:
    """Yield what a statement says is done or will be, and the evidence only that it is thought about."""
    if _CONSIDERED.search(statement) or has_doubt(statement):
        return
    considered = {match[1].lower() for text in texts for match in _CONSIDERED.finditer(text)}
    elsewhere = {verb.lemma for text in texts for verb in read_verbs(_CONSIDERED.sub(" ", text))}
    bases = {find_verb(word) for word in considered} - {""} - elsewhere
    for verb in read_verbs(statement):
        if verb.lemma in bases and verb.status in {"done", "under way", "planned"}:
            yield f"the evidence says only that this is considered: {verb.text}"


_SOUGHT = re.compile(
    r"\b(?:appl(?:y|ies|ied|ying)|ask(?:s|ed|ing)?|bid(?:s|ding)?|campaign\w*|lobb(?:y|ied|ying)|wait(?:s|ed|ing)?|hop(?:es?|ed|ing)"
    r"|plead\w*|appeal(?:s|ed|ing)?|press(?:ed|ing)?|request(?:s|ed|ing)?|seek(?:s|ing)?|sought|call(?:s|ed|ing)?)\s(?:for\s)?"
    r"(?:(?:an?|the|its|his|her|their|more|new|final|full)\s)*([a-z]+)",
    re.IGNORECASE,
)
_OBTAINED = re.compile(
    r"\b(?:has|have|had|got|gets?|gained|given|granted|received|won|obtained|secured|with)\s"
    r"(?:(?:been|got|an?|the|its|his|her|their|more|new|final|full|given|granted|received|won|obtained|secured)\s)*([a-z]+)",
    re.IGNORECASE,
)


def _find_sought(statement: str, texts: Sequence[str]) -> Iterator[str]:
    """Yield what a statement says somebody has, and the evidence only that it is asked for."""
    obtained = {match[1].lower() for match in _OBTAINED.finditer(statement)}
    sought = {match[1].lower() for text in texts for match in _SOUGHT.finditer(text)} if obtained else set[str]()
    held = {word for text in texts for word in find_words(_SOUGHT.sub(" ", text))}
    for word in sorted(obtained & sought - held - STOP_WORDS):
        if not find_verb(word) or is_thing(word):
            yield f"the evidence says only that this is asked for: {word}"


_UPCOMING = read_words("expected due scheduled planned set slated")


def _find_untimely(statement: str, cited: Cited) -> Iterator[str]:
    """Yield what a statement says was done in other words than a sentence of which every verb is still to come."""
    verbs = read_verbs(statement)
    if not verbs or has_doubt(statement) or any(verb.status != "done" or verb.lemma in SPEECH for verb in verbs):
        return
    forms = {token.form for token in read_tokens(statement)}
    likest = max(cited, key=lambda each: len(forms & {token.form for token in each[1]}))
    theirs = read_verbs(likest[0])
    known = {verb.lemma for text, _ in cited for verb in read_verbs(text)}
    is_coming = all(verb.status in {"planned", "possible"} or verb.text in _UPCOMING for verb in theirs)
    is_other = not any(verb.lemma in known or verb.text in _UPCOMING for verb in verbs)
    is_like = len(forms & {token.form for token in likest[1]}) >= REPEATING_SHARE * len(forms)
    if theirs and is_coming and is_other and is_like:
        yield f"the evidence doesn't say that this has happened: {verbs[0].text}"


# Who says so ----------------------------------------------------------------------------------------------------------

_SAID = re.compile(r"\b(?:said|says|say|told|warn(?:s|ed)?|predict(?:s|ed)?|estimated?|forecasts?|according to)\b")


def _find_foretold(statement: str, texts: Sequence[str]) -> Iterator[str]:
    """Yield what will be, in a statement that doesn't say who says so, where in the evidence somebody else says it."""
    if has_attribution(statement) or has_doubt(statement):
        return
    for verb in read_verbs(statement):
        if verb.status != "planned" or verb.lemma in SPEECH:
            continue
        places = [
            (text, match, other)
            for text in texts
            for other in read_verbs(text)
            if other.lemma == verb.lemma and other.status == "planned"
            for match in [_SAID.search(text)]
        ]
        if places and all(
            match
            and re.search(rf"\b(?:will|would)\b.*\b{re.escape(other.text)}\b", text[match.end() :])
            and other.agents
            and other.agents.isdisjoint(find_stems(text[: match.start()]))
            for text, match, other in places
        ):
            yield f"the evidence doesn't say this itself, but tells who says it: {verb.text}"


_SUPPOSED = re.compile(r"\b(?:would|should)(?: not|n['’]t)? have\b", re.IGNORECASE)


def _find_supposed(statement: str, texts: Sequence[str]) -> Iterator[str]:
    """Yield what would have been, in a statement that doesn't say who says so, where in the evidence somebody does."""
    match = _SUPPOSED.search(statement)
    if match is None or has_attribution(statement) or has_doubt(statement) or _SPOKEN.search(statement):
        return
    same = [text for text in texts if _SUPPOSED.search(text)]
    if same and all(has_attribution(text) or has_doubt(text) or _SPOKEN.search(text) for text in same):
        yield f"the evidence doesn't say this itself, but tells who says it: {match[0]}"


_SPOKEN = re.compile(
    r"[\"“”«»]|\b(?:accord\w*|claim\w*|den(?:y|ies|ied)|accus\w*|announc\w*|confirm\w*|statement|interview)\b", re.I
)
_WRITINGS = frozenset(
    map(stem, read_words("article report text source statement paper newspaper story document outlet"))
)
_SPEAKERS = re.compile(
    r"\A(?:the )?([\w’' -]{2,40}?) (?:said|says|claimed|claims|stated|announced|told \w+)\b", re.IGNORECASE
)


def _find_invented_speaker(statement: str, texts: Sequence[str]) -> Iterator[str]:
    """Yield who says something in a statement, where the evidence names no such speaker and tells nobody's words."""
    match = _SPEAKERS.match(statement)
    if match is None or any(has_attribution(text) or _SPOKEN.search(text) for text in texts):
        return
    if match[1].split()[-1].lower() in STOP_WORDS:  # "it was announced"
        return
    speaker = set(find_stems(match[1]))
    held = {stem(word) for text in texts for word in find_words(text)}
    if speaker and not speaker & (held | _WRITINGS):
        yield f"the evidence doesn't say who says this: {match[1]}"


_BESIDE = re.compile(r"(?:,|;)\s(?:while|whereas|but|and|though|although)\s|;\s|\s(?:while|whereas)\s", re.IGNORECASE)


def _find_other_speaker(tokens: Sequence[Token], texts: Sequence[str]) -> Iterator[str]:
    """Yield the figure of one speaker that a statement gives to another, who has his own beside it in the sentence."""
    forms = {token.form for token in tokens}
    stems = {each for token in tokens for each in find_stems(token.text)}
    for text in texts:
        clauses = _BESIDE.split(text)
        if len(clauses) < 2 or not has_attribution(text):
            continue
        told = [(_find_speaker(clause), _list_figures(clause)) for clause in clauses]
        everywhere = frozenset.intersection(*(speaker for speaker, _ in told))
        for (speaker, own), (other, theirs) in permutations(told, 2):
            if not (speaker - everywhere) & stems or not other - speaker or (other - speaker) & stems:
                continue
            for figure in theirs:
                rivals = {each.form for each in own if each.unit == figure.unit}
                if figure.form in forms and rivals and rivals.isdisjoint(forms):
                    yield f"the evidence says this of somebody else: {figure.text}"


def _find_speaker(clause: str) -> frozenset[str]:
    """Find the stems of who stands before the first verb of a clause, or before its first figure."""
    clause = re.split(r"\d", re.sub(r"\A\W*according to\b", "", clause, flags=re.IGNORECASE), maxsplit=1)[0]
    for verb in read_verbs(clause):
        place = re.search(rf"\b{re.escape(verb.text)}\b", clause, re.IGNORECASE)
        if place and (speaker := frozenset(find_stems(clause[: place.start()]))):
            return speaker
    return frozenset(find_stems(clause)) if not read_verbs(clause) else frozenset()


def _list_figures(clause: str) -> list[Token]:
    return [token for token in read_tokens(clause) if token.kind == "number"]


# Verbs by which the one does what the other does with him: "A lent it to B" is "B borrowed it from A".
_CONVERSES = (("lend", "borrow"), ("buy", "sell"), ("teach", "learn"))


def _find_converse(statement: str, texts: Sequence[str]) -> Iterator[str]:
    """Yield who does, in a statement, what in the evidence the other one does with him."""
    theirs = [verb for text in texts for verb in read_verbs(text)]
    known = {verb.lemma for verb in theirs}
    for verb in read_verbs(statement):
        for one, other in (*_CONVERSES, *((two, one) for one, two in _CONVERSES)):
            if verb.lemma != one or one in known:
                continue
            same = [each for each in theirs if each.lemma == other]
            if same and all((verb.agents & each.agents) - each.patients for each in same):
                yield f"the evidence says {same[0].text}, not {verb.text}"
