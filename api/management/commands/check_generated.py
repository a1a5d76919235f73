"""Check that the migrations, schema.graphql and .env.example say what the code says. Needs no database."""

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from api.config.generated import drift


class Command(BaseCommand):
    """`manage.py check_generated`."""

    help = __doc__ or ""

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Fail with the difference."""
        missing = _missing_migrations()
        if missing:
            raise CommandError(
                "Models have changed without a migration (manage.py makemigrations): " + "; ".join(missing)
            )
        difference = drift()
        if difference:
            self.stdout.write(difference)
            raise CommandError(
                "A generated file is not what the code says: run `make schema` and commit the result."
            )


def _missing_migrations() -> list[str]:
    # What `makemigrations --check` does, less its look into the database, which `make check` has none of.
    loader = MigrationLoader(None)
    changes = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps)).changes(
        loader.graph
    )
    return [
        f"{label}: {operation.describe()}"
        for label, migrations in changes.items()
        for migration in migrations
        for operation in migration.operations
    ]
