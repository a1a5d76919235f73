"""The people and conversations of the demo, as data. `seed_demo` writes them to the database."""

from dataclasses import dataclass

PASSWORD = "parlor-demo"  # noqa: S105 - public on purpose; `seed_demo` refuses to run in production

PEOPLE = {
    "ann": "Ann Archer",
    "bob": "Bob Baker",
    "cy": "Cy Castellan",
    "dee": "Dee Dubois",
    "eli": "Eli Eriksen",
    "fay": "Fay Fontaine",
}


@dataclass(frozen=True, slots=True)
class Line:
    """A message, `after` minutes after the previous line; `reply_to` is the index of a line, from 0."""

    sender: str
    text: str
    after: int = 2
    reply_to: int | None = None
    edited_to: str | None = None
    is_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """A chat that began `days_ago`; without a title, a direct one. The first of `people` creates it.

    The last `unread` lines are unread, except by their senders.
    """

    people: tuple[str, ...]
    lines: tuple[Line, ...]
    days_ago: float
    title: str | None = None
    unread: int = 0


_DAY = 24 * 60


def _allotment() -> tuple[Line, ...]:
    """A hundred and fifty lines of a garden's diary: enough to page through."""
    crops = ("the beans", "the leeks", "the potatoes", "the sweet peas", "the courgettes", "the rhubarb")
    chores = ("watered", "weeded around", "picked slugs off", "put straw under", "thinned out")
    weather = (
        "Grey and still.",
        "Sun since eight.",
        "Rain came at noon.",
        "Windy, so I did not stay long.",
        "Frost.",
    )
    answers = (
        "Thank you! I will take the evening.",
        "The gate was open again, I shut it.",
        "Lovely. Photos, please.",
    )
    people = ("dee", "eli", "fay", "ann")
    lines = []
    for day in range(50):
        gardener, other = people[day % 4], people[(day + 1 + day % 3) % 4]
        crop, chore = crops[day % len(crops)], chores[day % len(chores)]
        lines.append(
            Line(gardener, f"Day {day + 1}: {chore} {crop}. {weather[day % len(weather)]}", _DAY - 65)
        )
        lines.append(Line(other, answers[day % len(answers)], 25, reply_to=len(lines) - 1))
        lines.append(Line(gardener, f"Tomorrow: {crops[(day + 1) % len(crops)]}.", 40))
    return tuple(lines)


CONVERSATIONS = (
    Conversation(("dee", "eli", "fay", "ann"), _allotment(), days_ago=50.05, title="Allotment 27", unread=4),
    Conversation(
        ("ann", "bob"),
        (
            Line("ann", "Hi Bob! Are you still coming on Saturday?"),
            Line("bob", "Yes! I bring the bread, as always."),
            Line("ann", "The one with the seeds?", reply_to=1),
            Line(
                "bob",
                "The one with the seeds",
                edited_to="The one with the seeds. Two, if Cy comes.",
            ),
            Line("ann", "Bring three. Eli eats one alone \U0001f604", 5),
            Line("bob", "Which train do you take home afterwards?", _DAY + 95),
            Line("ann", "The 22:14, there is nothing after it", 12),
            Line("bob", "asdfgh", 1, is_deleted=True),
            Line("bob", "Sorry, that was the cat", 1),
            Line("ann", "The cat makes a good point", 3, reply_to=8),
            Line("bob", "Bread is in the oven. See you at seven!", _DAY - 40),
            Line("ann", "See you! The door is open, just come in.", 6),
        ),
        days_ago=2.6,
        unread=1,
    ),
    Conversation(
        ("cy", "ann", "bob", "dee", "eli"),
        (
            Line("cy", "I have put us all in one chat, so that nobody can say they did not know."),
            Line("dee", "Know what?", 1),
            Line("cy", "That we walk the ridge on the 14th. Whole day, boots, no excuses.", 2, reply_to=1),
            Line("eli", "My boots are an excuse", 4),
            Line("bob", "I can lend you a pair. Size 44?", 2, reply_to=3),
            Line("eli", "43, with two pairs of socks it will do", 3),
            Line("ann", "How long is it?", 90),
            Line(
                "cy",
                "17 km and 900 m up",
                2,
                reply_to=6,
                edited_to="17 km and 1,100 m up (I read the map again)",
            ),
            Line("dee", "You said 'a stroll'", 1, reply_to=7),
            Line("cy", "A stroll with a view", 1),
            Line("ann", "Forecast for the 14th: dry until four, then showers.", _DAY * 3 + 200),
            Line("bob", "Then we start at seven?", 8),
            Line("dee", "Eight. I am a person, not a rooster.", 2),
            Line("eli", "Eight", 1),
            Line("cy", "Eight it is. Meet at the lower car park, I bring coffee for all.", 6),
            Line("ann", "You are forgiven for the 1,100 m", 3, reply_to=14),
        ),
        days_ago=5,
        title="Ridge walk",
        unread=3,
    ),
    Conversation(
        ("bob", "fay"),
        (
            Line("bob", "Fay, did the parcel arrive at your place by mistake?"),
            Line("fay", "A long flat one? It is in my hall. I thought it was a very modern painting.", 50),
            Line("bob", "It is a shelf.", 2),
            Line("fay", "It is a painting of a shelf until you come for it.", 1, reply_to=2),
            Line("bob", "Tomorrow after six?", 4),
            Line("fay", "Tomorrow after six.", 3),
        ),
        days_ago=9,
    ),
    Conversation(
        ("ann", "dee"),
        (
            Line("dee", "I finished the book. I need to talk to somebody about the ending."),
            Line("ann", "NO. I am on page 200.", 3),
            Line("dee", "The lighthouse", 1, is_deleted=True),
            Line("dee", "I said nothing. You saw nothing.", 1),
            Line("ann", "Page 310. I begin to see why you were in a state.", _DAY * 2),
            Line("dee", "Call me at 350", 10),
        ),
        days_ago=3,
        unread=1,
    ),
    Conversation(
        ("eli", "fay", "cy", "bob"),
        (
            Line("eli", "Quiz night: theme suggestions, please"),
            Line("fay", "Rivers", 5),
            Line("cy", "Capitals that are not what you think", 1),
            Line("bob", "Bread", 1),
            Line("eli", "We had bread last time, Bob", 1, reply_to=3),
            Line("bob", "And it was the best round", 1, reply_to=4),
            Line("fay", "He is right, though", 2),
            Line("eli", "Rivers, capitals, bread. Done. Thursday at eight.", 30),
        ),
        days_ago=1.2,
        title="Quiz team",
        unread=2,
    ),
)
