"""The tokens of the API that were given out; never one itself."""

from collections.abc import Sequence

from tradebot.domain.api_access import ApiToken
from tradebot.ports import Ledger


async def api_tokens(ledger: Ledger) -> Sequence[ApiToken]:
    """All that ever were, the oldest first. Raises LedgerUnavailable."""
    async with ledger.read() as books:
        return await books.tokens()


async def api_token(ledger: Ledger, token_id: str) -> ApiToken | None:
    """Raises LedgerUnavailable."""
    async with ledger.read() as books:
        return await books.token(token_id)
