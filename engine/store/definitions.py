"""What was deployed: files, and the versions of processes, decisions and forms in them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, and_, bindparam, exists, func, insert, or_, select

from engine.store.tables import decision_definition, deployment, form_definition, process_definition, resource
from engine.store.types import AnyRow
from engine.store.values import insert_all

PROCESSES, DECISIONS, FORMS = process_definition, decision_definition, form_definition


def find(
    connection: Connection,
    table: Table,
    key: str,
    *,
    binding: str = "latest",
    version: str | int | None = None,
    deployment_id: str | None = None,
) -> Row[Any] | None:
    """The version of *key* that a binding means: latest, deployment, version or versionTag."""
    if binding == "latest":
        return connection.execute(_latest(table), {"key": key}).first()
    query = select(table).where(table.c.key == key)
    if binding == "deployment":  # what had not changed is an older deployment's version, with the same file
        is_its_own = table.c.deployment_id == deployment_id
        same_file = exists().where(resource.c.deployment_id == deployment_id, resource.c.sha256 == table.c.sha256)
        query = query.where(or_(is_its_own, same_file)).order_by(is_its_own.desc())
    elif binding == "version":
        if not str(version).isdigit():
            return None
        query = query.where(table.c.version == int(str(version)))
    elif binding == "versionTag":
        query = query.where(table.c.version_tag == version)
    return connection.execute(query.order_by(table.c.version.desc()).limit(1)).first()


LATEST_PROCESS = (
    select(process_definition.c.id)
    .where(process_definition.c.key == bindparam("key"))
    .order_by(process_definition.c.version.desc())
)
"""Of its one parameter `key`, the ids of its versions, newest first."""


@cache
def _latest(table: Table) -> Select[Any]:
    return select(table).where(table.c.key == bindparam("key")).order_by(table.c.version.desc()).limit(1)


def wanted(binding: str, version: object) -> str:
    """What a binding asks for beside the key, for a message that there is no such version."""
    said = {"deployment": " in the same deployment", "version": f" with version {version}"}
    return said.get(binding, f" with version tag '{version}'" if binding == "versionTag" else "")


def find_by_id(connection: Connection, table: Table, definition_id: str) -> Row[Any] | None:
    return connection.execute(select(table).where(table.c.id == definition_id)).first()


def all_processes(connection: Connection, latest_only: bool) -> Sequence[Row[Any]]:
    """By name, then newest version first."""
    query: Select[Any] = select(process_definition)
    if latest_only:
        newest = (
            select(process_definition.c.key, func.max(process_definition.c.version).label("version"))
            .group_by(process_definition.c.key)
            .subquery()
        )
        query = query.join(
            newest,
            and_(process_definition.c.key == newest.c.key, process_definition.c.version == newest.c.version),
        )
    columns = process_definition.c
    return connection.execute(query.order_by(columns.name, columns.key, columns.version.desc())).all()


def find_resource(connection: Connection, deployment_id: str, name: str) -> Row[Any] | None:
    query = select(resource).where(resource.c.deployment_id == deployment_id, resource.c.name == name)
    return connection.execute(query).first()


def resources_named(connection: Connection, deployment_id: str, pattern: str) -> Sequence[AnyRow]:
    """The files of a deployment whose names are like *pattern*."""
    query = select(resource).where(resource.c.deployment_id == deployment_id, resource.c.name.ilike(pattern))
    return connection.execute(query.order_by(resource.c.name)).all()


def newest_resource(connection: Connection, name: str) -> AnyRow | None:
    """The newest file of that name: its deployment's id and time, who deployed it, and its hash."""
    query = (
        select(resource.c.deployment_id, resource.c.sha256, deployment.c.deployed_at, deployment.c.deployed_by)
        .join(deployment, deployment.c.id == resource.c.deployment_id)
        .where(resource.c.name == name)
        .order_by(deployment.c.deployed_at.desc(), deployment.c.id.desc())
    )
    return connection.execute(query.limit(1)).first()


def deployment_with(connection: Connection, hashes: Sequence[str]) -> Row[Any] | None:
    """The newest deployment that has a file of one of these hashes."""
    having = select(resource.c.deployment_id).where(resource.c.sha256.in_(hashes))
    query = select(deployment).where(deployment.c.id.in_(having))
    return connection.execute(query.order_by(deployment.c.deployed_at.desc(), deployment.c.id.desc())).first()


def insert_deployment(connection: Connection, row: dict[str, Any], resources: list[dict[str, Any]]) -> None:
    connection.execute(insert(deployment), row)
    insert_all(connection, resource, resources)


def insert_definition(connection: Connection, table: Table, row: dict[str, Any]) -> None:
    connection.execute(insert(table), row)
