"""Sends alerts as TradingView does, all the time, and writes down which were taken. Runs in the machine, on Python's own library.

Rules: from TradingView's address, through the proxy, over TLS that is checked; three seconds for an answer; what was not taken
(a 5xx, no answer, no connection) is sent three times more, as it was. What was answered 200 is promised, and noted at once.
"""

import http.client
import itertools
import json
import signal
import socket
import ssl
import sys
import time
from pathlib import Path

PAUSE_S = 0.5
RESENDS = 3
RESEND_AFTER_S = 4.0
TICKERS = ("AAPL", "MSFT", "NVDA", "AMD", "KO", "IBM")


def send(host: str, source: str, trust: ssl.SSLContext, body: bytes) -> int:
    """The status of the answer; 0 without one."""
    connection = http.client.HTTPSConnection(host, timeout=3, context=trust, source_address=(source, 0))
    try:
        connection.request("POST", "/webhook", body, {"Content-Type": "application/json; charset=utf-8"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def main(host: str, source: str, certificate: str, secret_file: str, record: str) -> None:
    trust = ssl.create_default_context(cafile=certificate)
    socket.setdefaulttimeout(3)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with Path(record).open("a", buffering=1) as out:
        for number in itertools.count(1):
            ticker = TICKERS[number // 2 % len(TICKERS)]
            alert = {"action": ("buy", "sell")[number % 2], "ticker": ticker, "alert_id": f"drill-{number}"}
            for attempt in range(1 + RESENDS):
                secret = Path(secret_file).read_text().strip()
                status = send(host, source, trust, json.dumps(alert | {"secret": secret}).encode())
                line = {"alert_id": alert["alert_id"], "attempt": attempt, "status": status, "at": time.time()}
                out.write(json.dumps(line) + "\n")
                if 0 < status < 500:
                    break
                time.sleep(RESEND_AFTER_S)
            time.sleep(PAUSE_S)


if __name__ == "__main__":
    main(*sys.argv[1:])
