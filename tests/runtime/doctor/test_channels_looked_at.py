"""The doctor and the channels: each is connected to, and none gets a message."""

from tests.receivers import MailBox, mail_server, receiver
from tests.runtime.doctor.installation import Installation
from tradebot.runtime.doctor import Status

PATH = "/services/abcdefghijklmnopqrstuvwx"


async def test_each_channel_has_its_line_and_gets_no_message(one: Installation) -> None:
    """The owner would learn in the night that a channel never worked; or everybody in it would be told of each check."""
    async with receiver() as there, mail_server(MailBox()) as box:
        one.set("channels.team", type="slack", url=there.url + PATH)
        one.set("channels.gone", type="webhook", url=f"http://127.0.0.1:1{PATH}", secret="6f1d3c5ab4970e28")
        mail = {"host": "localhost", "port": box.port, "tls": "none", "sender": "a@b.de", "to": ["c@d.de"]}
        one.set("channels.email", **mail)
        report = await one.examine()
    found = {line.check: line for section in report.sections if section.title == "Channels" for line in section.lines}
    assert {name: line.status for name, line in found.items()} == {
        "team": Status.OK,
        "email": Status.OK,
        "gone": Status.FAILURE,
    }
    assert found["gone"].found == "not reached: Connection refused"
    assert "`tradebot channels test gone`" in found["gone"].fix
    assert PATH not in str(report.document())
    assert (there.got, box.got) == ([], [])
