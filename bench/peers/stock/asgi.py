"""The ASGI application of the stock peer: Strawberry's router, with GraphQL at `/graphql/`."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.peers.stock.settings")
django_application = get_asgi_application()

# These imports need Django to be set up.
from strawberry.channels import GraphQLProtocolTypeRouter  # noqa: E402

from bench.peers.stock.schema import schema  # noqa: E402

application = GraphQLProtocolTypeRouter(schema, django_application=django_application)  # type: ignore[arg-type]
