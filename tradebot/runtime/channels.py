"""The configured channels, made of their sections: the one place that knows all types.

A type's module, and the library below it, is imported only where a channel of the type is configured.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tradebot.config import Settings
from tradebot.config.channels import APPRISE, DISCORD, EMAIL, PORTS, SLACK, WEBHOOK, ChannelSection
from tradebot.domain.strategies import Strategies
from tradebot.notify.channel import Channel
from tradebot.ports import Clock

AnyChannel = Channel[Any]
"""The outbox of a channel folds and sends its messages; nobody else looks at one."""


def channels_of(settings: Settings, clock: Clock) -> Sequence[AnyChannel]:
    """Each as the file names it, in its order; nothing is connected to yet. Raises ConfigError."""
    strategies = settings.strategies()
    return [
        _MAKERS[section.type_of(name)](name, section, strategies, clock)
        for name, section in settings.channel_sections.items()
    ]


def _email(name: str, section: ChannelSection, strategies: Strategies, clock: Clock) -> AnyChannel:
    from tradebot.notify.mail import MailChannel, MailServer  # noqa: PLC0415

    assert section.host and section.sender and section.to, "the configuration asks for them"  # noqa: PT018
    server = MailServer(
        host=section.host,
        port=section.port or PORTS[section.tls],
        tls=section.tls,
        user=section.user,
        password=section.password.get_secret_value() if section.password else None,
        sender=section.sender,
        to=section.to,
    )
    return MailChannel(name, server, strategies)


def _slack(name: str, section: ChannelSection, strategies: Strategies, clock: Clock) -> AnyChannel:
    from tradebot.notify.slack import SlackChannel  # noqa: PLC0415

    return SlackChannel(name, _url(section), strategies)


def _discord(name: str, section: ChannelSection, strategies: Strategies, clock: Clock) -> AnyChannel:
    from tradebot.notify.discord import DiscordChannel  # noqa: PLC0415

    return DiscordChannel(name, _url(section), strategies)


def _webhook(name: str, section: ChannelSection, strategies: Strategies, clock: Clock) -> AnyChannel:
    from tradebot.notify.webhook import WebhookChannel  # noqa: PLC0415

    assert section.secret, "the configuration asks for it"
    return WebhookChannel(name, _url(section), section.secret.get_secret_value(), strategies, clock)


def _apprise(name: str, section: ChannelSection, strategies: Strategies, clock: Clock) -> AnyChannel:
    from tradebot.notify.by_apprise import AppriseChannel  # noqa: PLC0415

    return AppriseChannel(name, _url(section), strategies)


_MAKERS: Mapping[str, Callable[[str, ChannelSection, Strategies, Clock], AnyChannel]] = {
    EMAIL: _email,
    SLACK: _slack,
    DISCORD: _discord,
    WEBHOOK: _webhook,
    APPRISE: _apprise,
}


def _url(section: ChannelSection) -> str:
    assert section.url, "the configuration asks for it"
    return section.url.get_secret_value()
