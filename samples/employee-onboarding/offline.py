"""Scripted stand-ins for the agents' models: simple rules, no key and no network.

They read the same inputs, call the same tools and give the same kind of answer as a model would, and
every page shows that it was not one. Same input, same answer.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from engine.executors.agent import ToolCall, Turn

DOCUMENTS = {
    "identity document": r"passport|passeport|identity card|id card|personalausweis|ausweis|residence permit",
    "signed contract": r"contract|arbeitsvertrag|vertrag|contrat",
    "tax certificate": r"tax certificate|lohnsteuerbescheinigung|p45",
    "health insurance": r"health insurance|krankenkasse|krankenversicherung|insurance card|mutuelle",
    "driving licence": r"driving licen[cs]e|driver'?s licen[cs]e|führerschein|permis de conduire",
    "clean criminal record": r"criminal record|police certificate|führungszeugnis|casier judiciaire",
}
TO_FOLLOW = re.compile(
    r"follow|later|missing|not yet|pending|still waiting|will (?:send|bring)|lost|folgt|fehlt|reiche .*nach|à suivre",
    re.IGNORECASE,
)
LABELS = {
    "first": r"first names?|given names?|vorname|prénom",
    "last": r"(?:last |family |sur)name|nachname|nom de famille",
    "name": r"(?:legal |full )?name(?: \(?as in passport\)?)?|vollständiger name|nom(?: complet)?",
    "born": r"(?:date of )?birth(?: ?date)?|d\.?o\.?b\.?|born(?: on)?|geb(?:oren|urtsdatum|\.)?(?: am)?|né(?:e)? le",
    "tax": r"tax(?:payer)?[ -]?(?:id|number|no\.?)|tin|steuer[- ]?(?:id|nummer)(?:entifikationsnummer)?|numéro fiscal",
}
IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,4})?\b")

NEEDS = (
    (r"develop|engineer|program|data|machine learning", ("developer laptop", "monitor", "headset")),
    (r"travel|customer visit|sales|field|on the road", ("light laptop", "phone", "headset")),
    (r"design|draw|illustrat", ("developer laptop", "tablet", "monitor")),
    (r"remote|home office|from home|call", ("headset", "monitor")),
    (r"phone|on call|reachable", ("phone",)),
)


def read_paperwork(turn: Turn) -> ToolCall | dict[str, Any]:
    """The facts in the text, whatever their order and language; gives up on a text without any."""
    text = str(turn.inputs.get("paperworkText") or "")
    name, born, tax_id, account = _name(text), _date(text), _tax_id(text), _iban(text)
    received, to_follow = _documents(text)
    if not (name or born or tax_id or account or received):
        return ToolCall("give_up", {"reason": "There is no name, number or document in this text."})
    unknown = [label for label, value in (("tax id", tax_id), ("bank account", account)) if not value]
    return {
        "legalName": name or str(turn.inputs.get("fullName") or ""),
        "dateOfBirth": born,
        "taxId": tax_id,
        "bankAccount": account,
        "documents": received,
        "missingDocuments": to_follow,
        "remarks": f"Not found in the text: {', '.join(unknown)}." if unknown else "",
    }


def choose_equipment(turn: Turn) -> list[ToolCall] | dict[str, Any]:
    """Looks up what the role needs, then asks the stock, and takes the first article that is there."""
    categories = _categories(str(turn.inputs.get("role") or ""))
    offers: dict[str, list[Mapping[str, Any]]] = {
        result.arguments["category"]: result.value for result in turn.results if result.tool == "find_equipment"
    }
    if unknown := [category for category in categories if category not in offers]:
        return [ToolCall("find_equipment", {"category": category}) for category in unknown]
    stock: dict[str, int] = {
        result.arguments["sku"]: result.value for result in turn.results if result.tool == "check_stock"
    }
    wanted = [_first_in_stock(offers[category], stock) for category in categories]
    if unchecked := [offer["sku"] for offer in wanted if offer and offer["sku"] not in stock]:
        return [ToolCall("check_stock", {"sku": sku}) for sku in unchecked]
    return _equipment(categories, offers, wanted)


def check_completeness(turn: Turn) -> ToolCall | dict[str, Any]:
    """Holds the file against each policy of the department."""
    if not turn.results:
        return ToolCall("policies_for", {"department": turn.inputs.get("department") or ""})
    employee: Mapping[str, Any] = turn.inputs["employee"]
    documents = {*employee.get("documents", ()), *_documents("\n".join(turn.inputs.get("addenda") or ()))[0]}
    findings = [
        {
            "policy": policy["id"],
            "problem": f"Missing: {policy['evidence'].removeprefix('field: ')}. {policy['policy']}",
        }
        for policy in turn.results[-1].value
        if not _is_shown(policy["evidence"], employee, documents)
    ]
    summary = "\n".join(f"- {finding['problem']}" for finding in findings)
    return {"complete": not findings, "findings": findings, "summary": summary or "Complete: every policy is kept."}


def _name(text: str) -> str | None:
    """First names, then family name; a word in capitals is written like any other."""
    first, last = (_labelled(label, text, r"([^\n;|,]{2,60})") for label in ("first", "last"))
    if not (first and last):
        found = _labelled("name", text, r"([^\n;|]{3,60})")
        if not found:
            return None
        last, _, first = found.partition(",")
    words = f"{first} {last}".strip(" .").split()
    return " ".join(word.capitalize() if word.isupper() else word for word in words)


def _date(text: str) -> str | None:
    """As year-month-day; 12/04/1990 is the twelfth of April."""
    found = _labelled("born", text, r"(\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{4})")
    if not found or "-" in found:
        return found
    day, month, year = re.split(r"[./]", found)
    return f"{year}-{int(month):02}-{int(day):02}"


def _tax_id(text: str) -> str | None:
    found = _labelled("tax", text, r"([0-9][0-9A-Z /-]{6,17}[0-9A-Z])")
    return re.sub(r"[^0-9A-Z]", "", found) if found else None


def _iban(text: str) -> str | None:
    found = IBAN.search(text)
    return found[0].replace(" ", "") if found else None


def _labelled(label: str, text: str, value: str) -> str | None:
    """What stands behind one of the spellings of *label*."""
    found = re.search(rf"(?im)(?:^|[\s;|*>-])(?:{LABELS[label]})[ \t]*(?:[:=–-]|is)?[ \t]*{value}", text)
    return found[1].strip() if found else None


def _documents(text: str) -> tuple[list[str], list[str]]:
    """Which documents the text says are enclosed, and which it says are still to come."""
    received: list[str] = []
    missing: list[str] = []
    for sentence in re.split(r"[.\n;!]+", text):
        named = [name for name, words in DOCUMENTS.items() if re.search(rf"(?i)\b(?:{words})", sentence)]
        (missing if TO_FOLLOW.search(sentence) else received).extend(named)
    received = [name for name in DOCUMENTS if name in received]
    return received, [name for name in DOCUMENTS if name in missing and name not in received]


def _categories(role: str) -> list[str]:
    found: Iterable[str] = (
        category for words, categories in NEEDS if re.search(rf"(?i)\b(?:{words})", role) for category in categories
    )
    chosen = list(dict.fromkeys(found))
    laptops = [category for category in chosen if category.endswith("laptop")]
    return [*(laptops[:1] or ["standard laptop"]), *(category for category in chosen if category not in laptops)]


def _first_in_stock(offers: list[Mapping[str, Any]], stock: Mapping[str, int]) -> Mapping[str, Any] | None:
    """The first offer of which there is some, as far as has been asked."""
    return next((offer for offer in offers if stock.get(offer["sku"], 1) > 0), None)


def _equipment(
    categories: list[str], offers: Mapping[str, list[Mapping[str, Any]]], wanted: list[Mapping[str, Any] | None]
) -> dict[str, Any]:
    items: list[dict[str, Any]] = []
    for category, offer in zip(categories, wanted, strict=True):
        chosen = offer or next(iter(offers[category]), None)
        if chosen is None:
            continue
        reason = f"the role needs a {category}" + ("" if offer else "; it is on back order")
        items.append({"sku": chosen["sku"], "name": chosen["name"], "price": chosen["price"], "reason": reason})
    total = sum(item["price"] for item in items)
    lines = [f"- {item['name']}, {item['price']} euros: {item['reason']}" for item in items]
    return {"items": items, "total": total, "summary": "\n".join([*lines, f"{total} euros in all."])}


def _is_shown(evidence: str, employee: Mapping[str, Any], documents: set[str]) -> bool:
    kind, separator, name = evidence.partition(": ")
    return bool(employee.get(name)) if separator and kind == "field" else evidence in documents
