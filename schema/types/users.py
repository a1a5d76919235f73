"""The GraphQL type of a user's public profile."""

import strawberry_django
from strawberry import relay

from auth.models import User as UserRow


@strawberry_django.type(UserRow, description="The public profile of a person or a bot.")
class User(relay.Node):
    """A user's public profile."""

    id: relay.NodeID[int]
    username: str = strawberry_django.field(
        description="The name to log in with; unique regardless of upper and lower case."
    )
    display_name: str = strawberry_django.field(description="The name to display.")
    avatar_url: str | None = strawberry_django.field(
        description="The address of the profile picture, if there is one."
    )
    is_bot: bool = strawberry_django.field(description="Whether this user is a program.")
