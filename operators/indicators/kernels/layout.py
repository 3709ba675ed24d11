"""Numbers that the plan and the compiled kernels agree on.

They are part of the compiled code, and numba renews its cache on disk only when the kernel's own file changes: give
new things new numbers, never renumber.
"""

from typing import Final

# Streams.
TRADES: Final = 0
BOOKS: Final = 1

# Rows of a ring's `times` (int64).
RING_TS: Final = 0
RING_SEQ: Final = 1
RING_CLOCK: Final = 2

# First rows of a ring's `data` (float64): what the tape has.
TRADE_PRICE: Final = 0
TRADE_QUANTITY: Final = 1
TRADE_SIDE: Final = 2
TRADE_ROWS: Final = 3
BOOK_BID: Final = 0
BOOK_ASK: Final = 1
BOOK_ROWS: Final = 2

# Rows of an observed clock's `breaks` (int64).
CLOCK_TS: Final = 0
CLOCK_SEQ: Final = 1
CLOCK_VALUE: Final = 2
CLOCK_RATE: Final = 3

# Columns of the edges (int64).
EDGE_STREAM: Final = 0
EDGE_OFFSET: Final = 1
EDGE_CURSOR: Final = 2
EDGE_BREAK: Final = 3

# Columns of the extremes' state (int64).
EXTREME_BOUNDARY: Final = 0
EXTREME_BEST: Final = 1
EXTREME_PUSHED: Final = 2

# Rows of the instants (int64).
INSTANT_TS: Final = 0
INSTANT_SEQ: Final = 1
INSTANT_TRADES: Final = 2
INSTANT_BOOKS: Final = 3

# Columns computed from the raw ones of the same event.
DERIVE_MID: Final = 0
DERIVE_SPREAD_PCT: Final = 1

# Columns measured over levels of the book before it enters its ring.
MEASURE_IMBALANCE_PCT: Final = 0
MEASURE_QUOTE_DEPTH: Final = 1

# What a running sum adds per event.
TERM_QUANTITY: Final = 0
TERM_QUOTE: Final = 1
TERM_PRICE: Final = 2
TERM_SIGNED: Final = 3
TERM_KNOWN: Final = 4

# Instructions: see `operators.indicators.plan`.
OP_STEP: Final = 0
OP_EDGE_SUM: Final = 1
OP_DIFFERENCE: Final = 2
OP_OBSERVED: Final = 3
OP_COUNT: Final = 4
OP_FIRST: Final = 5
OP_LAST: Final = 6
OP_EXTREME: Final = 7
OP_DEVIATION: Final = 8
OP_NEWEST: Final = 9
OP_AGE: Final = 10
OP_RUNNING: Final = 11
OP_COVER: Final = 12
OP_QUOTIENT: Final = 13
OP_RATIO: Final = 14
OP_CHANGE_PCT: Final = 15
OP_DECLINE_PCT: Final = 16
OP_DIVIDED: Final = 17
OP_MULTIPLIED: Final = 18
OP_PER_SECOND: Final = 19
OP_IMBALANCE: Final = 20
OP_ADMIT_COVER: Final = 21
OP_ADMIT_AGE: Final = 22
OP_OUTPUT: Final = 23
OP_OUTPUT_COVER: Final = 24
OP_MEAN_GAP: Final = 25
OP_EVER: Final = 26
OP_INPUT: Final = 27
OP_CONSTANT: Final = 28
OP_ADD: Final = 29
OP_SUBTRACT: Final = 30
OP_MULTIPLY: Final = 31
OP_ABSOLUTE: Final = 32
OP_ROOT: Final = 33
OP_TANH: Final = 34
OP_LOGISTIC: Final = 35
OP_LARGER: Final = 36
OP_SMALLER: Final = 37
OP_FLOORED: Final = 38
OP_BELOW: Final = 39
OP_ABOVE: Final = 40
OP_AT_LEAST: Final = 41
OP_WHERE: Final = 42
OP_CAPPED: Final = 43

NOTHING: Final = -1
"""In place of a row that is not there."""
