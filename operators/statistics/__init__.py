"""Statistics of a session from its result rows, and its result hash. Pure functions; nothing is read or stored."""

from operators.statistics.differences import Difference, differences
from operators.statistics.funnel import Funnel, funnel
from operators.statistics.hash import result_hash, table_hashes
from operators.statistics.stored import SessionResult, session_result
from operators.statistics.summary import Statistics, statistics
from operators.statistics.trades import Trade, TradeGroup, TradeSummary

__all__ = [
    "Difference",
    "Funnel",
    "SessionResult",
    "Statistics",
    "Trade",
    "TradeGroup",
    "TradeSummary",
    "differences",
    "funnel",
    "result_hash",
    "session_result",
    "statistics",
    "table_hashes",
]
