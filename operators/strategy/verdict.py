"""Three-valued verdicts. Only TRUE fires."""

from typing import Final

FALSE: Final = 0
TRUE: Final = 1
PENDING: Final = 2

VERDICT_NAMES: Final = ("FALSE", "TRUE", "PENDING")
