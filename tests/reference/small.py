"""Parameters small enough for short tapes, of every kind computed from the market: new kinds come in by themselves, by
the names of their parameters."""

from __future__ import annotations

from typing import Final

from operators.indicators.ids import parse_indicator
from operators.indicators.registry import CATALOGUE

MARKET_KINDS: Final = tuple(sorted(name for name, kind in CATALOGUE.items() if not kind.on_position))

_SMALL: Final[dict[tuple[str, ...], tuple[str, ...]]] = {
    (): ("",),
    ("t1", "t2"): ("t1=10,t2=2", "t1=3,t2=0", "t1=30.5,t2=0", "t1=45,t2=12", "t1=1,t2=0"),
    ("t1", "t2", "t3", "t4"): ("t1=3,t2=0,t3=20,t4=3", "t1=10,t2=1,t3=48,t4=10"),
    ("t1", "t3", "d"): ("t1=2,t3=10,d=5", "t1=10,t3=48,d=30", "t1=5,t3=6,d=1"),
    ("t1", "t3", "d", "lag"): ("t1=2,t3=10,d=5,lag=3", "t1=5,t3=20,d=10.5,lag=0.5"),
    ("t1", "t_support_start", "t_support_end"): ("t1=3,t_support_start=40,t_support_end=10",),
    ("lookback",): ("lookback=20", "lookback=2"),
    ("windows",): ("windows=1/3/1;2/8/2;4/20/6", "windows=2/5/3;3/30/10"),
    ("num_samples", "sample_interval", "t1", "t3", "d"): (
        "num_samples=3,sample_interval=2,t1=2,t3=8,d=3",
        "num_samples=2,sample_interval=7.5,t1=1,t3=20,d=10",
    ),
    ("t1", "t3", "d", "lookback", "direction"): (
        "t1=1,t3=4,d=2,lookback=10",
        "t1=2,t3=8,d=3,lookback=20.5,direction=down",
        "t1=5,t3=30,d=20,lookback=0.5",
    ),
    ("period", "bar"): ("period=3,bar=2", "period=2,bar=7", "period=5,bar=1"),
    ("period", "bar", "k"): ("period=3,bar=2,k=2", "period=5,bar=1.5,k=0.5"),
    ("t1", "bar"): ("t1=20,bar=1", "t1=30.5,bar=7", "t1=5,bar=2.5"),
    ("t1", "t2", "levels"): ("t1=10,t2=0,levels=3", "t1=3,t2=1,levels=1", "t1=20,t2=0,levels=2", "t1=3,t2=0,levels=4"),
    ("t1", "t2", "t3", "t4", "levels"): (
        "t1=3,t2=0,t3=20,t4=3,levels=2",
        "t1=5,t2=0,t3=40,t4=10,levels=3",
        "t1=3,t2=0,t3=20,t4=3,levels=5",
    ),
    ("velocity_t1", "velocity_t3", "velocity_d", "velocity_threshold", "volume_t1", "volume_t3", "volume_threshold",
     "imbalance_t1", "imbalance_threshold", "peak_lookback", "retracement_threshold"): (
        "velocity_t1=2,velocity_t3=10,velocity_d=5,volume_t1=3,volume_t3=30,imbalance_t1=3,peak_lookback=40,"
        "retracement_threshold=1.2",
        "velocity_t1=3,velocity_t3=9,velocity_d=3,velocity_threshold=0.071,volume_t1=5,volume_t3=20,"
        "volume_threshold=1.03,imbalance_t1=10,imbalance_threshold=21.7,peak_lookback=10,retracement_threshold=0.83",
    ),
    ("t1", "t3", "d", "volume_t1", "volume_t3"): ("t1=2,t3=10,d=5,volume_t1=3,volume_t3=30",),
}  # fmt: skip


def small(kind: str) -> tuple[str, ...]:
    """Parameters for short tapes, the first of them for a tape with everything on it."""
    names = tuple(parameter.name for parameter in CATALOGUE[kind].parameters)
    found = _SMALL.get(names)
    assert found is not None, (
        f"{kind} has the parameters {', '.join(names)}, for which there are no small values: "
        f"give it some of at most 50 s in tests/reference/small.py"
    )
    return found


def small_id(kind: str, *settings: str, choice: int = 0) -> str:
    """The canonical id with small parameters and other settings."""
    return parse_indicator(f"{kind}({','.join(filter(None, (small(kind)[choice], *settings)))})").id


def one_of_each(*settings: str) -> tuple[str, ...]:
    """An id of every market kind, with the first of its small parameters."""
    return tuple(small_id(kind, *settings) for kind in MARKET_KINDS)
