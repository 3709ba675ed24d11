"""Where an external database is, from one line of text such as `http::addr=db.example:9000;pg_port=8812;`."""

from __future__ import annotations

import re
from typing import Final

from pydantic import SecretStr

from connectors.questdb.database import Database
from connectors.questdb.errors import BadConfiguration

_KEYS: Final = ("addr", "username", "password", "pg_port")
_SEPARATOR: Final = re.compile(r"(?<!;);(?!;)")
_EXAMPLE: Final = "http::addr=localhost:9000;username=admin;password=quest;pg_port=8812;"


def parse_configuration(configuration: str) -> Database:
    """The database that a configuration string names; `;;` stands for a semicolon inside a value.

    Only `addr` is required. The port defaults to 9000, `pg_port` to 8812, `username` and `password` to the server's
    own defaults. Unknown keys are refused, so that a typing error is not a silent default.

    >>> parse_configuration("http::addr=db.example:9000;username=me;password=a;;b;").password.get_secret_value()
    'a;b'
    """
    scheme, separator, rest = configuration.strip().partition("::")
    if not separator or scheme != "http":
        raise BadConfiguration(f"a database configuration starts with http:: as in {_EXAMPLE} (found {scheme[:20]!r})")
    values: dict[str, str] = {}
    for entry in filter(None, _SEPARATOR.split(rest)):
        key, equals, value = entry.partition("=")
        if not equals or key not in _KEYS:
            raise BadConfiguration(f"database configuration: unknown key {key!r}; allowed: {', '.join(_KEYS)}")
        if key in values:
            raise BadConfiguration(f"database configuration: {key} is given twice")
        values[key] = value.replace(";;", ";")
    if not values.get("addr"):
        raise BadConfiguration(f"database configuration: addr is missing, as in {_EXAMPLE}")
    host, _, port = values["addr"].partition(":")
    return Database(
        host=host,
        http_port=_port("addr", port or "9000"),
        pg_port=_port("pg_port", values.get("pg_port", "8812")),
        user=values.get("username", "admin"),
        password=SecretStr(values.get("password", "quest")),
        import_folder=None,
    )


def _port(key: str, value: str) -> int:
    if not value.isdecimal() or not 0 < int(value) < 65536:
        raise BadConfiguration(f"database configuration: {key} has no port number between 1 and 65535: {value!r}")
    return int(value)
