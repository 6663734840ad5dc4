import io
import zipfile
from contextlib import suppress
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.errors import ArticleError, KindError
from assistant.kinds import SUFFIX_KINDS, Kind, count_others, tell_kind, tell_other
from assistant.types import Document

MAIL = b"Return-Path: <rey@courier.example>\r\nFrom: Rey <rey@courier.example>\r\nSubject: Rain\r\n\r\nIt rained.\r\n"
PAGE = b"<!DOCTYPE html>\n<html><body><p>It rained.</body></html>"


def pack(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "")
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"It rained.", "text"),
        (b"", "text"),
        (b"# Storm\n\nIt <b>rained</b>.\n\n<table><tr><td>1</table>", "text"),
        (b"from os import path\n\nprint(path)\n", "text"),
        (b"Date,From,Subject\n2025-03-15,Rey,Rain\n", "text"),
        (b"From the start: it rained in 2025\nand it poured.", "text"),
        (b"Date: 15 March\nSubject: rain\n\nIt rained.", "text"),
        (b"Rain: it rained.\nWind: it blew.\nSun: none.", "text"),
        (b"<p>It rained.</p>", "text"),
        (b"<note><html/></note>", "text"),
        (b'{\n  "text": "It rained."\n}', "text"),
        (b'{"rain": "It rained."}\n', "text"),
        (b"{it rained}", "text"),
        (b"https://courier.example/1 is a page.", "text"),
        (b"# Only a remark", "text"),
        (b"%PDF-1.7\n", "pdf"),
        (b"\n\n%PDF-1.4\n", "pdf"),
        (b"HTTP/1.1 200 OK\n\n%PDF-1.4\n\nstartxref\n9\n%%EOF", "pdf"),
        (b"A text on %PDF- and what it means.", "text"),
        (pack("[Content_Types].xml", "word/document.xml"), "word"),
        (pack("[Content_Types].xml", "word/document2.xml"), "word"),
        (PAGE, "page"),
        (b"\xef\xbb\xbf  " + PAGE.lower(), "page"),
        (PAGE.decode().encode("utf-16"), "page"),
        (PAGE.decode().encode("utf-32"), "page"),
        (b"<!-- saved from url=(0033)https://courier.example/1 -->\n<html lang=en>", "page"),
        (b'<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "x">\n<html>', "page"),
        (b"<head><title>Rain</title>", "page"),
        (b'<?xml version="1.0"?><rss version="2.0"><channel/></rss>', "feed"),
        (b'<?xml version="1.0"?><!-- by hand --><feed xmlns="http://www.w3.org/2005/Atom"/>', "feed"),
        (b'<rdf:RDF xmlns:rdf="x"/>', "feed"),
        (b'<?xml version="1.0"?>\n<urlset xmlns="x"/>', "sitemap"),
        (b"<sitemapindex/>", "sitemap"),
        (MAIL, "mail"),
        (MAIL.replace(b"\r\n", b"\n"), "mail"),
        (b"From rey@courier.example Sat Mar 15 09:30:00 2025\n" + MAIL, "mailbox"),
        (b'{"title": "Rain", "text": "It rained."}\n{"text": "It poured."}\n', "articles"),
        (b'\xef\xbb\xbf{"id": 1, "text": "It \\"rained\\"."}', "articles"),
        (b"https://courier.example/1\r\n\r\n# later\r\nhttp://courier.example/2?a=b#c\r\n", "addresses"),
    ],
)
def test_content_tells_a_kind(data: bytes, kind: str) -> None:
    assert tell_kind(Document("story", data)) == kind
    if kind != "text":
        assert tell_kind(Document("story.txt", data, media_type="text/plain")) == kind
        assert tell_kind(Document("story.eml", data, media_type="application/octet-stream")) == kind


@pytest.mark.parametrize(
    ("name", "media_type", "kind"),
    [
        ("story.md", None, "markdown"),
        ("STORY.HTM", None, "page"),
        ("story.pdf", None, "pdf"),
        ("story.docx", None, "word"),
        ("story.eml", None, "mail"),
        ("story.mbox", None, "mailbox"),
        ("story.jsonl", None, "articles"),
        ("story.md", "text/plain", "markdown"),
        ("story.md", "text/html; charset=utf-8", "page"),
        ("https://courier.example/rain.html?as=a.pdf", None, "page"),
        ("C#notes.md", None, "markdown"),
        ("story", "Application/PDF", "pdf"),
        ("story", "text/uri-list", "addresses"),
        ("story.png", "image/png", "text"),
        ("story", "application/rss+xml", "text"),
    ],
)
def test_where_content_tells_nothing_its_server_does_and_then_its_name(
    name: str, media_type: str | None, kind: str
) -> None:
    assert tell_kind(Document(name, b"It rained.", media_type)) == kind


def test_a_note_of_addresses_is_a_note() -> None:
    assert tell_kind(Document("links.md", b"# To read\n\nhttps://courier.example/1\n")) == "markdown"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600), r"old kind \(\.doc\).*: save it as \.docx"),
        (b"{\\rtf1\\ansi It rained.}", "rich text"),
        (pack("xl/workbook.xml"), "zip archive"),
        (b"\x1f\x8b\x08\x00", "compressed: unpack it first"),
        (b"\x89PNG\r\n\x1a\n", r"no article can be read from this kind of file \(image\)"),
    ],
)
def test_a_kind_that_is_known_and_not_read_is_refused_with_what_to_do(data: bytes, reason: str) -> None:
    with pytest.raises(ArticleError, match=f"^story.txt: .*{reason}"):
        tell_kind(Document("story.txt", data))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le"])
@pytest.mark.parametrize(
    "text",
    [
        '<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><l>&b;</l>',
        '<!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>\n<l>&b;</l>',
        '<?xml version="1.0"?><newsItem><headline>Rain</headline></newsItem>',
    ],
)
def test_xml_that_is_no_page_and_no_list_is_refused_and_not_taken_for_text(text: str, encoding: str) -> None:
    with pytest.raises(KindError, match=r"^story\.xml: XML, and neither a page nor a feed nor a sitemap"):
        tell_kind(Document("story.xml", text.encode(encoding)))
    assert tell_kind(Document("story.txt", b"<?xml has a processing instruction, she said.")) == "text"


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("a", b"\x89PNG\r\n\x1a\n", "image"),
        ("a", b"RIFF\x10\x00\x00\x00WEBPVP8 ", "image"),
        ("a", b"\xff\xd8\xff\xe0", "image"),
        ("a.svg", b'<?xml version="1.0"?>\n<svg xmlns="x"/>', "image"),
        ("a.mp4", b"\x00\x00\x00\x18ftypmp42", "recording"),
        ("a", b"ID3\x03\x00", "recording"),
        ("a.xlsx", pack("xl/workbook.xml"), "archive"),
        ("a.tar", b"a.md" + bytes(253) + b"ustar  \x00", "archive"),
        ("a.xml.gz", b"\x1f\x8b\x08\x00", "archive"),
        ("a.doc", bytes.fromhex("d0cf11e0a1b11ae1"), "old document"),
        ("a", b"SQLite format 3\x00", "database"),
        ("a.so", b"\x7fELF\x02", "program"),
        ("a", b"It rained.\x00", "binary file"),
        ("a.txt", b"\x89PNG\r\n\x1a\n", "image"),
        ("a.html", b"\xff\xd8\xff\xe0", "image"),
        ("a.md", bytes(range(256)) * 40, "binary file"),
        ("__init__.py", b"\n", "empty file"),
        ("rain.md", b" \n", "empty file"),
        ("a.py", b"import os\n", "file of code or data"),
        ("run", b"#!/bin/sh\n", "file of code or data"),
        ("a.json", b'{"rain": 1}', "file of code or data"),
        ("a.xml", b'<?xml version="1.0"?><urlset/>', "list of pages"),
        ("links", b"https://courier.example/1\n", "list of pages"),
    ],
)
def test_what_holds_no_article_is_named_by_what_is_in_it(name: str, data: bytes, what: str) -> None:
    assert tell_other(Document(name, data)) == what


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("story", b"%PDF-1.7\n"),
        ("story.html_1", PAGE),
        ("story.php", PAGE),
        ("letter", pack("[Content_Types].xml", "word/document.xml")),
        ("1742031000.M1.courier:2,S", MAIL),
        ("README", b"It rained."),
        ("story.2025", "It rained.".encode("utf-16")),
        *((f"story{suffix}", b"It rained.\n") for suffix in SUFFIX_KINDS),
        *((f"story{suffix}", bytes.fromhex("d0cf11e0a1b11ae1")) for suffix in (".docx", ".pdf")),
        ("story.txt", "It rained.".encode("utf-16-le")),
        ("story.txt", "It rained.".encode("utf-16")),
        ("story.txt", b"%PDF-1.7\n" + bytes(range(256)) * 40),
    ],
)
def test_what_may_hold_an_article_is_none_of_those(name: str, data: bytes) -> None:
    assert tell_other(Document(name, data)) is None


def test_others_are_counted_the_most_first() -> None:
    others = ["archive", "image", "image", "file of code or data", "file that can't be read", "list of pages"] * 2

    assert count_others([*others[:4], "image", *others[6:]]) == (
        "5 images, 2 archives, 2 files of code or data, 1 file that can't be read, 1 list of pages"
    )


@pytest.mark.parametrize("data", [b"<!--" * 20_000, b"<?" * 20_000, b"{" * 20_000, b'{"a' * 20_000, b"a:\n" * 20_000])
def test_a_beginning_without_an_end_is_text(data: bytes) -> None:
    assert tell_kind(Document("story", data)) == "text"


@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_any_bytes_have_a_kind_or_are_refused(data: bytes) -> None:
    kind = None
    with suppress(ArticleError):
        kind = tell_kind(Document("story", data))

    assert kind is None or kind in get_args(Kind)
