"""The ASGI application: Strawberry's router, GraphQL under `/graphql/`."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.peers.stock.settings")
django_application = get_asgi_application()

# What follows needs Django to be set up.
from strawberry.channels import GraphQLProtocolTypeRouter  # noqa: E402

from bench.peers.stock.schema import schema  # noqa: E402

application = GraphQLProtocolTypeRouter(schema, django_application=django_application)  # type: ignore[arg-type]
