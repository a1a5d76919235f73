"""The error that ends `manage.py dev` early."""


class DevRefused(Exception):  # noqa: N818 - an answer to the developer, not a bug
    """`manage.py dev` cannot go on. The text is one sentence, without secrets."""
