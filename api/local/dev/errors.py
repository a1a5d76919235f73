"""Why `manage.py dev` ends early."""


class DevRefused(Exception):  # noqa: N818 - an answer to the developer, not a fault of ours
    """It cannot go on. The text is one sentence, without secrets."""
