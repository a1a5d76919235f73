"""Tunes the garbage collector so that it skips objects that live as long as the process.

CPython's collector stops everything while it walks through a generation. After the start, hundreds of thousands of
objects (modules, models, the schema) never become garbage, yet every new socket brings the next walk nearer.
"""

import gc

from django.conf import settings


def tune_garbage_collector() -> None:
    """Call once when a server process has loaded everything: exempts what is loaded, and makes collections rarer."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(settings.GC_THRESHOLD, 20, 50)
