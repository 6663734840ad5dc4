"""Finds the sentences of a text, which can be cited one by one.

They are found by rules over a small lexicon: a sentence wrongly cut in two can't be cited whole, so in doubt two stay
together. The time is near linear in the length of the text, whatever the text is.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

from assistant.terms import read_words
from assistant.types import Span

# A text is hard-wrapped when most of its lines are full (the next word would hardly have fitted), and enough of them go
# on in lower case, or, in a text of capitals alone, aren't ended, which tells them from a list of lines of like length.
WRAP_WIDTHS = range(40, 101)
WRAP_SLACK = 6
FULL_LINES = 0.6
CONTINUED_LINES = 0.3


# Before a capital or a digit these never end a sentence ...
_TITLES = read_words("""
    Mr Mrs Ms Mx Messrs Mme Mlle Dr Drs Prof Rev Fr Hon Rt Pres Gov Govs Sen Sens Rep Reps Amb Sec Atty Asst Dist
    Supt Ald Gen Lt Col Maj Capt Cmdr Cdr Adm Sgt Cpl Pvt Pfc Det Insp Brig vs v cf eg ie viz Mt Ft Pt Pub
""")
# ... these only before a word that starts sentences ...
_ABBREVIATIONS = read_words("""
    Jan Feb Mar Apr Jun Jul Aug Sep Sept Oct Nov Dec Mon Tue Tues Wed Thu Thur Thurs Fri Sat Sun St Ste Jr Sr Esq
    Inc Corp Co Ltd Plc Bros Cos Assn Assoc Dept Univ Ave Blvd Rd Hwy Pkwy Bldg al ca approx est dept govt Ala Ariz
    Ark Calif Colo Conn Del Fla Ga Ill Ind Kan Ky La Mass Md Mich Minn Miss Mo Mont Neb Nev Okla Ore Penn Pa Tenn
    Tex Va Vt Wash Wis Wyo Que Ont
""")
# ... these only before anything but a number ...
_NUMBERED = read_words("""
    no nos fig figs vol vols p pp ch sec secs art arts para paras eq ed ver approx max min nr
""")
# ... and these end one before a capital, but not before a small letter.
_CLIPPED = read_words("""
    etc in ft sq oz lb lbs hr hrs mins yr yrs max min mph tel ext tbsp tsp incl excl misc
""")
_STARTERS = read_words("""
    The A An This That These Those It It's It’s Its He He's He’s She She's She’s They We You His Her Their Our My In
    On At But If When While As After Before Since During For With Under Despite What Who Why How Where There Here So
    Yet Then Now However Meanwhile Although Though Because Some Many Most All Both Each Another According Several
    Nobody Everyone Is Are Was Were Did Does Has Have Had Could Would Should
""")

_CLOSING = "\"'”’»“)\\]}*_"
# A run of terminators with what closes after it (quotes, brackets, reference marks) and the gap to the next word.
# Subtle: the possessive runs and the look-behind leave every run a single attempt, which is what keeps this linear.
_CANDIDATE = re.compile(
    rf"(?<![.!?…؟।])(?P<mark>[.!?…؟।]++)(?P<closing>[{_CLOSING}]*+(?:\[[^\[\]\n]{{1,12}}\])*+)\s++"
    rf"|(?P<wide>[。！？｡])(?:[」』”’）]*+)\s*+"
)
_OPENED_WORD = re.compile(r"[\"'“”‘’«„(\[{*_]{0,8}+([^\s\"”’“)\],;:]{0,24})[.\"”’“)\],;:]?")
_DOTTED = re.compile(r"[^\W\d_]{1,4}(?:\.[^\W\d_]{1,3})+", re.ASCII)
_ENUMERATOR = re.compile(r"\W{0,4}(?:\w|\d{1,3}|[ivxIVX]{1,5})?\W{0,4}")
_ATTRIBUTION = re.compile(
    r"(?:[A-Z][\w.'’-]{0,30} ){1,4}"
    r"(?:said|says|asked|asks|wrote|writes|added|told|shouted|replied|tweeted|posted|joked|recalled)\b"
)
_STOPPED = re.compile(rf"[.!?…:;][{_CLOSING}]*\Z")
_LIST_ITEM = re.compile(r"[-*•·▪◦‣+|>]\s|\||#{1,6}\s|\(?\d{1,3}[.)]\s|\(?[A-Za-z][.)]\s")


def split_sentences(text: str) -> tuple[Span, ...]:
    """Find the sentences: in order, apart, without whitespace around them; every other character is in exactly one.

    No sentence goes over the end of a paragraph, a heading or a list item. A line break inside a paragraph that is
    wrapped by hand is no such end; where text isn't wrapped, every line break is.
    """
    return tuple(sentence for block in find_blocks(text) for sentence in find_sentences(text, block))


def find_blocks(text: str) -> Iterator[Span]:
    """Find the stretches that no sentence leaves: paragraphs, or lines where the text isn't hard-wrapped."""
    lines = text.splitlines(keepends=True)
    starts = accumulate((len(line) for line in lines), initial=0)
    lines = [line.rstrip() for line in lines]
    width = _find_wrap_width(lines)
    block: Span | None = None
    previous = ""
    for start, line in zip(starts, lines, strict=False):
        if line:
            span = Span(start + len(line) - len(line.lstrip()), start + len(line))
            if block is not None and previous and _continues(previous, line, width):
                block = Span(block.start, span.end)
            else:
                if block is not None:
                    yield block
                block = span
        previous = line
    if block is not None:
        yield block


def _find_wrap_width(lines: Sequence[str]) -> int:
    """Measure the column at which lines are wrapped by hand, 0 where they aren't."""
    pairs = [(line, following) for line, following in pairwise(lines) if line and following]
    if not pairs:
        return 0
    width = sorted(len(line) for line, _ in pairs)[len(pairs) * 9 // 10]
    full = sum(len(line) < WRAP_WIDTHS.stop and _is_full(line, following, width) for line, following in pairs)
    if "".join(lines).isupper():  # as wires write: what isn't ended goes on
        continued = sum(not _STOPPED.search(line) for line, _ in pairs)
    else:
        continued = sum(following.lstrip()[0].islower() for _, following in pairs)
    is_wrapped = full >= FULL_LINES * len(pairs) and continued >= CONTINUED_LINES * len(pairs)
    return width if width in WRAP_WIDTHS and is_wrapped else 0


def _is_full(line: str, following: str, width: int) -> bool:
    first_word = following.lstrip()[: width + 1].split(maxsplit=1)[0]
    return len(line) + 1 + len(first_word) > width - WRAP_SLACK


def _continues(line: str, following: str, width: int) -> bool:
    """Tell whether the paragraph of a line goes on in the line that follows it."""
    content = following.lstrip()
    if not width or _LIST_ITEM.match(content) or line.lstrip().startswith(("#", "|")):
        return False
    is_indented = len(following) - len(content) > len(line) - len(line.lstrip())
    return content[0].islower() or (not is_indented and _is_full(line, following, width))


def find_sentences(text: str, block: Span) -> Iterator[Span]:
    """Find the sentences of one block; they fill it but for the whitespace between them."""
    start = block.start
    for candidate in _CANDIDATE.finditer(text, block.start, block.end):
        if candidate.end() < block.end and _ends_sentence(text, start, candidate):
            yield Span(start, len(text[start : candidate.end()].rstrip()) + start)
            start = candidate.end()
    yield Span(start, block.end)


def _ends_sentence(text: str, start: int, candidate: re.Match[str]) -> bool:
    """Tell whether a sentence that began at `start` ends at a terminator, from the words on both sides of it."""
    if candidate["wide"]:
        return True
    mark, closing = candidate["mark"], candidate["closing"]
    position = candidate.start()
    following = _OPENED_WORD.match(text, candidate.end())
    next_word = following[1] if following else ""
    # A word in a quotation of its own may start small, and so may a name like eBay.
    is_lower = text[candidate.end()].islower() and not any(map(str.isupper, next_word[:4]))
    if position - start < 12 and _ENUMERATOR.fullmatch(text, start, position):
        return False
    if text[candidate.end()] in ".…" or text[max(start, position - 1)] in "([":
        return False
    if mark == "." and not text[max(start, position - 1)].isspace():
        word = re.split(r"[\s\"“‘(\[/—–-]", text[max(start, position - 24) : position])[-1].lstrip("'’")
        return _ends_after_word(word, closing, next_word, is_lower)
    if is_lower:
        return False
    if mark[0] in ".…":
        return next_word not in {"I", "I'm", "I’m", "I'll", "I’ll", "I'd", "I’d", "I've", "I’ve"}
    return not (closing and _ATTRIBUTION.match(text, candidate.end()))


def _ends_after_word(word: str, closing: str, next_word: str, is_lower: bool) -> bool:
    """Tell whether a full stop after a word ends its sentence, or belongs to an abbreviation."""
    if is_lower:
        is_plain = (
            len(word) > 3
            and word.isalpha()
            and word[1:].islower()
            and word not in _TITLES
            and word not in _ABBREVIATIONS
        )
        return not closing and is_plain and word.lower() not in _CLIPPED
    if not next_word and not closing:
        return word not in _TITLES
    if word in _TITLES and not closing:
        return False
    if word.lower() in _NUMBERED and next_word[:1].isdigit() and not closing:
        return False
    if (len(word) == 1 and word.isalpha()) or word in _ABBREVIATIONS or _DOTTED.fullmatch(word):
        return next_word in _STARTERS
    return True
