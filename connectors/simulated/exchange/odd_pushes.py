"""Deals and depth as the exchange might write them on a bad day: other shapes, other orders, other numbers.

Everything here is still true (but for `inverted_sides`, `crossed_levels` and the jitter of `shuffled_deals`): a careful
client reads the same from it as from the usual form.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from random import Random
from typing import Final

from connectors.simulated.exchange.faults import Faults, Setting
from connectors.simulated.exchange.pushes import self_trade_mark
from connectors.simulated.exchange.records import Depth, DepthLevel, LevelChange, VenueDeal
from connectors.simulated.exchange.wire_text import number_text

ODD_DEALS: Final = ("deal_shapes", "shuffled_deals", "inverted_sides", "lost_deals", "mixed_numbers")
ODD_DEPTH: Final = ("mixed_numbers", "crossed_levels", "huge_frames")
_MOST_DECIMALS: Final = 30

Levels = list[tuple[float, int, int]]


def odd_number(value: float, random: Random) -> str:
    """The same number in one of the ways seen on the wire.

    >>> sorted({odd_number(97500.0, Random(seed)) for seed in range(30)}, key=len)
    ['97500', '9.75E+4', '97500.00', '97500.000000000000000000000000000000']
    """
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    choice = random.randrange(4)
    if choice == 0:
        return f"{exact.normalize():E}" if exact else "0"
    if choice == 1:
        return f"{exact:.{_MOST_DECIMALS}f}"
    plain = number_text(value)
    if choice == 2:
        return plain + ("00" if "." in plain else ".00")
    return plain


class OddPushes:
    """Writes pushes while switches of `ODD_DEALS` or `ODD_DEPTH` are on. `cross_next` are symbols whose next depth
    frame is to cross their book."""

    def __init__(self, faults: Faults) -> None:
        self.cross_next: set[str] = set()
        self._faults = faults
        self._shape = 0

    # Deals

    def deals_kept(self, symbol: str, deals: list[VenueDeal]) -> list[VenueDeal]:
        """Without those that `lost_deals` takes away."""
        losing = self._faults.of("lost_deals", symbol)
        if losing is None:
            return deals
        lost = min(losing.count("count") - losing.used.get(symbol, 0), len(deals))
        losing.used[symbol] = losing.used.get(symbol, 0) + lost
        return deals[lost:]

    def deal_frames(self, symbol: str, deals: Sequence[VenueDeal], ms: int, shift: int) -> list[bytes]:
        """One message, or one per deal where its shape holds a single one. `deals` come newest first."""
        random = self._faults.random
        shuffled = self._faults.of("shuffled_deals", symbol)
        rows = list(deals)
        if shuffled is not None:
            random.shuffle(rows)
            jitter = shuffled.count("jitter")
            rows = [row._replace(ms=row.ms + random.randint(-jitter, jitter)) for row in rows]
        if self._faults.of("inverted_sides", symbol) is not None:
            rows = [row._replace(taker=3 - row.taker) for row in rows]
        shape = self._next_shape(self._faults.of("deal_shapes", symbol))
        mixed = self._faults.of("mixed_numbers", symbol) is not None
        texts = [self._deal(row, shape, shift, mixed) for row in rows]
        ts = f'"{ms + shift}"' if shape == "text_time" else str(ms + shift)
        bodies = reversed(texts) if shape == "object" else [f"[{','.join(texts)}]"]
        return [f'{{"symbol":"{symbol}","data":{body},"channel":"push.deal","ts":{ts}}}'.encode() for body in bodies]

    def _next_shape(self, setting: Setting | None) -> str:
        if setting is None:
            return "usual"
        shapes = setting.names("shapes")
        self._shape += 1
        return shapes[self._shape % len(shapes)]

    def _deal(self, deal: VenueDeal, shape: str, shift: int, mixed: bool) -> str:
        at = deal.ms + shift
        price = odd_number(deal.price, self._faults.random) if mixed else number_text(deal.price)
        volume = odd_number(deal.contracts, self._faults.random) if mixed else str(deal.contracts)
        mark = self_trade_mark(deal.deal_id)
        time = f'"{at}"' if shape == "text_time" else str(at)
        text = f'{{"p":{price},"v":{volume},"T":{deal.taker},"O":{deal.opens},"M":{mark},"t":{time}'
        if shape != "no_id":
            text += f',"i":{deal.deal_id}' if shape == "number_id" else f',"i":"{deal.deal_id}"'
            if shape != "no_cts":
                text += f',"cts":"{at}"'
        return text + "}"

    # Depth

    def depth_frame(
        self, changes: Iterable[LevelChange], begin: int | None, last: LevelChange, top: Depth, ms: int, shift: int
    ) -> bytes:
        """A change of a book; unmerged where there is no `begin`. `top` is the book's top as it is now."""
        symbol = last.symbol
        bids: Levels = []
        asks: Levels = []
        for change in changes:
            (bids if change.is_bid else asks).append((change.price, change.contracts, change.orders))
        if symbol in self.cross_next or self._faults.strikes("crossed_levels", symbol):
            self.cross_next.discard(symbol)
            if top.asks:
                bids.append((top.asks[-1].price, 1, 1))
        huge = self._faults.get("huge_frames")
        if huge is not None and begin is not None:
            _pad(bids, asks, top, huge.count("levels"))
        span = "" if begin is None else f'"end":{last.version},"begin":{begin},'
        asks_text, bids_text = self._levels(symbol, asks, loose=True), self._levels(symbol, bids, loose=True)
        return (
            f'{{"symbol":"{symbol}","data":{{"cts":{last.ms + shift},"asks":[{asks_text}],"bids":[{bids_text}],'
            f'{span}"version":{last.version}}},"channel":"push.depth","ts":{ms + shift}}}'
        ).encode()

    def full_frame(self, depth: Depth, ms: int, shift: int) -> bytes:
        """The best levels; their order is kept, as it always was."""
        asks, bids = (self._levels(depth.symbol, side, loose=False) for side in (depth.asks, depth.bids))
        return (
            f'{{"symbol":"{depth.symbol}","data":{{"cts":{depth.ms + shift},"asks":[{asks}],"bids":[{bids}],'
            f'"version":{depth.version}}},"channel":"push.depth.full","ts":{ms + shift}}}'
        ).encode()

    def levels_text(self, symbol: str, levels: Sequence[DepthLevel]) -> str:
        """Levels of a REST reply."""
        return self._levels(symbol, levels, loose=False)

    def _levels(self, symbol: str, levels: Sequence[tuple[float, int, int]], *, loose: bool) -> str:
        random = self._faults.random
        if self._faults.of("mixed_numbers", symbol) is None:
            return ",".join(f"[{number_text(price)},{size},{orders}]" for price, size, orders in levels)
        rows = list(levels)
        if loose:
            random.shuffle(rows)
        texts = []
        for price, size, orders in rows:
            values = [odd_number(price, random), odd_number(size, random) if size else "0"]
            if random.random() < 0.8:
                values.append(str(orders))
            texts.append(f"[{','.join(values)}]")
        return ",".join(texts)


def _pad(bids: Levels, asks: Levels, top: Depth, levels: int) -> None:
    """Deletions of levels far from the market, where nothing ever was: they change no book."""
    highest = max(level.price for level in (*top.asks, *top.bids)) if top.asks or top.bids else 1.0
    known_bids, known_asks = {price for price, _, _ in bids}, {price for price, _, _ in asks}
    for number in range(1, levels + 1):
        far = round(highest * (1_000.0 + number), 4)
        if far not in known_asks:
            asks.append((far, 0, 0))
        if far not in known_bids:
            bids.append((far, 0, 0))
