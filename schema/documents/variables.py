"""Bounds a request's variables before graphql-core coerces them: values in total, list items, text length.

Coercion visits every value and describes each one that does not fit, so it must not see unbounded input. Bounds of
single arguments are checked later, in the resolvers.
"""

from collections.abc import Mapping, Sized

from django.conf import settings

from foundation.errors import ErrorCode, JSONScalar, ParlorError
from schema.errors import refused


def check_variables(variables: Mapping[str, object]) -> None:
    """Raise RequestRefused (TOO_LARGE, with the limit's name and value) for variables above a bound."""
    left = settings.MAX_VARIABLE_VALUES
    for name, value in variables.items():
        waiting = [value]
        while waiting:
            left -= 1
            found = waiting.pop()
            if isinstance(found, str):
                _check_text(name, found)
            elif isinstance(found, list):
                _check_list(name, found)
                waiting += found
            elif isinstance(found, dict):
                _check_list(name, found)
                waiting += found.values()
            # Queued values count already, so that a list of lists is refused before it is unpacked.
            if left < len(waiting):
                limit = settings.MAX_VARIABLE_VALUES
                sentence = f"The variables have at most {limit} values, including those in lists and objects."
                raise _too_large(sentence, maxVariableValues=limit)


def _check_text(name: str, text: str) -> None:
    limit = settings.MAX_STRING_CHARACTERS
    if len(text) > limit:
        sentence = f"A text in the variables has at most {limit} characters."
        raise _too_large(sentence, field=name, maxStringCharacters=limit)


def _check_list(name: str, items: Sized) -> None:
    limit = settings.MAX_LIST_ITEMS
    if len(items) > limit:
        sentence = f"A list or an object in the variables has at most {limit} items."
        raise _too_large(sentence, field=name, maxListItems=limit)


def _too_large(sentence: str, **data: JSONScalar) -> Exception:
    return refused(ParlorError(ErrorCode.TOO_LARGE, sentence, **data))
