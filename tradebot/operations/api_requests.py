"""The same question again gets the same answer: what a client asked to be done under its idempotency key is kept with the answer.

Rules: the question is stored before it is acted on, the answer after it. A crash in between leaves a question without an answer:
asked again it is acted on again under the same key, which the operation itself does at most once.
"""

from datetime import datetime

from tradebot.domain.api_access import ApiRequest
from tradebot.ports import Ledger


async def begin(ledger: Ledger, request: ApiRequest) -> ApiRequest | None:
    """What was stored under the key before; None: it is new. Raises LedgerUnavailable."""
    async with ledger.begin() as books:
        if await books.begin_request(request):
            return None
        return await books.request(request.key)


async def answer(ledger: Ledger, key: str, status: int, text: str) -> None:
    """Raises LedgerUnavailable."""
    async with ledger.begin() as books:
        await books.answer_request(key, status, text)


def asked(key: str, fingerprint: str, now: datetime) -> ApiRequest:
    """A question that is new."""
    return ApiRequest(key, fingerprint, now)
