"""The campaigns, with everything that goes wrong in them."""

from __future__ import annotations

from typing import Final

from tests.campaign.failing_connections import CONNECTIONS
from tests.campaign.failing_requests import CLOCK, REQUESTS, STALLS, WHOLE_BOOKS
from tests.campaign.failing_streams import STREAMS

CAMPAIGNS: Final = (STREAMS, CONNECTIONS, REQUESTS, WHOLE_BOOKS, STALLS, CLOCK)
