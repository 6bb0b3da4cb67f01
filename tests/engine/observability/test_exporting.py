"""OpenTelemetry's own variables of the environment: they count, or are refused with what would help."""

from __future__ import annotations

import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace.export import ConsoleSpanExporter

from engine.errors import InvalidInput
from engine.observability import exporting
from engine.observability.starting import traces_by_environment

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}


def test_the_environment_says_whether_traces_are_wanted() -> None:
    assert exporting.is_wanted(ENDPOINT)
    assert not exporting.is_wanted({})
    assert not exporting.is_wanted(ENDPOINT | {"OTEL_SDK_DISABLED": "true"})
    assert not exporting.is_wanted(ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"})
    assert exporting.is_wanted({"OTEL_TRACES_EXPORTER": "console"})


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({}, "fermata"),
        ({"OTEL_RESOURCE_ATTRIBUTES": "service.name=orders,deployment.environment=test"}, "orders"),
        ({"OTEL_SERVICE_NAME": "desk"}, "desk"),
        ({"OTEL_SERVICE_NAME": "desk", "OTEL_RESOURCE_ATTRIBUTES": "service.name=orders"}, "desk"),
    ],
)
def test_the_service_is_called_as_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], name: str
) -> None:
    for key in ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"):
        monkeypatch.delenv(key, raising=False)
    for key, value in environ.items():
        monkeypatch.setenv(key, value)
    said = exporting.the_resource().attributes
    assert said["service.name"] == name
    assert said.get("deployment.environment") == ("test" if "deployment" in str(environ) else None)


@pytest.mark.parametrize(
    ("environ", "kinds"),
    [
        (ENDPOINT, [OTLPSpanExporter]),
        (ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, [OTLPSpanExporter]),
        ({"OTEL_TRACES_EXPORTER": "otlp"}, [OTLPSpanExporter]),
        ({"OTEL_TRACES_EXPORTER": "console, otlp"}, [ConsoleSpanExporter, OTLPSpanExporter]),
        (
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"},
            [OTLPSpanExporter],
        ),
        ({"OTEL_TRACES_EXPORTER": "console", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, [ConsoleSpanExporter]),
    ],
)
def test_traces_go_where_the_environment_says(environ: dict[str, str], kinds: list[type]) -> None:
    made = exporting.exporters(environ)
    assert [type(each) for each in made] == kinds
    for each in made:
        each.shutdown()


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        (
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
            r"PROTOCOL asks for 'otlp_proto_grpc'.*Install open",
        ),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, r"is 'http/json'. There are: http/protobuf, grpc"),
        ({"OTEL_TRACES_EXPORTER": "bogus"}, r"OTEL_TRACES_EXPORTER asks for 'bogus'.*one of: console, otlp"),
        ({"OTEL_TRACES_EXPORTER": "otlp,zipkin"}, r"asks for 'zipkin'.*opentelemetry-exporter-zipkin"),
        ({"OTEL_TRACES_EXPORTER": "otlp,none"}, r"asks for 'none'.*Name nothing else"),
    ],
)
def test_what_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], said: str) -> None:
    for key, value in (ENDPOINT | environ).items():
        monkeypatch.setenv(key, value)
    with pytest.raises(InvalidInput, match=said):
        traces_by_environment()
