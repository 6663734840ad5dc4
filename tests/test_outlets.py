import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.outlets import UNKNOWN, group_outlets, is_of_outlet, name_outlet
from assistant.types import ArticleRef


def ref(outlet: str | None = None, url: str | None = None) -> ArticleRef:
    return ArticleRef("id", "Title", outlet=outlet, url=url)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ref("The Vale Observer"), ref("Vale  OBSERVER")),
        (ref("Vale Observer", "https://vale.example/1"), ref("Dale Herald", "https://www.vale.example/2")),
        (ref(url="https://vale.example/1"), ref(url="http://VALE.example/2")),
        (ref(), ref(url="https://[broken")),
        (ref("", "not an address"), ref()),
    ],
)
def test_one_name_one_host_or_neither_is_one_outlet(one: ArticleRef, other: ArticleRef) -> None:
    assert len(set(group_outlets([one, other]))) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ref("Vale Observer"), ref("Dale Herald")),
        (ref("Vale Observer", "https://vale.example/1"), ref("Dale Herald", "https://dale.example/1")),
        (ref(url="https://vale.example/1"), ref(url="https://dale.example/1")),
        (ref("Vale Observer"), ref()),
    ],
)
def test_other_names_at_other_hosts_are_other_outlets(one: ArticleRef, other: ArticleRef) -> None:
    assert len(set(group_outlets([one, other]))) == 2


def test_a_name_joins_the_hosts_that_it_is_at() -> None:
    at_vale, at_dale = ref(url="https://vale.example/1"), ref("Observer", "https://dale.example/2")
    joining = ref("Observer", "https://vale.example/3")

    assert group_outlets([at_vale, at_dale]) == [0, 1]
    assert group_outlets([at_vale, at_dale, joining]) == [0, 0, 0]


_REFS = st.builds(
    ref,
    st.none() | st.sampled_from(["A", "B", "C"]),
    st.none() | st.sampled_from(["https://a.example", "https://b.example", "https://c.example", ""]),
)


@given(st.lists(_REFS, max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_articles_says_nothing(articles: list[ArticleRef], chance) -> None:  # type: ignore[no-untyped-def]
    order = list(range(len(articles)))
    chance.shuffle(order)

    numbers, shuffled = group_outlets(articles), group_outlets([articles[index] for index in order])

    for place, one in enumerate(order):
        for other_place, other in enumerate(order):
            assert (numbers[one] == numbers[other]) == (shuffled[place] == shuffled[other_place])


def test_an_outlet_is_named_by_its_name_or_its_host() -> None:
    assert name_outlet(ref("Vale Observer", "https://dale.example/1")) == "Vale Observer"
    assert name_outlet(ref(url="https://www.dale.example/1")) == "dale.example"
    assert name_outlet(ref()) == UNKNOWN


@pytest.mark.parametrize(
    ("wanted", "outlet", "url", "is_wanted"),
    [
        ("the vale observer", "Vale Observer", None, True),
        ("Vale", "Vale Observer", "https://vale.example/1", False),
        ("vale.example", "Anything", "https://www.vale.example/1", True),
        ("vale.example", None, "https://news.vale.example/1", True),
        ("https://vale.example/feed", None, "http://vale.example/1", True),
        ("vale.example", None, "https://grovevale.example/1", False),
        ("example", None, "https://vale.example/1", False),
        (" . ", None, None, False),
        ("", None, None, False),
    ],
)
def test_an_outlet_is_meant_by_its_name_or_a_host(
    wanted: str, outlet: str | None, url: str | None, is_wanted: bool
) -> None:
    assert is_of_outlet(wanted, outlet, url) == is_wanted
