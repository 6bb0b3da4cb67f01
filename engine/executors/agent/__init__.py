"""Hands service tasks to AI agents. Importing this imports no AI library: the first run of an agent does."""

from engine.executors.agent.declared import read_agents
from engine.executors.agent.executor import AgentExecutor
from engine.executors.agent.journal import Journal, MemoryJournal
from engine.executors.agent.limits import Limits
from engine.executors.agent.offline import ToolCall, ToolResult, Turn
from engine.executors.agent.settings import AgentSettings, Price
from engine.executors.agent.transcript import Part, StepView, Totals, describe, totals

__all__ = [
    "AgentExecutor",
    "AgentSettings",
    "Journal",
    "Limits",
    "MemoryJournal",
    "Part",
    "Price",
    "StepView",
    "ToolCall",
    "ToolResult",
    "Totals",
    "Turn",
    "describe",
    "read_agents",
    "totals",
]
