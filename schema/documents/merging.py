"""Bounds the field merging that a document asks for: the one part of validation that is not linear in its size.

Validation compares all fields of one response key pairwise (GraphQL specification, section 5.3.2, FieldsInSetCanMerge),
and all fragments of one selection too. Measured: 1000 tokens can cause 60,000 comparisons, which take 370 ms. So the
pairs are counted before validation; counting is linear in what it counts.
"""

from collections.abc import Iterable

from django.conf import settings
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
)

from foundation.errors import ErrorCode, ParlorError
from schema.errors import refused

# Reading a node costs at most a tenth of a comparison, but counts too: fragments may unfold to very many nodes.
NODES_PER_PAIR = 10
# A fragment that spreads itself would unfold for ever; validation refuses it later.
MAX_LEVELS = 100


def check_merging(document: DocumentNode) -> None:
    """Raise RequestRefused (TOO_COMPLEX, with `maxQueryMerges`) for a document above MAX_QUERY_MERGES."""
    merging = _Merging(document)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            merging.count(definition.selection_set)
    for name, fragment in merging.fragments.items():
        if name not in merging.reached:  # validation refuses it, but only after merging
            merging.count(fragment.selection_set)


class _Merging:
    """Merges the selections of a document as execution would, ignoring @skip and @include, and counts the pairs."""

    def __init__(self, document: DocumentNode) -> None:
        self.fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        self.reached: set[str] = set()
        self._left = settings.MAX_QUERY_MERGES * NODES_PER_PAIR

    def count(self, root: SelectionSetNode) -> None:
        """Subtract the pairs and nodes below `root` from the remaining budget."""
        waiting: list[tuple[list[SelectionSetNode], int]] = [([root], 0)]
        while waiting:
            selection_sets, level = waiting.pop()
            for nodes in self._merge(selection_sets):
                self._take_pairs(len(nodes))
                inner = [node.selection_set for node in nodes if node.selection_set is not None]
                if inner and level < MAX_LEVELS:
                    waiting.append((inner, level + 1))

    def _merge(self, selection_sets: Iterable[SelectionSetNode]) -> Iterable[list[FieldNode]]:
        """The fields by response key."""
        fields: dict[str, list[FieldNode]] = {}
        spread: set[str] = set()
        waiting = list(selection_sets)
        while waiting:
            selections = waiting.pop().selections
            self._take(len(selections))
            for node in selections:
                if isinstance(node, FieldNode):
                    fields.setdefault((node.alias or node.name).value, []).append(node)
                elif isinstance(node, InlineFragmentNode):
                    waiting.append(node.selection_set)
                elif isinstance(node, FragmentSpreadNode) and node.name.value not in spread:
                    spread.add(node.name.value)
                    fragment = self.fragments.get(node.name.value)
                    if fragment is not None:
                        waiting.append(fragment.selection_set)
        self.reached |= spread
        self._take_pairs(len(spread))
        return fields.values()

    def _take_pairs(self, count: int) -> None:
        self._take(NODES_PER_PAIR * (count * (count - 1) // 2))

    def _take(self, nodes: int) -> None:
        self._left -= nodes
        if self._left < 0:
            limit = settings.MAX_QUERY_MERGES
            message = (
                f"The document repeats fields or fragments too often: at most {limit} pairs may be merged."
            )
            raise refused(ParlorError(ErrorCode.TOO_COMPLEX, message, maxQueryMerges=limit))
