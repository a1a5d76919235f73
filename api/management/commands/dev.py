"""Run Parlor on this machine: private servers, migrations, demo data, web pages and the server itself."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from api.asgi import application
from api.config.environment import Deployment, read_environment
from api.local.dev.errors import DevRefused
from api.local.dev.run import run
from api.local.embedded import ServerRefused


class Command(BaseCommand):
    """`manage.py dev`."""

    help = __doc__ or ""
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the one option."""
        parser.add_argument("--no-pages", action="store_true", help="Leave the web pages as they are.")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run until SIGINT or SIGTERM."""
        environment = read_environment()
        if environment.ENVIRONMENT is Deployment.PRODUCTION:
            sys.exit("`manage.py dev` makes demo data with a public password, so it is not for production.")
        try:
            run(application, environment, self._say, with_pages=not options["no_pages"])
        except (DevRefused, ServerRefused) as refusal:
            sys.exit(str(refusal))

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
