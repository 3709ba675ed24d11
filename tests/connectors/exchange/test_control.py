"""The side door."""

from __future__ import annotations

import urllib.error
import urllib.request
from dataclasses import replace

import pytest

from connectors.simulated.exchange.running import running_exchange
from connectors.simulated.exchange.server import ServerSettings


async def call(scene, method, path, body=None, **headers):
    async with scene.session.request(method, f"{scene.server.control_url}{path}", json=body, headers=headers) as reply:
        return reply.status, await reply.json()


def test_switches_are_set_listed_and_cleared(play):
    async def scenario(scene):
        status, reply = await call(scene, "POST", "/faults/muted", {"symbols": ["AAA_USDT"], "for": 30})
        assert status == 200
        (setting,) = reply["on"]
        assert (setting["name"], setting["parameters"]["symbols"]) == ("muted", ["AAA_USDT"])
        assert 29 < setting["remaining"] <= 30
        status, reply = await call(scene, "GET", "/faults")
        assert [each["name"] for each in reply["on"]] == ["muted"]
        assert {each["name"] for each in reply["faults"]} >= {"muted", "delist"}
        assert (await call(scene, "DELETE", "/faults/muted"))[1] == {"was_on": True, "on": []}
        await call(scene, "POST", "/faults/doubled_pongs")
        await call(scene, "POST", "/faults/blocked", {"share": 0.5})
        assert (await call(scene, "DELETE", "/faults"))[1] == {"on": []}
        assert not scene.server.faults

    play(scenario, control=True)


def test_happenings_happen(play):
    async def scenario(scene):
        assert (await call(scene, "POST", "/faults/delist", {"symbols": "BBB_USDT"}))[0] == 200
        assert scene.server.stage.venue.symbols == ("AAA_USDT", "CCC_USD")
        status, reply = await call(scene, "POST", "/faults/delist", {"symbols": "BBB_USDT"})
        assert (status, reply["error"]) == (400, "BBB_USDT is not listed")

    play(scenario, control=True)


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/faults/mutet", {}, "no fault 'mutet'"),
        ("/faults/muted", {"for": -1}, "for: found -1"),
        ("/faults/muted", {"symbols": 3}, "symbols is 3"),
        ("/faults/muted", [1], "allowed is a JSON object"),
        ("/faults/delist", {"symbols": ["AAA_USDT"], "for": 3}, "happens at once"),
        ("/faults/change_contract", {"symbols": ["AAA_USDT"], "field": "colour", "value": 1}, "no field"),
    ],
)
def test_wrong_requests_are_explained(play, path, body, message):
    async def scenario(scene):
        status, reply = await call(scene, "POST", path, body)
        assert status == 400
        assert message in reply["error"]

    play(scenario, control=True)


def test_the_state_tells_of_time_and_connections(play, lively):
    async def scenario(scene):
        client = await scene.client()
        await client.send("sub.deal", "AAA_USDT")
        await client.until(lambda: client.of("push.deal"))
        _, state = await call(scene, "GET", "")
        assert state["exchange_ms"] >= lively.start_ms
        assert (state["speed"], state["symbols"], state["handshakes"]) == (20.0, 3, 1)
        (connection,) = state["connections"]
        assert connection["subscriptions"] == 1
        assert connection["frames"] >= 2

    play(scenario, control=True)


def test_web_pages_and_other_names_of_this_machine_are_refused(play):
    async def scenario(scene):
        assert (await call(scene, "GET", "", Origin="http://example.org"))[0] == 403
        assert (await call(scene, "GET", "", Host="example.org"))[0] == 403

    play(scenario, control=True)


def test_there_is_no_side_door_unless_it_was_asked_for(lively):
    with running_exchange(lively) as exchange:
        assert exchange.control_url is None
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"{exchange.rest_url}/control")


def test_a_running_exchange_takes_faults_from_another_thread(lively):
    with running_exchange(replace(lively, server=ServerSettings(control=True))) as exchange:
        exchange.fault("doubled_pongs", copies=3, seconds=60.0)
        exchange.fault("delist", symbols="AAA_USDT")
        assert [each["name"] for each in exchange.state()["faults"]] == ["doubled_pongs"]
        exchange.clear()
        assert exchange.state()["faults"] == []
        assert exchange.state()["symbols"] == 2
