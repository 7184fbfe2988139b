"""Logins, failures, lockouts and passwords in the audit list; and from which address a request came."""

from __future__ import annotations

import pytest
from django.test import Client, RequestFactory, override_settings

from dashboard.logins import MOST_A_MINUTE
from dashboard.middleware import client_address
from runs.models import AuditEntry, User
from tests import factories

pytestmark = pytest.mark.django_db

PASSWORD = "pw-for-tests-1"


def log_in(username: str, password: str = PASSWORD, **headers: str) -> Client:
    client = Client()
    client.post("/login/", {"username": username, "password": password}, **headers)
    return client


def lines(action: str) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(action=action))


def test_a_login_is_noted_with_its_address() -> None:
    factories.user("olga")
    log_in("olga", REMOTE_ADDR="203.0.113.7")
    [line] = lines("person.login")
    assert (line.actor, line.target_label, line.ip) == ("olga", "olga", "203.0.113.7")
    assert line.environment_id is None


def test_a_failed_login_names_the_person_but_nothing_that_was_typed() -> None:
    factories.user("olga")
    log_in("olga", "wrong")
    log_in("my-pAssw0rd-by-mistake", "olga")
    known, unknown = lines("person.login_failed")[::-1]
    assert (known.target_label, known.actor) == ("olga", "")
    assert (unknown.target_label, unknown.details) == ("", {})


def test_whoever_is_locked_out_is_noted_once() -> None:
    factories.user("olga")
    for _ in range(14):
        log_in("olga", "wrong")
    [line] = lines("person.lock_out")
    assert line.target_label == "olga"


def test_nobody_fills_the_list_from_outside() -> None:
    for number in range(MOST_A_MINUTE + 5):
        log_in(f"nobody-{number}", "wrong", REMOTE_ADDR="203.0.113.9")
    log_in("nobody", "wrong", REMOTE_ADDR="203.0.113.10")
    assert len(lines("person.login_failed")) == MOST_A_MINUTE + 1


@pytest.mark.parametrize("username", ["a\0b", "", "x" * 500])
def test_odd_names_are_no_fault_of_ours(username: str) -> None:
    assert Client().post("/login/", {"username": username, "password": "x"}).status_code == 200


def test_a_changed_password_is_noted() -> None:
    factories.user("olga")
    client = log_in("olga")
    new = "a-new-pass-4711"
    wrong = {"old_password": "wrong", "new_password1": new, "new_password2": new}
    client.post("/password/", wrong)
    assert lines("person.password") == []
    client.post("/password/", {**wrong, "old_password": PASSWORD})
    [line] = lines("person.password")
    assert (line.actor, line.target_label, line.details) == ("olga", "olga", {})
    assert User.objects.get().check_password(new)


def test_a_login_by_code_is_no_ones_login(client: Client) -> None:
    client.force_login(factories.user("olga"))
    assert lines("person.login") == []


class TestTheAddress:
    def of(self, forwarded: str | None = None, remote: str = "192.0.2.1") -> str | None:
        headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
        return client_address(RequestFactory().get("/", headers=headers, REMOTE_ADDR=remote))

    def test_is_that_of_the_connection_whatever_the_client_claims(self) -> None:
        assert self.of("203.0.113.7") == "192.0.2.1"

    @pytest.mark.parametrize(
        ("forwarded", "address"),
        [
            ("203.0.113.7", "203.0.113.7"),
            ("10.0.0.1, 203.0.113.7", "203.0.113.7"),
            ("'; DROP TABLE x, 203.0.113.7", "203.0.113.7"),
            ("203.0.113.7:5123", "203.0.113.7"),
            ("[2001:db8::1]:5123", "2001:db8::1"),
            ("2001:DB8:0::1", "2001:db8::1"),
            ("fe80::1%eth0", "fe80::1"),
            ("203.0.113.7, unknown", "192.0.2.1"),
            ("203.0.113.7,", "192.0.2.1"),
            ("", "192.0.2.1"),
            (None, "192.0.2.1"),
        ],
    )
    def test_behind_a_proxy_is_the_last_that_was_forwarded(self, forwarded: str | None, address: str) -> None:
        with override_settings(BEHIND_PROXY=True):
            assert self.of(forwarded) == address

    @pytest.mark.parametrize("remote", ["", "unix:", "999.1.1.1"])
    def test_that_is_none_is_not_stored(self, remote: str) -> None:
        assert self.of(remote=remote) is None

    def test_is_what_lines_are_written_with_and_lockouts_go_by(self) -> None:
        factories.user("olga")
        with override_settings(BEHIND_PROXY=True):
            for _ in range(12):
                log_in("olga", "wrong", HTTP_X_FORWARDED_FOR="10.0.0.1, 203.0.113.66")
            log_in("olga", HTTP_X_FORWARDED_FOR="203.0.113.66, 198.51.100.4")
        [line] = lines("person.login")
        assert line.ip == "198.51.100.4"
        assert {line.ip for line in lines("person.login_failed")} == {"203.0.113.66"}
