import pytest
from fakes import NEWS_TEXTS
from hypothesis import given
from hypothesis import strategies as st

from assistant.markers import Marker, SentenceReader, WrittenSentence, leave_out_links, resolve_markers


def is_known(number: int) -> bool:
    return 1 <= number <= 9


def read(text: str, *, shown: str = "") -> list[WrittenSentence]:
    reader = SentenceReader(is_known, is_text=shown.__contains__)
    return [*reader.feed(text), *reader.finish()]


def brief(text: str, *, shown: str = "") -> list[tuple[str, list[int]]]:
    return [
        (sentence.text, [number for marker in sentence.markers for number in marker.numbers])
        for sentence in read(text, shown=shown)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "Prices rose [4][7].",
        "Prices rose [4, 7].",
        "Prices rose [4; 7].",
        "Prices rose [4 and 7].",
        "Prices rose [4] [7].",
        "Prices rose [4], [7].",
        "Prices [4] rose [7].",
        "Prices rose (4)(7).",
        "Prices rose (4, 7).",
        "Prices rose 【4】【7】.",
        "Prices rose ［4］［7］.",
        "Prices rose [[4]][[7]].",
        "Prices rose [Sentence 4][sentence 7].",
        "Prices rose [#4][^7].",
        "Prices rose 【4†source】【7†source】.",
        "Prices rose. [4][7]",
        "Prices rose.[4][7]",
        "Prices rose. [4] [7]",
        "Prices rose. (4) (7)",
        "- Prices rose [4][7].",
        "Prices rose [4](https://example.org/2025)[7](#7).",
        "Prices rose. [4](https://example.org/2025) [7](#7)",
        "Prices rose<sup>4</sup><sup>7</sup>.",
        "Prices rose <sup>4, 7</sup>.",
        "Prices rose [4.0][7.0].",
        "Prices rose [4][7",
        "**Prices rose** [4][7].\n",
    ],
)
def test_a_marker_is_read_however_it_is_written(text: str) -> None:
    ((sentence, numbers),) = brief(text)

    assert sentence.rstrip(".") == "Prices rose"
    assert numbers == [4, 7]


@pytest.mark.parametrize(
    "text", ["Prices rose [4-6].", "Prices rose [4–6].", "Prices rose [4 to 6].", "Prices rose (4-6)."]
)
def test_a_range_names_all_in_it(text: str) -> None:
    assert brief(text) == [("Prices rose.", [4, 5, 6])]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("It rose [1]. It fell [2].", [("It rose.", [1]), ("It fell.", [2])]),
        ("It rose. [1] It fell. [2]", [("It rose.", [1]), ("It fell.", [2])]),
        ("It rose.[1] It fell.[2]", [("It rose.", [1]), ("It fell.", [2])]),
        ("It rose [1]! Did it fall [2]? No [3].", [("It rose!", [1]), ("Did it fall?", [2]), ("No.", [3])]),
        ("It rose.\n[1] It fell [2].", [("It rose.", []), ("It fell.", [1, 2])]),
        ("It rose. It fell [2].", [("It rose.", []), ("It fell.", [2])]),
        ("It rose [1]\nIt fell [2]", [("It rose", [1]), ("It fell", [2])]),
        ("U.S. President Donald Trump spoke [1]. He left [2].", [
            ("U.S. President Donald Trump spoke.", [1]), ("He left.", [2])]),
        ("He spoke in the U.S. [1], and left [2].", [("He spoke in the U.S., and left.", [1, 2])]),
        ("He said “It is over [1].” She left [2].", [("He said “It is over.”", [1]), ("She left.", [2])]),
        ('He said "It is over." [1] She left [2].', [('He said "It is over."', [1]), ("She left.", [2])]),
        ("Paris [3]", [("Paris", [3])]),
        ("1. It rose [1].\n2. It fell [2].", [("It rose.", [1]), ("It fell.", [2])]),
    ],
)  # fmt: skip
def test_a_marker_belongs_to_the_sentence_that_it_ends(text: str, sentences: list[tuple[str, list[int]]]) -> None:
    assert brief(text) == sentences


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("It rose in spring (2021) by half [1].", "It rose in spring (2021) by half."),
        ("It rose (2021) [1].", "It rose (2021)."),
        ("Rule (4) applies [1].", "Rule (4) applies."),
        ("He [the king] rose [1].", "He [the king] rose."),
        ("It rose (by 4) [1].", "It rose (by 4)."),
        ("It rose 4.5 (see below) [1].", "It rose 4.5 (see below)."),
    ],
)
def test_brackets_that_are_no_markers_stay(text: str, sentence: str) -> None:
    assert brief(text) == [(sentence, [1])]


def test_a_number_in_round_brackets_that_stands_in_the_evidence_is_text() -> None:
    assert brief("It broke rule (4).") == [("It broke rule.", [4])]
    assert brief("It broke rule (4).", shown="[1] The council broke rule (4) of its own.") == [
        ("It broke rule (4).", [])
    ]


def test_markers_on_nothing_are_kept() -> None:
    assert read("[3]") == [WrittenSentence("", (Marker("[3]", (3,)),))]


def test_a_marker_that_names_nothing_shown_is_told_as_it_was_written() -> None:
    ((sentence),) = read("It rose [2][99][3, 88][2021].")

    assert sentence.text == "It rose."
    assert resolve_markers(sentence.markers, is_known) == ((2, 3), ("[99]", "[88]", "[2021]"))


def test_nothing_is_resolved_twice() -> None:
    (sentence,) = read("It rose [2][2][1-3].")

    assert resolve_markers(sentence.markers, is_known) == ((2, 1, 3), ())


def test_a_sentence_is_finished_with_the_full_stop_after_its_marker() -> None:
    reader = SentenceReader(is_known)

    assert reader.feed("Prices rose [4") == []
    assert reader.feed("]") == []
    assert [sentence.text for sentence in reader.feed(".")] == ["Prices rose."]
    assert reader.feed(" They fell. [5]") == []
    assert [sentence.text for sentence in reader.feed(" T")] == ["They fell."]


PIECES = ["It rose", " in the U.S.", " by 4.5 %", "[4]", "[4, 7]", " [12-", "14]", "(4)", "(2021)", "【4】", ".", "?",
          "…", " ", "\n", "He said “no", "”", '"', "Smith", " and", ":", "[", "]", "[99]", "- ", "1. "]  # fmt: skip
WRITTEN = st.one_of(st.lists(st.sampled_from(PIECES), max_size=25).map("".join), NEWS_TEXTS)


@given(WRITTEN, st.data())
def test_the_pieces_make_no_difference(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=12)))
    reader = SentenceReader(is_known)

    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    found = [sentence for piece in pieces for sentence in reader.feed(piece)] + reader.finish()

    assert found == read(text)


@given(WRITTEN)
def test_no_word_is_lost_or_made(text: str) -> None:
    def letters(written: str) -> str:
        return "".join(filter(str.isalpha, written))

    found = read(text)

    assert letters("".join(s.text for s in found)) == letters("".join(text.split())) or "sentence" in text.lower()
    assert all("\n" not in sentence.text for sentence in found)


@given(WRITTEN)
def test_what_is_resolved_was_shown(text: str) -> None:
    for sentence in read(text):
        numbers, unresolved = resolve_markers(sentence.markers, is_known)

        assert all(map(is_known, numbers))
        assert len(set(numbers)) == len(numbers)
        assert bool(sentence.markers) == bool(numbers or unresolved)


@pytest.mark.parametrize(
    "text",
    [
        "Here is the answer: Prices rose [4].",
        "Here's the answer: **Prices rose** [4].",
        "**Answer:** Prices rose [4].",
        "According to the articles, prices rose [4].",
        "Based on the provided evidence, prices rose [4].",
        "Prices rose.[^4]",
        "Prices rose[^4^].",
        "[^4]: Prices rose.",
    ],
)
def test_what_only_leads_to_a_sentence_is_no_part_of_it(text: str) -> None:
    assert brief(text) == [("Prices rose.", [4])]


@pytest.mark.parametrize("text", ["According to the report, prices rose.", "Based on the evidence, he was freed."])
def test_who_says_so_in_the_world_is_part_of_a_sentence(text: str) -> None:
    assert brief(text) == [(text, [])]


@pytest.mark.parametrize(
    "text",
    ["Did prices rose? [4]", "Did prices rise?", "| rise | 4% [4] |", "## Prices\n", "[^4]: The Hill Herald", "|---|"],
)
def test_what_states_nothing_is_no_statement(text: str) -> None:
    assert not any(each.is_statement and each.text for each in read(text))


@pytest.mark.parametrize(
    "text",
    [
        "The Hill Herald [4]",
        "He asked: “Will they rise?” [4]",
        "# Prices rose [4].",
        "[4]: Prices rose.",
        "Either a | b [4]",
    ],
)
def test_a_short_answer_is_a_statement(text: str) -> None:
    (sentence,) = read(text)

    assert sentence.is_statement


@pytest.mark.parametrize(
    "text",
    ["One rose. [4](https://example.org/a) Two fell<sup>5</sup>. Three [6.0]. Four [7", "It rose <sup>[4]</sup>."],
)
def test_links_and_superscripts_are_read_the_same_in_pieces(text: str) -> None:
    reader = SentenceReader(is_known)

    assert [*(each for character in text for each in reader.feed(character)), *reader.finish()] == read(text)


@pytest.mark.parametrize(
    ("written", "left"),
    [
        ("See ![chart](http://evil.example/?q=secret) for it.", "See chart for it."),
        ("See [the report](https://evil.example/a) now.", "See the report now."),
        ("See ![chart][1x] and [more][ref].", "See chart and more."),
        ("[ref]: https://evil.example/?q=secret", ""),
        ("See <https://evil.example/x> and <img src=//evil.example/x>.", "See  and ."),
        ("Go to https://evil.example/?q=secret.", "Go to …"),
        ("Go to www.evil.example/secret or //evil.example/x now.", "Go to … or … now."),
        ("Click javascript:alert(1) or data:text/html,x or mailto:a@evil.example", "Click … or … or …"),
        ("[![a](http://e.example/1)](http://e.example/2) b", "a b"),
        (
            "It fell by 3 < 4 to 5:1, he said: no [sic] (and/or) //.",
            "It fell by 3 < 4 to 5:1, he said: no [sic] (and/or) //.",
        ),
    ],
)
def test_links_are_left_out_of_what_a_model_writes(written: str, left: str) -> None:
    assert leave_out_links(written) == left
    assert "evil" not in left


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("Prices rose [4]. Wages", 1),
        ("Prices rose [4]. Wages rose [5", 1),
        ("Prices rose [4]. Wages rose [5]", 1),
        ("Prices rose [4]. Wages rose. [5]", 2),
        ("Prices rose [4]. Wages rose [5].", 2),
        ("Prices rose [4].", 1),
        ("Prices", 0),
        ("", 0),
    ],
)
def test_where_a_text_was_cut_a_piece_of_a_sentence_is_left_out(text: str, whole: int) -> None:
    reader = SentenceReader(is_known)

    assert len([*reader.feed(text), *reader.finish(is_cut=True)]) == whole
