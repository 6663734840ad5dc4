"""Finds what a statement asserts otherwise than the sentences cited for it do, in the same words.

A plan told as done, what was denied or alleged told as fact, roles changed over, bounds and shares of numbers dropped,
a cause put in. Every rule needs something in the evidence to compare with, and is silent where there is nothing.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

from assistant.clauses import ERGATIVE, SPEECH, SYMMETRIC, Verb, has_attribution, has_doubt, needs_subject, read_verbs
from assistant.facts import CLASS_NOUNS, UNIT_STEMS, Token, are_opposites, may_be_negative
from assistant.lexicon import find_verb, is_adjective, is_thing
from assistant.terms import STOP_WORDS, find_stems, find_words, read_words, stem

REPEATING_SHARE = 0.6  # of a statement's tokens in a sentence, from which both speak of the same
SAME_CLAUSE_SHARE = 0.5  # of what is around a verb, from which two clauses in an article are taken to be one
OPPOSING_SHARE = 0.5  # the same, where a word has its opposite in the other
AROUND = 24  # characters beside a number in which its bound stands

_Cited: TypeAlias = Sequence[tuple[str, Sequence[Token]]]
_Pairs: TypeAlias = Sequence[tuple[Verb, Sequence[Verb]]]


def find_misstated(statement: str, tokens: Sequence[Token], cited: _Cited, *, is_long: bool = False) -> Iterator[str]:
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
    yield from _find_unbounded(statement, tokens, cited)
    yield from _find_parts(statement, tokens, cited)
    yield from _find_generalised(statement, texts)
    yield from _find_causes(statement, texts)
    yield from _find_named_later(statement, texts)
    yield from _find_offices(statement, texts)
    yield from _find_changed_times(statement, tokens, cited)
    yield from _find_changed_courses(statement, tokens, cited)
    yield from _find_reversed_order(statement, texts)
    yield from _find_considered(statement, texts)


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


def _find_unreserved(statement: str, tokens: Sequence[Token], pairs: _Pairs, cited: _Cited) -> Iterator[str]:
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
        elif verb.is_negated and not theirs_negative:
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
    for name, office, before in _list_offices(statement):
        same = [(other, words) for other, held, words in theirs if held == office]
        own = [words for other, words in same if other & name]
        others = [
            other
            for other, words in same
            if not other & name and not words & _DEPUTIES and not (words and before and words.isdisjoint(before))
        ]
        if own and all((words ^ before) & _DEPUTIES for words in own):
            yield f"the evidence says {' '.join(sorted((own[0] ^ before) & _DEPUTIES))}: {office}"
        elif not own and others and name <= {word for text in texts for word in find_words(text)}:
            yield f"the evidence says this of somebody else: {office}"


# What a thing is called that has a name: nothing new is said of it so.
_CLASSES = frozenset(map(stem, CLASS_NOUNS))

# Quantities -----------------------------------------------------------------------------------------------------------

_LOWER = re.compile(
    r"\b(?:at least|(?<!no )(?<!not )more than|exceeding|no (?:fewer|less) than|a minimum of)\s*\W?\s*\Z", re.IGNORECASE
)
_UPPER = re.compile(
    r"\b(?:up to|at most|(?<!no )(?:less|fewer) than|(?:no|not) more than|a maximum of)\s*\W?\s*\Z", re.IGNORECASE
)
# "Over three seasons" is no bound, but may say what another text says with one.
_LOWER_LIKE = re.compile(
    r"\b(?:over|above|beyond|past|topp\w+|top|surpass\w+|almost|nearly|just)\s*\W?\s*\Z", re.IGNORECASE
)
_UPPER_LIKE = re.compile(
    r"\b(?:under|below|within|almost|nearly|as (?:many|much|long) as|maximum\D{0,20})\s*\W?\s*\Z", re.IGNORECASE
)
_OR_MORE = re.compile(r"\A[\w%€$£ -]{0,12}\bor (?:more|over)\b", re.IGNORECASE)
_OR_LESS = re.compile(r"\A[\w%€$£ -]{0,12}\bor (?:less|fewer|under)\b", re.IGNORECASE)
# "Two of the" in front of "five miners".
_PART = re.compile(
    r"\b(\w+)(?: out)? of (?:the|its|their|his|her|all|those|these|some|more than|about|nearly)\s+(?:[\w’'-]+\s+)?\Z",
    re.IGNORECASE,
)
_OF_THE = re.compile(r"\s(?:out )?of (?:the|its|their|his|her|those|these)\s", re.IGNORECASE)
_OF_NUMBER = re.compile(
    r"\b(?:of|out of) (?:the|its|their|all) (?:[\w-]+['’]s? )?"
    r"(?:\d|two\b|three|four|five|six|seven|eight|nine|ten|twelve|\w+teen)",
    re.IGNORECASE,
)
_COUNTS = read_words("""
    one two three four five six seven eight nine ten eleven twelve some most many several few half none
""")
_PARTIAL = read_words("""
    some most many several few part half quarter third majority minority nearly almost percent
""")
_UNIVERSAL = frozenset({"all", "every", "whole", "entire", "entirely", "everyone", "everybody", "always"})
_MOST = frozenset({"most", "majority"})


def _find_unbounded(statement: str, tokens: Sequence[Token], cited: _Cited) -> Iterator[str]:
    """Yield numbers that have another bound in the evidence, or are there the whole of which it counts a part."""
    for token in tokens:
        if token.kind != "number":
            continue
        same = [
            (text, other, sentence[at - 1] if at else None)
            for text, sentence in cited
            for at, other in enumerate(sentence)
            if other.form == token.form and other.kind == "number"
        ]
        bound = _tell_bound(statement, token)
        bounds = {_tell_bound(text, other) for text, other, _ in same}
        if bounds and bound not in bounds and (bound or bounds == {"at most"}):
            like = _LOWER_LIKE if bound == "at least" else _UPPER_LIKE
            places = [(statement, token), *((text, other) for text, other, _ in same)]
            if not any(like.search(text[max(0, other.start - AROUND) : other.start]) for text, other in places):
                yield f"the evidence doesn't say {bound or 'just'} {token.text}"
        parts = {before.form for text, other, before in same if before is not None and _is_part(text, other)}
        if parts and not parts & {other.form for other in tokens} and not _is_part(statement, token):
            yield f"the evidence says this of a part of {token.text} only"


def _tell_bound(text: str, token: Token) -> str:
    before, after = text[max(0, token.start - AROUND) : token.start], text[token.end : token.end + AROUND]
    if _LOWER.search(before) or _OR_MORE.search(after):
        return "at least"
    if _UPPER.search(before) or _OR_LESS.search(after):
        return "at most"
    return ""


def _is_part(text: str, token: Token) -> bool:
    """Tell whether a number is that of which another one, before it, is a part."""
    match = None if token.form.endswith("th") else _PART.search(text[max(0, token.start - 2 * AROUND) : token.start])
    return match is not None and (match[1].isdigit() or match[1].lower() in _COUNTS)


def _find_parts(statement: str, tokens: Sequence[Token], cited: _Cited) -> Iterator[str]:
    """Yield what the evidence says of a part only, where a statement has neither a number nor a word for a part."""
    words = set(find_words(statement))
    if any(token.kind == "number" for token in tokens) or words & (_PARTIAL | _COUNTS | {"a", "an"}):
        return
    forms = {token.form for token in tokens}
    for text, sentence in cited:
        if len(forms & {token.form for token in sentence}) < REPEATING_SHARE * len(forms):
            continue
        for number, noun in pairwise(sentence):
            is_part = _is_part(text, number) or _OF_THE.fullmatch(text, number.end, noun.start)
            if number.kind == "number" and noun.form in forms and is_part:
                yield f"the evidence says this of a part of the {noun.text} only"


def _find_generalised(statement: str, texts: Sequence[str]) -> Iterator[str]:
    words = find_words(statement)
    held = {word for text in texts for word in find_words(text)}
    partial = held & _PARTIAL
    is_of_some = bool(partial) or any(_OF_NUMBER.search(text) for text in texts)
    for word in dict.fromkeys(words):
        if word in _UNIVERSAL and not held & _UNIVERSAL and is_of_some and not set(words) & (partial - {"percent"}):
            yield f"the evidence doesn't say this of {word}"
        elif word in _MOST and not held & _MOST and partial and not any("more than half" in text for text in texts):
            yield f"the evidence doesn't say {word}"


_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")  # "by 2030" is until then
_COURSE = re.compile(r"\b(from|to|by)\s+(?:(?:about|around|almost|nearly|some|only|just|roughly)\s+)?\W?\Z")


def _find_changed_courses(statement: str, tokens: Sequence[Token], cited: _Cited) -> Iterator[str]:
    """Yield numbers from which, to which or by which something changes, where the evidence has another of the three."""
    for token in tokens:
        ours = _find_course(statement, token)
        if ours:
            same = [(text, other) for text, sentence in cited for other in sentence if other.form == token.form]
            theirs = {_find_course(text, other) for text, other in same}
            if theirs and not theirs & {ours, ""}:
                yield f"the evidence says {min(theirs)} {token.text}, not {ours}"


def _find_course(text: str, token: Token) -> str:
    match = _COURSE.search(text, max(0, token.start - AROUND), token.start) if token.kind == "number" else None
    return match[1] if match and not (match[1] == "by" and _YEAR.fullmatch(token.text)) else ""


# Causes and opposites -------------------------------------------------------------------------------------------------

_CAUSE = re.compile(
    r"\b(?:because|caus(?:e[sd]?|ing)|led (?:\w+ ){0,3}to|lead(?:s|ing)? to|forced|forcing|as a result|thanks to"
    r"|owing to|result(?:s|ed|ing)? (?:in|from)|prompt(?:ed|s|ing)|trigger(?:ed|s|ing)|sparked|sparking|blamed"
    r"|driven by|due to(?! \w+ (?:on|in|next))|brought about|responsible for|in (?:protest|response|retaliation))\b",
    re.IGNORECASE,
)
_REASON = re.compile(
    r"\b(?:since|amid|blam\w+|attribut\w+|leaving|meaning|cit(?:ed|ing)|reasons?|to (?:protest|avoid|prevent)"
    r"|force|cause|leads?|why|responsib\w+|for \w+ing|by \w+ing|thank\w*|response|protest\w*|ow(?:ing|ed) to|due to"
    r"|over (?!\d|an?\b|the\b|two\b|three\b|four\b|five\b|six\b|\w+ (?:years|seasons|months|weeks|days)))\b",
    re.IGNORECASE,
)


def _find_causes(statement: str, texts: Sequence[str]) -> Iterator[str]:
    match = _CAUSE.search(statement)
    if match and not any(_CAUSE.search(text) or _REASON.search(text) for text in texts):
        yield f"the evidence doesn't say that one caused the other: {match.group()}"


def _find_opposites(tokens: Sequence[Token], cited: _Cited) -> Iterator[str]:
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


# Times ----------------------------------------------------------------------------------------------------------------

_DATED = frozenset({"weekday", "month", "number"})
_HOURS = frozenset(
    map(stem, read_words("midnight noon midday dawn dusk sunrise sunset morning evening night christmas"))
)
_UNTIL, _SINCE = (
    read_words("before until till by preceded precedes preceding"),
    read_words("after since from followed follows following"),
)
# Of these only before a day or a year: "from the bank" says nothing of when.
_OF_DAYS = read_words("by from")
_SIDES = read_words("before until till by after since from")
_SIDE = re.compile(
    r"\b(before|until|till|by|preced\w+|after|since|from|follow\w+)\s+"
    r"(?:(?:the|an?|its|his|her|their|it|he|she|they|late|early|[A-Z]?[a-z]+day|\d{1,2})\s+){0,2}\Z"
)


def _find_changed_times(statement: str, tokens: Sequence[Token], cited: _Cited) -> Iterator[str]:
    """Yield what is said to be before something, or until then, where the evidence says after it, or the reverse."""
    forms = {token.form for token in tokens}
    for token in tokens:
        ours = _find_side(statement, token)
        if not ours:
            continue
        is_day = token.kind in _DATED or token.form in _HOURS
        every = [(other, _find_side(text, other)) for text, sentence in cited for other in sentence]
        theirs = {side for other, side in every if other.form == token.form}
        against = (_SINCE if ours in _UNTIL else _UNTIL) - (frozenset() if is_day else _OF_DAYS)
        if theirs and theirs <= against and (is_day or ours not in _OF_DAYS):
            yield f"the evidence says {min(theirs)} {token.text}, not {ours}"
        elif token.kind in _DATED and ours in _SIDES and theirs and ours not in theirs:
            moved = [o for o, side in every if side == ours and o.kind == token.kind and o.form not in forms]
            if moved:
                yield f"the evidence says {ours} {moved[0].text}, not {token.text}"


def _find_side(text: str, token: Token) -> str:
    """Find the word that says on which side of a token something is: "until" in "until Friday 3 May"."""
    match = _SIDE.search(text, max(0, token.start - AROUND), token.start)
    return match[1].lower() if match else ""


_ORDER = re.compile(r"\b(before|after)\b", re.IGNORECASE)


def _find_reversed_order(statement: str, texts: Sequence[str]) -> Iterator[str]:
    """Yield that one thing came before another, where a sentence with most of the words of both has the reverse."""
    ours = _read_order(statement)
    theirs = [order for order in map(_read_order, texts) if order]
    if ours is None or not theirs:
        return
    earlier, later = ours
    for other_earlier, other_later in theirs:
        straight = len(earlier & other_earlier), len(later & other_later)
        crossed = len(earlier & other_later), len(later & other_earlier)
        if min(crossed) >= 2 and 2 * sum(crossed) >= len(earlier | later) and sum(crossed) > 2 * sum(straight):
            yield "the evidence says which came first the other way round"
            return


def _read_order(text: str) -> tuple[frozenset[str], frozenset[str]] | None:
    """Read what came first and what came then, each as stems, of a sentence with one "before" or "after" inside."""
    parts = _ORDER.split(text)
    if len(parts) != 3 or not parts[0].strip():
        return None
    one, other = (frozenset(find_stems(part)) for part in (parts[0], parts[2]))
    return (other, one) if parts[1].lower() == "after" else (one, other)


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
        if verb.lemma in bases and verb.status in {"done", "planned"}:
            yield f"the evidence says only that this is considered: {verb.text}"
