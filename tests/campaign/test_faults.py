"""Every way in which the exchange is known to fail, and what is in the database afterwards."""

from __future__ import annotations

import pytest

from tests.campaign.asking import QUESTIONS, Question, read_twice
from tests.campaign.checking import judge
from tests.campaign.failures import CAMPAIGNS
from tests.campaign.reliability import PAGE, described, table_of
from tests.campaign.staging import Failure, Finding

FAILURES = sorted((failure for campaign in CAMPAIGNS for failure in campaign.failures), key=lambda each: each.row)
PUBLIC_ROWS = {*range(1, 32), 49, 50, 52, 54}


# two minutes of a machine of its own: beside other tests a stall of ours looks like one of the exchange
@pytest.mark.soak
@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.name)
def test_what_happened_is_stored_and_what_is_missing_is_a_gap(failure: Failure, findings: dict[str, Finding]) -> None:
    found = findings[failure.name]
    recovery = "no gap" if found.recovery is None else f"observed again after {found.recovery:.1f} s"
    print(f"{failure.name}: {recovery}; {len(found.gaps)} gaps; {dict(found.counters)}")
    judge(failure, found)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.name)
def test_a_reply_is_read_as_the_same_in_either_form(question: Question) -> None:
    usual, odd = read_twice(question)
    common = usual.keys() & odd.keys()
    assert len(common) > 2
    assert all(usual[key] == odd[key] for key in common)


def test_every_failure_of_the_public_streams_and_requests_has_a_row() -> None:
    assert {each.row for each in (*FAILURES, *QUESTIONS)} == PUBLIC_ROWS


def test_the_documented_table_is_that_of_the_campaign() -> None:
    documented = [row[:-1] for row in table_of(PAGE.read_text(encoding="utf-8"))]
    assert documented == described(), "`make reliability` writes it anew"
