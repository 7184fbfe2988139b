"""Whether the keys are fit to be used, and whether all that is stored encrypted can be read with them.

For `manage.py doctor`: reading all of it takes too long for a page that is polled.
"""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.core.checks.security.base import check_secret_key
from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from dashboard.health_checks import BAD, GOOD, WORTH_A_LOOK, Check, Look
from dashboard.templatetags.syncdeck import number
from runs.services import KeyTally, key_tally

MOST_NAMED = 5


def _secret_key(now: datetime) -> list[Check]:
    if check_secret_key(None):
        advice = _("Set SECRET_KEY to at least 50 random characters: whoever guesses it makes sessions of anybody.")
        return [Check(_("Secret key"), BAD, _("SECRET_KEY is too short or too plain."), advice)]
    return [Check(_("Secret key"), GOOD, _("SECRET_KEY is long and varied enough."))]


def _key_files(now: datetime) -> list[Check]:
    """Generated keys are for their owner alone; without any there is no line."""
    files = [settings.DATA_DIR / name for name in ("secret_key", "credentials_key")]
    return [
        Check(
            _("Key files"),
            BAD,
            _("Others on this host may read or write {file}.").format(file=file),
            _("Run `chmod 600 {file}`.").format(file=file),
        )
        for file in files
        if file.exists() and file.stat().st_mode & 0o077
    ]


def _credentials(now: datetime) -> list[Check]:
    return [_by_key(key_tally()), *_keys_of_one_host()]


def _by_key(tally: KeyTally) -> Check:
    words = _("Encrypted under the first key: {current}; under older ones: {old}.")
    words = words.format(current=number(tally.current), old=number(tally.old))
    if tally.unreadable:
        unread = _("No key decrypts {count}: {places}.")
        words = f"{words} {unread.format(count=number(len(tally.unreadable)), places=_named(tally))}"
        advice = _("Add the key that they were stored with to CREDENTIALS_KEYS, or give these credentials anew.")
        return Check(_("Credentials"), BAD, words, advice)
    if tally.old:
        advice = _("Run `python manage.py rotate_keys`, then take the older keys away.")
        return Check(_("Credentials"), WORTH_A_LOOK, words, advice)
    return Check(_("Credentials"), GOOD, words)


def _named(tally: KeyTally) -> str:
    names = [f"{row.place}, {row.key}" for row in tally.unreadable[:MOST_NAMED]]
    return "; ".join([*names, "…"] if len(tally.unreadable) > MOST_NAMED else names)


def _keys_of_one_host() -> list[Check]:
    if settings.CREDENTIALS_KEYS_FILE is None or connection.vendor == "sqlite":
        return []
    words = _("Their key was generated on this host, while other hosts may use the same database.")
    return [
        Check(_("Credentials"), WORTH_A_LOOK, words, _("Set the same SECRET_KEY and CREDENTIALS_KEYS on every host."))
    ]


KEY_LOOKS: dict[str, Look] = {
    gettext_noop("Secret key"): _secret_key,
    gettext_noop("Key files"): _key_files,
    gettext_noop("Credentials"): _credentials,
}
