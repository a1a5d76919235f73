"""`manage.py prune_log`: deletes events older than REPLAY_HORIZON_DAYS. For a daily timer, on any one machine."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from chats.log.pruning import find_prunable, prune

BATCH = 5000


class Command(BaseCommand):
    """Prunes chat by chat, in small transactions. An interrupted run loses nothing: the next one does the rest."""

    help = "Delete events older than REPLAY_HORIZON_DAYS, which feeds no longer replay. Messages stay."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """`--dry-run` and `--batch`."""
        parser.add_argument(
            "--dry-run", action="store_true", help="Only print how many events would be deleted."
        )
        parser.add_argument("--batch", type=int, default=BATCH, help="Events deleted in one transaction.")

    def handle(self, *, dry_run: bool, batch: int, verbosity: int, **options: Any) -> None:
        """Prints at the end how many events of how many chats it deleted."""
        del options
        if batch < 1:
            raise CommandError("--batch must be at least 1.")
        before = timezone.now() - timedelta(days=settings.REPLAY_HORIZON_DAYS)
        chats = events = 0
        for found in find_prunable(before):
            chats += 1
            events += found.count if dry_run else sum(prune(found, batch))
        if verbosity:
            done = "would be deleted" if dry_run else "deleted"
            self.stdout.write(
                f"Log: {events} events of {chats} chats from before {before:%Y-%m-%d %H:%M} UTC {done}."
            )
