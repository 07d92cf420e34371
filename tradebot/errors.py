"""Every error the bot raises itself. A name says what the caller does; an expected outcome is a value instead.

The message defaults to the docstring's first line, so that no error ever reaches a person empty.
"""


class TradebotError(Exception):
    """Something in tradebot went wrong."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (self.__doc__ or "").strip().splitlines()[0])


class ConfigError(TradebotError):
    """The configuration is wrong: a person must edit it. Carries one line per mistake."""


class GatewayError(TradebotError):
    """The simulated gateway cannot serve."""


class PayloadError(TradebotError):
    """An alert's body cannot be understood: its sender must correct it."""


class BrokerUnavailable(TradebotError):
    """The broker cannot be reached; nothing was sent."""


class BrokerSilent(BrokerUnavailable):
    """The broker is there and did not answer a question in time."""

    def __init__(self, question: str, how: str) -> None:
        super().__init__(f"the gateway did not answer the question for {question} {how}")
        self.question = question


class OrderUncertain(TradebotError):
    """An order may have been sent: reconcile, never resend."""


class UnknownContract(TradebotError):
    """The broker knows no such stock, or more than one: final for this alert."""


class LedgerUnavailable(TradebotError):
    """The database cannot be reached or did not answer in time: nothing was stored, as far as is known."""


class LedgerNotWritable(LedgerUnavailable):
    """The database answers and takes nothing: its disk is full, or may not be written."""


class QueueUnavailable(TradebotError):
    """The queue cannot be reached: ids wait in the database until the requeue."""


class NotCounted(TradebotError):
    """The figures of a period could not be counted. What they are made of is untouched."""


class MigrationError(TradebotError):
    """The database's tables do not fit this program."""


class BackupError(TradebotError):
    """A backup could not be made, or cannot be used; what was there before is there still."""


class LockHeld(TradebotError):
    """Another instance holds the lock on this database."""


class LockLost(TradebotError):
    """This instance's lock is gone: stop sending and exit."""


class IllegalTransition(TradebotError):
    """A state was asked to move where the table has no way."""
