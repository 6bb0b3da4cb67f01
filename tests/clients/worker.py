"""The Python worker of Camunda's community as people write one. Works until it is ended."""

import json
import sys

from camunda.external_task.external_task import ExternalTask, TaskResult
from camunda.external_task.external_task_worker import ExternalTaskWorker


def charge(task: ExternalTask) -> TaskResult:
    wish = task.get_variable("wish")
    print(json.dumps({"what": "did", "wish": wish, "key": task.get_business_key()}), flush=True)
    if wish == "complete":
        properties = task.get_extension_properties()
        values = {"whole": task.get_variable("amount") + 1, "items": [*task.get_variable("items"), {"more": 1}]}
        return task.complete({**values, "text": "täxt", "flag": True, "currency": properties["currency"]})
    if wish == "fail" and task._context["retries"] is None:
        return task.failure("no line", "where it was", max_retries=1, retry_timeout=0)
    if wish == "fail":
        return task.complete({"left": task._context["retries"]})
    return task.bpmn_error("DECLINED", "too old", {"card": 7})


config = {
    "maxTasks": 1,
    "lockDuration": 30_000,
    "asyncResponseTimeout": 20_000,
    "sleepSeconds": 1,
    "auth_bearer": {"access_token": sys.argv[2]},
}
ExternalTaskWorker(worker_id="python", base_url=sys.argv[1], config=config).subscribe(["charge-card"], charge)
