"""The configuration string of an external database."""

from __future__ import annotations

import pytest

from connectors.questdb.configuration import parse_configuration
from connectors.questdb.errors import BadConfiguration


def test_everything_but_the_address_has_the_server_s_own_default() -> None:
    database = parse_configuration("http::addr=db.example")
    assert (database.host, database.http_port, database.pg_port, database.user) == ("db.example", 9000, 8812, "admin")
    assert database.import_folder is None


def test_all_keys_and_doubled_semicolons_are_understood() -> None:
    database = parse_configuration("http::addr=h:1234;username=u;password=a;;b;pg_port=5678;")
    assert (database.http_port, database.pg_port, database.user) == (1234, 5678, "u")
    assert database.password.get_secret_value() == "a;b"


def test_the_password_is_not_shown() -> None:
    assert "hush" not in repr(parse_configuration("http::addr=h;password=hush;"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("addr=h:1", "starts with http::"),
        ("tcp::addr=h:1;", "starts with http::"),
        ("http::adr=h:1;", "unknown key 'adr'; allowed: addr"),
        ("http::addr=h:1;addr=g:2;", "given twice"),
        ("http::username=u;", "addr is missing"),
        ("http::addr=h:port;", "no port number"),
        ("http::addr=h;pg_port=70000;", "no port number"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, words: str) -> None:
    with pytest.raises(BadConfiguration, match=words):
        parse_configuration(text)
