"""Handlers of IB's messages: one that cannot be read is skipped, and said; ib_async would swallow the error."""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar, cast

from loguru import logger

_P = ParamSpec("_P")
_S = TypeVar("_S")


def guarded(method: Callable[Concatenate[_S, _P], None]) -> Callable[Concatenate[_S, _P], None]:
    """Logs what the method raises, and goes on."""

    @functools.wraps(method)
    def handler(self: _S, *args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            method(self, *args, **kwargs)
        except Exception as error:
            logger.error("A message from IB cannot be read and is skipped: {}{}: {!r}", method.__name__, args, error)

    return cast(Callable[Concatenate[_S, _P], None], handler)
