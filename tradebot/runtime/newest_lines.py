"""The end of the log, for who asks the running daemon."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tradebot.domain.log_lines import LogLine


@dataclass(frozen=True, slots=True)
class NewestLines:
    """See `tradebot.ports.LogTail`."""

    folder: Path

    async def newest(self, number: int, level: str) -> Sequence[LogLine]:
        """Lines of this level and above, the oldest of them first; none where the log cannot be read."""
        return await asyncio.to_thread(self._newest, number, level)

    def _newest(self, number: int, level: str) -> Sequence[LogLine]:
        from tradebot.runtime.log_reading import newest_of  # noqa: PLC0415 - memory: few ask

        return newest_of(self.folder, number, level)
