"""Takes alerts: `uvicorn tests.bench.peer.webhook:app`."""

import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Literal

from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from tests.bench.peer.models import QUEUE, Alert, Base, Session, engine, redis

SECRET = os.environ["WEBHOOK_SECRET"]


class Message(BaseModel):
    """The body of an alert."""

    secret: str
    action: Literal["BUY", "SELL"]
    ticker: str


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


async def session() -> AsyncIterator[AsyncSession]:
    async with Session() as opened:
        yield opened


app = FastAPI(lifespan=lifespan)


@app.post("/webhook")
async def webhook(message: Message, books: Annotated[AsyncSession, Depends(session)]) -> dict[str, str | int]:
    if not secrets.compare_digest(message.secret, SECRET):
        raise HTTPException(401, "wrong secret")
    alert = Alert(ticker=message.ticker, action=message.action)
    books.add(alert)
    await books.commit()
    await redis.rpush(QUEUE, json.dumps({"id": alert.id, "ticker": alert.ticker, "action": alert.action}))
    return {"status": "queued", "alert_id": alert.id}
