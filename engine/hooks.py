"""Webhooks: requests of other programs, signed with a secret that both know, become published messages.

A request that comes again within its message's time to live is known by its id and does nothing; one that is older
than the window is refused, so that nobody who has recorded it can send it later. What is trusted is only what the
signature covers.
"""

from __future__ import annotations

import base64
import hmac
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from hashlib import sha256
from typing import Any, cast

from bpmn.expressions import ExpressionError, compile_expression
from bpmn.model import Expression, Language
from engine.clock import Clock
from engine.correlation import Correlator
from engine.errors import InvalidInput, NotAllowed, NotFound
from engine.executors.secrets import SecretProvider, from_environment
from engine.interpreter.compiling import text_of
from engine.model import Publication
from engine.settings import HookSettings
from engine.timing import TimerError, read_duration

LARGEST = 1024 * 1024
"""Bytes of a body."""
STANDARD, OVER_BODY = "standard", "body"
"""Schemes: Standard Webhooks (id, time and body are signed), and a signature of the body alone."""
_SHORTEST_SECRET = 16  # bytes

log = logging.getLogger("engine.hooks")


@dataclass(frozen=True, slots=True)
class Hook:
    """*window*: how far the time of a request may be from ours; *ttl*: how long its message waits and is known."""

    settings: HookSettings
    correlation_key: Expression | None
    variables: Expression
    message_id: Expression | None
    window: timedelta
    ttl: timedelta


class Hooks:
    def __init__(self, correlator: Correlator, secrets: SecretProvider | None, clock: Clock) -> None:
        self._correlator = correlator
        self._secret = secrets or from_environment
        self._clock = clock
        self._hooks: dict[str, Hook] = {}

    @property
    def names(self) -> list[str]:
        return sorted(self._hooks)

    def add(self, settings: HookSettings) -> None:
        """Raises InvalidInput for settings that make no sense, or a name that is taken."""
        known = self._hooks.get(settings.name)
        if known is not None and known.settings != settings:
            raise InvalidInput(f"Two webhooks have the name '{settings.name}'. Rename one of them.")
        self._hooks[settings.name] = _read(settings)

    def receive(self, name: str, headers: Mapping[str, str], body: bytes) -> Publication:
        """Publishes the message that a request is. *headers*: by their names in lower case.

        Raises NotFound (no such hook), NotAllowed (not signed by who knows the secret, or too old), InvalidInput.
        """
        hook = self._hooks.get(name)
        if hook is None:
            raise NotFound(f"There is no webhook '{name}'.")
        if len(body) > LARGEST:
            raise InvalidInput(f"The body has more than {LARGEST:,} bytes.")
        signed_id = self._check(hook, headers, body)
        scope = {"body": _parsed(body)}
        now = self._clock.now()
        said_id = None if hook.message_id is None else _text(_value(hook.message_id, scope, now), "message id")
        variables = _value(hook.variables, scope, now)
        if not isinstance(variables, Mapping):
            raise InvalidInput(f"The variables of webhook '{name}' are no context, like {{order: body.id}}.")
        key = (
            None if hook.correlation_key is None else _text(_value(hook.correlation_key, scope, now), "correlation key")
        )
        publication = self._correlator.publish(
            hook.settings.message,
            correlation_key=key,
            variables=cast("Mapping[str, Any]", variables),
            ttl=hook.ttl,
            message_id=f"{name}:{said_id or signed_id}",
            by=f"hook:{name}",
        )
        log.info("webhook received", extra={"hook": name, "outcome": str(publication.outcome)})
        return publication

    def _check(self, hook: Hook, headers: Mapping[str, str], body: bytes) -> str:
        """The id of a request that is signed and fresh. Raises NotAllowed."""
        name = hook.settings.name
        secret = self._secret(hook.settings.secret)
        key = b"" if secret is None else _key(secret)
        if len(key) < _SHORTEST_SECRET:
            log.error("a webhook has no secret, or one that is too short", extra={"hook": name})
            raise NotAllowed(f"Webhook '{name}' takes nothing: its secret is not set, or too short.")
        if hook.settings.scheme == OVER_BODY:
            said = headers.get(hook.settings.header.lower(), "").removeprefix("sha256=").lower()
            if not _is_one_of(hmac.digest(key, body, sha256).hex(), [said]):
                raise _refused()
            return sha256(body).hexdigest()
        message_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
        content = b".".join((message_id.encode(), stamp.encode(), body))
        signature = base64.b64encode(hmac.digest(key, content, sha256)).decode()
        said = [each.removeprefix("v1,") for each in headers.get("webhook-signature", "").split() if each[:3] == "v1,"]
        if not message_id or not _is_one_of(signature, said):
            raise _refused()
        if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 11:
            raise _refused()
        if abs(self._clock.now() - datetime.fromtimestamp(int(stamp), UTC)) > hook.window:
            raise NotAllowed("The request is too old, or a clock is wrong.")
        return message_id


def _read(settings: HookSettings) -> Hook:
    where = f"Webhook '{settings.name}'"
    if settings.scheme not in (STANDARD, OVER_BODY):
        raise InvalidInput(f"{where}: there is no scheme '{settings.scheme}'. Use '{STANDARD}' or '{OVER_BODY}'.")
    window, ttl = (_duration(where, text) for text in (settings.window, settings.ttl))
    if ttl < window * 2:
        raise InvalidInput(f"{where}: ttl must be at least twice the window, or a request could be repeated.")
    try:
        return Hook(
            settings,
            _expression(settings.correlation_key),
            _expression(settings.variables) or Expression(Language.FEEL, "{}"),
            _expression(settings.message_id),
            window,
            ttl,
        )
    except ExpressionError as problem:
        raise InvalidInput(f"{where}: {problem}") from problem


def _expression(text: str) -> Expression | None:
    """Raises ExpressionError."""
    if not text.strip():
        return None
    expression = Expression(Language.FEEL, text.strip().removeprefix("="))
    compile_expression(expression)
    return expression


def _duration(where: str, text: str) -> timedelta:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    try:
        return read_duration(text).after(start) - start
    except TimerError as problem:
        raise InvalidInput(f"{where}: {problem}") from problem


def _key(secret: str) -> bytes:
    """Standard Webhooks writes secrets as 'whsec_' and Base64; others are taken as they are."""
    if not secret.startswith("whsec_"):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:  # no Base64, or not even ASCII
        return b""


def _is_one_of(right: str, said: Sequence[str]) -> bool:
    matches = [hmac.compare_digest(right.encode(), each.encode()) for each in said[:10]]
    return any(matches)


def _refused() -> NotAllowed:
    return NotAllowed("The request is not signed with the secret of this webhook.")


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError, InvalidOperation) as problem:  # the last: no Decimal has such an exponent
        raise InvalidInput("The body is no JSON.") from problem


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _value(expression: Expression, scope: Mapping[str, Any], now: datetime) -> Any:
    try:
        return compile_expression(expression)(scope, now)
    except ExpressionError as problem:
        raise InvalidInput(f"The body does not fit: {problem}") from problem


def _text(value: Any, what: str) -> str:
    """As diagrams make texts of the values that they compare with it."""
    if isinstance(value, (str, int, float, Decimal)) and not isinstance(value, bool) and (text := text_of(value)):
        return text
    raise InvalidInput(f"The body has no {what}: it is a text or a number.")
