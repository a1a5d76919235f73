"""Check that the migrations, schema.graphql and .env.example match the code. Needs no database."""

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
        """Fail with the difference, if there is one."""
        missing = _missing_migrations()
        if missing:
            raise CommandError(
                "Models have changed without a migration (manage.py makemigrations): " + "; ".join(missing)
            )
        difference = drift()
        if difference:
            self.stdout.write(difference)
            raise CommandError(
                "A generated file differs from the code: run `make schema` and commit the result."
            )


def _missing_migrations() -> list[str]:
    # As `makemigrations --check`, but without the database, which `make check` does not have.
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
