"""The facts of each kind of event: one frozen dataclass a kind, with its severity. Pure.

Rules: figures, times and codes, no sentences; where a text stands, somebody else wrote it (IB, a library, an error). A fact that
is added later has a default, so that events stored before can still be read; a kind's stored name never changes its meaning.
"""

from collections.abc import Mapping

from tradebot.domain.events import EventKind, Facts
from tradebot.domain.facts.account import (
    BrokerConnected,
    BrokerLost,
    BrokerUnreachable,
    ExitIncomplete,
    GateOpened,
    Mismatch,
    OrphanOrder,
    OwnerHoldings,
    PositionsCompared,
    SettingChanged,
    StateChanged,
    TradingRefused,
    WrittenOff,
)
from tradebot.domain.facts.alerts import (
    AlertBlocked,
    AlertCleared,
    AlertConflict,
    AlertExpired,
    AlertFailed,
    AlertPending,
    AlertRejected,
    AlertRepeated,
    AlertStored,
    AlertUnreadable,
)
from tradebot.domain.facts.daemon import (
    DailyReport,
    HealthBack,
    HealthFailing,
    JobFailed,
    JobMissed,
    LoginReminder,
    MarketOpen,
    QueueJunk,
    Started,
    Stopped,
)
from tradebot.domain.facts.orders import (
    BooksCorrected,
    BuyFilled,
    OrderAccepted,
    OrderCancelling,
    OrderFailed,
    OrderIntent,
    OrderResolved,
    OrderUnknown,
    PartialFill,
    SellFilled,
)

FACTS: Mapping[EventKind, type[Facts]] = {
    facts.kind: facts
    for facts in (
        AlertStored,
        AlertRejected,
        AlertConflict,
        AlertRepeated,
        AlertUnreadable,
        AlertPending,
        AlertBlocked,
        AlertFailed,
        AlertExpired,
        AlertCleared,
        OrderIntent,
        OrderAccepted,
        OrderCancelling,
        PartialFill,
        BuyFilled,
        SellFilled,
        OrderFailed,
        OrderUnknown,
        OrderResolved,
        BooksCorrected,
        WrittenOff,
        ExitIncomplete,
        OrphanOrder,
        Mismatch,
        OwnerHoldings,
        PositionsCompared,
        StateChanged,
        SettingChanged,
        BrokerConnected,
        BrokerLost,
        BrokerUnreachable,
        TradingRefused,
        GateOpened,
        MarketOpen,
        DailyReport,
        HealthFailing,
        HealthBack,
        LoginReminder,
        JobFailed,
        JobMissed,
        QueueJunk,
        Started,
        Stopped,
    )
}
"""What each kind of event knows."""
