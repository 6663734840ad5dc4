"""Puts the runs of text that a PDF draws together again: columns, lines, paragraphs, words cut at the ends of lines.

A PDF says where glyphs stand and nothing of what belongs together. Its runs are taken in the order in which they are
drawn, which is that of reading in nearly all of them, but for columns that are drawn line by line across the page.
Widths are estimated from the letters: good enough to see that a line ends early, and no font has to be understood.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from math import inf
from statistics import median
from typing import NamedTuple

MARGIN_ROWS = 4  # at the top and at the bottom of a page, among which running headers and footers are looked for
MARGIN_GAP = 2.0  # between those and the text, in sizes of the font
COLUMN_ROWS = 3  # that have to begin at the same place for that to be a column's edge
LARGE = 1.15  # times the size of the text, from which a line is set larger than it
COLUMN_CHARACTERS = 20  # of a typical line in a column; the cells of tables are shorter

_DIGITS = re.compile(r"[0-9]+")
_NUMBER = re.compile(r"[\W_]*(?:page )?[0-9]{1,5}[\W_]*", re.I)
_ROMAN = re.compile(r"[\W_]*[ivxlc]+[\W_]*", re.I)
_LIGATURES = str.maketrans({"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "\xa0": " "})
_NARROW = frozenset("iIjlftr.,;:'|!()[]‘’-/ ")
_WIDE = frozenset("mwMW@%—…")
# Each run of letters is tried once, from its start: a line may be nothing else.
_CUT_WORD = re.compile(r"(?<![^\W\d_])([^\W\d_]++)[-\u2010\xad]$")
_COMPOUND = re.compile(r"(?<![^\W\d_])[^\W\d_]++(?:-[^\W\d_]++)+")
_DASHED = re.compile(r"\d[-\u2010]$")
_IS_FINISHED = re.compile(r"[.!?:…。！？][\"'”’»)\]\d]*$")
_BULLET = re.compile(r"[•▪◦‣●■–*-] |\(?\d{1,2}[.)] ")


class Fragment(NamedTuple):
    """A run of text on a page: where its base line begins, and its font's size, in points; y grows upwards."""

    text: str
    x: float
    y: float
    size: float


class Composed(NamedTuple):
    """The text of a document, its paragraphs parted by blank lines, and the lines at its top that are set largest."""

    text: str
    headline: str | None


class _Line(NamedTuple):
    text: str
    left: float
    right: float
    y: float
    size: float
    is_row: bool = False  # of a table


def compose_text(pages: Sequence[Sequence[Fragment]]) -> Composed:
    """Compose the text of a document from the runs of each of its pages, without running headers and footers."""
    rows = _drop_margins([_find_rows(page) for page in pages])
    lines = [_order_columns(page) for page in rows]
    return Composed("\n\n".join(_write_paragraphs([list(_split_runs(page)) for page in lines])), _find_headline(lines))


def _find_rows(fragments: Iterable[Fragment]) -> list[list[_Line]]:
    """Gather what is drawn next to each other on one base line; a row has a piece for each side of a wide gap."""
    rows: list[list[_Line]] = []
    for fragment in fragments:
        text = fragment.text.translate(_LIGATURES)
        piece = rows[-1][-1] if rows else None
        is_same_row = (
            piece is not None
            and abs(fragment.y - piece.y) <= 0.5 * max(fragment.size, piece.size)
            and fragment.x >= piece.left
        )
        if not text.strip():
            if is_same_row and piece:
                rows[-1][-1] = piece._replace(text=piece.text + " ")
            continue
        right = fragment.x + _measure(text.strip(), fragment.size)
        line = _Line(text, fragment.x, right, fragment.y, fragment.size)
        if not is_same_row or piece is None:
            rows.append([line])
        elif fragment.x - piece.right > fragment.size:
            rows[-1].append(line)
        else:
            is_longer = len(text) > len(piece.text)
            rows[-1][-1] = piece._replace(
                text=piece.text + text, right=max(right, piece.right), size=line.size if is_longer else piece.size
            )
    return [[piece._replace(text=" ".join(piece.text.split())) for piece in row] for row in rows]


def _measure(text: str, size: float) -> float:
    """Estimate how wide a text is in a common font."""
    width = 0.0
    for character in text:
        if character in _NARROW:
            width += 0.3
        elif character in _WIDE:
            width += 0.85
        elif character > "\u2e80":
            width += 1.0
        else:
            width += 0.67 if character.isupper() else 0.51
    return width * size


def _drop_margins(pages: list[list[list[_Line]]]) -> list[list[list[_Line]]]:
    """Leave out running headers and footers, and the numbers of pages.

    Those are rows above and below the text that say the same at the same height of pages nearby, but for numbers, and
    the outermost rows that are a number which grows with the pages.
    """
    body = _find_body([row for page in pages for row in page])
    marks = [{_fingerprint(row, body) for row in _get_margins(page)} for page in pages]
    offsets = Counter(
        offset for index, page in enumerate(pages) for offset in {_get_number(row) - index for row in _get_ends(page)}
    )
    kept = []
    for index, page in enumerate(pages):
        # Left and right pages have their own, as chapters have.
        near = set().union(*marks[max(0, index - 2) : index], *marks[index + 1 : index + 3])
        dropped = {id(row) for row in _get_margins(page) if _fingerprint(row, body) in near}
        dropped |= {id(row) for row in _get_ends(page) if offsets[_get_number(row) - index] >= 2}
        kept.append([row for row in page if id(row) not in dropped])
    return kept if any(kept) else pages


def _get_ends(page: list[list[_Line]]) -> list[list[_Line]]:
    """List the highest and the lowest row of a page, where they are a number."""
    rows = sorted(page, key=lambda row: row[0].y)
    return [row for row in (rows[:1] + rows[-1:]) if len(row) == 1 and _NUMBER.fullmatch(row[0].text)]


def _get_number(row: list[_Line]) -> int:
    return int(_DIGITS.findall(row[0].text)[0])


def _get_margins(page: list[list[_Line]]) -> list[list[_Line]]:
    """List the rows at the top and at the bottom of a page that a gap parts from its text."""
    rows = sorted(page, key=lambda row: row[0].y)
    return _get_parted(rows) + _get_parted(rows[::-1])


def _get_parted(rows: list[list[_Line]]) -> list[list[_Line]]:
    for count in range(min(MARGIN_ROWS, len(rows) // 2), 0, -1):
        outer, inner = rows[count - 1][0], rows[count][0]
        if abs(outer.y - inner.y) > MARGIN_GAP * max(outer.size, inner.size):
            return rows[:count]
    return []


def _fingerprint(row: list[_Line], body: float) -> tuple[str, int]:
    """Say what a row says and where, without its numbers unless it is set larger than the text: "Chapter 2" is none."""
    text = " ".join(piece.text for piece in row).casefold()
    if row[0].size < LARGE * body:
        text = "#" if _ROMAN.fullmatch(text) else _DIGITS.sub("#", text)
    return text, round(row[0].y / 3)


def _find_body(rows: Iterable[Iterable[_Line]]) -> float:
    """Find the size in which most of the text is set."""
    sizes: Counter[float] = Counter()
    for row in rows:
        for line in row:
            sizes[round(line.size, 1)] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def _order_columns(rows: list[list[_Line]]) -> list[_Line]:
    """Make lines of the rows of a page, those of each column together where columns were drawn side by side."""
    edges = _find_edges(rows)
    if not edges:
        near = [rows[1:2], *([rows[index - 1], rows[index + 1]] for index in range(1, len(rows) - 1)), rows[-2:-1]]
        return [
            _join_pieces(row)._replace(is_row=any(_is_aligned(row, other) for other in others))
            for row, others in zip(rows, near, strict=False)
        ]
    ordered: list[_Line] = []
    columns: list[list[_Line]] = [[] for _ in range(len(edges) + 1)]

    def finish_columns() -> None:
        for column in columns:
            ordered.extend(column)
            column.clear()

    for row in rows:
        # A row of one piece that reaches from one column into another is a headline, or text above or below.
        if len(row) == 1 and any(
            row[0].left < edge - row[0].size and row[0].right > edge + 2 * row[0].size for edge in edges
        ):
            finish_columns()
            ordered.append(row[0])
            continue
        by_column: dict[int, list[_Line]] = {}
        for piece in row:
            by_column.setdefault(bisect_right(edges, piece.left + 2), []).append(piece)
        for column_number, pieces in by_column.items():
            columns[column_number].append(_join_pieces(pieces))
    finish_columns()
    return ordered


def _find_edges(rows: list[list[_Line]]) -> list[float]:
    """Find where columns begin that stand to the right of others drawn in the same rows."""
    starts: dict[int, list[tuple[_Line, _Line]]] = {}
    for row in rows:
        for before, piece in pairwise(row):
            starts.setdefault(round(piece.left / 2), []).append((before, piece))
    return sorted(
        min(piece.left for _, piece in pairs)
        for pairs in starts.values()
        if len(pairs) >= COLUMN_ROWS
        and all(median(len(pair[side].text) for pair in pairs) >= COLUMN_CHARACTERS for side in (0, 1))
    )


def _is_aligned(row: list[_Line], other: list[_Line]) -> bool:
    """Whether two rows have the same cells."""
    return len(row) == len(other) > 1 and all(
        abs(cell.left - below.left) < 3 * cell.size for cell, below in zip(row, other, strict=True)
    )


def _join_pieces(pieces: list[_Line]) -> _Line:
    first, last = pieces[0], pieces[-1]
    return first._replace(text=" ".join(piece.text for piece in pieces), right=last.right)


def _split_runs(lines: list[_Line]) -> Iterator[list[_Line]]:
    """Part the lines of a page where the next one doesn't stand below the last: at the top of another column."""
    run: list[_Line] = []
    for line in lines:
        if run and not 0 < run[-1].y - line.y <= 4 * max(line.size, run[-1].size):
            yield run
            run = []
        run.append(line)
    if run:
        yield run


def _write_paragraphs(pages: list[list[list[_Line]]]) -> list[str]:
    """Write the paragraphs of all pages, each of which is given as its runs of lines that stand below each other."""
    runs = [run for page in pages for run in page]
    spacing = _find_spacing(runs)
    compounds = {word.lower() for run in runs for line in run for word in _COMPOUND.findall(line.text)}
    paragraphs: list[str] = []
    before: _Line | None = None
    width = inf  # of the column of the line before
    for page in pages:
        is_first = True  # of its page
        for run in page:
            left = min(line.left for line in run)
            right = max(line.right for line in run)
            for index, line in enumerate(run):
                if before is None:
                    goes_on = False
                elif index:
                    after = run[index + 1] if index + 1 < len(run) else None
                    goes_on = not _is_new_paragraph(before, line, after, left, right, spacing)
                else:
                    is_below = not is_first and line.y < before.y and line.left < before.right
                    goes_on = _goes_on_elsewhere(before, line, width, is_below=is_below)
                if goes_on:
                    paragraphs[-1] = _join_lines(paragraphs[-1], line.text, compounds)
                else:
                    paragraphs.append(line.text)
                before, is_first = line, False
            width = right - left if len(run) > 1 else inf
    return paragraphs


def _find_spacing(runs: list[list[_Line]]) -> float:
    """Find how far lines of a paragraph are apart, in sizes of their font: the lower quartile of all distances."""
    distances = sorted((upper.y - lower.y) / lower.size for run in runs for upper, lower in pairwise(run) if lower.size)
    return distances[len(distances) // 4] if distances else 1.2


def _is_same_size(line: _Line, other: _Line) -> bool:
    return 1 / LARGE < (line.size or 1) / (other.size or 1) < LARGE


def _is_cut(before: str, line: str) -> bool:
    return bool(_CUT_WORD.search(before)) and line[:1].islower()


def _goes_on_elsewhere(before: _Line, line: _Line, width: float, *, is_below: bool) -> bool:
    """Whether a paragraph goes on at the top of the next column or page, or further below on the same one."""
    if before.is_row or line.is_row or not _is_same_size(before, line) or _BULLET.match(line.text):
        return False
    if _is_cut(before.text, line.text):
        return True
    is_full = before.right - before.left > 0.75 * width
    return not is_below and not _IS_FINISHED.search(before.text) and (line.text[:1].islower() or is_full)


def _is_new_paragraph(
    before: _Line, line: _Line, after: _Line | None, left: float, right: float, spacing: float
) -> bool:
    if before.is_row or line.is_row or not _is_same_size(before, line) or _BULLET.match(line.text):
        return True
    if _is_cut(before.text, line.text):
        return False
    if before.y - line.y > 1.3 * max(spacing, 0.9) * line.size:
        return True
    # The lines of an item hang below its first word.
    is_indented = line.left - max(before.left, left) > 0.8 * line.size and not _BULLET.match(before.text)
    if is_indented and (after is None or line.left - after.left > 0.8 * line.size):
        return True
    # The last line of a paragraph is one that had room for the next word.
    room = right - before.right
    if _IS_FINISHED.search(before.text):
        return room > _measure(line.text.split(" ", 1)[0], line.size) + 0.08 * (right - left)
    return room > 0.4 * (right - left) and not line.text[:1].islower()


def _join_lines(before: str, line: str, compounds: set[str]) -> str:
    """Join two lines; the hyphen of a word that was cut goes, unless the word has one anyway."""
    if before.endswith("\xad"):
        return before[:-1] + line
    cut = _CUT_WORD.search(before)
    if not cut:
        return before + line if _DASHED.search(before) else f"{before} {line}"
    word = f"{cut[1]}-{line.split(' ', 1)[0]}".lower().rstrip(".,;:!?)”’\"'")
    is_compound = not line[:1].islower() or word in compounds or (cut[1].isupper() and len(cut[1]) > 1)
    return before + line if is_compound else before[:-1] + line


def _find_headline(pages: list[list[_Line]]) -> str | None:
    """Find the lines of the first page that are set larger than the text."""
    first = next((page for page in pages if page), None)
    if first is None:
        return None
    largest = max(line.size for line in first)
    if largest < LARGE * _find_body(pages):
        return None
    start = next(index for index, line in enumerate(first) if line.size == largest)
    headline = []
    for line in first[start:]:
        if not _is_same_size(line, first[start]):
            break
        headline.append(line.text)
    return " ".join(headline)
