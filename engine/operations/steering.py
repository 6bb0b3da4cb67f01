"""What operators do to instances, as methods of the engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engine.batch import Batch, Operation
from engine.clock import Clock
from engine.history.reader import Reader
from engine.ids import Ids
from engine.migration import Migration, MigrationPlan
from engine.model import ProcessInstance
from engine.modification import Beginning, Instruction
from engine.operations.batches import Batches
from engine.operations.migrations import Migrations
from engine.operations.modifications import Modifications
from engine.operations.restarts import Restarts
from engine.programs import Programs
from engine.road import Road
from engine.searching import Condition
from engine.store.transaction import Store


class Steering:
    """Half of the engine's facade. *batches*: to look at batches, pause, resume and cancel them."""

    batches: Batches

    def _steer(self, store: Store, road: Road, read: Reader, programs: Programs, ids: Ids, clock: Clock) -> None:
        self.batches = Batches(store, road, ids, clock)
        self._modifications = Modifications(road, clock)
        self._restarts = Restarts(road, read, programs, clock)
        self._migrations = Migrations(road, read, programs, clock)

    def modify(self, instance_id: str, *instructions: Instruction, reason: str = "", by: str = "system") -> None:
        """Moves tokens by hand: all that is cancelled goes, then the rest begins, and the instance goes on. Also
        where it is suspended.

        Raises NotFound, Conflict or InvalidInput where one of the *instructions* cannot be done; then nothing has
        changed.
        """
        self._modifications.modify(instance_id, instructions, by=by, reason=reason)

    def restart(
        self,
        instance_id: str,
        at: Sequence[str | Beginning] = (),
        *,
        initial_variables: bool = False,
        variables: Mapping[str, Any] | None = None,
        reason: str = "",
        by: str = "system",
    ) -> ProcessInstance:
        """A new instance of the same version and business key that goes on where an ended one was: before the elements
        *at*, else where it stood as it was ended; with the variables that it had then, or with those that it began
        with, and *variables* over them.

        Raises NotFound, Conflict (it has not ended) or InvalidInput; then there is none.
        """
        return self._restarts.restart(
            instance_id,
            at=at,
            initial_variables=initial_variables,
            variables=variables or {},
            by=by,
            reason=reason,
        )

    def batch(
        self,
        operation: Operation,
        ids: Sequence[str] | None = None,
        *,
        where: Sequence[Condition] = (),
        reason: str = "",
        by: str = "system",
    ) -> Batch:
        """Does *operation* to many instances in the background: to those with *ids* (of a retry: of the incidents), or
        to all that fulfil the conditions now (`engine.searching`; of a retry, conditions on incidents).

        The workers do it, each item in the commit that records what came of it. Raises InvalidInput where nothing is
        chosen.
        """
        return self.batches.start(operation, ids=ids, where=where, by=by, reason=reason)

    def migration_plan(
        self,
        key: str,
        *,
        source: int | None = None,
        target: int | None = None,
        mapping: Mapping[str, str | None] | None = None,
    ) -> MigrationPlan:
        """How instances of version *source* (the newest other one) go on by version *target* (the newest): elements of
        the same id, kind and place are mapped, *mapping* is put over that (None: not mapped); its problems are told.

        Raises InvalidInput for a version that is not deployed.
        """
        return self._migrations.plan(key, source, target, mapping or {})

    def migrate(
        self,
        instance_id: str,
        plan: MigrationPlan,
        *,
        re_arms: bool = False,
        is_dry_run: bool = False,
        reason: str = "",
        by: str = "system",
    ) -> Migration:
        """Lets an instance go on by another version; what it did. *re_arms*: its timers, messages and signals begin
        anew, as the other version has them; else they wait on as they are. *is_dry_run*: only tells what it would do,
        with the problems.

        Raises NotFound, Conflict or InvalidInput; then nothing has changed.
        """
        return self._migrations.migrate(instance_id, plan, re_arms=re_arms, is_dry_run=is_dry_run, by=by, reason=reason)
