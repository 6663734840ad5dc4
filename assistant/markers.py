"""Reads the sentences that a language model writes, and the markers in them that name what it was shown: `[4][7]`.

Models write markers in many ways: `[4, 7]`, `[4-6]`, `(4)`, `【4】`, before or after the full stop, or in front of the
next sentence. All of them are read here, piece by piece as the text arrives, and the same whatever the pieces are.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from assistant.sentences import split_sentences

JOINERS = "\u200c\u200d"  # which some writing systems need within words
MAX_RANGE = 30  # sentences in one marker; a longer range says nothing

IsKnown = Callable[[int], bool]

_NUMBER = r"(?:(?:sentences?|sources?|nos?\.|[#^])\s*)?\d{1,4}(?:\.0(?!\d))?\^?"
_JOINT = r"\s*(?:[,;&–—-]|and|to)\s*"
_NUMBERS = rf"\s*{_NUMBER}(?:{_JOINT}{_NUMBER})*\s*(?:†[^\]】]{{0,40}})?"
# As Markdown links it, too: nobody is led there.
_LINK = r"(?:\((?:https?:|#)[^\s()]{0,500}\))?"
_SQUARE = rf"(?:[\[【［]{{1,2}}{_NUMBERS}[\]】］]{{1,2}}{_LINK}|<sup>{_NUMBERS}</sup>)"
_ROUND = rf"[(（]{_NUMBERS}[)）]"
_ONE = re.compile(rf"{_SQUARE}|{_ROUND}", re.IGNORECASE)
# Markers side by side are one run.
_RUN = re.compile(rf"{_SQUARE}(?:[ \t]*[,;]?[ \t]*{_SQUARE})*|{_ROUND}(?:[ \t]*{_ROUND})*", re.IGNORECASE)
# What may still become a marker when more arrives.
_BEGUN = re.compile(
    r"(?:[\[【［(（][^\]】］)）\n]{0,60}|\((?:https?:|#)[^\s()]{0,500}|<(?:s(?:u(?:p(?:>[^<\n]{0,60}(?:</?[sup]{0,3})?)?)?)?)?)\Z"
)
# A marker at the end of a reply that was cut off there.
_UNCLOSED = re.compile(rf"[\[【［]{_NUMBERS}\Z", re.IGNORECASE)
_STOP = ".!?…。！？"
_CLOSING = "\"'”’»“)]}*_"
_ENDED = re.compile(rf"(?:\A|[{_STOP}][{re.escape(_CLOSING)}]*(?:\s*{_RUN.pattern})*|\n)\s*\Z", re.IGNORECASE)
_PARTS = re.compile(
    r"(\d{1,4})(?:\.0)?(?:\s*(?:[–—-]|to)\s*(?:(?:sentences?|sources?|nos?\.|[#^])\s*)?(\d{1,4}))?", re.IGNORECASE
)
_ROW = re.compile(r"\s*\|.*\|\s*\Z", re.DOTALL)
_DEFINITION = re.compile(r"\s*\[\^\d{1,4}\]:|\s*\[\d{1,4}\]:\s*<?https?:")  # of a footnote or a link
_HEADING = re.compile(r"\s*#{1,6}\s")
_LIST_SIGN = re.compile(r"\A(?:[-*•·]\s+|\d{1,2}[.)]\s+|#{1,6}\s+)")
_QUALIFIED = r"(?:given|provided|numbered|above|cited|available)"
_SHOWN = (
    rf"(?:(?:{_QUALIFIED} )*(?:news )?(?:articles?|sentences?|passages?|excerpts?|sources)"
    rf"|(?:{_QUALIFIED} )+(?:texts?|context|evidence|information))"
)
# What says nothing of the world: "Here is the answer:", "According to the articles,".
_LEAD_IN = re.compile(
    rf"\A(?:(?:here(?: is|['’]s) )?(?:the |an? |my )?(?:short |final |brief )?(?:answer|response)(?: is)?:\s+"
    rf"|(?:according to|based on|as (?:stated|mentioned|reported) in|from) (?:the |these |this ){_SHOWN}"
    rf"(?: (?:given|provided|above|shown))?,\s+)+(?=\S)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Marker:
    """A marker as it was written, and the numbers that it names."""

    written: str
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class WrittenSentence:
    """A sentence as a model wrote it, without its markers and links; `text` is empty where markers stood on nothing.

    What states nothing is no statement: a question, a heading, a row of a table, the definition of a footnote.
    """

    text: str
    markers: tuple[Marker, ...]
    is_statement: bool = True


_LINKED = re.compile(
    r"!?\[([^\[\]\n]{0,300})\](?:\([^()\n]{0,2000}\)|\[[^\[\]\n]{0,300}\])"  # [text](target), ![text][name]
    r"|\[[^\[\]\n]{1,300}\]:\s*\S{1,2000}"  # [name]: target
    r"|</?[a-z!][^<>\n]{0,2000}>",  # an element of HTML, or <address>
    re.IGNORECASE,
)
_TARGET = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,20}:/{2,}[^\s<>\"'“”]+|\b(?:data|javascript|vbscript|mailto|blob):[^\s<>\"'“”]+"
    r"|(?<!\w)//[a-z0-9][^\s<>\"'“”]*\.[^\s<>\"'“”]+|\bwww\.[^\s<>\"'“”]+",
    re.IGNORECASE,
)


def leave_out_links(text: str) -> str:
    """Leave links and images out of what a model wrote, and of a link its text: only citations lead anywhere.

    An address may carry away what the model was told, as soon as somebody opens it or something shows it as an image.
    """
    while (cut := _LINKED.sub(lambda match: match[1] or "", text)) != text:  # one may stand within another
        text = cut
    return _TARGET.sub("…", text)


def resolve_markers(markers: tuple[Marker, ...], is_known: IsKnown) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Tell the numbers that name something shown, each once and in order, from the markers that name nothing."""
    numbers: dict[int, None] = {}
    unresolved: dict[str, None] = {}
    for marker in markers:
        known = [number for number in marker.numbers if is_known(number)]
        numbers.update(dict.fromkeys(known))
        missing = [number for number in marker.numbers if not is_known(number)]
        if not known:
            unresolved[marker.written] = None
        elif missing:
            unresolved.update({f"[{number}]": None for number in missing})
    return tuple(numbers), tuple(unresolved)


class SentenceReader:
    """Reads sentences out of a text that arrives in pieces.

    `is_known` tells the numbers that were shown; a number in round brackets is a marker only where it is one of them
    and stands where a sentence ends. `is_text` tells what stands so, brackets and all, in what was shown.
    """

    def __init__(self, is_known: IsKnown, *, is_text: Callable[[str], bool] = lambda _: False) -> None:
        self._is_known = is_known
        self._is_text = is_text
        self._rest = ""

    def feed(self, piece: str) -> list[WrittenSentence]:
        """Take a piece in, and return the sentences that are finished with it."""
        self._rest += piece
        return list(self._take(is_end=False))

    def finish(self, *, is_cut: bool = False) -> list[WrittenSentence]:
        """Return what is left when the text has ended; where it was cut, without the piece of a sentence at its end."""
        is_piece = is_cut and not _ENDED.search(self._rest)
        sentences = list(self._take(is_end=True))
        self._rest = ""
        return sentences[:-1] if is_piece else sentences

    def _take(self, *, is_end: bool) -> Iterator[WrittenSentence]:
        while (end := self._find_end(is_end=is_end)) is not None:
            stretch, self._rest = self._rest[:end], self._rest[end:]
            yield from self._read(stretch)
        if is_end and _UNCLOSED.search(self._rest):
            self._rest += "]"
        if is_end and self._rest:
            yield from self._read(self._rest)

    def _find_end(self, *, is_end: bool) -> int | None:
        """Find the first place where a sentence certainly ends: a line's end, or a marker at a full stop."""
        text = self._rest
        newline = text.find("\n")
        for start, end in _join(self._find_runs(text, is_end=is_end or newline >= 0)):
            if 0 <= newline < start:
                break
            after = text[end : end + 1]
            if after and after in _STOP:
                # Subtle: a quotation that is open takes its closing mark along.
                stop = end + 1
                while text[stop : stop + 1] and text[stop] in _STOP:
                    stop += 1
                if stop == len(text) and not is_end and (_has_open_quote(text[:stop]) or text[stop - 1] != "."):
                    return None
                while text[stop : stop + 1] and text[stop] in _CLOSING and _has_open_quote(text[:stop]):
                    stop += 1
                return stop
            if not text[:start].rstrip(_CLOSING + " \t")[-1:] or text[:start].rstrip(_CLOSING + " \t")[-1] not in _STOP:
                continue
            following = text[end:].lstrip(" \t")
            if not following and not is_end:
                return None
            if following and (following[0].islower() or following[0] in ",;:"):
                continue
            if not is_end and newline < 0 and _BEGUN.match(following):
                return None
            return end
        return newline + 1 if newline >= 0 else None

    def _find_runs(self, text: str, *, is_end: bool) -> list[re.Match[str]]:
        return [match for match in _RUN.finditer(text) if self._is_run(text, match, is_end=is_end)]

    def _is_run(self, text: str, match: re.Match[str], *, is_end: bool) -> bool:
        if match[0][0] not in "(（":
            return True
        ones = _ONE.findall(match[0])
        if any(self._is_text(one) or not all(map(self._is_known, _read_numbers(one))) for one in ones):
            return False
        before = text[: match.start()].rstrip()[-1:]
        after = text[match.end() :].lstrip(" \t")[:1]
        is_last = (not after and is_end) or (after != "" and after in _STOP + "[【［\n")
        return is_last or (before != "" and before in _STOP)

    def _read(self, stretch: str) -> Iterator[WrittenSentence]:
        """Read a finished stretch: its sentences, each with the markers in it and after it."""
        plain = ""
        places: list[tuple[int, Marker]] = []
        position = 0
        for match in self._find_runs(stretch, is_end=True):
            plain += stretch[position : match.start()]
            position = match.end()
            after = stretch[position : position + 1]
            if not after or not (after.isalnum() or after in "\"'“‘(["):
                plain = plain.rstrip(" \t")
            places += [(len(plain), Marker(one, _read_numbers(one))) for one in _ONE.findall(match[0])]
        plain += stretch[position:]
        spans = split_sentences(plain)
        by_sentence: list[list[Marker]] = [[] for _ in spans]
        for place, marker in places:
            index = max((i for i, span in enumerate(spans) if span.start < place), default=0)
            if spans:
                by_sentence[index].append(marker)
        if not spans and places:
            yield WrittenSentence("", tuple(marker for _, marker in places))
        for span, markers in zip(spans, by_sentence, strict=True):
            written = plain[span.start : span.end]
            text = _tidy(written)
            if text or markers:
                is_none = bool(_DEFINITION.match(stretch)) or _is_no_statement(written, is_cited=bool(markers))
                yield WrittenSentence(leave_out_links(text), tuple(markers), is_statement=not (text and is_none))


def _is_no_statement(written: str, *, is_cited: bool) -> bool:
    """Whether a sentence as it was written states nothing. A heading that cites something may be all of an answer."""
    is_heading = bool(_HEADING.match(written)) and not is_cited
    return is_heading or bool(_ROW.match(written)) or written.rstrip(" \t*_").endswith("?")


def _join(runs: list[re.Match[str]]) -> Iterator[tuple[int, int]]:
    """Join runs of different brackets that stand side by side."""
    run: tuple[int, int] | None = None
    for match in runs:
        if run and not match.string[run[1] : match.start()].strip(" \t"):
            run = (run[0], match.end())
        else:
            if run:
                yield run
            run = match.span()
    if run:
        yield run


def _read_numbers(written: str) -> tuple[int, ...]:
    numbers: dict[int, None] = {}
    for first, last in _PARTS.findall(written.partition("](")[0]):
        start, end = int(first), int(last or first)
        is_range = start <= end < start + MAX_RANGE
        numbers.update(dict.fromkeys(range(start, end + 1) if is_range else (start, end)))
    return tuple(numbers)


def _has_open_quote(text: str) -> bool:
    return text.count("“") > text.count("”") or text.count('"') % 2 == 1


def _tidy(text: str) -> str:
    """Put a sentence on one line, without a list's sign, Markdown's emphasis and what only leads to what is said.

    Nothing is left where there is no word, and no character that a terminal would obey.
    """
    text = "".join(each for each in text if each.isprintable() or each.isspace() or each in JOINERS)
    line = _LIST_SIGN.sub("", " ".join(text.split())).replace("**", "").strip().removeprefix(": ")
    said = _LEAD_IN.sub("", line)
    line = said[:1].upper() + said[1:] if said and said != line else line
    return line if any(map(str.isalnum, line)) else ""
