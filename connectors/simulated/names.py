"""Names of generated symbols: plain words, always quoted in USDT."""

from __future__ import annotations

from typing import Final

QUOTE: Final = "USDT"

# fmt: off
_WORDS: Final = (
    "ALPHA", "BETA", "GAMMA", "DELTA", "EPSILON", "ZETA", "ETA", "THETA", "IOTA", "KAPPA", "LAMBDA", "MU", "NU", "XI",
    "OMICRON", "PI", "RHO", "SIGMA", "TAU", "UPSILON", "PHI", "CHI", "PSI", "OMEGA", "AGATE", "BASALT", "CHALK",
    "DOLOMITE", "EMERALD", "FLINT", "GRANITE", "HEMATITE", "INDIGO", "JASPER", "KAOLIN", "LIGNITE", "MARBLE",
    "NICKEL", "OPAL", "PUMICE", "QUARTZ", "RUBY", "SLATE", "TOPAZ", "UMBER", "VERDITE", "WOLFRAM", "XENON", "YTTRIUM",
    "ZIRCON",
)
# fmt: on


def symbol_names(count: int) -> tuple[str, ...]:
    """The first `count` names; past the fifty words they get a number.

    >>> symbol_names(2)
    ('ALPHA_USDT', 'BETA_USDT')
    >>> symbol_names(51)[-1]
    'ALPHA2_USDT'
    """
    rounds = range(1, count // len(_WORDS) + 2)
    names = [f"{word}{'' if lap == 1 else lap}_{QUOTE}" for lap in rounds for word in _WORDS]
    return tuple(names[:count])
