"""When a crashed flow is started again."""

from __future__ import annotations

from dataflows.sessions.restarts import RestartPolicy


def test_pauses_double_up_to_a_minute():
    policy = RestartPolicy(most=100, window_seconds=1e9)
    assert [policy.crashed(0.0) for _ in range(9)] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]


def test_the_sixth_crash_in_ten_minutes_is_the_last():
    policy = RestartPolicy()
    assert [policy.crashed(120.0 * n) for n in range(5)] == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert policy.crashed(599.0) is None


def test_crashes_of_more_than_ten_minutes_ago_are_forgiven():
    policy = RestartPolicy()
    for _ in range(5):
        policy.crashed(0.0)
    assert policy.crashed(600.1) == 1.0
