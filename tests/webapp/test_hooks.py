"""Webhooks: what is signed and fresh becomes a message, once; all else changes nothing."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import timedelta
from hashlib import sha256

import pytest

from engine.errors import InvalidInput
from engine.settings import HookSettings

SECRET = "whsec_" + base64.b64encode(b"a key of twenty-four byte").decode()
SHOP = HookSettings(
    "shop",
    secret="SHOP",
    message="order paid",
    correlation_key="body.order",
    variables="{amount: body.amount, by: body.customer.name}",
)
CODE = HookSettings("code", secret="CODE", message="pushed", scheme="body", window="PT0S")
BODY = json.dumps({"order": 17, "amount": 12.50, "customer": {"name": "Ada"}}).encode()


@pytest.fixture
def hooks(the_engine, monkeypatch):
    monkeypatch.setenv("FERMATA_SECRET_SHOP", SECRET)
    monkeypatch.setenv("FERMATA_SECRET_CODE", "a long and plain secret")
    the_engine.hooks.add(SHOP)
    the_engine.hooks.add(CODE)
    return the_engine


@pytest.fixture
def send(hooks, app):
    client = app.test_client()

    def send(body=BODY, *, id="m-1", at=None, secret=SECRET, name="shop", **headers):
        stamp = str(int((at or hooks.clock.now()).timestamp()))
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signature = base64.b64encode(hmac.digest(key, f"{id}.{stamp}.".encode() + body, sha256)).decode()
        signed = {"webhook-id": id, "webhook-timestamp": stamp, "webhook-signature": f"v1,{signature}"}
        return client.post(f"/hooks/{name}", data=body, headers=signed | headers)

    return send


def test_a_signed_request_becomes_a_message_with_the_key_and_variables_of_its_body(send, hooks):
    answer = send()

    assert (answer.status_code, answer.json["outcome"]) == (200, "stored")
    (message,) = hooks.read.messages()
    assert (message.name, message.correlation_key, message.published_by) == ("order paid", "17", "hook:shop")
    assert message.expires_at == hooks.clock.now() + timedelta(days=1)


def test_a_request_that_comes_again_does_nothing(send, hooks):
    outcomes = [send().json["outcome"] for _ in range(3)]

    assert outcomes == ["stored", "duplicate", "duplicate"]
    assert len(hooks.read.messages()) == 1


def test_one_of_several_signatures_is_enough_while_a_secret_is_changed(send):
    stale = "v1," + base64.b64encode(b"x" * 32).decode()
    assert send(**{"webhook-signature": stale}).status_code == 403
    good = send(id="m-2").request.headers["webhook-signature"]
    assert send(id="m-2", **{"webhook-signature": f"v1a,zzz {stale} {good}"}).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"secret": base64.b64encode(b"another key of many bytes").decode()},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-id": "m-9"},
        {"webhook-id": ""},
        {"webhook-timestamp": "0"},
        {"webhook-timestamp": "now"},
    ],
    ids=str,
)
def test_what_is_not_signed_by_who_knows_the_secret_is_refused_and_changes_nothing(send, hooks, change):
    answer = send(**change)

    assert (answer.status_code, answer.json["status"]) == (403, 403)
    assert hooks.read.messages() == []


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_request_out_of_its_time_is_refused(send, hooks, minutes):
    assert send(at=hooks.clock.now() + timedelta(minutes=minutes)).status_code == 403


def test_a_recorded_request_is_known_as_long_as_it_would_be_taken(send, hooks):
    at = hooks.clock.now() + timedelta(minutes=4)
    assert send(at=at).json["outcome"] == "stored"
    hooks.clock.advance(timedelta(minutes=8))
    assert send(at=at).json["outcome"] == "duplicate"


def test_a_signature_of_the_body_alone_is_one_too(hooks, app):
    signature = hmac.digest(b"a long and plain secret", BODY, sha256).hex()
    client = app.test_client()
    answers = [
        client.post("/hooks/code", data=BODY, headers={"X-Hub-Signature-256": f"sha256={each}", "X-Delivery": str(n)})
        for n, each in enumerate((signature, signature, signature[:-1] + "g"))
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 403]
    assert [answer.json["outcome"] for answer in answers[:2]] == ["stored", "duplicate"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "no JSON"),
        (b"order=17", "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"order": NaN}', "no JSON"),
        (b'{"order": {"id": 1e9999999999999999999}}', "no JSON"),
        *[
            (b'{"order": %s}' % value, "no correlation key")
            for value in (b'{"deep": 1}', b"[7]", b"null", b'""', b"true")
        ],
        *[(body, "no correlation key") for body in (b"{}", b'"text"', b"[]", b"17")],
    ],
)
def test_a_body_that_does_not_fit_is_an_error_that_says_so(send, hooks, body, words):
    answer = send(body)

    assert answer.status_code == 422
    assert words in answer.json["detail"]
    assert hooks.read.messages() == []


def test_a_body_that_is_too_large_is_not_read(send):
    assert send(b" " * (1024 * 1024 + 1)).status_code == 413


def test_a_hook_that_does_not_exist_is_not_found(send):
    assert send(name="nothing").status_code == 404


@pytest.mark.parametrize("secret", [None, "short"])
def test_a_hook_without_a_good_secret_takes_nothing(send, monkeypatch, secret):
    if secret is None:
        monkeypatch.delenv("FERMATA_SECRET_SHOP")
    else:
        monkeypatch.setenv("FERMATA_SECRET_SHOP", secret)
    assert send().status_code == 403


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scheme": "none"}, "no scheme 'none'"),
        ({"window": "soon"}, "no duration"),
        ({"ttl": "PT9M"}, "twice the window"),
        ({"correlation_key": "body."}, "Webhook 'odd'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(the_engine, options, words):
    with pytest.raises(InvalidInput, match=words):
        the_engine.hooks.add(HookSettings("odd", secret="S", message="m", **options))


def test_two_hooks_of_one_name_are_refused(hooks):
    with pytest.raises(InvalidInput, match="have the name 'shop'"):
        hooks.hooks.add(HookSettings("shop", secret="OTHER", message="m"))
