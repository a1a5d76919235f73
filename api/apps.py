"""The process as a Django app: it owns the commands and no models."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """`api` among Django's apps."""

    name = "api"

    def ready(self) -> None:
        """Join the layers."""
        # Models must be loaded before what this imports.
        from api.process.composition import connect_layers

        connect_layers()
