"""Messages that are nearly documented ones: some fields changed, or fields of another dialect put in."""

from decimal import Decimal

from hypothesis import strategies as st

from tests.domain.templates import TEMPLATES
from tradebot.domain.instructions import Instruction
from tradebot.domain.payload.dialects import DIALECTS, Message, read_message

UNDERSTOOD = [template for template in TEMPLATES if isinstance(template.becomes, Instruction)]
SECRET = "correct-horse-battery"

VALUES: st.SearchStrategy[object] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 300),
    st.sampled_from(
        [
            *(
                "",
                " ",
                "buy",
                "SELL ",
                "exit",
                "long",
                "flat",
                "short",
                "5",
                " 5 ",
                "-5",
                "5%",
                "0",
                "NaN",
                "1e3",
                "market",
                "limit",
            ),
            *(
                "stop",
                "day",
                "gtc",
                "true",
                "off",
                "ema",
                "fixed_quantity",
                "2026-11-20T15:04:05Z",
                "1795187045",
                "{{close}}",
            ),
            *(
                Decimal("1.5"),
                Decimal(-1),
                [],
                {},
                {"percent": 5},
                {"limitPrice": "5", "type": "stop_limit", "stopPrice": 6},
            ),
            *({"market_position": "flat"}, {"amount": 3}, [{"name": "qty", "value": 5}]),
        ]
    ),
)


@st.composite
def near_templates(draw: st.DrawFn) -> Message:
    """A documented message with some of its fields changed, or fields of another dialect put in."""
    message = read_message(draw(st.sampled_from(UNDERSTOOD)).sent)
    if message.fields is None:
        words = [
            *(message.text or "").split(),
            *draw(st.lists(st.sampled_from(["10", "AAPL", "close", ".5"]), max_size=1)),
        ]
        return Message(None, " ".join(draw(st.permutations(words))))
    names = st.sampled_from(sorted({*message.fields, *DIALECTS[draw(st.sampled_from(sorted(DIALECTS)))].names}))
    changes = draw(st.dictionaries(names, VALUES, max_size=4))
    if message.text is not None:
        changes = {name.lower(): str(value) for name, value in changes.items()}
    return Message({**message.fields, **changes}, message.text)
