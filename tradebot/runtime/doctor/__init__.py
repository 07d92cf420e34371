"""Looks at an installation from the outside in, and says of each thing how it is, what was found, and what to do.

It changes nothing: what it writes it takes back, its order is a what-if order, its message to the webhook is none that could be
taken. It works beside a running daemon, and as well where nothing runs.
"""

from tradebot.runtime.doctor.examine import examine, wrong_configuration
from tradebot.runtime.doctor.report import Line, Report, Section, Status
from tradebot.runtime.doctor.surroundings import Asked, Machine

__all__ = ["Asked", "Line", "Machine", "Report", "Section", "Status", "examine", "wrong_configuration"]
