import io
import json
import re
import struct
import zipfile
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from email.message import EmailMessage
from typing import Any

import docx
import pypdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pdf_files import Run, write_lines, write_pdf, write_scan, write_stream, write_streams

from assistant.documents import (
    ARTICLE_FIELDS,
    MAX_ATTACHMENTS,
    MAX_TITLE_CHARACTERS,
    choose_title,
    parse_time,
    read_mail,
)
from assistant.errors import ArticleError
from assistant.kinds import tell_kind
from assistant.preparing import check_article
from assistant.reading import read_document
from assistant.types import Article, Document, Origin

STORY = "The ferry stayed in the harbour for a\nthird day, and nobody left the island.\n\nBread ran out on Tuesday."
PARAGRAPHS = "The ferry stayed in the harbour for a third day, and nobody left the island.\n\nBread ran out on Tuesday."
XMP = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/">
 <dc:title><rdf:Alt><rdf:li xml:lang="x-default">No bread on the island</rdf:li></rdf:Alt></dc:title>
 <dc:creator><rdf:Seq><rdf:li>Rey Nard</rdf:li><rdf:li>Cora Crane</rdf:li></rdf:Seq></dc:creator>
 <xmp:CreateDate>2025-03-15T09:30:00Z</xmp:CreateDate></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


def read(data: bytes, name: str = "story", url: str | None = "https://courier.example/story") -> tuple[Any, ...]:
    return read_document(Document(name, data, url=url))


def read_one(data: bytes, name: str = "story") -> Article:
    (article,) = read(data, name)
    assert isinstance(article, Article)
    check_article(article)
    return article


def refuse(data: bytes, name: str = "story") -> str:
    with pytest.raises(ArticleError) as refusal:
        read(data, name)
    assert str(refusal.value).startswith(f"{name}: ")
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def get_origins(article: Article) -> dict[str, str]:
    return dict(article.origins)


# PDF


def test_a_pdf_says_what_it_is() -> None:
    article = read_one(
        write_pdf(
            [write_lines(STORY)],
            information={"Title": "No bread", "Author": "Rey Nard", "CreationDate": "D:20250315093000+02'00'"},
        )
    )

    assert (article.id, article.url) == ("https://courier.example/story",) * 2
    assert (article.title, article.author, article.text) == ("No bread", "Rey Nard", PARAGRAPHS)
    assert article.published == datetime(2025, 3, 15, 9, 30, tzinfo=timezone(timedelta(hours=2)))
    assert get_origins(article) == {
        "title": "PDF information",
        "author": "PDF information",
        "published": "PDF information, when the file was made",
    }


def test_pages_as_browsers_print_them_have_no_running_lines_and_no_cut_sentences() -> None:
    def draw(*runs: tuple[float, float, str]) -> str:
        texts = (f"BT /F1 16 Tf 1 0 0 -1 {x} {y} Tm ({text}) Tj ET" for x, y, text in runs)
        return f"q 3.125 0 0 3.125 0 0 cm {' '.join(texts)} Q"

    pages = []
    for number, shift in ((1, 0), (2, -2_800)):
        lines = [
            (90.0, 140.0 + 24 * line, f"In year {line} the harbour spent a sum on its walls of about £5{line}")
            for line in range(10 * number, 10 * number + 9)
        ]
        moved = "".join(f"q 1 0 0 1 0 {shift} cm {draw(*((x, y - shift / 3.125, text) for x, y, text in lines))} Q")
        margins = draw((230, 53, "HARBOUR COURIER"), (372, 1081, f"Page {number}"))
        pages.append(f".24 0 0 -.24 0 842 cm {margins} {moved}".encode("cp1252"))

    (article,) = read_document(Document("a.pdf", write_streams(pages)))

    assert "Page" not in article.text
    assert "COURIER" not in article.text
    assert "about £518 In year 20" in article.text


@pytest.mark.parametrize(
    ("line", "author"),
    [("By Maeve Tolland", "Maeve Tolland"), ("By Maeve's count, 12 boats are lost", None)],
)
def test_a_line_at_the_top_of_a_pdf_says_who_wrote_it(line: str, author: str | None) -> None:
    article = read_one(write_pdf([write_lines(f"Ferries stay in\n\n{line}\n\n{STORY}")]))

    assert article.author == author


def test_columns_with_headers_page_numbers_and_hyphens() -> None:
    days = ("Tuesday", "Thursday", "Saturday")
    pages = []
    for number, day in enumerate(days, start=1):
        left = write_lines(
            "The ferry stayed in the harbour for a\nthird day, and the mayor of the is-\n"
            f"land asked everybody for patience.\n  Bread ran out on {day}. The ba-",
            x=60,
        )
        right = write_lines(
            "kery had opened a week before, with\na loan from a well-known bank, and\nit closed for good at noon.\n"
            f"  Nobody left the island on {day}.",
            x=320,
        )
        # Drawn one after the other, and on the second page side by side.
        lines = sorted(left + right, key=lambda run: (-run.y, run.x)) if number == 2 else left + right
        header = [Run(60, 800, "Forest Courier", 9), Run(420, 800, f"15 March 2025, page {number}", 9)]
        headline = Run(60, 740, f"Day {number} without bread on the island", 18)
        pages.append([*header, headline, *lines, Run(290, 40, str(number + 11))])

    text = read_one(write_pdf(pages)).text

    assert text == "\n\n".join(
        f"Day {number} without bread on the island\n\n"
        "The ferry stayed in the harbour for a third day, and the mayor of the island asked everybody for patience.\n\n"
        f"Bread ran out on {day}. The bakery had opened a week before, with a loan from a well-known bank, and it"
        f" closed for good at noon.\n\nNobody left the island on {day}."
        for number, day in enumerate(days, start=1)
    )


def test_xmp_comes_before_the_information_of_a_pdf() -> None:
    article = read_one(write_pdf([write_lines(STORY)], information={"Title": "Another", "Author": "Al"}, xmp=XMP))

    assert (article.title, article.author) == ("No bread on the island", "Rey Nard, Cora Crane")
    assert article.published == datetime(2025, 3, 15, 9, 30, tzinfo=UTC)
    assert get_origins(article)["title"] == "XMP"


@pytest.mark.parametrize("xmp", ["<x", "<!DOCTYPE x [<!ENTITY a 'b'>]><x>&a;</x>", XMP.replace("2025-03", "soon")])
def test_damaged_xmp_costs_no_text(xmp: str) -> None:
    assert read_one(write_pdf([write_lines(STORY)], xmp=xmp)).text == PARAGRAPHS


@pytest.mark.parametrize(
    "title",
    [
        "",
        "untitled",
        "Untitled-1",
        "Microsoft Word - story_v3 final.docx",
        "story.indd",
        "Document2",
        "PDFCreator",
        "1",
    ],
)
def test_a_title_that_a_program_wrote_is_none(title: str) -> None:
    headline = [Run(72, 760, "No bread on the island", 20)]

    article = read_one(
        write_pdf([headline + write_lines(STORY)], information={"Title": title, "Author": "Administrator"})
    )

    assert (article.title, article.author) == ("No bread on the island", None)
    assert get_origins(article) == {"title": "the largest lines of the first page"}


def test_a_pdf_without_a_headline_has_its_first_line_or_its_name() -> None:
    lines = [Run(72, 760, "No bread on the island"), *write_lines(STORY)]

    assert read_one(write_pdf([lines])).title == "No bread on the island"
    assert read_one(write_pdf([write_lines("It rained.")]), "wet-week.pdf").title == "wet week"


def test_a_page_that_is_turned_is_read_and_a_stamp_on_its_side_is_not() -> None:
    turned = b"BT /F1 11 Tf 0 1 -1 0 %d 72 Tm (%s) Tj ET"
    lines = [b"The ferry stayed in the harbour for a", b"third day, and nobody left the island."]
    content = b"\n".join(turned % (100 + 14 * number, line) for number, line in enumerate(lines))
    stamp = b"\nBT /F1 11 Tf 1 0 0 1 30 300 Tm (draft) Tj ET"

    assert read_one(write_streams([content + stamp], rotation=90)).text == PARAGRAPHS.split("\n\n")[0]


def test_a_pdf_of_pictures_says_that_it_has_no_text() -> None:
    assert refuse(write_scan(3)) == "story: no text in it: its pages are pictures; run OCR on it first"
    assert refuse(write_pdf([[], []])) == "story: empty: there is no text in it"


@pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
def test_a_pdf_that_opens_without_a_password_is_read_and_another_is_refused(algorithm: str) -> None:
    def lock(password: str) -> bytes:
        writer = pypdf.PdfWriter(io.BytesIO(write_pdf([write_lines(STORY)])))
        writer.encrypt(password, owner_password="owner", algorithm=algorithm)
        file = io.BytesIO()
        writer.write(file)
        return file.getvalue()

    assert read_one(lock("")).text == PARAGRAPHS
    assert refuse(lock("secret")) == "story: encrypted: it asks for a password; save a copy without one"


@pytest.mark.parametrize(
    "data",
    [
        b"%PDF-1.7\nIt rained.",
        write_pdf([write_lines(STORY)])[:300],
        write_streams([b"BT ET"]).replace(b"/Kids [7 0 R]", b"/Kids [2 0 R]"),
        write_streams([b"[" * 100_000]),
        write_streams([b"/X Do"], resources=b"/XObject << /X 7 0 R >>", objects=[
            write_stream(b"/X Do", b"/Subtype /Form /Resources << /XObject << /X 7 0 R >> >>")
        ]),
    ],
    ids=["no PDF", "half", "a page tree without an end", "deep", "a form that draws itself"],
)  # fmt: skip
def test_a_damaged_pdf_is_refused(data: bytes) -> None:
    refuse(data)


def test_a_pdf_that_unpacks_to_too_much_is_called_too_large() -> None:
    assert refuse(write_streams([b" " * 100_000_000])) == (
        "story: too large: unpacked, a part of it is more than a document has; save it as text"
    )


# Word


def write_word(document: Any) -> bytes:
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def write_raw_word(body: bytes, *, prolog: bytes = b"") -> bytes:
    """Write a Word document of this XML."""
    file = io.BytesIO()
    namespaces = (
        b'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" '
        b'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    )
    with (
        zipfile.ZipFile(io.BytesIO(write_word(docx.Document()))) as archive,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in archive.namelist():
            data = archive.read(name)
            if name == "word/document.xml":
                data = prolog + b"<w:document %s><w:body>%s</w:body></w:document>" % (namespaces, body)
            new.writestr(name, data)
    return file.getvalue()


def write_paragraph(text: str) -> bytes:
    return b"<w:p><w:r><w:t>%s</w:t></w:r></w:p>" % text.encode()


def test_a_word_document_has_its_paragraphs_headings_and_tables_in_their_order() -> None:
    document = docx.Document()
    document.add_heading("No bread on the island", 0)
    document.add_paragraph("The ferry stayed.\tNobody left.")
    table = document.add_table(2, 2)
    for cell, text in zip(
        (cell for row in table.rows for cell in row.cells), ("Day", "Loaves", "Monday", "12"), strict=True
    ):
        cell.text = text
    document.add_heading("What the mayor said", 1)
    document.add_paragraph("Patience.\nNothing else.")
    document.core_properties.author = "Rey Nard"
    document.core_properties.created = datetime(2025, 3, 15, 9, 30)
    document.core_properties.modified = datetime(2025, 3, 16, 9, 30)

    article = read_one(write_word(document), "story.docx")

    assert article.text == (
        "No bread on the island\n\nThe ferry stayed. Nobody left.\n\nDay | Loaves\nMonday | 12\n\n"
        "What the mayor said\n\nPatience.\nNothing else."
    )
    assert (article.title, article.author) == ("No bread on the island", "Rey Nard")
    assert article.published == datetime(2025, 3, 15, 9, 30, tzinfo=UTC)
    assert article.updated == datetime(2025, 3, 16, 9, 30, tzinfo=UTC)
    assert get_origins(article) == {
        "title": "the paragraph in the style of a title",
        "author": "Word properties",
        "published": "Word properties, when the file was made",
        "updated": "Word properties",
    }


def test_the_title_of_a_word_document_is_that_of_its_properties() -> None:
    document = docx.Document()
    document.add_paragraph("It rained.")
    document.core_properties.title = "No bread"

    article = read_one(write_word(document))

    assert article.title == "No bread"
    assert article.author is None  # "python-docx", which the library writes


def test_text_in_controls_insertions_and_boxes_is_read_once_and_deletions_are_not() -> None:
    body = (
        b"<w:sdt><w:sdtContent>" + write_paragraph("In a control.") + b"</w:sdtContent></w:sdt>"
        b"<w:p><w:ins><w:r><w:t>Inserted.</w:t></w:r></w:ins><w:del><w:r><w:delText>Gone.</w:delText></w:r></w:del></w:p>"
        b"<w:p><w:r><mc:AlternateContent><mc:Choice><w:t>In a box.</w:t></mc:Choice>"
        b"<mc:Fallback><w:t>In a box.</w:t></mc:Fallback></mc:AlternateContent></w:r></w:p>"
        b"<w:p><w:pPr><w:tabs><w:tab/></w:tabs></w:pPr><w:r><w:t>One</w:t><w:noBreakHyphen/><w:t>two</w:t></w:r></w:p>"
        b"<w:tbl><w:tr><w:tc><w:tbl><w:tr><w:tc>"
        + write_paragraph("In a table in a table.")
        + b"</w:tc></w:tr></w:tbl></w:tc></w:tr></w:tbl>"
    )

    text = read_one(write_raw_word(body)).text

    assert text == "In a control.\n\nInserted.\n\nIn a box.\n\nOne-two\n\nIn a table in a table."


def test_a_word_document_that_unpacks_to_too_much_is_refused() -> None:
    bomb = write_raw_word(b"<w:p/>" * 6_000_000)
    size = struct.pack("<L", len(zipfile.ZipFile(io.BytesIO(bomb)).read("word/document.xml")))

    assert refuse(bomb) == "story: too large: it unpacks to more than 30 MB; split it"
    # One whose directory says that it is small.
    assert "can't be read" in refuse(bomb.replace(size, struct.pack("<L", 1_000)))


def test_entities_in_a_word_document_are_refused() -> None:
    laughs = b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    prolog = b'<!DOCTYPE x [<!ENTITY a "ha">' + laughs + b"]>"

    assert "refused: its XML declares entities" in refuse(write_raw_word(write_paragraph("&j;"), prolog=prolog))


@pytest.mark.parametrize(
    "data",
    [
        write_raw_word(b"<w:p>" * 100_000 + b"</w:p>" * 100_000),
        write_raw_word(b"<w:p>"),
        write_word(docx.Document())[:2_000] + b"word/document.xml",
        write_raw_word(b""),
    ],
    ids=["deep", "not closed", "half", "empty"],
)
def test_a_damaged_word_document_is_refused(data: bytes) -> None:
    refuse(data)


# Mail


def write_mail(text: str | None = "It rained.", **fields: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = fields.pop("sender", "Rey Nard <rey@courier.example>")
    message["Subject"] = fields.pop("subject", "No bread on the island")
    message["Date"] = fields.pop("date", "Sat, 15 Mar 2025 09:30:00 +0200")
    message["Message-ID"] = fields.pop("message_id", "<storm.1@courier.example>")
    for name, value in fields.items():
        message[name.replace("_", "-")] = value
    if text is not None:
        message.set_content(text)
    return message


def test_a_mail_is_an_article() -> None:
    article = read_one(write_mail("It rained.\n\n> It poured.\n\n-- \nRey\n").as_bytes())

    assert article.id == "mid:storm.1@courier.example"
    assert (article.title, article.author, article.outlet) == ("No bread on the island", "Rey Nard", None)
    assert article.text == "It rained.\n\n> It poured.\n\n-- \nRey"
    assert article.published == datetime(2025, 3, 15, 9, 30, tzinfo=timezone(timedelta(hours=2)))
    assert get_origins(article) == {
        "title": "the mail's subject",
        "author": "the mail's sender",
        "published": "the mail's date",
    }


def test_a_mail_to_a_list_is_its_outlets() -> None:
    message = write_mail(sender="Forest Courier <news@courier.example>", List_Unsubscribe="<https://courier.example/u>")

    article = read_one(message.as_bytes())

    assert (article.outlet, article.author) == ("Forest Courier", None)
    assert get_origins(article)["outlet"] == "the mail's sender"


@pytest.mark.parametrize(
    ("message", "author", "title"),
    [
        (b"From: =?utf-8?q?Jos=C3=A9?= <j@courier.example>\nSubject: =?utf-8?b?U8O8w58=?=\n", "José", "Süß"),
        (b"From: j@courier.example\nSubject: A\n very long one\n", "j@courier.example", "A very long one"),
        (b"From: \nSubject: \n", None, "story"),
        (b"From: (((\nSubject: =?x?q?=?=\n", None, "=?x?q?=?="),
        ("From: José <j@courier.example>\nSubject: Süß\n".encode(), "Jos", "S"),
    ],
)
def test_the_header_of_a_mail_may_be_anything(message: bytes, author: str | None, title: str) -> None:
    data = message + b"Date: soon\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\nIt rained.\n"

    article = read_one(data, "story.eml")

    assert (article.author or "").startswith(author or "")
    assert article.title.startswith(title)
    assert (article.id, article.published, article.text) == ("https://courier.example/story", None, "It rained.")


@pytest.mark.parametrize("charset", ["cp1252", "nonsense", "utf-8", None])
def test_the_text_of_a_mail_is_decoded_by_what_it_is_where_it_names_a_wrong_encoding(charset: str | None) -> None:
    kind = f"text/plain; charset={charset}" if charset else "text/plain"
    data = b"From: a@courier.example\nSubject: a\nMIME-Version: 1.0\nContent-Type: " + kind.encode() + b"\n\n"

    assert read_one(data + "The café “stayed” shut.".encode("cp1252")).text == "The café “stayed” shut."


@pytest.mark.parametrize(("said", "text"), [("It rained.", "It rained."), ("", "It rained, plainly.")])
def test_the_text_of_a_mail_is_that_of_its_page_or_else_of_its_plain_part(said: str, text: str) -> None:
    message = write_mail("It rained, plainly.\n")
    message.add_alternative("<p>It rained.</p>", subtype="html", charset="cp1252")
    asked: list[Document] = []

    def read_page(document: Document) -> tuple[Article]:
        asked.append(document)
        if not said:
            raise ArticleError("story: no text")
        return (
            Article("page", "Page", said, language="en", origins=(Origin("language", "html"), Origin("title", "h1"))),
        )

    (article,) = read_mail(Document("story", message.as_bytes()), read_page)

    assert isinstance(article, Article)
    assert (article.id, article.title, article.text) == ("mid:storm.1@courier.example", "No bread on the island", text)
    assert article.language == ("en" if said else None)
    assert ("language" in get_origins(article)) == bool(said)
    (page,) = asked
    assert (page.data, page.url) == (b"<p>It rained.</p>\n", article.id)
    assert tell_kind(page) == "page"
    assert "cp1252" in (page.media_type or "")


def test_attachments_are_articles_of_their_own_where_they_can_be() -> None:
    message = write_mail()
    message.add_attachment(write_pdf([write_lines(STORY)]), maintype="application", subtype="pdf", filename="a b.pdf")
    message.add_attachment(b"\x89PNG\r\n\x1a\n" * 9, maintype="image", subtype="png", filename="logo.png")
    message.add_attachment("BEGIN:VCALENDAR", subtype="calendar", filename="invite.ics")
    message.add_attachment(b"PK\x03\x04", maintype="application", subtype="zip", filename="all.zip")
    message.add_attachment("# Wind\n\nIt blew.", filename="wind.md")
    message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="half.pdf")
    message.add_attachment(write_mail("It snowed.", subject="Snow", message_id="<snow@courier.example>"))

    mail, pdf, note, error, snow = read(message.as_bytes(), "story.eml")

    assert (mail.text, pdf.text, note.title, snow.title) == ("It rained.", PARAGRAPHS, "Wind", "Snow")
    assert pdf.id == "mid:storm.1@courier.example/1-a%20b.pdf"
    assert (pdf.title, pdf.url, snow.id) == ("a b", None, "mid:snow@courier.example")
    assert str(error).startswith("story.eml/half.pdf: can't be read")


def test_a_mail_that_only_brings_something_is_no_failure() -> None:
    message = write_mail("\n")
    message.add_attachment("It blew.", filename="wind.txt")

    (article,) = read(message.as_bytes())

    assert article.text == "It blew."
    assert isinstance(read(write_mail("\n").as_bytes())[0], ArticleError)


def test_the_attachments_of_a_mail_are_counted() -> None:
    message = write_mail()
    message.make_mixed()
    for number in range(MAX_ATTACHMENTS + 1):
        message.add_attachment("It blew.", filename=f"{number}.txt")

    *articles, error = read(message.as_bytes())

    assert len(articles) == len({article.id for article in articles}) == MAX_ATTACHMENTS + 1
    assert str(error) == f"story: only the first {MAX_ATTACHMENTS} attachments were read"


@pytest.mark.parametrize(
    "rest",
    [
        b"Content-Type: message/rfc822\n\n" * 20_000,
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(2_000)),
        b"Content-Type: multipart/mixed\n\n",
        b"Content-Type: application/octet-stream\n\nIt rained.",
    ],
    ids=["mails in mails", "parts in parts", "no parts", "no text"],
)
def test_a_damaged_mail_is_refused(rest: bytes) -> None:
    data = b"From: a@courier.example\nSubject: a\nMIME-Version: 1.0\n" + rest

    found: tuple[object, ...] = ()
    with suppress(ArticleError):
        found = read(data)

    assert all(isinstance(each, ArticleError) for each in found)


def test_a_mailbox_has_its_mails() -> None:
    first, second = write_mail("It rained.\n\nFrom here on it poured.\n"), write_mail("It blew.", message_id="<wind@x>")
    bad = write_mail("\n", message_id="<bad@x>")
    data = b"".join(
        b"From rey@courier.example Sat Mar 15 09:30:00 2025\n"
        + mail.as_bytes().replace(b"\nFrom h", b"\n>From h")
        + b"\n"
        for mail in (first, bad, second, first)
    )

    rain, error, wind = read(data, "box.mbox")

    assert rain.text == "It rained.\n\nFrom here on it poured."
    assert (wind.id, wind.text) == ("mid:wind@x", "It blew.")
    assert str(error) == "box.mbox: message 2: empty: there is no text in it"


def test_mails_without_an_id_have_their_place_in_the_mailbox() -> None:
    mail = b"From rey@x Sat Mar 15 09:30:00 2025\nFrom: rey@x\nSubject: Rain\nDate: soon\n\nIt rained.\n\n"

    assert [article.id for article in read(mail * 2)] == [f"https://courier.example/story#{n}" for n in (1, 2)]
    assert refuse(b"It rained.", "box.mbox") == "box.mbox: empty: there is no article in it"


# JSON lines


def test_each_line_of_json_is_an_article() -> None:
    fields = {
        "id": "rain-1",
        "title": " No  bread",
        "text": "It rained.\r\nIt poured.\n",
        "outlet": "Courier",
        "author": "Rey",
        "published": "2025-03-15T09:30:00+02:00",
        "url": "https://courier.example/1",
        "updated": "2025-03-16",
        "section": "News",
        "language": "en",
        "stars": 5,
    }

    full, bare, named = read(
        "\n\n".join(
            json.dumps(each)
            for each in (fields, {"text": "It blew."}, {"text": "It snowed.", "url": "https://courier.example/2"})
        ).encode(),
        "stories.jsonl",
    )

    assert full == Article(
        id="rain-1",
        title="No bread",
        text="It rained.\nIt poured.",
        outlet="Courier",
        author="Rey",
        published=datetime(2025, 3, 15, 9, 30, tzinfo=timezone(timedelta(hours=2))),
        url="https://courier.example/1",
        updated=datetime(2025, 3, 16, tzinfo=UTC),
        section="News",
        language="en",
        origins=tuple(
            Origin(field, "JSON")
            for field in ("title", "outlet", "author", "published", "updated", "section", "language")
        ),
    )
    assert (bare.id, bare.title) == ("https://courier.example/story#3", "stories")
    assert named.id == "https://courier.example/2"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "no JSON object: Expecting property name enclosed in double quotes at character 2"),
        ("[" * 100_000, "no JSON object: too deep"),
        ("[1]", "no article: write an object with id, title, text"),
        ('{"body": "It rained."}', "no article: write an object with"),
        ('{"text": 5}', "its text is no text, but int"),
        ('{"text": " "}', "empty: there is no text in it"),
        ('{"title": "Rain"}', "empty: there is no text in it"),
        ('{"text": "It rained.", "updated": "soon"}', "updated: 'soon' is not a date"),
    ],
)
def test_a_bad_line_is_named_and_stops_no_other(line: str, reason: str) -> None:
    first, error, last = read(f'{{"text": "It rained."}}\n{line}\n{{"text": "It blew."}}'.encode(), "all.jsonl")

    assert (first.text, last.text) == ("It rained.", "It blew.")
    assert str(error).startswith(f"all.jsonl: line 2: {reason}")


@given(st.dictionaries(st.sampled_from(ARTICLE_FIELDS), st.text(max_size=30) | st.none() | st.integers(), min_size=1))
def test_any_line_is_an_article_that_can_be_stored_or_an_error(fields: dict[str, object]) -> None:
    (outcome,) = read((json.dumps(fields) + "\n").encode(), "all.jsonl")

    if isinstance(outcome, Article):
        check_article(outcome)
    else:
        assert str(outcome).startswith("all.jsonl: line 1: ")


# What all of them share


def test_a_title_is_on_one_line_and_not_too_long() -> None:
    document = Document("story.txt", b"")

    assert choose_title([(None, "a"), (" a\n b ", "b")], "# Heading", document) == ("a b", Origin("title", "b"))
    assert len(choose_title([("x" * 400, "a")], "", document)[0]) == MAX_TITLE_CHARACTERS
    assert choose_title([("\x00", "a")], "# Heading", document)[0] == "Heading"
    assert choose_title([], "", document) == ("story", Origin("title", "the file's name"))


@pytest.mark.parametrize(
    ("value", "time"),
    [
        ("2025-03-15", datetime(2025, 3, 15, tzinfo=UTC)),
        ("2025-03-15T09:30:00", datetime(2025, 3, 15, 9, 30, tzinfo=UTC)),
        ("2025-03-15T09:30:00Z", datetime(2025, 3, 15, 9, 30, tzinfo=UTC)),
        ("2025-03-15 09:30-05:00", datetime(2025, 3, 15, 14, 30, tzinfo=UTC)),
    ],
)
def test_a_time_has_a_zone(value: str, time: datetime) -> None:
    assert parse_time(value, "story.md") == time
    assert parse_time(value, "story.md").tzinfo is not None


@pytest.mark.parametrize(
    ("name", "data", "refusal"),
    [
        (
            "a.eml",
            b"Content-Type: multipart/mixed; boundary=x\n\n" + b"--x\n\na\n" * 1_001,
            "it has more than 1,000 parts; save its text",
        ),
        ("a.eml", b"X-Note: b\n" * 60_000 + b"Subject: c\n\nHello.\n", "its header has more than 500,000 bytes"),
        ("a.mbox", b"From a@b Sat Mar 15 09:30:00 2025\nSubject: c\n\nHello.\n\n" * 10_001, "10,000 mails; split it"),
        ("a.jsonl", b'{"text": "a"}\n' * 50_001, "more than 50,000 lines; split it"),
        ("a.pdf", write_streams([b"0 0 m " * 600_000]), "a part of it is more than a document has; save it as text"),
    ],
    ids=("parts", "header", "mailbox", "lines", "drawing"),
)
def test_what_would_take_long_is_refused_before_it_is_begun(name: str, data: bytes, refusal: str) -> None:
    with pytest.raises(ArticleError, match=re.escape(refusal)):
        read_document(Document(name, data))


def test_what_no_reader_of_a_word_document_sees_is_left_out() -> None:
    document = docx.Document()
    document.add_paragraph("The wall held.")
    paragraph = document.add_paragraph("It was raised in May.")
    for change in (
        lambda font: setattr(font, "hidden", True),
        lambda font: setattr(font.color, "rgb", docx.shared.RGBColor(255, 255, 255)),
        lambda font: setattr(font, "size", docx.shared.Pt(1)),
    ):
        change(paragraph.add_run(" The mayor resigned.").font)
    shown = paragraph.add_run(" The work took a year.")
    shown.font.hidden = False

    assert read_one(write_word(document), "story.docx").text == (
        "The wall held.\n\nIt was raised in May. The work took a year."
    )
