"""The queue: Redis reached, written to, a master that throws nothing away; or the embedded one, said plainly."""

from tradebot.errors import ConfigError, QueueUnavailable
from tradebot.queues.redis import RedisFacts, open_redis_queue
from tradebot.runtime.doctor.report import Section
from tradebot.runtime.doctor.surroundings import Asked

TITLE = "Queue"
REACHED, ROLE, WRITE, MEMORY = "connection", "role", "writing", "memory"
EMBEDDED = ("queue",)
CHECKS = (REACHED, ROLE, WRITE, MEMORY)
TIMEOUT_S = 3.0
_AT_A_REPLICA = "point [queue] url at the master, or make this one the master: redis-cli REPLICAOF NO ONE"
_REMEDIES = (  # by words of Redis's, without the code that the library takes off
    ("READ ONLY REPLICA", _AT_A_REPLICA),
    ("MISCONF", "it cannot save to its disk: make room there, look at Redis's log"),
    ("NO PERMISSIONS", "let its user write: redis-cli ACL SETUSER … +@all ~*"),
    ("USED MEMORY", "its memory is full: raise maxmemory in redis.conf"),
    ("AUTHENTICATION REQUIRED", "put the password into [queue] url: redis://:password@host:6379/0"),
    ("INVALID USERNAME-PASSWORD", "correct user and password in [queue] url"),
)


def is_embedded(asked: Asked) -> bool:
    return asked.settings.queue.url.get_secret_value().startswith("embedded:")


async def look(section: Section, asked: Asked) -> None:
    if is_embedded(asked):
        section.ok(
            "queue", "embedded, in the daemon's memory; refilled from the database at each start, nothing is lost"
        )
        return
    try:
        url, timeout_s = asked.settings.queue.url.get_secret_value(), asked.within(TIMEOUT_S)
        async with open_redis_queue(url, timeout_s=timeout_s) as queue:
            facts = await queue.facts()
            section.ok(REACHED, facts.version or "it answers (and does not let this user ask for more)")
            _role(section, facts)
            _memory(section, facts)
            try:
                await queue.ping()
            except QueueUnavailable as error:
                _refused(section, WRITE, error)
            else:
                section.ok(WRITE, "it takes writes")
    except (QueueUnavailable, ConfigError) as error:
        _refused(section, REACHED, error)


def _refused(section: Section, check: str, error: Exception) -> None:
    found, _, remedy = str(error).rpartition(": ")
    own = next((fix for word, fix in _REMEDIES if word in found.upper()), None)
    section.fail(check, found.removesuffix(": it answers, but does not do what the queue needs"), own or remedy)


def _role(section: Section, facts: RedisFacts) -> None:
    if facts.role is None:
        section.skip(ROLE, "this user may not ask for it")
    elif facts.role == "master":
        section.ok(ROLE, "master")
    else:
        section.fail(ROLE, "it is a replica, which takes no writes", _AT_A_REPLICA)


def _memory(section: Section, facts: RedisFacts) -> None:
    if facts.policy is None:
        section.skip(MEMORY, "this user may not ask for it")
    elif facts.policy.startswith("allkeys"):
        bound = "" if facts.bounded else ", once it has a maxmemory"
        section.warn(
            MEMORY,
            f"maxmemory-policy {facts.policy}: it throws lists away when its memory is full{bound}; alerts then wait for the "
            "requeue",
            "maxmemory-policy noeviction in redis.conf",
        )
    else:
        section.ok(MEMORY, f"maxmemory-policy {facts.policy}: it throws no list away")
