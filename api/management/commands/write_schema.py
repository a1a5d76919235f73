"""Write schema.graphql: the contract that clients generate their types from."""

from typing import Any

from django.core.management.base import BaseCommand

from api.contract import CONTRACT, exported


class Command(BaseCommand):
    """`manage.py write_schema`."""

    help = __doc__ or ""

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Write the file."""
        CONTRACT.write_text(exported(), encoding="utf-8")
