"""Letting instances go on by another version of their process."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from engine.clock import Clock
from engine.commands import Migrate
from engine.errors import InvalidInput
from engine.history.reader import Reader
from engine.migration import Migration, MigrationPlan, Problem
from engine.model import ProcessDefinition
from engine.programs import Programs
from engine.road import Road
from engine.session import Session


class Migrations:
    def __init__(self, road: Road, read: Reader, programs: Programs, clock: Clock) -> None:
        self._road = road
        self._read = read
        self._programs = programs
        self._clock = clock

    def plan(
        self, key: str, source: int | None, target: int | None, mapping: Mapping[str, str | None]
    ) -> MigrationPlan:
        """Raises NotFound, InvalidInput."""
        versions = {each.version: each for each in self._read.definitions(latest_only=False) if each.key == key}
        there = _chosen(versions, key, target, max(versions, default=None))
        here = _chosen(versions, key, source, max((each for each in versions if each != there.version), default=None))
        before, after = (self._programs.get(each.id).program for each in (here, there))
        interpreter = self._programs.interpreter
        chosen = interpreter.generated_mapping(before, after, mapping)
        return MigrationPlan(
            here.id,
            there.id,
            key,
            here.version,
            there.version,
            chosen,
            interpreter.unmapped(before, chosen),
            tuple(interpreter.check_mapping(before, after, chosen)),
        )

    def migrate(
        self, instance_id: str, plan: MigrationPlan, *, re_arms: bool, is_dry_run: bool, by: str, reason: str
    ) -> Migration:
        """Raises NotFound, Conflict or InvalidInput; then nothing has changed. A dry run tells problems instead."""
        found = self._road.travel(lambda session: self._foreseen(session, instance_id, plan))
        if not is_dry_run:
            at = self._clock.now()
            self._road.travel(
                lambda session: migrate_in(session, instance_id, plan, re_arms=re_arms, at=at, by=by, reason=reason)
            )
            return Migration(instance_id, found.moves, found.given_up, found.new)
        return found

    def _foreseen(self, session: Session, instance_id: str, plan: MigrationPlan) -> Migration:
        live = session.live(instance_id)
        problems = plan.problems
        if live.has_ended:
            problems = (Problem("", f"the instance has ended ({live.row.state})."),)
        elif live.row.definition_id != plan.source:
            problems = (Problem("", f"the instance is of '{live.row.definition_id}', not of '{plan.source}'."),)
        if problems:
            return Migration(instance_id, problems=problems, is_dry_run=True)
        target = self._programs.get(plan.target, session.connection)
        return self._programs.interpreter.foresee(live.instance, target.program, plan.mapping)


def migrate_in(
    session: Session, instance_id: str, plan: MigrationPlan, *, re_arms: bool, at: datetime, by: str, reason: str
) -> None:
    """Raises NotFound, Conflict or InvalidInput; then the instance is as it was."""
    if plan.problems:
        said = " ".join(str(each) for each in plan.problems)
        raise InvalidInput(
            f"The plan from version {plan.source_version} to {plan.target_version} cannot be done. {said}"
        )
    command = Migrate(
        at=at,
        actor=by,
        source=plan.source,
        target=plan.target,
        mapping=plan.mapping,
        re_arms=re_arms,
        reason=reason,
    )
    session.migrate(instance_id, command)


def _chosen(
    versions: Mapping[int, ProcessDefinition], key: str, wanted: int | None, default: int | None
) -> ProcessDefinition:
    version = wanted if wanted is not None else default
    if version is None or version not in versions:
        known = ", ".join(str(each) for each in sorted(versions)) or "none"
        raise InvalidInput(
            f"There is no {'other ' if wanted is None else ''}version{'' if wanted is None else f' {wanted}'} of "
            f"process '{key}' to migrate. Deployed: {known}."
        )
    return versions[version]
