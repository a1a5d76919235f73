"""Write the files generated from the code: schema.graphql and .env.example."""

from typing import Any

from django.core.management.base import BaseCommand

from api.config.generated import write


class Command(BaseCommand):
    """`manage.py write_generated`."""

    help = __doc__ or ""

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Write the files."""
        write()
