import io
import os
import random
import unicodedata
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pdf_files import write_lines, write_pdf

from assistant.documents import MAX_TITLE_CHARACTERS
from assistant.errors import ArticleError
from assistant.preparing import check_article
from assistant.reading import (
    MAX_FILE_BYTES,
    PEEK_BYTES,
    list_files,
    load_document,
    load_standard_input,
    read_article,
    read_document,
)
from assistant.types import Article, Document, PassedOver

STORY = """---
title: "Talks: the third day"
outlet: 'Forest Courier'
author: Rey "Red" Nard
published: 2025-03-15T09:30:00+02:00
url: https://forest-courier.example/talks?day=3
tags: [talks, "forest"]
subtitle: None of ours
---

The talks went on. Nobody left.

# A heading of the text

They will end: some day.
"""
WESTERN = "“The café in Málaga is closed,” the mayor’s office said – “for good”. It cost £5, naïve critics said."
ACCENTED = (
    "They met at a café in Málaga.",
    "The naïve plan cost £5, he said.",
    "He paid £200,000 for it.",
    "It was 21°C in Zürich.",
    "It was déjà vu for Señor Núñez.",
    "Renée Müller’s résumé named São Paulo, Malmö and Ålesund – and ½ a page of others.",
    "The square has 300 m² at €5 each, §4 of the Straße Act says.",
)
ARTICLES = sorted(Path(__file__).parent.parent.joinpath("articles").glob("*.md"))
PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010806000000") + bytes(range(256)) * 8


def write(folder: Path, data: str | bytes, name: str = "story.md") -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def test_the_header_says_what_an_article_is(tmp_path: Path) -> None:
    article = read_article(write(tmp_path, STORY))

    assert article.id == article.url == "https://forest-courier.example/talks?day=3"
    assert article.title == "Talks: the third day"
    assert article.outlet == "Forest Courier"
    assert article.author == 'Rey "Red" Nard'
    assert article.published == datetime(2025, 3, 15, 9, 30, tzinfo=timezone(timedelta(hours=2)))
    assert article.text == ("The talks went on. Nobody left.\n\n# A heading of the text\n\nThey will end: some day.")


def test_without_a_header_there_is_a_title_and_an_id(tmp_path: Path) -> None:
    path = write(tmp_path, "It rained. It poured.\n", "wet-week_in-oslo.txt")

    article = read_article(path)

    assert article.id == path.resolve().as_uri()
    assert article.title == "wet week in oslo"
    assert article.text == "It rained. It poured."
    assert (article.outlet, article.author, article.published, article.url) == (None, None, None, None)


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Intro.\n\n# Storm closes harbour ##\n\nIt rained.", "Storm closes harbour"),
        ("# C major\n\nIt was played.", "C major"),
        ("Storm closes harbour\n\nIt rained.", "Storm closes harbour"),
        ("It rained.\n\nIt poured.", "story"),
        ("Storm closes harbour\nand the ferry stays.", "story"),
        ("x" * 151 + "\n\nIt rained.", "story"),
        ("## Second level\nIt rained.", "story"),
        ("# ##\nIt rained.", "story"),
        ("#hashtag\nIt rained.", "story"),
        ("---\ntitle: ''\n---\n# Storm\n\nIt rained.", "Storm"),
    ],
)
def test_the_title_is_a_heading_or_a_first_line_or_the_name_of_the_file(tmp_path: Path, text: str, title: str) -> None:
    assert read_article(write(tmp_path, text)).title == title


@pytest.mark.parametrize("text", ["# " + "#" * 300_000 + "x", "# a" + " " * 300_000 + "x", "---\n" * 50_000 + "x"])
def test_strange_lines_are_read_like_others(tmp_path: Path, text: str) -> None:
    assert read_article(write(tmp_path, text)).text.endswith("x")


@pytest.mark.skipif(os.name == "nt", reason="such a name can't be written there")
@pytest.mark.parametrize(
    ("name", "title"),
    [
        (b"caf\xe9.txt", "caf?"),
        (b"re\x1b[31md\n.txt", "re[31md"),
        ("cafe\u0301.txt".encode(), "café"),
        (b"-.txt", "Untitled"),
    ],
)
def test_a_strange_file_name_becomes_a_title_that_can_be_stored(tmp_path: Path, name: bytes, title: str) -> None:
    path = write(tmp_path, "It rained.", os.fsdecode(name))

    article = read_article(path)

    assert article.title == title
    check_article(article)


@pytest.mark.parametrize(
    "text",
    [
        "It rained.\n---\ntitle: No header\n---\nIt poured.",
        "---\nIt rained.\n---\nIt poured.",
        "---\ntitle: Never closed\n\nIt rained.",
    ],
)
def test_lines_of_dashes_in_a_text_are_text(tmp_path: Path, text: str) -> None:
    assert read_article(write(tmp_path, text)).text == text


@pytest.mark.parametrize("text", ["---\n---\nIt rained.", "---  \nTitle: Rain \n---\t\n\nIt rained."])
def test_a_header_is_not_text(tmp_path: Path, text: str) -> None:
    article = read_article(write(tmp_path, text))

    assert article.text == "It rained."
    assert article.title in {"Rain", "story"}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbf" + WESTERN.encode(), WESTERN),
        (WESTERN.encode("utf-16"), WESTERN),
        ((b"\xfe\xff" + WESTERN.encode("utf-16-be")), WESTERN),
        (WESTERN.encode("utf-32"), WESTERN),
        ((b"\0\0\xfe\xff" + WESTERN.encode("utf-32-be")), WESTERN),
        (WESTERN.encode("cp1252"), WESTERN),
        (b"He said \x93no\x94 to the caf\xe9.", "He said “no” to the café."),
        (
            "Le prix a été fixé à dix francs, où est-il passé ?".encode("latin-1"),
            "Le prix a été fixé à dix francs, où est-il passé ?",
        ),
        ("Москва объявила о прекращении огня.".encode("cp1251"), "Москва объявила о прекращении огня."),
        ("大阪市は新しい橋を開通させると発表した。".encode("shift_jis"), "大阪市は新しい橋を開通させると発表した。"),
        (b"One.\r\nTwo.\rThree.\n", "One.\nTwo.\nThree."),
        ("One.\u2028Two.\u2029Three.\x85Four.".encode(), "One.\nTwo.\n\nThree.\nFour."),
        (b"A \x1b[31mred\x1b[0m bell\x07 rang." + b" It poured." * 40, "A [31mred[0m bell rang." + " It poured." * 40),
        (b"It rained.\x00 It poured.", "It rained. It poured."),
        ("cafe\u0301 \ufeff\u212b".encode(), "café Å"),
        (b"<|endoftext|> is text.", "<|endoftext|> is text."),
    ],
)
def test_text_is_decoded_and_normalised(tmp_path: Path, data: bytes, text: str) -> None:
    assert read_article(write(tmp_path, data)).text == text


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
@pytest.mark.parametrize("size", [300, 1_000, 3_000])
@pytest.mark.parametrize("story", ARTICLES, ids=lambda path: path.stem)
def test_an_english_article_with_a_few_accents_is_western_european(
    tmp_path: Path, story: Path, size: int, encoding: str
) -> None:
    english = read_article(story).text.encode("ascii", "ignore").decode()[:size]
    chance = random.Random(f"{story.stem} {size} {encoding}")
    usable = [sentence for sentence in ACCENTED if sentence.encode(encoding, "ignore").decode(encoding) == sentence]

    for count in (1, 2, 3):
        text = f"{english}\n\n{' '.join(chance.sample(usable, count))}"
        assert read_article(write(tmp_path, text.encode(encoding))).text == text


@pytest.mark.parametrize("length", [1, 20])
@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Le président a annoncé de nouvelles mesures où l'été a été déçu.", "latin-1"),
        ("Die Behörden in München erklärten, dass für die Straße größere Maßnahmen nötig wären.", "cp1252"),
        ("Pääministeri sanoi keskiviikkona, että hän lähtee Jyväskylään tänään yöllä.", "cp1252"),
        ("Москва объявила о прекращении огня в среду, сообщил представитель министерства.", "cp1251"),
        ("Москва объявила о прекращении огня в среду, сообщил представитель министерства.", "koi8-r"),
        ("Η Αθήνα ανακοίνωσε την Τετάρτη νέα μέτρα για την οικονομία.", "cp1253"),
        ("Prezes rządu ogłosił w środę, że żołnierze z Łodzi wrócą w październiku.", "cp1250"),
        ("大阪市は新しい橋を開通させると発表した。市長は水曜日に述べた。", "shift_jis"),
        ("北京市政府星期三宣布新的经济措施，总理说明了原因。", "gb18030"),
        ("서울시는 수요일에 새로운 경제 조치를 발표했다고 시장이 말했다.", "euc_kr"),
    ],
)
def test_other_encodings_are_told_apart(tmp_path: Path, text: str, encoding: str, length: int) -> None:
    text = "\n".join([text] * length)

    assert read_article(write(tmp_path, text.encode(encoding))).text == text


def test_a_russian_quotation_in_english_is_not_western_european(tmp_path: Path) -> None:
    text = "It rained, and the ferry stayed in the harbour for a day. " * 20 + "Москва объявила о прекращении огня."

    assert read_article(write(tmp_path, text.encode("cp1251"))).text == text


@pytest.mark.parametrize("text", ["---\ntitle: {}\n---\nIt rained.", "# {}\n\nIt rained."])
def test_a_very_long_title_is_cut(tmp_path: Path, text: str) -> None:
    title = "x" * (MAX_TITLE_CHARACTERS - 2) + " yz"

    article = read_article(write(tmp_path, text.format(title)))

    assert article.title == "x" * (MAX_TITLE_CHARACTERS - 2) + "…"
    assert (
        read_article(write(tmp_path, text.format(title[:MAX_TITLE_CHARACTERS]))).title == title[:MAX_TITLE_CHARACTERS]
    )


def test_a_header_is_found_after_a_byte_order_mark_and_with_other_line_ends(tmp_path: Path) -> None:
    expected = read_article(write(tmp_path, STORY))

    windows = read_article(write(tmp_path, b"\xef\xbb\xbf" + STORY.replace("\n", "\r\n").encode()))
    wide = read_article(write(tmp_path, STORY.encode("utf-16")))

    assert windows == wide == expected


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n\t\r\n ", "empty"),
        ("\u00a0\u2003\n".encode(), "empty"),
        (" \n".encode("utf-16"), "empty"),
        (b"---\ntitle: Rain\n---\n\n", "empty"),
        (PNG, "no article can be read"),
        (b"\xff" * 600 + "It rained. ".encode("utf-16-le") * 50 + bytes(512), "not text"),
        (random.Random(0).randbytes(5_000), "not text"),
        (random.Random(0).randbytes(200_000), "not text"),
        ("It rained. It poured.".encode("utf-16-le"), "not text: it holds NUL bytes"),
        (b"\x00" * 1_000, "not text"),
        (b"\xff\xfe\x00\xd8" * 100, "not text"),
        (b"---\npublished: last Tuesday\n---\nIt rained.", "published: 'last Tuesday' is not a date"),
        (b"---\npublished: 2025-02-30\n---\nIt rained.", "published: '2025-02-30' is not a date"),
    ],
)  # fmt: skip
def test_what_is_no_article_is_refused_by_name(tmp_path: Path, data: bytes, reason: str) -> None:
    path = write(tmp_path, data)

    with pytest.raises(ArticleError) as refusal:
        read_article(path)

    assert str(refusal.value).startswith(f"{path}: ")
    assert reason in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "dump.txt"
    with path.open("wb") as file:
        file.truncate(MAX_FILE_BYTES * 5)

    with pytest.raises(ArticleError, match="too large: an article may have at most 10 MB"):
        read_article(path)


def test_a_file_of_the_largest_size_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, b"word " * (MAX_FILE_BYTES // 5))

    assert len(read_article(path).text) == MAX_FILE_BYTES


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArticleError, match=r"gone\.md: no such file or folder"):
        read_article(tmp_path / "gone.md")
    with pytest.raises(ArticleError, match="not a file"):
        read_article(tmp_path)
    with pytest.raises(ArticleError):
        read_article(tmp_path / "nul\0.md")
    with pytest.raises(ArticleError, match="can't be read: File name too long"):
        list_files(tmp_path / ("long" * 100))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_and_a_device_are_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.txt"
    os.mkfifo(pipe)

    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(ArticleError, match="not a file or a folder"):
            read_article(path)
    with pytest.raises(ArticleError, match="no articles in this folder"):
        list_files(tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "It rained.")
    path.chmod(0)

    with pytest.raises(ArticleError, match="can't be read: Permission denied"):
        read_article(path)


def test_a_folder_has_the_articles_below_it_in_order(tmp_path: Path) -> None:
    for name in ("b.md", "a.TXT", "c/d/e.docx", "c/letter", ".hidden.md", ".git/note.md", "c/.x/y.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write(tmp_path, "It rained.", name)

    assert list_files(tmp_path) == [tmp_path / name for name in ("a.TXT", "b.md", "c/d/e.docx", "c/letter")]


def test_a_file_in_a_folder_is_told_by_its_content_and_what_holds_no_article_is_named(tmp_path: Path) -> None:
    pdf = write(tmp_path, write_pdf([write_lines("It rained.")]), "report")
    word = write(tmp_path, b"PK\x03\x04" + bytes(PEEK_BYTES) + b"word/document.xml", "letter.bak")
    picture = write(tmp_path, PNG, "picture")
    archive = write(tmp_path, b"PK\x03\x04" + bytes(PEEK_BYTES) * 2, "back.zip")

    assert list_files(tmp_path) == [word, pdf, PassedOver(str(archive), "archive"), PassedOver(str(picture), "image")]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_named_beside_the_files_of_the_others(tmp_path: Path) -> None:
    for name in ("b.md", "closed/a.md", "listed/c.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write(tmp_path, "It rained.", name)
    (tmp_path / "closed").chmod(0)
    (tmp_path / "listed").chmod(0o400)

    found = list_files(tmp_path)
    alone = list_files(tmp_path / "closed")

    (tmp_path / "closed").chmod(0o700)
    (tmp_path / "listed").chmod(0o700)
    assert found[0] == tmp_path / "b.md"
    assert [str(error) for error in found[1:]] == [
        f"{tmp_path / 'closed'}: can't be read: Permission denied",
        f"{tmp_path / 'listed/c.md'}: can't be read: Permission denied",
    ]
    assert [str(error) for error in alone] == [f"{tmp_path / 'closed'}: can't be read: Permission denied"]


@pytest.mark.skipif(not hasattr(os, "fwalk"), reason="needs folders that are opened from others")
def test_a_folder_whose_path_is_too_long_is_named_beside_the_files_of_the_others(tmp_path: Path) -> None:
    story = write(tmp_path, "It rained.")
    name = "x" * 250
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(18):  # beyond the 4,096 bytes, or fewer, that a path may have
        os.mkdir(name, dir_fd=here)
        there = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = there
    os.close(here)

    found = list_files(tmp_path)

    assert found[0] == story
    (error,) = found[1:]
    assert isinstance(error, ArticleError)
    assert str(error).endswith(f"{name}: can't be read: File name too long")


def test_an_empty_source_is_refused_and_not_the_folder_here() -> None:
    with pytest.raises(ArticleError, match="no source given"):
        list_files("")


def test_a_hidden_folder_may_be_given_itself(tmp_path: Path) -> None:
    folder = tmp_path / ".notes"
    folder.mkdir()

    path = write(folder, "It rained.")

    assert list_files(folder) == [path]


def test_links_out_of_a_folder_are_not_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    secret = write(outside, "It is secret.", "secret.md")
    story = write(inside, "It rained.")
    (inside / "file.md").symlink_to(secret)
    (inside / "folder").symlink_to(outside)
    (inside / "loop").symlink_to(inside)
    (inside / "loop.md").symlink_to("loop.md")
    (inside / "gone.md").symlink_to(outside / "gone.md")

    assert list_files(inside) == [story]


def test_a_folder_without_articles_is_refused(tmp_path: Path) -> None:
    write(tmp_path, PNG, "picture.png")

    with pytest.raises(ArticleError, match=r"no articles in this folder: it holds 1 image$"):
        list_files(tmp_path)


def test_a_file_is_listed_as_it_was_given() -> None:
    assert list_files(Path("gone.docx")) == [Path("gone.docx")]


@given(
    data=st.binary(max_size=400)
    | st.text(max_size=100).map(str.encode)
    | st.text(max_size=100).map(lambda t: t.encode("utf-16", "surrogatepass"))
)
def test_any_file_is_an_article_that_can_be_stored_or_is_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = write(tmp_path_factory.getbasetemp(), data, "any.txt")

    article = None
    with suppress(ArticleError):
        article = read_article(path)

    if article:
        check_article(article)
        assert unicodedata.is_normalized("NFC", article.text)


def test_a_file_is_a_document_of_its_own_address(tmp_path: Path) -> None:
    path = write(tmp_path, "It rained.")
    os.utime(path, (1_742_031_000, 1_742_031_000))

    document = load_document(path)

    assert (document.name, document.data, document.url) == (str(path), b"It rained.", path.resolve().as_uri())
    assert document.modified == datetime(2025, 3, 15, 9, 30, tzinfo=UTC)


def test_a_document_from_the_web_has_its_address() -> None:
    (article,) = read_document(Document("story", b"It rained.", "text/plain", "https://courier.example/1.txt"))

    assert isinstance(article, Article)
    assert (article.id, article.url) == ("https://courier.example/1.txt",) * 2


def test_the_origins_of_a_header_are_told(tmp_path: Path) -> None:
    header = "---\nauthor: Rey\nupdated: 2025-03-16\nsection: News\nlanguage: en\n---\nIt rained."

    article = read_article(write(tmp_path, header))

    assert article.updated == datetime(2025, 3, 16, tzinfo=UTC)
    assert (article.section, article.language) == ("News", "en")
    assert dict(article.origins) == {
        "title": "the file's name",
        **dict.fromkeys(("author", "updated", "section", "language"), "the header of the file"),
    }


def test_standard_input_is_known_by_what_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    def pipe(data: bytes) -> Document:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        return load_standard_input()

    first, second, other = pipe(b"It rained."), pipe(b"It rained."), pipe(b"It poured.")

    assert first == second
    assert first.name == "standard input"
    assert first.url != other.url
    (article,) = read_document(first)
    assert isinstance(article, Article)
    assert article.id == first.url
    assert article.url is None
    with pytest.raises(ArticleError, match="standard input: empty"):
        pipe(b"")


def test_what_is_read_is_told_from_content_and_not_from_the_name(tmp_path: Path) -> None:
    article = read_article(write(tmp_path, write_pdf([write_lines("It rained.")]), "story.txt"))

    assert article.text == "It rained."


def test_one_article_is_asked_for_where_there_are_several(tmp_path: Path) -> None:
    path = write(tmp_path, '{"text": "It rained."}\n{"text": "It blew."}', "all.jsonl")

    assert len(read_document(load_document(path))) == 2
    with pytest.raises(ArticleError, match=r"all\.jsonl: holds 2 articles"):
        read_article(path)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"<rss/>", "a feed"),
        (b"<urlset/>", "a sitemap"),
        (b"https://courier.example/1", "a list of addresses"),
    ],
)
def test_what_only_names_articles_is_no_article(data: bytes, what: str) -> None:
    with pytest.raises(ArticleError, match=f"^list: no article, but {what}"):
        read_document(Document("list", data))
