"""Who is logged in: Flask-Login over the engine's people."""

from __future__ import annotations

from flask import Flask, g
from flask_login import LoginManager, UserMixin

from engine.model import Person
from webapp.context import the_engine


class LoggedIn(UserMixin):
    """A person with a session."""

    def __init__(self, person: Person) -> None:
        self.person = person

    def get_id(self) -> str:
        return self.person.name


def install(app: Flask) -> None:
    manager = LoginManager(app)
    manager.login_view = "auth.log_in"  # pyright: ignore[reportAttributeAccessIssue]
    manager.login_message = "Log in to continue."
    manager.login_message_category = "info"
    manager.session_protection = "basic"

    @manager.user_loader
    def load(name: str) -> LoggedIn | None:
        if "is_database_away" in g:  # who it is, only the database knows
            return None
        person = the_engine().people.get(name)
        return LoggedIn(person) if person is not None else None
