"""The Django app of the process: it has the commands and no models."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """The app `api`."""

    name = "api"

    def ready(self) -> None:
        """Connect the layers."""
        # Imported here, since it needs the models to be loaded.
        from api.process.composition import connect_layers

        connect_layers()
