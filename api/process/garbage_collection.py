"""The garbage collector of a server process: kept from walking through what lives as long as the process.

CPython's collector stops everything while it looks at all objects of a generation. After start hundreds of thousands
of them (modules, models, the schema) never become garbage, and every new socket brings the next look at them nearer.
"""

import gc

from django.conf import settings


def tune_garbage_collector() -> None:
    """Call once when a server process has loaded everything: set it aside, and look at the rest less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(settings.GC_THRESHOLD, 20, 50)
