"""History can be read on a hot standby, which takes no writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import make_url

from engine.engine import Engine
from engine.errors import EngineError


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_what_has_happened_can_be_read_where_nothing_can_be_written(
    engine: Engine, database_url: str, models: Path
) -> None:
    engine.deploy(models / "order.bpmn")
    instance = engine.start("order", business_key="A-17", variables={"amount": 5})
    standby = make_url(database_url).update_query_dict({"options": "-c default_transaction_read_only=on"})
    with Engine(standby.render_as_string(hide_password=False), migrate=False) as replica:
        assert [each.business_key for each in replica.read.instances().items] == ["A-17"]
        assert [each.element_id for each in replica.read.history(instance.id).activities] == ["Received", "Charge"]
        replica.store.patience = 0.1
        with pytest.raises(EngineError, match="nothing has changed"):
            replica.start("order")
