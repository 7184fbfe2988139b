"""`manage.py rotate_keys`."""

from __future__ import annotations

import stat
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from dashboard.keys import kept_keys
from runs.models import AuditEntry, Webhook
from runs.services import key_tally
from tests import factories
from tests.processes import Processes

OLD, NEW, LOST = (Fernet.generate_key().decode() for _ in range(3))


def rotate_keys(*arguments: str) -> tuple[str, str]:
    output, errors = StringIO(), StringIO()
    call_command("rotate_keys", *arguments, stdout=output, stderr=errors)
    return output.getvalue(), errors.getvalue()


@pytest.fixture
def file(settings: Any, tmp_path: Path) -> Path:
    settings.CREDENTIALS_KEYS_FILE = tmp_path / "credentials_key"
    settings.CREDENTIALS_KEYS_FILE.write_text(OLD)
    return tmp_path / "credentials_key"


@pytest.mark.django_db
class TestRotating:
    def test_it_counts_and_notes_who(self, settings: Any) -> None:
        settings.CREDENTIALS_KEYS = [OLD]
        factories.webhook()
        settings.CREDENTIALS_KEYS = [NEW, OLD]
        factories.webhook()

        output, errors = rotate_keys()

        assert output == "Encrypted anew: 1; under the first key before: 1; under none of the keys: 0.\n"
        assert errors == ""
        assert AuditEntry.objects.get(action="keys.rotate").actor

    def test_what_no_key_decrypts_is_an_exit_status(self, settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
        settings.CREDENTIALS_KEYS = [LOST]
        lost = factories.webhook()
        settings.CREDENTIALS_KEYS = [OLD]
        kept = factories.webhook()
        settings.CREDENTIALS_KEYS = [NEW, OLD]

        with pytest.raises(SystemExit) as ended:
            call_command("rotate_keys")

        assert ended.value.code == 1
        assert f"No key decrypts: webhook, secret, {lost.pk}" in capsys.readouterr().err
        assert (key_tally().current, key_tally().old) == (1, 0)
        assert Webhook.objects.get(pk=kept.pk).secret == kept.secret


class TestANewKey:
    def test_is_put_in_front_of_those_in_the_file(self, file: Path) -> None:
        output, _ = rotate_keys("--generate", "--yes")

        first, *rest = kept_keys(file, lambda: "never made")
        assert rest == [OLD]
        assert Fernet(first)
        assert first not in output
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert list(file.parent.iterdir()) == [file]

    def test_is_not_written_while_another_is_at_it(self, file: Path) -> None:
        file.with_name(".credentials_key.new").touch()
        with pytest.raises(CommandError, match=r"\.credentials_key\.new is there"):
            rotate_keys("--generate", "--yes")
        assert file.read_text() == OLD

    def test_is_printed_alone_where_keys_are_set(self, settings: Any) -> None:
        settings.CREDENTIALS_KEYS_FILE = None
        output, errors = rotate_keys("--generate")
        assert Fernet(output.strip())
        assert "in front of CREDENTIALS_KEYS" in errors

    def test_the_very_first_is_printed_and_none_is_kept(self, tmp_path: Path) -> None:
        done = Processes(tmp_path).run("rotate_keys", "--generate", DATA_DIR=str(tmp_path), CREDENTIALS_KEYS="")
        assert (done.returncode, bool(Fernet(done.stdout.strip()))) == (0, True)
        assert done.stderr.startswith("Set CREDENTIALS_KEYS to it")
        assert not list(tmp_path.glob("**/*credentials_key*"))
        assert not list(tmp_path.glob("*.sqlite3*"))

    def test_is_not_written_unasked(self, tmp_path: Path) -> None:
        (tmp_path / "credentials_key").write_text(OLD)
        done = Processes(tmp_path).run("rotate_keys", "--generate", DATA_DIR=str(tmp_path))
        assert (done.returncode, "Nothing was changed." in done.stderr) == (1, True)
        assert (tmp_path / "credentials_key").read_text() == OLD
