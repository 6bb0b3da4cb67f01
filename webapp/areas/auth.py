"""Logging in and out."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, current_app, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_user, logout_user

from webapp.context import the_engine
from webapp.identity import LoggedIn
from webapp.security import LoginBrake

area = Blueprint("auth", __name__)
LONGEST = 200  # characters of a name or password: hashing must not be fed megabytes


@area.route("/log-in", methods=["GET", "POST"])
def log_in() -> ResponseReturnValue:
    if current_user.is_authenticated:
        return redirect(_destination())
    if request.method == "GET":
        return render_template("auth/log_in.html", name="")

    name = request.form.get("name", "").strip()[:LONGEST]
    password = request.form.get("password", "")[:LONGEST]
    brake: LoginBrake = current_app.extensions["login_brake"]
    keys = (f"name {name.casefold()}", f"address {request.remote_addr}")
    if wait := brake.wait(*keys):
        problem = f"Too many attempts. Try again in {wait} seconds."
        return render_template("auth/log_in.html", name=name, problem=problem), 429, {"Retry-After": str(wait)}
    person = the_engine().people.authenticate(name, password)
    if person is None:
        brake.failed(*keys)
        return render_template("auth/log_in.html", name=name, problem="Name and password do not match."), 401
    brake.succeeded(keys[0])
    session.clear()
    login_user(LoggedIn(person))
    session.permanent = True
    return redirect(_destination())


@area.post("/log-out")
def log_out() -> ResponseReturnValue:
    logout_user()
    session.clear()
    flash("You are logged out.", "success")
    return redirect(url_for("auth.log_in"))


def _destination() -> str:
    """Where the login was asked for, when that is a page of ours; else home."""
    wanted = request.args.get("next", "").replace("\\", "/")
    parts = urlsplit(wanted)
    is_ours = wanted.startswith("/") and not wanted.startswith("//") and not parts.scheme and not parts.netloc
    return wanted if is_ours and wanted.isprintable() else url_for("home.show")
