"""Which fields give every viewer the same answer, so that an event may be executed once for all of them.

A plain attribute does. A field with a resolver does not, unless it is declared here: forgetting the declaration
costs speed, never privacy.
"""

from typing import Any, Final

from strawberry.types.field import StrawberryField

SHAREABLE: Final[dict[Any, Any]] = {"parlor.shareable": True}


def is_shareable(field: StrawberryField) -> bool:
    """Whether the field's value is the same for every viewer who may see its object."""
    if field.metadata.get("parlor.shareable"):
        return True
    return field.base_resolver is None and not getattr(field, "is_relation", False)
