"""People."""

import strawberry_django
from strawberry import relay

from auth.models import User as UserRow


@strawberry_django.type(UserRow, description="A person or a bot, as everybody may see them.")
class User(relay.Node):
    """A user's public profile."""

    id: relay.NodeID[int]
    username: str = strawberry_django.field(description="Unique without regard to case.")
    display_name: str = strawberry_django.field(description="The name to show.")
    avatar_url: str | None = strawberry_django.field(description="Where the picture is, if there is one.")
    is_bot: bool = strawberry_django.field(description="Whether a program speaks here.")
