"""ib_async without numpy, which eventkit imports for arrays of events that nobody here asks for.

Rules: imported before ib_async (`broker/__init__.py`). numpy is loaded when something of it is used, by whomever: 11 MB, and a
sixth of a start. (The standard library's `LazyLoader` loads at the second `import` already, before Python 3.12.)
"""

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any


class _WhenUsed(ModuleType):
    """Stands for a module until something of it is asked for."""

    def __getattr__(self, attribute: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), attribute)


def _when_used(name: str) -> None:
    spec = None if name in sys.modules else importlib.util.find_spec(name)
    if spec is not None:
        sys.modules[name] = _WhenUsed(name)
        sys.modules[name].__spec__ = spec


_when_used("numpy")
