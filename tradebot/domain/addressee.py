"""Whose an alert is. Pure.

Rules: the path says it (`/webhook/NAME`), else the message ("strategy": "NAME"), else it is the default's: the only one, or
`main`. Nothing is guessed: a name that is not there, and two that differ, are errors that list those there are.
"""

from tradebot.domain.payload.dialects import Message, named_strategy
from tradebot.domain.payload.shown import shown
from tradebot.domain.strategies import Strategies, Strategy
from tradebot.errors import PayloadError


def named_in(message: Message) -> str | None:
    """The strategy that the message names. Raises PayloadError for what is no text: it may be meant as a name."""
    value = (message.fields or {}).get("strategy")
    if value is None or isinstance(value, str | dict):  # an object is the nested dialect's
        return named_strategy(message)
    raise PayloadError(
        f'"strategy" must be a strategy\'s name in quotes, but it is {shown(value)}. Nothing was traded. Correct it, or leave the'
        " field out."
    )


def addressee(strategies: Strategies, path: str | None, named: str | None) -> Strategy:
    """Whose the alert is, by the name in the path and the one in the message. Raises PayloadError."""
    if path is not None and named is not None and path != named:
        raise PayloadError(
            f"The address is that of strategy {shown(path)}, and the message names strategy {shown(named)}. Nothing was traded."
            f' Leave "strategy" out of the message, or send it to the other address. {_there_are(strategies)}'
        )
    name = named if path is None else path
    if name is None:
        default = strategies.default()
        if default is None:
            example = strategies.names[0]
            raise PayloadError(
                f"Which strategy the alert is for is not said. {_there_are(strategies)} Send it to /webhook/{example}, or"
                f' write "strategy": "{example}" into the message.'
            )
        return default
    if name not in strategies.by_name:
        where = "the message" if path is None else "the webhook's address"
        raise PayloadError(
            f"There is no strategy {shown(name)}, which {where} names. {_there_are(strategies)} Correct the name, or add"
            " [strategies.NAME] to the configuration."
        )
    return strategies.named(name)


def _there_are(strategies: Strategies) -> str:
    names = ", ".join(strategies.names)
    return f"There is {names} alone." if strategies.only else f"There are {names}."
