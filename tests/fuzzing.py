"""Feeds whatever reads untrusted bytes and text with damaged and hostile ones: it may refuse them, and nothing else.

    uv run python tests/fuzzing.py --minutes 10

goes through TARGETS in turn until the time is over, and says what was found with the input that shows it; such an input
is then kept in SEEDS, which test_fuzzing.py tries with a few others every time. What takes long is said too.
"""

import argparse
import io
import json
import logging
import random
import sys
import tempfile
import time
import traceback
import zipfile
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple, get_args

from answer_records import make_answer
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from libraries import embed, make_article
from pdf_files import Run, write_pdf

from assistant import Article, ArticleError, AssistantError
from assistant.addresses import describe_address, join_address, normalise_url, parse_address
from assistant.answers import answer_to_json, parse_json, read_answer, read_answers
from assistant.dates import find_days, find_time, find_unread, read_bounds, spell_out
from assistant.errors import AnswerError, EvaluationError, LibraryError, SettingsError
from assistant.evaluation.cases import load_cases
from assistant.evaluation.results import load_result
from assistant.exporting import _read as read_export
from assistant.exporting import export_library
from assistant.feeds import list_entries
from assistant.kinds import Kind, is_list, tell_kind, tell_other
from assistant.library import Library
from assistant.markers import SentenceReader, resolve_markers
from assistant.questions import read_questions
from assistant.reading import read_document
from assistant.rendering import clean, clean_line, wrap_text
from assistant.sentences import split_sentences
from assistant.types import Document, Entry

SLOW_SECONDS = 4.0
EXAMPLES = 200  # of a target in one turn

Seeds = tuple[bytes, ...]

PAGE = """<!DOCTYPE html><html lang="en"><head><title>Quay reopens - Courier</title>
<meta property="og:title" content="Quay reopens"><meta name="author" content="Ana Ruiz">
<meta property="article:published_time" content="2025-03-15T09:30:00+01:00">
<script type="application/ld+json">{"@type": "NewsArticle", "headline": "Quay reopens",
"author": [{"@type": "Person", "name": "Ana Ruiz"}], "datePublished": "2025-03-15"}</script></head>
<body><nav><a href="/">Home</a></nav><article><h1>Quay reopens</h1><p class="byline">By Ana Ruiz, 15 March 2025</p>
<p>The old quay reopened on Monday after repairs that cost £2.4m, the council said.</p>
<p>"We have waited for this," said Ana Ruiz, who runs the harbour. The first ferry left at noon.</p>
<ul><li>One</li><li>Two</li></ul><table><tr><td>a</td><td>b</td></tr></table></article></body></html>"""
MAIL = """Message-ID: <one@courier.example>\nFrom: Ana Ruiz <ana@courier.example>\nDate: Sat, 15 Mar 2025 09:30:00 +0100
Subject: =?utf-8?q?Quay_reopens?=\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="x"\n
--x\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n
The quay reopened on Monday =E2=80=93 at last.\n--x\nContent-Type: text/html\n\n<p>The quay reopened.</p>
--x\nContent-Type: text/plain; name="a.txt"\nContent-Disposition: attachment; filename="a.txt"\n
An attachment.
--x--
"""
FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>Courier</title><item><title>Quay &amp; more</title>
<link>https://courier.example/quay</link><pubDate>Sat, 15 Mar 2025 09:30:00 GMT</pubDate>
<author>a@b (Ana)</author></item>
<item><guid isPermaLink="true">https://courier.example/b</guid></item></channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>A</title><link href="/a"/>
<updated>2025-03-15T09:30:00Z</updated></entry></feed>"""
SITEMAP = """<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>https://a.example/1</loc>
<lastmod>2025-03-15</lastmod></url></urlset>"""
ADDRESSES = "https://a.example/1\n" * 3
HEADER = """---
title: Quay reopens
published: 2025-03-15
url: https://a.example/q
---

The quay reopened. It cost £2.4m.
"""
LINES = json.dumps({"title": "Quay", "text": "It reopened.", "published": "2025-03-15", "url": "https://a.b"}) + "\n"

# What parsers take for more than it is.
TOKENS: Sequence[bytes] = (
    b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\x1b]52;c;eA==\x07", b"\x9b2J", b"\r", b"\n", b"\n\n",
    b"<", b">", b"</p>", b"<!--", b"]]>", b"<![CDATA[", b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;", b"&#0;",
    b"&#xD800;", b"{", b"}", b"[", b"]", b'"', b"\\ud800", b"NaN", b"1e999", b"-1", b"9" * 5_000, b"null", b"true",
    b'{"a":' * 2_000, b"[1]", b"[1-99999]", b"[1, 2]", "【3】".encode(), b"(4)", "\u202e\u2066\u200b".encode(),
    "e\u0301\u0301".encode(), b"From ", b"\nFrom a@b Sat Mar 15 09:30:00 2025\n", b"--x\n", b"--x--",
    b"=?utf-8?b?/w==?=", b"Date: ", b"\nContent-", b"boundary=", b"charset=utf-7", b"charset=idna", b"message/rfc822",
    b"base64", b"---\n", b"# ", b"../../etc/passwd", b"stream", b"endstream", b"endobj", b"/Length 99999999", b"<< ",
    b" >>", b"1 0 R", b"/Kids", b"BT ", b" Tj", b"(" * 500, b"9999-99-99", b"0000-00-00", b"2025-02-30",
    b"32 January 2025", b"T25:61:61", b"+99:99", b"-292277026596", b"https://[::1", b"http://a:b@c:99999/%zz?#",
    b"javascript:alert(1)", b"file:///etc/passwd", b"http://\xe2\x80\xae",
)  # fmt: skip


@st.composite
def damage(draw: st.DrawFn, wholes: Sequence[bytes]) -> bytes:
    """Take one of some wholes and cut, repeat, overwrite or add to it in a few places."""
    data = draw(st.sampled_from(wholes))
    for _ in range(draw(st.integers(0, 8))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from((0, 0, 1, 3, 20, 200))))
        piece = draw(st.sampled_from(TOKENS) | st.binary(max_size=8))
        data = data[:start] + draw(st.sampled_from((piece, b"", data[start:end] * 3, data[start:]))) + data[end:]
        data = data[:300_000]
    return data


# What is fed ---------------------------------------------------------------------------------------------------------


class NoRefusalError(AssistantError):
    """Raised by nothing, of what has to take anything."""


class Target(NamedTuple):
    """What reads: the errors that it may raise, the wholes that are damaged for it, and what holds of the rest."""

    read: Callable[[bytes], object]
    refusal: type[AssistantError]
    wholes: Sequence[bytes]

    def check(self, data: bytes) -> None:
        """Read something. Raises whatever is not a refusal in one line."""
        try:
            self.read(data)
        except self.refusal as error:
            if not str(error).strip():
                raise AssertionError("a refusal that says nothing") from error


def make_word() -> bytes:
    import docx

    word = docx.Document()
    word.add_heading("Quay reopens", 0)
    word.add_paragraph("The quay reopened on Monday.")
    word.add_table(1, 2).cell(0, 0).text = "£2.4m"
    file = io.BytesIO()
    word.save(file)
    # Not packed, so that what is damaged is what is read.
    plain = io.BytesIO()
    with zipfile.ZipFile(file) as packed, zipfile.ZipFile(plain, "w") as new:
        for member in packed.infolist():
            if member.filename.endswith((".xml", ".rels")) and "theme" not in member.filename:
                new.writestr(member.filename, packed.read(member.filename))
    return plain.getvalue()


def make_export() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder) / "index", embedding_model="words")
        with library.writing():
            library.add([embed(make_article(id, 3)) for id in ("a", "b")])
        export_library(Path(folder) / "export", library=library)
        library.close()
        return (Path(folder) / "export").read_bytes()


def read_as(name: str) -> Callable[[bytes], object]:
    def read(data: bytes) -> None:
        for outcome in read_document(Document(f"/nowhere/{name}", data)):
            assert isinstance(outcome, Article | ArticleError)
            if isinstance(outcome, Article):
                outcome.text.encode()
                assert outcome.text.strip()
                assert outcome.title.strip()
                assert "\n" not in outcome.title
                assert not any(ord(each) < 32 and each not in "\n\t" for each in outcome.text + outcome.title)

    return read


def read_kind(data: bytes) -> None:
    for name, media_type in (("a", None), ("a.pdf", "text/html; charset=utf-7"), ("a.xml", "application/xml")):
        document = Document(name, data, media_type, "https://a.example/b")
        assert tell_other(document) is None or tell_other(document)
        is_list(document)
        assert tell_kind(document) in get_args(Kind)


def read_list(data: bytes) -> None:
    for name in ("a.rss", "a.txt"):
        for entry in list_entries(Document(name, data, None, "https://a.example/feed")):
            assert isinstance(entry, Entry | ArticleError)
            assert isinstance(entry, ArticleError) or entry.url.startswith(("http://", "https://"))


def read_markers(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    reader = SentenceReader(lambda number: number < 9)
    pieces = [text[start : start + 7] for start in range(0, len(text), 7)]
    sentences = [sentence for piece in pieces for sentence in reader.feed(piece)] + reader.finish()
    for sentence in sentences:
        numbers, unresolved = resolve_markers(sentence.markers, lambda number: number < 9)
        assert all(number < 9 for number in numbers)
        assert bool(numbers or unresolved) == bool(sentence.markers)


def read_text(data: bytes) -> None:
    text = data.decode("utf-8", "surrogatepass" if data.isascii() else "replace")
    cleaned = clean(text)
    assert clean(cleaned) == cleaned
    assert all(each.isprintable() or each in "\n\t" for each in cleaned)
    assert "\n" not in clean_line(text)
    wrap_text(cleaned, 30)
    end = 0
    for span in split_sentences(text):
        assert end <= span.start < span.end <= len(text)
        end = span.end


def read_dates(data: bytes) -> None:
    text = data.decode("utf-8", "replace")[:2_000]
    find_days(text)
    spell_out(text)
    find_unread(text)
    find_time(text, today=lambda: date(2025, 3, 15))
    read_bounds(text[:40], None)


def read_url(data: bytes) -> None:
    text = data.decode("utf-8", "replace")
    assert describe_address(text).isprintable()
    normalise_url(text)
    join_address("https://a.example/b", text)
    assert parse_address(text).url


def read_file(read: Callable[[Path], object], name: str) -> Callable[[bytes], object]:
    def read_data(data: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            path.write_bytes(data)
            read(path)

    return read_data


def read_answers_again(path: Path) -> None:
    for answer in read_answers(path):
        assert read_answer(parse_json(json.dumps(answer_to_json(answer)), "it")) == answer


def read_export_again(path: Path) -> None:
    with path.open("rb") as file:
        for article, passages in read_export(file, path, "words", None):
            assert passages[-1].passage.end == len(article.text)


def read_all_questions(data: bytes) -> None:
    for asked in read_questions(io.BytesIO(data)):
        assert asked.problem is None or "\n" not in asked.problem


ANSWER = json.dumps(answer_to_json(make_answer(1))).encode()
QUESTIONS = b"""{"question": "What?", "id": 7, "until": "2025"}\n"A"\nplain\n"""
CASES = b"""{"question": "What?", "evidence": ["The berth."], "answers": ["1"]}
{"question": "Who?", "unanswerable": true}
"""
SQUAD = json.dumps(
    {"data": [{"title": "T", "paragraphs": [{"context": "It cost 5.", "qas": [{"id": "1", "question": "What?",
     "answers": [{"text": "5", "answer_start": 8}], "is_impossible": False}]}]}]}
).encode()  # fmt: skip
FIGURES = {"id": "a", "question": "q", "unanswerable": False, "answer": "", "abstained": None, "confidence": None,
           "citations": [{"article": "a", "start": 0, "end": 1}], "retrieved": [], "figures": {"hit@1": 1.0},
           "seconds": 1.0}  # fmt: skip
RESULT = json.dumps({"format": 1, "run": {}, "figures": {}, "cases": [FIGURES]}).encode()

TARGETS: dict[str, Target] = {
    "page": Target(read_as("a.html"), ArticleError, [PAGE.encode(), PAGE.encode("utf-16")]),
    "pdf": Target(read_as("a.pdf"), ArticleError, [write_pdf([[Run(72, 700, "The quay reopened.")]] * 2)]),
    "word": Target(read_as("a.docx"), ArticleError, [make_word()]),
    "mail": Target(read_as("a.eml"), ArticleError, [MAIL.encode()]),
    "mailbox": Target(read_as("a.mbox"), ArticleError, [f"From a@b Sat Mar 15 09:30:00 2025\n{MAIL}\n".encode() * 2]),
    "articles": Target(read_as("a.jsonl"), ArticleError, [LINES.encode() * 3]),
    "header": Target(read_as("a.md"), ArticleError, [HEADER.encode(), HEADER.encode("cp1252")]),
    "kinds": Target(read_kind, ArticleError, [text.encode() for text in (PAGE, MAIL, FEED, HEADER)]),
    "feeds": Target(read_list, ArticleError, [text.encode() for text in (FEED, ATOM, SITEMAP, ADDRESSES)]),
    "markers": Target(read_markers, NoRefusalError, [b'It cost \xc2\xa32.4m [1][2]. "He said so." [3, 4-6] No (7).']),
    "text": Target(read_text, NoRefusalError, [HEADER.encode(), PAGE.encode()]),
    "dates": Target(read_dates, SettingsError, [b"What of last Tuesday, as of 12 March 2025?", b"2025-03-15"]),
    "addresses": Target(read_url, ArticleError, [b"https://user:pw@a.example:8080/b/../c?d=e#g", b"http://\xc3\xbc.b"]),
    "export": Target(read_file(read_export_again, "e"), LibraryError, [make_export()]),
    "answers": Target(read_file(read_answers_again, "a.json"), AnswerError, [ANSWER, ANSWER + b"\n" + ANSWER]),
    "questions": Target(read_all_questions, NoRefusalError, [QUESTIONS]),
    "cases": Target(read_file(load_cases, "c.jsonl"), EvaluationError, [CASES, SQUAD]),
    "results": Target(read_file(load_result, "r.json"), EvaluationError, [RESULT]),
}

# Inputs that once were more than refused, by target.
SEEDS: dict[str, Seeds] = {
    "cases": (b'{"a":' * 2_000,),
    "feeds": (
        FEED.replace("&amp;", "&#xD800;").encode(),
        FEED.replace('<rss version="', '<rss version="&#55296;').encode(),
        FEED.replace("&amp;", "&#xD800;").encode("utf-16"),
    ),
    "results": (b"[" * 100_000,),
}


# In turn -------------------------------------------------------------------------------------------------------------


def fuzz(name: str, *, number: int, examples: int) -> tuple[str | None, float]:
    """Feed a target: what went wrong, with the input, and for how many seconds the slowest one was read."""
    target, slowest = TARGETS[name], 0.0

    @seed(number)
    @settings(max_examples=examples, deadline=None, database=None, phases=(Phase.generate, Phase.shrink),
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(damage(target.wholes) | st.binary(max_size=200))
    def feed(data: bytes) -> None:
        nonlocal slowest
        started = time.process_time()
        try:
            target.check(data)
        finally:
            slowest = max(slowest, time.process_time() - started)

    try:
        feed()
    except Exception:
        return traceback.format_exc(limit=-6), slowest
    return None, slowest


def main() -> int:
    """Fuzz all targets in turn for so many minutes; 1 where something was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--only", choices=TARGETS)
    chosen = parser.parse_args()
    end = time.monotonic() + 60 * chosen.minutes
    fed, found = 0, 0
    logging.disable()  # what libraries say of damage
    numbers = random.Random(datetime.now(UTC).timestamp())
    while time.monotonic() < end:
        for name in [chosen.only] if chosen.only else TARGETS:
            problem, seconds = fuzz(name, number=numbers.getrandbits(32), examples=EXAMPLES)
            fed += EXAMPLES
            found += problem is not None
            if problem or seconds > SLOW_SECONDS:
                sys.stdout.write(f"{name}: {seconds:.1f} s\n{problem or ''}\n")
                sys.stdout.flush()
            if time.monotonic() >= end:
                break
    sys.stdout.write(f"{fed:,} inputs, {found} findings\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
