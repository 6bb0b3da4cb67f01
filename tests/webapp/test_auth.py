import pytest

from webapp.security import LoginBrake


@pytest.mark.parametrize(
    "path",
    ["/", "/home/live", "/tasks/", "/tasks/x", "/processes/", "/processes/leave", "/instances/", "/instances/x/live"],
)
def test_nothing_is_shown_without_logging_in(stranger, path):
    assert stranger.get(path).path == "/log-in"


def test_logging_in_leads_to_where_one_wanted_to_go(stranger):
    token = stranger.csrf_token()
    answer = stranger._client.post(
        "/log-in?next=/instances/", data={"csrf_token": token, "name": "ann", "password": "ann-pw"}
    )

    assert answer.location == "/instances/"


@pytest.mark.parametrize(
    "next_page", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/\t/evil"]
)
def test_logging_in_never_leads_to_somebody_else(stranger, next_page):
    token = stranger.csrf_token()
    answer = stranger._client.post(
        "/log-in", query_string={"next": next_page}, data={"csrf_token": token, "name": "ann", "password": "ann-pw"}
    )

    assert answer.location == "/"


@pytest.mark.parametrize(
    ("name", "password"), [("ann", "wrong"), ("nobody", "ann-pw"), ("", ""), ("ann", "x" * 100_000)]
)
def test_a_wrong_password_is_refused_and_says_no_more_than_that(stranger, name, password):
    stranger.post("/log-in", name=name, password=password)

    assert stranger.status == 401
    assert "Name and password do not match." in stranger.text


def test_guessing_is_slowed_down(app, stranger):
    app.extensions["login_brake"] = LoginBrake(limit=2)
    for _ in range(2):
        stranger.post("/log-in", name="ann", password="guess")

    stranger.post("/log-in", name="ann", password="ann-pw")

    assert stranger.status == 429
    assert int(stranger.answer.headers["Retry-After"]) > 0


def test_logging_out_ends_the_session(ann):
    ann.post("/log-out")

    assert "You are logged out." in ann.text
    assert ann.get("/").path == "/log-in"


def test_who_is_removed_is_logged_out(ann, the_engine):
    the_engine.people.remove("ann")

    assert ann.get("/").path == "/log-in"


def test_a_form_without_its_token_changes_nothing(ann):
    ann.post("/log-out", csrf_token="forged")

    assert ann.status == 400
    assert ann.get("/").path == "/"


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(stranger):
    token = stranger.csrf_token()
    answer = stranger._client.post("/log-in", data={"csrf_token": token, "name": "ann", "password": "ann-pw"})
    cookie = answer.headers["Set-Cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


def test_every_answer_forbids_foreign_and_inline_code(stranger):
    for path in ("/log-in", "/no-such-page", "/static/css/fermata.css"):
        policy = stranger.get(path).answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy


def test_pages_with_personal_data_are_not_kept(ann):
    assert ann.get("/").answer.headers["Cache-Control"] == "no-store"
