import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assistant.addresses import (
    MAX_SHOWN_CHARACTERS,
    describe_address,
    join_address,
    normalise_url,
    parse_address,
)
from assistant.errors import ArticleError


@pytest.mark.parametrize(
    ("url", "normalised"),
    [
        ("HTTPS://News.Example/A", "https://news.example/A"),
        ("https://news.example", "https://news.example/"),
        ("https://news.example.:443/a", "https://news.example/a"),
        ("http://news.example:80/a#part", "http://news.example/a"),
        ("http://news.example:443/a", "http://news.example:443/a"),
        ("  https://news.example/a\n", "https://news.example/a"),
        ("https://news.example/a?utm_source=x&id=7&fbclid=y&UTM_Medium=z", "https://news.example/a?id=7"),
        ("https://news.example/a?gclid=1", "https://news.example/a"),
        ("https://news.example/a?", "https://news.example/a"),
        ("https://news.example/a?b=2&a=1", "https://news.example/a?b=2&a=1"),
        ("https://news.example/a/../b/./c/..", "https://news.example/b/"),
        ("https://news.example/../../a", "https://news.example/a"),
        ("https://news.example/%7euser/%c3%bc", "https://news.example/~user/%C3%BC"),
        ("https://news.example/grün weiß?q=ö", "https://news.example/gr%C3%BCn%20wei%C3%9F?q=%C3%B6"),
        ("https://news.example/100%", "https://news.example/100%25"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://ＮＥＷＳ.example/", "https://news.example/"),
        ("https://[2001:DB8:0::1]:8080/", "https://[2001:db8::1]:8080/"),
        ("https://192.0.2.1/", "https://192.0.2.1/"),
    ],
)
def test_one_page_has_one_address(url: str, normalised: str) -> None:
    assert normalise_url(url) == normalised


@pytest.mark.parametrize("name", ["id", "ref", "source", "p", "page", "session", "pk_id", "at", "storyid"])
def test_what_may_tell_two_articles_apart_is_kept(name: str) -> None:
    assert normalise_url(f"https://news.example/?{name}=1") != normalise_url(f"https://news.example/?{name}=2")


@given(st.text(max_size=30), st.text(max_size=30))
def test_normalising_again_changes_nothing(path: str, query: str) -> None:
    try:
        normalised = normalise_url(f"https://news.example/{path}?{query}")
    except ArticleError:
        assume(False)
        return

    assert normalise_url(normalised) == normalised
    assert normalised.isascii()
    assert parse_address(normalised).url == normalised


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://news.example/a", "only addresses that begin with http"),
        ("file:///etc/passwd", "only addresses that begin with http"),
        ("gopher://news.example/", "only addresses that begin with http"),
        ("javascript:alert(1)", "only addresses that begin with http"),
        ("news.example/a", "only addresses that begin with http"),
        ("//news.example/a", "only addresses that begin with http"),
        ("", "only addresses that begin with http"),
        ("https://ann:secret@news.example/", "without a user name and password"),
        ("https://ann@news.example/", "without a user name and password"),
        ("https://@news.example/", "without a user name and password"),
        ("https://good.example\\@bad.example/", "without a user name and password"),
        ("https://good.example\\.bad.example/", "no name that a host can have"),
        ("https:///a", "no name that a host can have"),
        ("https://news..example/", "no name that a host can have"),
        ("https://-news.example/", "no name that a host can have"),
        ("https://%6eews.example/", "no name that a host can have"),
        ("https://[fe80::1%25eth0]/", "not an address"),
        ("https://[::1/", "not an address"),
        ("https://[1.2.3.4]/", "not an address"),
        ("https://news.example:port/", "not an address"),
        ("https://news.example:99999/", "not an address"),
        ("https://news.example/\r\nHost: other", "control characters"),
        ("https://news.example/\0", "control characters"),
        ("https://news.example/\ud800", "not an address"),
        ("https://news.example/" + "a" * 10_000, "longer than an address is"),
        ("https://xn--\u0301.example/", "not an address"),
    ],
)
def test_what_is_no_address_of_a_page_is_refused(url: str, reason: str) -> None:
    with pytest.raises(ArticleError, match=reason) as caught:
        parse_address(url)

    assert "secret" not in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0177.1",
        "0177.0.0.1",
        "0x7f000001",
        "0x7f.0.0.1",
        "127.1",
        "127.0.1",
        "1.2.3.4.5",
        "256.1.1.1",
        "0x",
        "１２７.1",
        "news.0x1",
        "news.1",
    ],
)
def test_numbers_that_programs_read_differently_are_refused(host: str) -> None:
    with pytest.raises(ArticleError, match="four decimal numbers"):
        parse_address(f"http://{host}/")


def test_the_parts_of_an_address_are_what_a_request_needs() -> None:
    address = parse_address("https://[2001:db8::1]:8443/a b?q=1#part")

    assert (address.scheme, address.host, address.port) == ("https", "2001:db8::1", 8443)
    assert address.authority == "[2001:db8::1]:8443"
    assert address.target == "/a%20b?q=1"


def test_a_link_is_read_where_it_stands() -> None:
    assert join_address("https://news.example/a/b", "../c?d") == "https://news.example/c?d"
    assert join_address("https://news.example/a", "//other.example/c") == "https://other.example/c"
    assert join_address(None, " https://news.example/c ") == "https://news.example/c"
    with pytest.raises(ArticleError, match="not an address"):
        join_address("https://news.example/", "https://[bad")


def test_an_address_is_shown_without_its_password_on_one_short_line() -> None:
    assert describe_address("https://ann:secret@news.example/a?b#c") == "https://news.example/a?b#c"
    assert describe_address("https://a:b@c:d@news.example/") == "https://news.example/"
    assert describe_address("https://news.example/\x1b[2J\u202e\n") == "https://news.example/[2J"
    assert len(describe_address("https://news.example/" + "a" * 500)) == MAX_SHOWN_CHARACTERS
    assert describe_address("https://news.example/a@b") == "https://news.example/a@b"
