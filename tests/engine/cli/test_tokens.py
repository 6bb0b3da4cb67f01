"""Tokens of the REST API, made and revoked at the command line."""

from __future__ import annotations

from engine.cli import WRONG_USAGE
from engine.clock import SystemClock
from engine.engine import Engine
from tests.engine.cli.conftest import Fermata


def test_a_token_is_shown_once_and_revoked(fermata: Fermata) -> None:
    made = fermata("tokens", "add", "ci", "--scope", "deploy", "--days", "9")
    secret = made.out.splitlines()[-1]
    with Engine("sqlite:///var/fermata.db", clock=SystemClock()) as engine:
        token = engine.tokens.authenticate(secret)
        assert token is not None
        assert (token.name, token.scopes) == ("ci", ("deploy",))
    listed = fermata("tokens", "list", "--json")
    assert secret not in listed.out
    assert listed.json[0]["name"] == "ci"
    assert fermata("tokens", "revoke", "ci").code == 0
    assert "revoked" in fermata("tokens", "list").out


def test_an_unknown_scope_is_wrong_usage(fermata: Fermata) -> None:
    assert fermata("tokens", "add", "ci", "--scope", "everything").code == WRONG_USAGE
