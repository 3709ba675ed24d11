"""What is kept of an engine over a restart: small, because rings are filled again from the tape.

Per stream the oldest event that a window may still need, complete with its running sums, and the observed clock.
Everything after that event is sent again in warm-up slices and gives the same bits. The newest event is kept complete
too: where a symbol was quiet for longer than its longest window, nothing older is needed. What is sampled at times of
its own is kept as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from operators.indicators.ring import RingSlot
from operators.indicators.sampled.inputs import SampledSnapshot
from operators.tape import Int64

SNAPSHOT_SCHEMA: Final = 4


@dataclass(frozen=True, slots=True)
class StreamSnapshot:
    """One stream: the oldest needed slot of its ring, how many events came after it, the slot of the newest of them
    (without any, the oldest slot itself), and its clock from there on."""

    oldest: RingSlot
    events: int
    newest: RingSlot
    breaks: Int64
    clock_state: tuple[bool, bool]


@dataclass(frozen=True, slots=True)
class EngineSnapshot:
    """An engine at the end of the slice that ends at `watermark`; `settings` identifies what it computes."""

    schema: int
    settings: str
    watermark: int
    active: bool
    ring_overflows: int
    streams: tuple[StreamSnapshot, StreamSnapshot]
    sampled: SampledSnapshot


def settings_digest(ids: Sequence[str], evaluation_interval_us: int, max_ring_events: int) -> str:
    """What a snapshot must agree on with the engine that goes on from it."""
    text = "\n".join((*ids, str(evaluation_interval_us), str(max_ring_events)))
    return blake2b(text.encode(), digest_size=16).hexdigest()
