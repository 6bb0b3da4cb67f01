"""A data store that is drawn is read and written, or the diagram's author is told that it is not (10.4.1)."""

from __future__ import annotations

from typing import Final

from bpmn.document import Element
from bpmn.model import Dialect
from bpmn.reader.data import STORES
from bpmn.rules.review import NODES, Review, name_of

RULE: Final = "data-store"

# Kinds of SpiffWorkflow, written as the name of the dataStore, that are no value but something to ask.
_KEYED: Final = ("KKVDataStore", "TypeaheadDataStore", "CrudDataStore")
_DRAWN_ONLY: Final = (Dialect.CAMUNDA7, Dialect.CAMUNDA8)


def check(review: Review) -> None:
    for association in review.document.all("dataInputAssociation", "dataOutputAssociation"):
        activity = next((each for each in association.ancestors() if each.name in NODES), association)
        for part in association.all("sourceRef", "targetRef"):
            store = review.document.resolve(part.text)
            if store is not None and store.name in STORES:
                _check_kind(review, association, activity, store)
    for name, when in (("Input", "begins"), ("Output", "ends")):
        for reference in review.document.all(f"whileExecuting{name}Refs"):
            activity = next((each for each in reference.ancestors() if each.name in (*NODES, "process")), reference)
            message = f"Data moves only as '{name_of(activity)}' {when}, and not while it is being executed."
            review.warning(RULE, reference, f"{message} Use several activities where it must.")


def _check_kind(review: Review, association: Element, activity: Element, store: Element) -> None:
    described = review.document.resolve(store.get("dataStoreRef")) or store
    if review.definitions.dialect is Dialect.SPIFF and described.get("name") in _KEYED:
        message = (
            f"Data store '{described.id}' of '{name_of(activity)}' is a {described.get('name')}, which is asked by key "
            "and has no value of its own. Use a JSONDataStore, or a service task."
        )
        review.error(RULE, association, message)
    elif review.definitions.dialect in _DRAWN_ONLY and not association.all("assignment", "transformation"):
        message = (
            f"Data store '{name_of(store)}' at '{name_of(activity)}' is a picture, as it is to Camunda: nothing reads "
            "or writes it. Let the task's handler do it."
        )
        review.info(RULE, association, message)
