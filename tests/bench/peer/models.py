"""Its table, and how both processes reach database and queue."""

import os
from datetime import UTC, datetime

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

QUEUE = "orders"
engine = create_async_engine(os.environ["DATABASE_URL"])
Session = async_sessionmaker(engine, expire_on_commit=False)
redis = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)


class Base(DeclarativeBase):
    """What its tables are declared on."""


class Alert(Base):
    """What came, and what became of it."""

    __tablename__ = "alerts"

    id: Mapped[int] = mapped_column(primary_key=True)
    received_at: Mapped[str] = mapped_column(default=lambda: datetime.now(UTC).isoformat())
    ticker: Mapped[str]
    action: Mapped[str]
    status: Mapped[str] = mapped_column(default="queued")
