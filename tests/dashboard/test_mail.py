"""What `EMAIL_URL` may say."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from dashboard.mail import MailServer, mail_server


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("", MailServer()),
        ("smtp://mail.example.org", MailServer("mail.example.org", 25)),
        ("smtp://127.0.0.1:1025", MailServer("127.0.0.1", 1025)),
        ("smtps://u@mail.example.org", MailServer("mail.example.org", 465, "u", ssl=True)),
        (
            "smtp+tls://me%40example.org:p%2Fw@mail.example.org",
            MailServer("mail.example.org", 587, "me@example.org", "p/w", starttls=True),
        ),
    ],
)
def test_a_url_names_a_server(url: str, server: MailServer) -> None:
    assert mail_server(url) == server


@pytest.mark.parametrize("url", ["mail.example.org", "https://u:hidden@h", "smtp://", "smtp://u:hidden@h:port"])
def test_what_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ImproperlyConfigured) as caught:
        mail_server(url)
    assert "hidden" not in str(caught.value)
    assert "hidden" not in repr(mail_server("smtp://u:hidden@h"))
