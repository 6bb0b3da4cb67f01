"""The neutral process model: what a diagram means, whichever editor and dialect it was written in.

Frozen records only. `bpmn.reader` makes them, `engine.interpreter` runs them; every dialect adapter
(camunda:, zeebe:, spiffworkflow:) translates into these and leaves no trace of itself but
`Process.dialect`. Clauses cited are of BPMN 2.0.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from bpmn.answer import Answer
from bpmn.finding import Finding as Finding  # what reading a file says besides the model
from bpmn.finding import Severity as Severity
from bpmn.form import Form as Form
from bpmn.form import FormField as FormField
from bpmn.timer import Timer as Timer
from bpmn.timer import TimerKind as TimerKind
from bpmn.variable_filter import VariableFilter

if TYPE_CHECKING:
    from bpmn.correlation import CorrelationKey
    from bpmn.data import NodeData, ProcessInput

EMPTY: Mapping[str, str] = MappingProxyType({})


class Dialect(StrEnum):
    BPMN = "bpmn"
    CAMUNDA7 = "camunda"
    CAMUNDA8 = "zeebe"
    SPIFF = "spiffworkflow"


class Language(StrEnum):
    """What an expression or a script is written in."""

    LITERAL = "literal"  # the text itself is the value, a string
    FEEL = "feel"
    JUEL = "juel"
    PYTHON = "python"
    XPATH = "xpath"  # with BPMN's functions for data, as in bpmn:getDataObject('x')
    JAVASCRIPT = "javascript"
    GROOVY = "groovy"
    JSON = "json"  # the text is a JSON document: a constant value


@dataclass(frozen=True, slots=True)
class Expression:
    """*text* without the dialect's wrapping: FEEL without its leading '=', JUEL with its ${...}."""

    language: Language
    text: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class ListOf:
    """camunda:list — the values of *items*, in order."""

    items: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class MapOf:
    """camunda:map — key to value."""

    entries: tuple[tuple[str, Source], ...]


@dataclass(frozen=True, slots=True)
class Script:
    """A script whose last expression value (or the variable it assigns) is the result. *on_java*: written for a
    Java engine: a JavaScript's own names stay its own, and it sees lists and maps as Java has them."""

    language: Language
    text: str
    line: int = 0
    on_java: bool = False


Source = Expression | ListOf | MapOf | Script


@dataclass(frozen=True, slots=True)
class Assignment:
    """The value of *source* goes to the variable *target* ('a.b' sets a key inside variable a).
    *is_local*: of a call activity's mappings, from or to the variables of the activity itself."""

    target: str
    source: Source
    is_local: bool = False


@dataclass(frozen=True, slots=True)
class SequenceFlow:
    id: str
    source: str
    target: str
    name: str = ""
    condition: Expression | None = None
    listeners: tuple[Listener, ...] = ()
    line: int = 0


# --- events (10.5) -------------------------------------------------------------------------------


class EventKind(StrEnum):
    NONE = "none"
    MESSAGE = "message"
    TIMER = "timer"
    SIGNAL = "signal"
    ERROR = "error"
    ESCALATION = "escalation"
    CONDITIONAL = "conditional"
    COMPENSATION = "compensation"
    LINK = "link"
    TERMINATE = "terminate"
    CANCEL = "cancel"
    MULTIPLE = "multiple"
    PARALLEL_MULTIPLE = "parallelMultiple"


@dataclass(frozen=True, slots=True)
class EventDefinition:
    """What an event throws or catches.

    *name*: message or signal name, link name; *code*: error or escalation code (None catches all).
    *correlation_key*: the value a message must carry to reach this token (None: any); else the *keys* of
    its conversation say.
    *payload*: what a throw sends; *code_variable*, *message_variable*: where a catch puts the error's.
    *variable*: where a catch puts the whole payload (None: each entry becomes a variable).
    *message*: of a thrown error. *filter*: of a condition, the changes it is asked after (None: all).
    *activity*: the activity to compensate. *parts*: of a multiple event.
    """

    kind: EventKind
    ref: str | None = None
    name: Expression | None = None
    code: Expression | None = None
    correlation_key: Expression | None = None
    keys: tuple[CorrelationKey, ...] = ()
    timer: Timer | None = None
    condition: Expression | None = None
    payload: tuple[Assignment, ...] = ()
    sends_all_variables: bool = False
    variable: str | None = None
    code_variable: str | None = None
    message_variable: str | None = None
    message: Expression | None = None
    filter: VariableFilter | None = None
    activity: str | None = None
    waits_for_completion: bool = True
    parts: tuple[EventDefinition, ...] = ()
    line: int = 0


# --- what an activity does (10.3) ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JobBinding:
    """Work for a handler. *names*: handler names to try in order; the first is the job type.

    *written_as*: the attribute in the diagram ('topic', 'delegateExpression', 'class', 'expression',
    'taskDefinition', 'serviceTaskOperator'), for messages. *retries*: attempts in all, None for the
    handler's default; *retry_cycle*: 'R3/PT10M' or a list of intervals. *headers*: static values
    for the handler. *parameters*: values evaluated on entry and handed over beside the variables.
    *result_variable*: where the whole result goes (None: each entry becomes a variable).
    *errors*: (condition, error code) pairs tried on what comes of an external task.
    """

    names: tuple[str, ...]
    written_as: str
    type_expression: Expression | None = None
    retries: Expression | None = None
    retry_cycle: Expression | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    parameters: tuple[Assignment, ...] = ()
    result_variable: str | None = None
    priority: Expression | None = None
    errors: tuple[tuple[Expression, str], ...] = ()
    answer: Answer | None = None

    @property
    def type(self) -> str:
        return self.names[0]


@dataclass(frozen=True, slots=True)
class ScriptBinding:
    script: Script
    result_variable: str | None = None


@dataclass(frozen=True, slots=True)
class DecisionBinding:
    """*mapping* of the decision result: singleEntry, singleResult, collectEntries, resultList, or raw."""

    decision: Expression
    result_variable: str | None = None
    mapping: str = "raw"
    version_binding: str = "latest"
    version: Expression | None = None


@dataclass(frozen=True, slots=True)
class CallBinding:
    """A call activity. *inputs*/*outputs*: mappings between the two processes; the flags copy all,
    or all that is local to the activity."""

    process: Expression
    version_binding: str = "latest"
    version: Expression | None = None
    inputs: tuple[Assignment, ...] = ()
    outputs: tuple[Assignment, ...] = ()
    passes_all_in: bool = False
    passes_local_in: bool = False
    passes_all_out: bool = False
    keeps_all_out: bool = False  # for output mappings of the activity to carry on
    business_key: Expression | None = None


@dataclass(frozen=True, slots=True)
class UserTaskBinding:
    """*title*: what its name says, where that is an expression."""

    title: Expression | None = None
    assignee: Expression | None = None
    candidate_users: Expression | None = None
    candidate_groups: Expression | None = None
    due_date: Expression | None = None
    follow_up_date: Expression | None = None
    priority: Expression | None = None
    form: Form | None = None
    instructions: str | None = None


# --- loops (13.3.6, 13.3.7) ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StandardLoop:
    condition: Expression | None
    tests_before: bool = False
    maximum: Expression | None = None


@dataclass(frozen=True, slots=True)
class Behavior:
    """What a multi-instance activity throws as an instance completes, if *condition* holds (13.3.7)."""

    event: EventDefinition
    condition: Expression | None = None


@dataclass(frozen=True, slots=True)
class MultiInstance:
    """*counts_from*: the first value of `loopCounter` (0 in Camunda 7, 1 elsewhere).
    *throws_once*: of the *behaviors*, only as the first instance completes (behavior="One").
    *goes_on*: what catches these events on the boundary does not interrupt the activity (None, One).
    *save_point_before*/*after*: of each instance. *keeps_counters*: nrOfInstances and the like are variables."""

    is_sequential: bool
    cardinality: Expression | None = None
    collection: Expression | None = None
    element_variable: str | None = None
    output_collection: str | None = None
    output_element: Expression | None = None
    completion_condition: Expression | None = None
    counts_from: int = 1
    behaviors: tuple[Behavior, ...] = ()
    throws_once: bool = False
    goes_on: bool = False
    save_point_before: bool = False
    save_point_after: bool = False
    keeps_counters: bool = False


@dataclass(frozen=True, slots=True)
class Listener:
    """An execution listener (event start, end; take of a flow) or a user task's listener (create, assignment,
    update, complete, delete), by handler or script. *event* is the neutral name, whatever the dialect writes.

    *is_local*: what the handler returns stays in the activity. *after_outputs*: an end listener told when the
    outputs have been mapped. *on_cancel*: an end listener told of an interrupted activity too. *timer*: of a
    listener to timeouts, when they are.
    """

    event: str
    job: JobBinding | None = None
    script: Script | None = None
    is_local: bool = False
    after_outputs: bool = False
    on_cancel: bool = False
    timer: Timer | None = None
    line: int = 0


# --- flow nodes ----------------------------------------------------------------------------------


class NodeKind(StrEnum):
    """The BPMN tag; the flag decides special forms (`is_event_subprocess`, `loop`, ...)."""

    START_EVENT = "startEvent"
    END_EVENT = "endEvent"
    CATCH_EVENT = "intermediateCatchEvent"
    THROW_EVENT = "intermediateThrowEvent"
    BOUNDARY_EVENT = "boundaryEvent"
    TASK = "task"
    SCRIPT_TASK = "scriptTask"
    SERVICE_TASK = "serviceTask"
    USER_TASK = "userTask"
    MANUAL_TASK = "manualTask"
    BUSINESS_RULE_TASK = "businessRuleTask"
    SEND_TASK = "sendTask"
    RECEIVE_TASK = "receiveTask"
    CALL_ACTIVITY = "callActivity"
    SUBPROCESS = "subProcess"
    TRANSACTION = "transaction"
    AD_HOC = "adHocSubProcess"
    EXCLUSIVE_GATEWAY = "exclusiveGateway"
    PARALLEL_GATEWAY = "parallelGateway"
    INCLUSIVE_GATEWAY = "inclusiveGateway"
    EVENT_GATEWAY = "eventBasedGateway"
    COMPLEX_GATEWAY = "complexGateway"


Binding = JobBinding | ScriptBinding | DecisionBinding | CallBinding | UserTaskBinding


@dataclass(frozen=True, slots=True)
class FlowNode:
    """One flow node, with whatever of the parts below its kind has.

    *incoming*, *outgoing*: sequence flow ids in document order. *inputs* make variables local to this
    activity; *outputs* carry results out. *outputs_isolate*: when there are outputs, results stay local
    unless an output names them (Camunda 8). *save_point_before*/*after*: asyncBefore/asyncAfter.
    *body*: the elements of a subprocess. *attached_to*, *is_interrupting*: of a boundary event or an
    event subprocess's start. *instantiates*: of a receive task or event-based gateway that starts an instance;
    *awaits_all*: of such a gateway, all its events are needed (eventGatewayType="Parallel"). *pre_script*,
    *post_script*: run around the work, or around each turn of a loop (SpiffWorkflow). *job_priority*: of the
    jobs that are the engine's own here. *is_exclusive*: its handlers' jobs run beside no other such job of the
    instance. *active_elements*, *output_...*: of an ad-hoc subprocess, the ids of what
    begins, and what is collected of each (Camunda 8).
    """

    id: str
    kind: NodeKind
    name: str = ""
    documentation: str = ""
    line: int = 0
    incoming: tuple[str, ...] = ()
    outgoing: tuple[str, ...] = ()
    default_flow: str | None = None
    lane: str | None = None
    event: EventDefinition | None = None
    attached_to: str | None = None
    is_interrupting: bool = True
    binding: Binding | None = None
    loop: StandardLoop | MultiInstance | None = None
    inputs: tuple[Assignment, ...] = ()
    outputs: tuple[Assignment, ...] = ()
    outputs_isolate: bool = False
    body: FlowElements | None = None
    is_event_subprocess: bool = False
    is_for_compensation: bool = False
    compensation_handler: str | None = None
    instantiates: bool = False
    awaits_all: bool = False
    form: Form | None = None
    initiator_variable: str | None = None
    save_point_before: bool = False
    save_point_after: bool = False
    is_exclusive: bool = False
    listeners: tuple[Listener, ...] = ()
    activation_condition: Expression | None = None
    completion_condition: Expression | None = None
    is_ordered: bool = False
    cancels_remaining: bool = True
    start_quantity: int = 1
    completion_quantity: int = 1
    pre_script: Script | None = None
    post_script: Script | None = None
    scripts_on_instances: bool = False
    job_priority: Expression | None = None
    active_elements: Expression | None = None
    output_collection: str | None = None
    output_element: Expression | None = None
    data: NodeData | None = None
    properties: Mapping[str, str] = field(default_factory=lambda: EMPTY)


@dataclass(frozen=True, slots=True)
class DataObject:
    """*name*: of its variable. *default*: its value as its scope begins."""

    id: str
    name: str
    is_collection: bool = False
    line: int = 0
    default: Expression | None = None


@dataclass(frozen=True, slots=True)
class FlowElements:
    """The contents of a process or subprocess, by id, in document order."""

    nodes: Mapping[str, FlowNode]
    flows: Mapping[str, SequenceFlow]
    data_objects: tuple[DataObject, ...] = ()

    def walk(self) -> Iterator[FlowNode]:
        """Every node, subprocess contents included, outer before inner."""
        for node in self.nodes.values():
            yield node
            if node.body is not None:
                yield from node.body.walk()

    def boundary_events_of(self, node_id: str) -> tuple[FlowNode, ...]:
        return tuple(n for n in self.nodes.values() if n.attached_to == node_id)


@dataclass(frozen=True, slots=True)
class Process:
    """One process of a file. *key* is its BPMN id. *candidate_starter_...*: who may start it.
    *is_global_task*: made of a global task, for call activities to call. *inputs*, *outputs*: what it takes as it
    starts and gives its caller at the end (None: every variable)."""

    key: str
    name: str
    elements: FlowElements
    dialect: Dialect = Dialect.BPMN
    documentation: str = ""
    version_tag: str | None = None
    is_executable: bool = True
    is_global_task: bool = False
    is_startable_in_tasklist: bool = True
    candidate_starter_users: tuple[str, ...] = ()
    candidate_starter_groups: tuple[str, ...] = ()
    history_time_to_live: str | None = None
    participant: str | None = None
    inputs: tuple[ProcessInput, ...] = ()
    outputs: tuple[str, ...] | None = None
    listeners: tuple[Listener, ...] = ()
    embedded_forms: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    file: str = ""
    line: int = 0

    def node(self, element_id: str) -> FlowNode:
        """Raises KeyError for an id that no flow node has."""
        for node in self.elements.walk():
            if node.id == element_id:
                return node
        raise KeyError(element_id)

    @property
    def start_events(self) -> tuple[FlowNode, ...]:
        return tuple(n for n in self.elements.nodes.values() if n.kind is NodeKind.START_EVENT)

    @property
    def starters(self) -> tuple[FlowNode, ...]:
        """All that can start an instance: start events, instantiating receive tasks, and what stands behind an
        instantiating event-based gateway (13.2)."""
        return tuple(starter for node in self.elements.nodes.values() for starter in self._starters_at(node))

    def _starters_at(self, node: FlowNode) -> Iterator[FlowNode]:
        if node.kind is NodeKind.START_EVENT or (node.kind is NodeKind.RECEIVE_TASK and node.instantiates):
            yield node
        elif node.kind is NodeKind.EVENT_GATEWAY and node.instantiates:
            for flow_id in node.outgoing:
                target = self.elements.nodes.get(self.elements.flows[flow_id].target)
                if target is not None:
                    yield target


@dataclass(frozen=True, slots=True)
class Definitions:
    """What one .bpmn file holds. *executable* is a process's own say, not this record's."""

    file: str
    processes: tuple[Process, ...]
    dialect: Dialect
    exporter: str = ""
    execution_platform: str = ""
