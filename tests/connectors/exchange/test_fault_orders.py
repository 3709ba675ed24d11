"""Faults in words, the table they come from, and when they come."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from connectors.simulated.exchange.fault_kinds import InvalidFault
from connectors.simulated.exchange.fault_orders import in_order, parse_fault, parse_scheduled, read_schedule
from connectors.simulated.exchange.fault_table import CHANNELS, KINDS, kind_of
from connectors.simulated.exchange.faults import Faults
from connectors.simulated.exchange.running import running_exchange
from connectors.simulated.exchange.server import ServerSettings

PAGE = Path(__file__).parents[3] / "docs" / "simulated-exchange.md"
PUBLIC_ROWS = {*range(1, 32), 49, 50, 52, 54}


def test_every_public_failure_of_the_notes_has_a_fault():
    assert {row for kind in KINDS.values() for row in kind.rows} == PUBLIC_ROWS


def test_the_documentation_shows_every_fault_with_its_parameters_and_defaults():
    rows = re.findall(r"^\| ([\d, ]+) \| `(\w+)` \| ([^|]*) \| ([^|]*) \|$", PAGE.read_text(encoding="utf-8"), re.M)
    shown = {name: (numbers, meaning, parameters) for numbers, name, meaning, parameters in rows}
    assert list(shown) == list(KINDS)
    for name, kind in KINDS.items():
        numbers, meaning, parameters = shown[name]
        assert numbers == ", ".join(map(str, kind.rows))
        assert meaning == kind.meaning
        texts = [f"`{each.name}` {each.meaning} ({each.default_text})" for each in kind.parameters]
        assert parameters == ("<br>".join(texts) or "–")


def test_parameters_are_read_from_text():
    order = parse_fault("frozen_streams=symbols:AAA_USDT+BBB_USDT,channels:depth,cure:reconnect")
    assert order.values == {"symbols": ("AAA_USDT", "BBB_USDT"), "channels": ("depth",), "cure": "reconnect"}
    assert parse_fault("swallowed_pings=data:yes").values["data"] is True
    assert parse_fault("change_contract=symbols:A_B,field:contractSize,value:0.01").values["value"] == 0.01
    assert parse_fault("change_contract=symbols:A_B,field:apiAllowed,value:no").values["value"] is False


@pytest.mark.parametrize(
    ("text", "seconds", "length"),
    [
        ("30s:muted", 30.0, None),
        ("1.5m:muted for 10s", 90.0, 10.0),
        ("500ms:muted=symbols:AAA_USDT:for 2m", 0.5, 120.0),
        ("2h:muted=symbols:AAA_USDT,channels:deal  for 5", 7200.0, 5.0),
    ],
)
def test_a_scheduled_fault_has_a_time_and_perhaps_a_length(text, seconds, length):
    order = parse_scheduled(text)
    assert (order.name, order.at, order.seconds) == ("muted", seconds, length)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mutet", "no fault 'mutet'; allowed: swallowed_pings"),
        ("muted=symbol:A", "no parameter 'symbol'; allowed: symbols, channels"),
        ("muted=channels:deals", "channels is 'deals'; allowed: deal, depth"),
        ("muted=symbols", "found 'symbols', allowed is key:value"),
        ("reset_on_ping=share:2", "share is '2'; allowed: a number from 0 to 1"),
        ("reset_on_ping=share:nan", "share is 'nan'"),
        ("doubled_pongs=copies:2.5", "copies is '2.5'; allowed: a whole number from 2 to 20"),
        ("frozen_streams=cure:prayer", "cure is 'prayer'; allowed: never, resubscribe, reconnect"),
        ("delist", "delist needs symbols"),
        ("swallowed_pings=data:perhaps", "allowed: yes or no"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_what_is_allowed(text, message):
    with pytest.raises(InvalidFault, match=re.escape(message)):
        parse_fault(text)


@pytest.mark.parametrize("text", ["muted", "soon:muted", "5s:", "5s:delist=symbols:A for 3s", "5s:muted for ever"])
def test_a_schedule_that_makes_no_sense_is_refused(text):
    with pytest.raises(InvalidFault):
        parse_scheduled(text)


def test_a_file_of_faults(tmp_path):
    file = tmp_path / "faults.toml"
    file.write_text(
        """
        [[fault]]
        at = "2s"
        for = 1.5
        name = "frozen_streams"
        symbols = ["AAA_USDT"]
        channels = ["depth", "deal"]

        [[fault]]
        name = "tight_limits"
        limit = 3
        """
    )
    first, second = in_order(read_schedule(file))
    assert (first.name, first.at, first.values) == ("tight_limits", 0.0, {"limit": 3})
    assert (second.name, second.at, second.seconds) == ("frozen_streams", 2.0, 1.5)
    assert second.values["channels"] == ("depth", "deal")


@pytest.mark.parametrize(
    "text",
    ["[[fault]]\nname='x'", "[[faults]]\nname='muted'", "fault = 3", "[[fault]]\nat='1s'", "[[fault", "fault = [1]"],
)
def test_a_file_that_is_wrong_is_refused_by_name(tmp_path, text):
    file = tmp_path / "faults.toml"
    file.write_text(text)
    with pytest.raises(InvalidFault, match=r"faults\.toml"):
        read_schedule(file)


def test_a_switch_goes_off_when_its_time_is_over():
    now = [100.0]
    faults = Faults(now=lambda: now[0])
    told = []
    faults.on_change.append(lambda setting, is_on: told.append((setting.kind.name, is_on)))
    faults.set("muted", {"symbols": ["AAA_USDT"], "channels": ["deal"]}, seconds=10.0)
    assert faults.of("muted", "AAA_USDT", "deal") is not None
    assert faults.of("muted", "AAA_USDT", "depth") is None
    assert faults.of("muted", "BBB_USDT", "deal") is None
    now[0] = 109.9
    faults.expire()
    assert faults
    now[0] = 110.0
    faults.expire()
    assert not faults
    assert told == [("muted", True), ("muted", False)]


def test_a_happening_is_no_switch():
    with pytest.raises(InvalidFault, match="happens at once"):
        Faults().set("delist", {"symbols": "AAA_USDT"})


def test_every_default_is_allowed():
    for kind in KINDS.values():
        for each in kind.parameters:
            if each.default is not None and each.default != ():
                assert each.read(kind.name, each.default) == each.default
                assert each.read(kind.name, each.default_text) == each.default
    assert kind_of("muted").parameters[1].words == CHANNELS


def test_scheduled_faults_come_and_go_by_themselves_and_problems_are_reported(lively, capsys):
    schedule = tuple(
        map(parse_scheduled, ("0.1s:muted for 0.2s", "0.1s:delist=symbols:NOPE_USDT", "0.2s:delist=symbols:BBB_USDT"))
    )
    seen = set()
    with running_exchange(replace(lively, server=ServerSettings(schedule=schedule))) as exchange:
        while not (seen >= {True, False} and exchange.ask(lambda server: server.stage.venue.symbols[1]) == "CCC_USD"):
            seen.add(exchange.ask(lambda server: server.faults.get("muted") is not None))
    assert "scheduled fault delist: NOPE_USDT is not listed" in capsys.readouterr().err
