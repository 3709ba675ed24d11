"""How many signals survived each step."""

from typing import Any

from operators.statistics import funnel


def test_every_way_a_signal_can_go(ledger: Any) -> None:
    moves = [
        ("MONITORING", "MONITORING", "no_slot", True),
        ("MONITORING", "SIGNAL_DETECTED", "s1_signal", False),
        ("SIGNAL_DETECTED", "SIGNAL_CANCELLED", "timeout", False),
        ("MONITORING", "SIGNAL_DETECTED", "s1_signal", False),
        ("SIGNAL_DETECTED", "SIGNAL_CANCELLED", "max_position_pct", True),
        ("MONITORING", "SIGNAL_DETECTED", "s1_signal", False),
        ("SIGNAL_DETECTED", "ENTRY_PENDING", "z1_entry", False),
        ("ENTRY_PENDING", "SIGNAL_CANCELLED", "timeout", False),
        ("MONITORING", "SIGNAL_DETECTED", "s1_signal", False),
        ("SIGNAL_DETECTED", "ENTRY_PENDING", "z1_entry", False),
        ("ENTRY_PENDING", "POSITION_ACTIVE", "fill", False),
        ("POSITION_ACTIVE", "CLOSE_PENDING", "ze1_close", False),
        ("CLOSE_PENDING", "EXITED", "flat", False),
    ]
    for second, (before, after, trigger, refused) in enumerate(moves):
        ledger.transition(second, before, after, trigger, refused=refused)
    found = funnel(ledger.transitions)
    assert (found.refused_signals, found.signals, found.cancelled, found.refused_entries) == (1, 4, 1, 1)
    assert (found.entries, found.unfilled, found.entered, found.closed) == (2, 1, 1, 1)
    assert found.reasons == (("timeout", 2), ("max_position_pct", 1), ("no_slot", 1))


def test_a_close_that_is_sent_again_keeps_its_reason(ledger: Any) -> None:
    moves = [
        ("POSITION_ACTIVE", "CLOSE_PENDING", "ze1"),
        ("CLOSE_PENDING", "CLOSE_PENDING", "next_leg"),
        ("CLOSE_PENDING", "CLOSE_PENDING", "close_escalated"),
        ("CLOSE_PENDING", "CLOSE_PENDING", "late_fill"),
        ("CLOSE_PENDING", "EXITED", "flat"),
        ("POSITION_ACTIVE", "CLOSE_PENDING", "ze1"),
        ("CLOSE_PENDING", "CLOSE_PENDING", "stop_loss"),
        ("CLOSE_PENDING", "EXITED", "flat"),
    ]
    for second, (before, after, trigger) in enumerate(moves):
        ledger.transition(second, before, after, trigger, refused=False)
    found = funnel(ledger.transitions)
    assert found.exits == (("stop_loss", 1), ("ze1", 1))
    assert found.closed == 2
