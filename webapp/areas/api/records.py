"""What the API tells and is told, as models from which the OpenAPI document is made."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from engine.model import InstanceState
from webapp.areas.api.values import variables_to_json

MOST_ITEMS = 200
Text = Annotated[str, StringConstraints(max_length=255, pattern=r"^[^\x00]*$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00]*$")]
Long = Annotated[str, StringConstraints(max_length=20_000, pattern=r"^[^\x00]*$")]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]
TOLD = 'Plain JSON, and objects like `{"$type": "decimal", "value": "1.10"}` for what JSON has no word for.'
Variables = Annotated[dict[str, Any], Field(description=TOLD)]
ToldVariables = Annotated[dict[str, Any], BeforeValidator(variables_to_json), Field(description=TOLD)]

Item = TypeVar("Item")


class Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Filter(BaseModel):
    """Of a query string: texts that are read as what they should be."""

    model_config = ConfigDict(extra="forbid")


class Paged(Filter):
    limit: Annotated[int, Field(ge=1, le=MOST_ITEMS)] = 50
    cursor: Annotated[Text | None, Field(description="`next` of the page before.")] = None


class Told(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Listed(Told, Generic[Item]):
    """*next*: the cursor of the next page; null on the last one."""

    items: list[Item]
    next: str | None = None


# definitions and deployments


class Definition(Told):
    id: str
    key: str
    version: int
    name: str
    version_tag: str | None
    deployment_id: str
    resource_name: str
    deployed_at: datetime
    documentation: str
    is_startable: bool
    has_start_form: bool


class FoundInFile(Told):
    file: str
    line: int
    severity: str
    rule: str
    message: str
    element_id: str | None


class Deployed(Told):
    """*is_new*: false where every file was there already, byte for byte."""

    id: str
    deployed_at: datetime
    by: str
    is_new: bool
    definitions: list[Definition]
    warnings: list[FoundInFile]


class DefinitionFilter(Paged):
    key: Text | None = None
    latest: bool = True


# instances


class StartInstance(Asked):
    """One of *key* and *definition_id*; *version* and *version_tag* narrow the key."""

    key: Name | None = None
    definition_id: Name | None = None
    version: Version | None = None
    version_tag: Name | None = None
    business_key: Name | None = None
    variables: Variables = Field(default_factory=dict)


class Instance(Told):
    id: str
    definition_id: str
    process_key: str
    process_name: str
    version: int
    business_key: str | None
    state: InstanceState
    started_at: datetime
    started_by: str
    ended_at: datetime | None
    parent_id: str | None
    incident_count: int
    end_reason: str


class InstanceFilter(Paged):
    process_key: Text | None = None
    definition_id: Text | None = None
    business_key: Text | None = None
    state: InstanceState | None = None
    parent_id: Text | None = None
    active_at: Annotated[Text | None, Field(description="An element that is under way.")] = None


class Reasoned(Asked):
    reason: Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00]*$")] = ""


class SetVariables(Asked):
    """*element_id*: a waiting element, into whose scope they go; null for the process's own."""

    variables: Variables
    element_id: Name | None = None


class VariablesOf(Told):
    variables: ToldVariables


# history


class Activity(Told):
    activity_id: int
    element_id: str
    name: str
    kind: str
    parent_id: int
    entered_at: datetime
    ended_at: datetime | None
    outcome: str | None
    actor: str | None
    cause: str | None


class Change(Told):
    at: datetime
    scope_id: int
    name: str
    before: Any
    after: Any
    existed_before: bool
    exists_after: bool
    activity_id: int
    actor: str


class Line(Told):
    sequence: int
    at: datetime
    action: str
    actor: str
    activity_id: int | None
    element_id: str | None
    detail: ToldVariables


class Attempt(Told):
    job_id: str
    activity_id: int
    attempt: int
    started_at: datetime
    ended_at: datetime | None
    worker: str
    outcome: str | None
    error: str | None


# decisions


class EvaluateDecision(Asked):
    version: Version | None = None
    variables: Variables = Field(default_factory=dict)


class Decided(Told):
    """*rules*: ids of the rules that matched."""

    value: Any
    rules: list[str]


# errors


class Place(Told):
    """*location*: a JSON pointer into the body, or /query/..., /path/..., /header/..."""

    location: str
    message: str


class Problem(Told):
    """Problem details (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[Place] = Field(default_factory=list)
    findings: list[FoundInFile] = Field(default_factory=list)
    reference: str | None = None
