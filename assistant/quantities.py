"""Finds what a statement says of quantities otherwise than its evidence: of another thing, with another bound or rank.

A number says something together with what it counts and how far it goes: "54 floors", "nearly 500", "the second of".
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from assistant.facts import Cited, Token, may_be_negative, read_tokens
from assistant.terms import STOP_WORDS, find_words, read_words

REPEATING_SHARE = 0.6  # of a statement's tokens in a sentence, from which both speak of the same
AROUND = 24  # characters beside a number in which its bound stands
MAX_NOUN = 3  # words after a number in which what it counts stands


def find_misquantified(statement: str, tokens: Sequence[Token], cited: Cited) -> Iterator[str]:
    """Yield which quantities a statement has otherwise than the sentences cited for it."""
    texts = [text for text, _ in cited]
    yield from _find_unbounded(statement, tokens, cited)
    yield from _find_excepted(statement, tokens, cited)
    yield from _find_parts(statement, tokens, cited)
    yield from _find_numerators(statement, tokens, cited)
    yield from _find_generalised(statement, texts)
    yield from _find_changed_courses(statement, tokens, cited)
    yield from _find_miscounted(statement, tokens, cited)
    yield from _find_differences(statement, tokens, cited)
    yield from _find_ranks(statement, texts)
    yield from _find_each(statement, tokens, cited)
    yield from _find_whole(statement, texts)
    yield from _find_turned_courses(statement, tokens, cited)


# Bounds and parts -----------------------------------------------------------------------------------------------------

_LOWER = re.compile(
    r"\b(?:at least|(?<!no )(?<!not )more than|exceeding|no (?:fewer|less) than|a minimum of)\s*\W?\s*\Z", re.IGNORECASE
)
_UPPER = re.compile(
    r"\b(?:up to|at most|(?<!twice )(?<!half )(?<!times )as (?:many|much|long) as"
    r"|(?<!no )(?:less|fewer) than|(?:no|not) more than|a maximum of)\s*\W?\s*\Z",
    re.IGNORECASE,
)
# Looser than these: they say on which side of a number the amount is, but a number alone may be said for it. Before a
# stretch of time they say something else: "over three seasons".
_ABOVE = re.compile(r"\b(?:over|above|beyond|topping|topp?ed|surpass\w+)\s*\W?\s*\Z", re.IGNORECASE)
_BELOW = re.compile(
    r"\b(?:under|below|within|almost|nearly|close to|approaching|maximum\D{0,20})\s*\W?\s*\Z", re.IGNORECASE
)
_ABOUT = re.compile(r"\b(?:about|around|roughly|some|approximately|estimated|just|past)\s*\W?\s*\Z", re.IGNORECASE)
_DISPUTED = re.compile(  # "sued over £3m"
    r"\b(?:su(?:e[sd]?|ing)|disput\w*|row|rows|lawsuit|clash\w*|quarrel\w*|feud\w*|ang(?:er|ry)|protest\w*|resign\w*"
    r"|charg\w*|convict\w*|jailed|investigat\w*|fight\w*|question\w*|concern\w*)\b[^.;]*\bover\s*\W?\s*\Z",
    re.IGNORECASE,
)
_TIMES = read_words("second minute hour day week month year decade century")
_SIGNS = {"at least": 1, "over": 1, "": 0, "about": 0, "under": -1, "at most": -1}
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
    some most many several few part half quarter third majority minority nearly almost percent only
""")
_UNIVERSAL = frozenset({"all", "every", "whole", "entire", "entirely", "everyone", "everybody", "always"})
_MOST = frozenset({"most", "majority"})


def _find_unbounded(statement: str, tokens: Sequence[Token], cited: Cited) -> Iterator[str]:
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
        signs = {_SIGNS[other] for other in bounds}
        is_rounded = bound in {"over", "under"} and "about" in bounds
        is_bound = bound not in {"", "about"} or bounds == {"at most"}
        if bounds and _SIGNS[bound] not in signs and is_bound and not is_rounded:
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
    if token.unit not in _TIMES and not _EXCEPTED.search(before):
        if _ABOVE.search(before) and not _DISPUTED.search(text, 0, token.start):
            return "over"
        if _BELOW.search(before):
            return "under"
    return "about" if _ABOUT.search(before) else ""


_EXCEPTED = re.compile(
    r"\b(?:all|every\w*)(?: [\w’'-]+){0,4} (?:but|except|bar|save)(?: for)? (?:the )?\Z", re.IGNORECASE
)


def _find_excepted(statement: str, tokens: Sequence[Token], cited: Cited) -> Iterator[str]:
    """Yield numbers of those that something is said of, where the evidence says it of all but them, or the reverse."""
    if any(may_be_negative(token) and not _EXCEPTED.search(statement[: token.end] + " ") for token in tokens):
        return
    for token in tokens:
        ours = bool(_EXCEPTED.search(statement, 0, token.start))
        theirs = {
            bool(_EXCEPTED.search(text, 0, other.start))
            for text, sentence in cited
            for other in sentence
            if other.form == token.form and other.kind == "number"
        }
        if token.kind == "number" and theirs and ours not in theirs and not (ours and _has_excepting(cited)):
            yield f"the evidence says this of {'' if ours else 'all but '}{token.text}"


def _has_excepting(cited: Cited) -> bool:
    return any(may_be_negative(token) for _, sentence in cited for token in sentence)


def _is_part(text: str, token: Token) -> bool:
    """Tell whether a number is that of which another one, before it, is a part."""
    match = None if token.form.endswith("th") else _PART.search(text[max(0, token.start - 2 * AROUND) : token.start])
    return match is not None and (match[1].isdigit() or match[1].lower() in _COUNTS)


def _find_parts(statement: str, tokens: Sequence[Token], cited: Cited) -> Iterator[str]:
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


_FRACTIONS = frozenset({"3th", "4th", "5th", "10th", "quarter"})
_OF_WHOLE = re.compile(r"[\s-]+(?:in\s+|out of\s+)?")


def _find_numerators(statement: str, tokens: Sequence[Token], cited: Cited) -> Iterator[str]:
    """Yield fractions of which the evidence has another number: "two thirds", and not a third."""
    for at, token in enumerate(tokens):
        if token.form in _FRACTIONS:
            ours = _read_numerator(statement, tokens, at)
            theirs = {
                _read_numerator(text, sentence, place)
                for text, sentence in cited
                for place, other in enumerate(sentence)
                if other.form == token.form
            }
            if theirs and ours not in theirs:
                yield f"the evidence says {min(theirs)} {token.text}, not {ours}"


def _read_numerator(text: str, tokens: Sequence[Token], at: int) -> str:
    before = tokens[at - 1] if at else None
    if before is None or before.kind != "number" or not _OF_WHOLE.fullmatch(text, before.end, tokens[at].start):
        return "1"
    return before.form


_EVERY_TIME = re.compile(r"\b(?:every|all) (?:day|night|week|month|year|season|summer|winter|time)\b", re.IGNORECASE)


def _find_generalised(statement: str, texts: Sequence[str]) -> Iterator[str]:
    words = find_words(_EVERY_TIME.sub(" ", statement))
    held = {word for text in texts for word in find_words(_EVERY_TIME.sub(" ", text))}
    partial = held & _PARTIAL
    is_of_some = bool(partial) or any(_OF_NUMBER.search(text) for text in texts)
    for word in dict.fromkeys(words):
        if word in _UNIVERSAL and not held & _UNIVERSAL and is_of_some and not set(words) & (partial - {"percent"}):
            yield f"the evidence doesn't say this of {word}"
        elif word in _MOST and not held & _MOST and partial and not any("more than half" in text for text in texts):
            yield f"the evidence doesn't say {word}"


_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")  # "by 2030" is until then
_COURSE = re.compile(r"\b(from|to|by)\s+(?:(?:about|around|almost|nearly|some|only|just|roughly)\s+)?\W?\Z")


def _find_changed_courses(statement: str, tokens: Sequence[Token], cited: Cited) -> Iterator[str]:
    """Yield numbers from which, to which or by which something changes, where the evidence has another of the three."""
    for token in tokens:
        ours = _find_course(statement, token)
        if ours:
            same = [(text, other) for text, sentence in cited for other in sentence if other.form == token.form]
            theirs = {_find_course(text, other) for text, other in same}
            if theirs and not theirs & {ours, ""}:
                yield f"the evidence says {min(theirs)} {token.text}, not {ours}"


# What a percentage stands right after where it says by how much: "fell 12%".
_CHANGED = re.compile(
    r"\b(?:r[io]se[ns]?|fell|falls?|fallen|drop(?:s|ped)?|climb(?:s|ed)?|gain(?:s|ed)?|lost|slip(?:s|ped)?|jump(?:s|ed)?"
    r"|surged?|plung(?:es?|ed)|gr[eo]w[ns]?|shr[aiu]nk|increased?|decreased?|declined?|soared?|s[aiu]nk|sl[iu]d|slumped"
    r"|tumbled|up|down)\s+(?:(?:about|around|almost|nearly|some|only|just|roughly)\s+)?\Z"
)


def _find_course(text: str, token: Token) -> str:
    start = max(0, token.start - AROUND)
    match = _COURSE.search(text, start, token.start) if token.kind == "number" else None
    if match is None:
        return "by" if token.unit.startswith("percent") and _CHANGED.search(text, start, token.start) else ""
    return "" if match[1] == "by" and _YEAR.fullmatch(token.text) else match[1]


_UP = re.compile(
    r"\b(?:r[io]se[ns]?|rising|climb(?:s|ed|ing)?|gain(?:s|ed|ing)?|jump(?:s|ed|ing)?|surg(?:ed|es|ing)|gr[eo]w[ns]?|growing"
    r"|increas(?:e[ds]?|ing)|soar(?:s|ed|ing)|up(?= (?:by )?\W?\d))\b",
    re.IGNORECASE,
)
_DOWN = re.compile(
    r"\b(?:fell|fall(?:s|en|ing)?|drop(?:s|ped|ping)?|lost|slip(?:s|ped|ping)?|plung(?:es?|ed|ing)|shr[aiu]nk|shrinking"
    r"|decreas(?:e[ds]?|ing)|declin(?:e[ds]?|ing)|s[aiu]nk|sinking|sl[iu]d|slump(?:s|ed|ing)|tumbl(?:ed|ing)"
    r"|down(?= (?:by )?\W?\d))\b",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(
    r"[.;:]\s|,?\s(?:and|but|while|whereas|although|though|after|before|despite|from)\s", re.IGNORECASE
)


def _find_turned_courses(statement: str, tokens: Sequence[Token], cited: Cited) -> Iterator[str]:
    """Yield numbers by or to which something rises in a statement and falls in the evidence, or the other way round."""
    for token in tokens:
        is_amount = token.kind == "number" and token.text[0].isdigit() and not _YEAR.fullmatch(token.text)
        ours = _tell_course(statement, token) if is_amount and not token.form.endswith("th") else ""
        theirs = {
            _tell_course(text, other) for text, sentence in cited for other in sentence if other.form == token.form
        }
        if ours and theirs and not theirs & {ours, ""}:
            yield f"the evidence says {min(theirs)} {token.text}, not {ours}"


def _tell_course(text: str, token: Token) -> str:
    """Tell whether the clause before a number, as far as it goes, has words for a rise, or for a fall, only."""
    start = max((match.end() for match in _CLAUSE_END.finditer(text, 0, token.start)), default=0)
    is_up, is_down = (bool(pattern.search(text, start, token.start)) for pattern in (_UP, _DOWN))
    return ("up" if is_up else "down") if is_up != is_down else ""


# What is counted, and differences -------------------------------------------------------------------------------------


def _find_miscounted(statement: str, tokens: Sequence[Token], cited: Cited) -> Iterator[str]:
    """Yield numbers of one thing that a sentence has of another, where it has another number of that one thing."""
    counted = [(number, nouns) for number, nouns in _list_counted(statement, tokens) if nouns]
    for number, nouns in counted:
        theirs = [(other, named) for text, sentence in cited for other, named in _list_counted(text, sentence)]
        same = [named for other, named in theirs if other.form == number.form]
        others = [other for other, named in theirs if other.form != number.form and named & nouns]
        if same and others and all(named and not named & nouns for named in same):
            yield f"the evidence says {others[0].text}, not {number.text}: {min(nouns)}"


def list_rivals(statement: str, one: str, other: str) -> list[tuple[str, str]]:
    """List the two numbers of the same thing that a statement has, each from one of two texts about the same names."""
    tokens, sides = read_tokens(statement), (read_tokens(one), read_tokens(other))
    forms = {token.form for token in tokens}
    names = [{token.form for token in side if token.kind == "name"} for side in sides]
    if not names[0] & names[1] or any(token.kind in {"weekday", "month"} for token in tokens):
        return []
    held = [{token.form for token in side} for side in sides]
    counted = [
        [(number, nouns) for number, nouns in _list_counted(text, side) if number.form in forms - rest]
        for text, side, rest in zip((one, other), sides, reversed(held), strict=True)
    ]
    return [(mine.text, its.text) for mine, these in counted[0] for its, those in counted[1] if these & those]


def _list_counted(text: str, tokens: Sequence[Token]) -> Iterator[tuple[Token, frozenset[str]]]:
    """Yield numbers with the stems of what stands right after each, to the next mark or stop word."""
    for at, number in enumerate(tokens):
        if number.kind != "number" or number.form.endswith("th"):
            continue
        nouns, end = set(), number.end
        for token in tokens[at + 1 : at + 1 + MAX_NOUN]:
            if token.kind not in {"word", "name"} or text[end : token.start].strip(" -"):
                break
            nouns.add(token.form)
            end = token.end
        yield number, frozenset(nouns)


_COMPARATIVES = (
    "more|less|fewer|longer|shorter|higher|lower|later|earlier|older|younger|ahead|behind|cheaper|dearer|taller|bigger"
    "|smaller|larger|heavier|lighter|faster|slower|wider|deeper"
)
_DIFFERENCE = re.compile(rf"\A(?:\s*%|[\s-]+(?!or\b|and\b)\w+){{0,2}}\s+({_COMPARATIVES})\b")
_DIFFERS = re.compile(
    rf"\b(?:{_COMPARATIVES}|by|extra|additional|another|over|above|below|under|than|before|after|differ\w*|gap"
    r"|r[io]se[ns]?|fell|increase\w*)\b"
)


def _find_differences(statement: str, tokens: Sequence[Token], cited: Cited) -> Iterator[str]:
    """Yield amounts that in the evidence are the difference of two, or are the difference where another one is."""
    for token in tokens:
        if token.kind != "number" or token.form.endswith("th"):
            continue
        theirs = [
            (other.form, _DIFFERENCE.search(text[other.end : other.end + 2 * AROUND]))
            for text, sentence in cited
            for other in sentence
            if other.kind == "number"
        ]
        same = [match for form, match in theirs if form == token.form]
        ours = _DIFFERENCE.search(statement[token.end : token.end + 2 * AROUND])
        if same and ours is None and all(same) and not _DIFFERS.search(statement):
            yield f"the evidence says this of a difference only: {token.text}"
        elif same and ours is not None and not any(same) and any(match and match[1] == ours[1] for _, match in theirs):
            yield f"the evidence doesn't say {token.text} {ours[1]}"


# Each and all ---------------------------------------------------------------------------------------------------------

_EACH = re.compile(r"\A\s*(?:[\w%]+\s+){0,2}(?:each|apiece)\b", re.IGNORECASE)
_IN_ALL = re.compile(r"\A\s*(?:[\w%]+\s+){0,2}(?:in all|altogether|in total)\b", re.IGNORECASE)
_SEVERALLY = re.compile(
    r"\b(?:each|apiece|per(?! ?cent)|every|individual\w*|single|both|respectively|all)\b|\d\w* an? \w", re.IGNORECASE
)


def _find_each(statement: str, tokens: Sequence[Token], cited: Cited) -> Iterator[str]:
    """Yield numbers that a statement has of each, where the evidence has them without such a word, or the reverse."""
    for token in tokens:
        if token.kind != "number":
            continue
        same = [(text, other) for text, sentence in cited for other in sentence if other.form == token.form]
        if same and _EACH.match(statement[token.end :]) and not any(_SEVERALLY.search(text) for text, _ in same):
            yield f"the evidence doesn't say {token.text} each"
        elif same and _IN_ALL.match(statement[token.end :]) and all(_EACH.match(text[it.end :]) for text, it in same):
            yield f"the evidence says {token.text} each, not in all"


_WHOLE = re.compile(r"\b(?:all|whole|entire|every|each)(?: (?:of|the|its|their))* (\w+)", re.IGNORECASE)
_FRACTION_OF = re.compile(
    r"\b(?:half|thirds?|quarters?|fifths?|most|much|some|parts?|majority|percent|per cent|many|few|several)"
    r"(?: (?:of|the|its|their))* (\w+)",
    re.IGNORECASE,
)


def _find_whole(statement: str, texts: Sequence[str]) -> Iterator[str]:
    """Yield what a statement says of all of something, and the evidence only of a part of it."""
    evidence = " ".join(texts)
    parts = {match[1].lower() for match in _FRACTION_OF.finditer(evidence)} - STOP_WORDS
    wholes = {match[1].lower() for match in _WHOLE.finditer(evidence)}
    if _FRACTION_OF.search(statement):
        return
    for match in _WHOLE.finditer(statement):
        if match[1].lower() in parts - wholes:
            yield f"the evidence says this of a part of {match[1]} only"


# Ranks ----------------------------------------------------------------------------------------------------------------

_SUPERLATIVE = re.compile(
    r"\b(?:(?P<rank>second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|\d+(?:st|nd|rd|th)"
    r"|(?:one|two|three|some|many|several|few) (?:of|among) (?:\w+ ){0,2}\w+|among \w+)[\s-]+)?"
    r"(?P<most>(?!for|inter|mod|hon|prot|requ|sugg|cont|inv|harv|manif|arr|at+|dig|conqu)\w{2,}est|worst|best"
    r"|most \w+)\b",
    re.IGNORECASE,
)
_EVER = re.compile(r"\b(?:ever|in history|of all time|on record|in the history)\b", re.IGNORECASE)
_STRETCH = r"(?:\w+ ){0,3}(?:years|decades|months|weeks|seasons|century)"
_LATELY = re.compile(
    rf"\b(?:since|(?:for|in) {_STRETCH}|(?:this|last) (?:year|season|month|week|decade|century))\b", re.IGNORECASE
)


def _find_ranks(statement: str, texts: Sequence[str]) -> Iterator[str]:
    """Yield what is the first of all in a statement, and in the evidence the second, one of several, or of late."""
    theirs = [(match["most"].lower(), match["rank"], text) for text in texts for match in _SUPERLATIVE.finditer(text)]
    is_ever = bool(_EVER.search(statement)) and not any(map(_EVER.search, texts))
    for match in _SUPERLATIVE.finditer(statement):
        same = [(rank, text) for most, rank, text in theirs if most == match["most"].lower()]
        if not same:
            continue
        if not match["rank"] and all(rank for rank, _ in same):
            yield f"the evidence says {same[0][0].lower()} {match['most']}"
        elif is_ever and all(_LATELY.search(text) for _, text in same):
            yield f"the evidence doesn't say {match['most']} ever"
