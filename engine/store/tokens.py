"""The tokens of the REST API, and what was answered to requests that may be repeated."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import orjson
from sqlalchemy import Connection, delete, or_, select, update

from engine.store.tables import api_request, api_token
from engine.store.types import AnyRow
from engine.store.values import insert_missing, insert_new

if TYPE_CHECKING:
    from engine.tokens import Token


def insert(connection: Connection, token: Token, secret_hash: str) -> None:
    row = {
        "id": token.id,
        "name": token.name,
        "secret_hash": secret_hash,
        "person": token.person,
        "scopes": orjson.dumps(token.scopes).decode(),
        "created_at": token.created_at,
        "created_by": token.created_by,
        "expires_at": token.expires_at,
        "last_used_at": None,
        "revoked_at": None,
    }
    insert_missing(connection, api_token, [row])


def find(connection: Connection, secret_hash: str) -> Token | None:
    row = connection.execute(select(api_token).where(api_token.c.secret_hash == secret_hash)).first()
    return None if row is None else _token(row)


def everything(connection: Connection) -> list[Token]:
    return [_token(row) for row in connection.execute(select(api_token).order_by(api_token.c.name, api_token.c.id))]


def note_use(connection: Connection, token_id: str, at: datetime) -> None:
    connection.execute(update(api_token).where(api_token.c.id == token_id).values(last_used_at=at))


def revoke(connection: Connection, name_or_id: str, at: datetime) -> bool:
    is_meant = or_(api_token.c.name == name_or_id, api_token.c.id == name_or_id)
    change = update(api_token).where(is_meant, api_token.c.revoked_at.is_(None)).values(revoked_at=at)
    return connection.execute(change).rowcount > 0


def find_request(connection: Connection, owner: str, key: str) -> AnyRow | None:
    query = select(api_request).where(api_request.c.owner == owner, api_request.c.key == key)
    return connection.execute(query).first()


def keep_request(
    connection: Connection,
    owner: str,
    key: str,
    fingerprint: str,
    at: datetime,
    status: int,
    body: str,
    *,
    kept_since: datetime,
) -> bool:
    """False where another transaction has answered such a request already; one before *kept_since* is forgotten."""
    row = {
        "owner": owner,
        "key": key,
        "fingerprint": fingerprint,
        "begun_at": at,
        "status": status,
        "body": body,
    }
    if insert_new(connection, api_request, row):
        return True
    is_it = (api_request.c.owner == owner, api_request.c.key == key)
    forgotten = connection.execute(delete(api_request).where(*is_it, api_request.c.begun_at < kept_since))
    return forgotten.rowcount > 0 and insert_new(connection, api_request, row)


def forget_requests(connection: Connection, before: datetime) -> None:
    connection.execute(delete(api_request).where(api_request.c.begun_at < before))


def _token(row: AnyRow) -> Token:
    from engine.tokens import Scope, Token

    return Token(
        id=row.id,
        name=row.name,
        person=row.person,
        scopes=tuple(Scope(each) for each in orjson.loads(row.scopes)),
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
