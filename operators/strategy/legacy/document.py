"""An older flat document as one of today, and what of it could not be converted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from operators.strategy.document import SCHEMA_VERSION
from operators.strategy.legacy.conditions import tree_of
from operators.strategy.legacy.reading import Reader
from operators.strategy.problems import Problem, path_of, shown

_SECTIONS: Final = {
    "s1_signal": ("s1signal", "s1", "signaldetection", "signal"),
    "o1_cancel": ("o1cancel", "o1", "signalcancellation", "cancellation", "cancel"),
    "z1_entry": ("z1entry", "z1", "entryconditions", "entry"),
    "ze1_close": ("ze1close", "ze1", "closeorderdetection", "closeconditions", "close", "exit"),
    "e1_emergency": ("e1emergency", "emergency1", "e1", "emergencyexit", "emergencyconditions", "emergency"),
}
_SIZES: Final = {
    "fixed": "quote", "fixedusdt": "quote", "usdt": "quote", "quote": "quote", "amount": "quote",
    "percentage": "percent_of_equity", "percent": "percent_of_equity", "percentofbalance": "percent_of_equity",
    "percentofequity": "percent_of_equity", "risk": "risk_percent", "riskpercent": "risk_percent",
    "riskpercentage": "risk_percent",
}  # fmt: skip
_DIRECTIONS: Final = {"LONG": "LONG", "BUY": "LONG", "SHORT": "SHORT", "SELL": "SHORT"}
_DEFAULT_TIMEOUT: Final = 300.0
_OF_THE_ACCOUNT: Final = "a limit of the account: see docs/accounts.md"
_ACCOUNT_KEYS: Final = (
    "maxopenpositions", "maxconcurrentpositions", "maxconcurrentsignals", "maxactivesignals", "maxdailyloss",
    "dailylosslimit", "maxdailylosspercent", "maxdrawdown", "maxdrawdownpercent", "maxexposure", "budget", "maxbudget",
)  # fmt: skip
_OF_THE_LIBRARY: Final = "nothing: whoever stores a strategy writes this anew"
_LIBRARY_KEYS: Final = (
    "id", "createdat", "updatedat", "version", "author", "createdby", "enabled", "isactive", "category", "templateid",
    "status",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Converted:
    """`document` is what became of it, valid or not; `problems` are what could not be converted, by paths of the older
    document; `notes` what was decided, to be checked."""

    document: dict[str, Any]
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]


def convert(data: object, name: str = "imported") -> Converted:
    """Convert an older document, whatever it is; `name` is for one that has none. Never raises.

    >>> convert({"direction": "BUY", "s1": {"conditions": [{"indicatorId": "vwap", "operator": ">", "value": "3"}]}},
    ...         "simple").document["s1_signal"]
    {'when': {'indicator': 'VWAP', 'op': '>', 'value': 3.0}}
    """
    problems: list[Problem] = []
    notes: list[Problem] = []
    if not isinstance(data, Mapping):
        return Converted({}, (Problem("$", shown(data), "an object"),), ())
    reader = Reader({str(key): value for key, value in data.items()}, (), problems)
    document: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "name": _name(reader, name, notes)}
    if isinstance(description := reader.take("description"), str):
        document["description"] = description
    document["direction"] = _direction(reader)
    if isinstance(tags := reader.take("tags"), list):
        document["tags"] = [str(tag) for tag in tags]
    sections = {new: reader.take_object(*names) for new, names in _SECTIONS.items()}
    for new, section in sections.items():
        if section is not None:
            document[new] = _CONVERTERS[new](section, problems, notes)
    if "o1_cancel" not in document or "timeout_seconds" not in document["o1_cancel"]:
        document["o1_cancel"] = {"timeout_seconds": _DEFAULT_TIMEOUT, **document.get("o1_cancel", {})}
        notes.append(Problem("$", "no time-out of signals", f"{_DEFAULT_TIMEOUT:g} s were put in: check them"))
    document.setdefault("z1_entry", None)
    _limits(reader.take_object("globallimits", "limits"), document)
    reader.leave(_OF_THE_LIBRARY, *_LIBRARY_KEYS)
    reader.leave()
    return Converted(document, tuple(problems), tuple(notes))


def _name(reader: Reader, otherwise: str, notes: list[Problem]) -> str:
    found = reader.take("name", "strategyname", "title")
    text = found if isinstance(found, str) and found.strip() else otherwise
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", text.strip()).strip("_")[:64] or "imported"
    if name != found:
        notes.append(Problem(path_of(("name",)), shown(found), f"the name {name}"))
    return name


def _direction(reader: Reader) -> Any:
    found = reader.take("direction", "side", "positiontype")
    direction = _DIRECTIONS.get(str(found).strip().upper())
    if found is not None and direction is None:
        reader.refuse(found, "LONG, SHORT (both: two strategies)")
    return direction or found


def _signal(section: Reader, problems: list[Problem], notes: list[Problem]) -> dict[str, Any]:
    tree = tree_of(section, problems, notes)
    section.leave()
    return {"when": tree}


def _cancel(section: Reader, problems: list[Problem], notes: list[Problem]) -> dict[str, Any]:
    new: dict[str, Any] = {"when": tree_of(section, problems, notes)}
    _put(new, "timeout_seconds", _seconds(section, "timeout"))
    _put(new, "cooldown_seconds", _seconds(section, "cooldown"))
    section.leave()
    return new


def _entry(section: Reader, problems: list[Problem], notes: list[Problem]) -> dict[str, Any]:
    new: dict[str, Any] = {"when": tree_of(section, problems, notes)}
    if (order := _order(section)) is not None:
        new["order"] = order
    size = section.take_object("positionsize", "size")
    if size is not None:
        new["size"] = _size(size)
    _put(new, "leverage", section.take_number("leverage"))
    for key, names in (("stop_loss", "stoploss"), ("take_profit", "takeprofit"), ("trailing_stop", "trailingstop")):
        if (protection := section.take_object(names)) is not None and protection.take("enabled") is not False:
            new[key] = _protection(protection)
        elif protection is not None:
            notes.append(Problem(path_of(protection.location), "switched off", "nothing"))
    section.leave()
    return new


def _close(section: Reader, problems: list[Problem], notes: list[Problem]) -> dict[str, Any]:
    new: dict[str, Any] = {"when": tree_of(section, problems, notes)}
    if (order := _order(section)) is not None:
        new["order"] = order
    _put(new, "cooldown_seconds", _seconds(section, "cooldown"))
    section.leave()
    return new


def _emergency(section: Reader, problems: list[Problem], notes: list[Problem]) -> dict[str, Any]:
    new: dict[str, Any] = {"when": tree_of(section, problems, notes)}
    _put(new, "cooldown_seconds", _seconds(section, "cooldown"))
    section.leave("nothing: an emergency always cancels what is open and closes at market", "actions")
    section.leave()
    return new


_CONVERTERS: Final = {
    "s1_signal": _signal,
    "o1_cancel": _cancel,
    "z1_entry": _entry,
    "ze1_close": _close,
    "e1_emergency": _emergency,
}


def _seconds(section: Reader, what: str) -> float | None:
    """A duration that is written in seconds or in minutes."""
    seconds = section.take_number(f"{what}seconds", f"{what}sec", what)
    minutes = section.take_number(f"{what}minutes", f"{what}min")
    return seconds if minutes is None else 60.0 * minutes + (seconds or 0.0)


def _order(section: Reader) -> dict[str, Any] | None:
    order: dict[str, Any] = {}
    if (kind := section.take("ordertype")) is not None:
        order["type"] = str(kind).strip().lower()
    _put(order, "timeout_seconds", _seconds(section, "timeout"))
    return order or None


def _size(size: Reader) -> dict[str, Any]:
    mode = size.take("type", "mode")
    known = _SIZES.get(re.sub(r"[^a-z]", "", str(mode).lower()))
    if known is None:
        size.refuse(mode, f"one of {', '.join(_SIZES)}")
    new: dict[str, Any] = {"mode": known or mode}
    _put(new, "value", size.take_number("value", "amount", "size"))
    _put(new, "min_quote", size.take_number("min", "minvalue", "minusdt", "minquote", "minsize"))
    _put(new, "max_quote", size.take_number("max", "maxvalue", "maxusdt", "maxquote", "maxsize"))
    size.leave()
    return new


def _protection(protection: Reader) -> dict[str, Any]:
    new: dict[str, Any] = {}
    percent = protection.take_number("offsetpercent", "percent", "offset", "value", "distancepercent")
    _put(new, "percent", None if percent is None else abs(percent))
    _put(new, "activation_percent", protection.take_number("activationpercent", "activation"))
    protection.leave()
    return new


def _limits(limits: Reader | None, document: dict[str, Any]) -> None:
    if limits is None:
        return
    new: dict[str, Any] = {}
    _put(new, "max_leverage", limits.take_number("maxleverage"))
    trades = limits.take_number("maxtradesperday", "maxdailytrades", "dailytrades")
    _put(new, "max_trades_per_day", int(trades) if trades is not None and trades.is_integer() else trades)
    for what in ("maxposition", "maxhold", "maxpositionduration"):
        _put(new, "max_position_seconds", _seconds(limits, what))
    size = (document.get("z1_entry") or {}).get("size")
    if isinstance(size, dict):
        _put(size, "max_quote", limits.take_number("maxpositionsizeusdt", "maxpositionsize"))
        _put(size, "min_quote", limits.take_number("minpositionsizeusdt", "minpositionsize"))
    document["limits"] = new
    limits.leave(_OF_THE_ACCOUNT, *_ACCOUNT_KEYS)
    limits.leave()


def _put(new: dict[str, Any], key: str, value: Any) -> None:
    if value is not None:
        new[key] = value
