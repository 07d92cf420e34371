"""aiogram without the models that nobody uses: what is used works, what is not used costs nothing."""

import subprocess
import sys

BEGIN = """
from tradebot.telegram.lean import import_aiogram
import_aiogram()
from aiogram import methods, types
from aiogram.methods.base import Response
models = [getattr(room, name) for room in (types, methods) for name in room.__all__]
models = [model for model in models if hasattr(model, "model_rebuild")]
"""
MESSAGE = (
    '{"message_id": 1, "date": 1, "chat": {"id": 1, "type": "private"}, "text": "/status", "reply_to_message": null}'
)


def run(code: str) -> str:
    """What a process of its own prints: this one has models at work already."""
    done = subprocess.run([sys.executable, "-c", BEGIN + code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_chat_pays_for_what_it_uses() -> None:
    """A small VPS would give 100 MB to messages about gifts, stickers and passports, and every start five seconds."""
    import_and_count = """
import tradebot.telegram.serving
print(sum(model.__pydantic_complete__ for model in models if issubclass(model, types.TelegramObject)))
"""
    assert int(run(import_and_count)) < 10


def test_what_comes_and_what_goes_is_read_as_ever() -> None:
    """A model that is built at its first use would not know the models inside of it."""
    out = run(f"""
update = types.Update.model_validate_json('{{"update_id": 7, "message": {MESSAGE}}}')
answer = Response[types.Message].model_validate_json('{{"ok": true, "result": {MESSAGE}}}')
sent = methods.SendMessage(chat_id=1, text="hi", reply_markup=types.ForceReply(force_reply=True))
print(update.message.text, answer.result.chat.type, sent.model_dump(exclude_none=True)["reply_markup"]["force_reply"])
""")
    assert out == "/status private True"


def test_every_model_can_be_built() -> None:
    """One that the chat begins to use would fail at the owner's, at its first use."""
    out = run("""
for model in models:
    model.model_rebuild()
print({model.__name__ for model in models if not model.__pydantic_complete__}, len(models) > 500)
""")
    assert out == "set() True"


def test_other_models_are_built_meanwhile() -> None:
    """Another thread's model, first used while aiogram is imported, would stay without its validator."""
    done = subprocess.run([sys.executable, "-c", MEANWHILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "2"), done.stderr


MEANWHILE = """
import sys
from importlib.abc import MetaPathFinder
from pydantic import BaseModel, ConfigDict
from tradebot.telegram.lean import import_aiogram

class Late(BaseModel):
    model_config = ConfigDict(defer_build=True)
    number: int

class Meanwhile(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "aiogram.types.message":
            print(Late(number="2").number)

sys.meta_path.insert(0, Meanwhile())
import_aiogram()
"""
