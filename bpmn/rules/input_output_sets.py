"""Inputs and outputs belong to the sets that an ioSpecification declares (10.4.2)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element, local
from bpmn.rules.review import Review, name_of

RULE: Final = "input-output-sets"


# kind -> (its set, mandatory references, optional references, while-executing references)
_KINDS: Final = {
    "dataInput": ("inputSet", "dataInputRefs", "optionalInputRefs", "whileExecutingInputRefs", "outputSetRefs"),
    "dataOutput": ("outputSet", "dataOutputRefs", "optionalOutputRefs", "whileExecutingOutputRefs", "inputSetRefs"),
}


def check(review: Review) -> None:
    for specification in review.document.all("ioSpecification"):
        for kind, (set_name, *references, _) in _KINDS.items():
            sets = specification.all(set_name)
            _check_listed(review, specification, kind, sets, references[0])
            for extra in references[1:]:
                _check_extra(review, sets, extra, references[0])
        _check_mutual(review, specification)


def _check_listed(review: Review, specification: Element, kind: str, sets: list[Element], reference: str) -> None:
    listed = {local(entry.text) for group in sets for entry in group.all(reference)}
    for data in specification.all(kind):
        if data.id and data.id not in listed:
            review.strict(RULE, data, f"{kind} '{name_of(data)}' is in no set of its ioSpecification. Add it to one.")


def _check_extra(review: Review, sets: list[Element], extra: str, reference: str) -> None:
    """Optional and while-executing data are marked within a set that has them."""
    for group in sets:
        own = {local(entry.text) for entry in group.all(reference)}
        for entry in group.all(extra):
            if local(entry.text) not in own:
                message = (
                    f"{extra} names '{entry.text.strip()}', which the same set does not have. Add it to {reference}."
                )
                review.strict(RULE, entry, message)


def _check_mutual(review: Review, specification: Element) -> None:
    """An input set and the output set it leads to name each other."""
    pairs = (("inputSet", "outputSetRefs", "inputSetRefs"), ("outputSet", "inputSetRefs", "outputSetRefs"))
    for set_name, towards, back in pairs:
        for group in specification.all(set_name):
            for entry in group.all(towards):
                other = review.document.resolve(entry.text)
                if other is not None and group.id not in {local(b.text) for b in other.all(back)}:
                    message = (
                        f"{set_name} '{name_of(group)}' refers to '{name_of(other)}', which does not refer back. "
                        "Let both do it."
                    )
                    review.strict(RULE, entry, message)
