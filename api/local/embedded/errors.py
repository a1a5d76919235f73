"""The error of a private server that cannot run."""


class ServerRefused(Exception):  # noqa: N818 - an answer to the developer, not a bug
    """A server cannot be started or reached. The text is one sentence for the developer, without secrets."""
