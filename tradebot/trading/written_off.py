"""What stands in the books for shares that are gone: an alert by a person, and the SELL of it that no execution made. No I/O."""

from datetime import datetime
from decimal import Decimal

from tradebot.domain.alerts import AlertStatus, NewAlert, Side
from tradebot.domain.payload.identity import payload_hash
from tradebot.domain.positions import WriteOff
from tradebot.domain.reasons import Reason, ReasonCode
from tradebot.domain.trades import ORDER_REF_PREFIX, NewTrade


def alert(loss: WriteOff, by: str, key: str, now: datetime) -> NewAlert:
    return NewAlert(
        received_at=now,
        ticker=loss.ticker,
        action=Side.SELL,
        price=None,
        alert_time=None,
        primary_exchange=None,
        idempotency_key=f"own:{key}",
        payload_hash=payload_hash({"key": key}),
        raw_body=b"",
        source_ip=None,
        status=AlertStatus.EXECUTED,
        reason=Reason(ReasonCode.WRITTEN_OFF, {"by": by}),
        strategy=loss.strategy,
    )


def trade(loss: WriteOff, by: str, alert_id: int, now: datetime) -> NewTrade:
    return NewTrade(
        alert_id=alert_id,
        ticker=loss.ticker,
        con_id=loss.con_id,
        side=Side.SELL,
        requested_qty=loss.qty,
        order_ref=f"{ORDER_REF_PREFIX}{alert_id}-written-off",
        ib_position_before=None,
        reserved=Decimal(0),
        decision={"written_off_by": by, "held": str(loss.held)},
        created_at=now,
        strategy=loss.strategy,
    )
