"""The real handlers of desk.bpmn; its scenarios put stubs in the place of some."""

from engine import Job, handler


@handler("org.example.Count")
def count(job: Job) -> dict[str, int]:
    raise AssertionError("this handler is stubbed")


@handler("greeter")
@handler("greeter.greet")
def greet(job: Job) -> str:
    return f"Good morning, {job.variables['name']}"


@handler("mailer")
def mail(job: Job) -> None:
    return None
