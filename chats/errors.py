"""What the domain refuses: a code, a sentence for a person, data for a program."""

from foundation.errors import ErrorCode, JSONScalar, ParlorError


class ChatError(ParlorError):
    """A refusal by `chats`. Make one with the functions below, so that equal refusals read the same."""


def chat_not_found() -> ChatError:
    """The one answer for a chat that is missing and for one that is not the asker's."""
    return ChatError(ErrorCode.NOT_FOUND, "There is no such chat.")


def message_not_found(**data: JSONScalar) -> ChatError:
    """The one answer for a message that is missing and for one that the asker may not see."""
    return ChatError(ErrorCode.NOT_FOUND, "There is no such message.", **data)


def user_not_found(**data: JSONScalar) -> ChatError:
    """The one answer for a person who is missing, not active, or not where they were sought."""
    return ChatError(ErrorCode.NOT_FOUND, "There is no such user.", **data)


def forbidden(message: str) -> ChatError:
    """The asker sees the thing, and may not do this to it."""
    return ChatError(ErrorCode.FORBIDDEN, message)


def bad_input(message: str, **data: JSONScalar) -> ChatError:
    """The input is wrong whoever sends it."""
    return ChatError(ErrorCode.BAD_INPUT, message, **data)


def too_large(message: str, **data: JSONScalar) -> ChatError:
    """The input is above a bound, which `data` names."""
    return ChatError(ErrorCode.TOO_LARGE, message, **data)


def client_id_conflict() -> ChatError:
    """A client id came again with other content."""
    return ChatError(ErrorCode.CONFLICT, "This clientId was used for something else.", field="clientId")


def message_gone() -> ChatError:
    """The message was deleted."""
    return ChatError(ErrorCode.GONE, "This message was deleted.")
