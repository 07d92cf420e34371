"""A Bot API server of the least that the bot needs: it is itself, nobody writes to it, and every message is taken.

Runs in the machine, on Python's own library. What was sent can be read at /sent.
"""

import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BOT = {"id": 123456789, "is_bot": True, "first_name": "tradebot", "username": "tradebot_test_bot"}
SENT: list[str] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode("utf-8", "replace")
        method = self.path.partition("?")[0].rpartition("/")[2]
        answer = json.dumps(SENT if method == "sent" else {"ok": True, "result": self._result(method, body)}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _result(self, method: str, body: str) -> object:
        if method == "getMe":
            return BOT
        if method == "getUpdates":
            time.sleep(5)  # nobody writes
            return []
        if method == "getChat":
            return {
                "id": 123456789,
                "type": "private",
                "first_name": "Ann",
                "accent_color_id": 0,
                "max_reaction_count": 0,
            }
        if method.startswith(("send", "edit")):
            SENT.append(body)
            return {
                "message_id": len(SENT),
                "date": int(time.time()),
                "chat": {"id": 123456789, "type": "private"},
                "text": "…",
            }
        return True

    def log_message(self, *_: object) -> None:
        """Quiet."""


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
