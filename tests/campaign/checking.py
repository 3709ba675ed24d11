"""Whether a failure became what it must become."""

from __future__ import annotations

from tests.campaign.causes import BLIND, UNNOTICED, UNSURE
from tests.campaign.staging import Failure, Finding


def judge(failure: Failure, found: Finding) -> None:
    """Nothing stored but what happened, nothing missing but in gaps, and gaps with the right causes that have ended."""
    wrong = [words for words in found.wrong if words.partition(":")[0] not in failure.excused]
    assert not wrong, f"{len(wrong)} rows differ from the truth: {wrong[:5]}"
    for stream, causes in (("trades", failure.trades), ("books", failure.books)):
        seen = {gap.cause for gap in found.of(stream)}
        if causes:
            # where trades got lost the exchange's own list may be sooner to say so than the stream
            seen -= {UNNOTICED, UNSURE, BLIND}
        assert set(causes) <= seen, f"{stream}: {seen} instead of {causes}"
        assert seen <= {*causes, *failure.tolerated}, f"{stream}: {found.of(stream)}"
    assert all(gap.end is not None for gap in found.gaps), found.gaps
    failure.check(found)
