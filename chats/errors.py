"""The errors of the domain: each has a code, a sentence for a person, and data for a program."""

from foundation.errors import ErrorCode, JSONScalar, ParlorError


class ChatError(ParlorError):
    """A refusal by `chats`. The functions below make them, so that equal refusals read the same."""


def chat_not_found() -> ChatError:
    """For a missing chat and, in the same words, for one that the caller is a non-member of."""
    return ChatError(ErrorCode.NOT_FOUND, "There is no such chat.")


def message_not_found(**data: JSONScalar) -> ChatError:
    """For a missing message and, in the same words, for one that the caller may not see."""
    return ChatError(ErrorCode.NOT_FOUND, "There is no such message.", **data)


def user_not_found(**data: JSONScalar) -> ChatError:
    """For a person who is missing, inactive, or not a member of the chat in question."""
    return ChatError(ErrorCode.NOT_FOUND, "There is no such user.", **data)


def forbidden(message: str) -> ChatError:
    """The caller can see the object but may not do this with it."""
    return ChatError(ErrorCode.FORBIDDEN, message)


def bad_input(message: str, **data: JSONScalar) -> ChatError:
    """The input is invalid, whoever sends it."""
    return ChatError(ErrorCode.BAD_INPUT, message, **data)


def too_large(message: str, **data: JSONScalar) -> ChatError:
    """The input is above a limit, which `data` names."""
    return ChatError(ErrorCode.TOO_LARGE, message, **data)


def client_id_conflict() -> ChatError:
    """The caller used this client id before, for other content."""
    return ChatError(ErrorCode.CONFLICT, "This clientId was used for something else.", field="clientId")


def message_gone() -> ChatError:
    """The message was deleted."""
    return ChatError(ErrorCode.GONE, "This message was deleted.")
