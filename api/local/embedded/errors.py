"""Why a private server is not there."""


class ServerRefused(Exception):  # noqa: N818 - an answer to the developer, not a fault of ours
    """A server cannot be started or reached. The text is one sentence for the developer, without secrets."""
