"""News of the account that trail what happens: clients are shown what it held so long ago.

One ``Lag`` for positions and one for values. Without a lag the present is shown, and its news come as soon as something changed;
many changes at once make one message.
"""

from __future__ import annotations

from collections.abc import Callable

from tradebot.simgateway.account import Standing

NEWS_DELAY_S = 0.05


class Lag:
    """What clients are shown of the account: ``shown`` is None for the present."""

    def __init__(
        self,
        present: Callable[[], Standing],
        lag_s: Callable[[], float],
        later: Callable[..., None],
        news: Callable[[], None],
    ) -> None:
        self._present, self._lag_s, self._later, self._news = present, lag_s, later, news
        self._newest: Standing | None = None
        self._due = False
        self.shown: Standing | None = None

    def changed(self) -> None:
        """The account has changed: tell, soon or after the lag."""
        lag_s = self._lag_s()
        if not lag_s:
            self._newest = self.shown = None
            self._tell_soon()
            return
        if self._newest is not None and self.shown is None:
            self.shown = self._newest
        self._newest = now = self._present()
        self._later(lag_s, self._arrived, now)
        if self.shown is None:
            self._tell_soon()

    def _arrived(self, then: Standing) -> None:
        """What was true a while ago reaches the clients, unless the lag was turned off meanwhile."""
        if self._newest is None:
            return
        self.shown = None if then is self._newest else then
        self._tell_soon()

    def _tell_soon(self) -> None:
        if not self._due:
            self._due = True
            self._later(NEWS_DELAY_S, self._tell)

    def _tell(self) -> None:
        self._due = False
        self._news()
