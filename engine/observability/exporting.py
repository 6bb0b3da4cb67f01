"""Where traces go, as OpenTelemetry's own variables of the environment say it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from engine.errors import InvalidInput
from engine.observability import tracing

_GROUP = "opentelemetry_traces_exporter"
_OTLP = "otlp"
_OTLP_BY_PROTOCOL = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}
_UNSAID = "unknown_service"
"""How the SDK begins the name of a service that nobody has named."""


def is_wanted(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment says where traces go."""
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if named := environ.get("OTEL_TRACES_EXPORTER", "").strip():
        return named != "none"
    return any(environ.get(name) for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))


def enable() -> Callable[[], None]:
    """Sends the traces of this process where OTEL_* says. Gives what sends the last ones and ends it.

    Raises InvalidInput for what cannot be sent to.
    """
    provider = TracerProvider(resource=the_resource())
    for exporter in exporters():
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)  # handlers' own spans go the same way
    leave = tracing.enable(provider)

    def end() -> None:
        leave()
        provider.shutdown()

    return end


def the_resource() -> Resource:
    """Of OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES; the service is called fermata where these do not name it."""
    said = Resource.create()
    is_named = not str(said.attributes.get("service.name", _UNSAID)).startswith(_UNSAID)
    return said if is_named else said.merge(Resource({"service.name": "fermata"}))


def exporters(environ: Mapping[str, str] = os.environ) -> list[SpanExporter]:
    """One for each name in OTEL_TRACES_EXPORTER. Raises InvalidInput for one that is not installed."""
    named = environ.get("OTEL_TRACES_EXPORTER", "").strip() or _OTLP
    return [_exporter(name.strip(), environ) for name in named.split(",")]


def _exporter(name: str, environ: Mapping[str, str]) -> SpanExporter:
    wanted, said = (_otlp(environ), "OTEL_EXPORTER_OTLP_PROTOCOL") if name == _OTLP else (name, "OTEL_TRACES_EXPORTER")
    installed = {each.name: each for each in entry_points(group=_GROUP)}
    if wanted in installed:
        return installed[wanted].load()()
    remedy = f"Install opentelemetry-exporter-{wanted.replace('_', '-')}" if wanted != "none" else "Name nothing else"
    known = ", ".join(sorted({_OTLP, *installed}))
    raise InvalidInput(f"{said} asks for '{wanted}', which is not there. {remedy}, or choose one of: {known}.")


def _otlp(environ: Mapping[str, str]) -> str:
    """The exporter for the protocol that is asked for."""
    names = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
    said = next(((name, value) for name in names if (value := environ.get(name, "").strip())), None)
    if said is None:
        return _OTLP_BY_PROTOCOL["http/protobuf"]
    if (found := _OTLP_BY_PROTOCOL.get(said[1])) is None:
        raise InvalidInput(f"{said[0]} is '{said[1]}'. There are: {', '.join(_OTLP_BY_PROTOCOL)}.")
    return found
