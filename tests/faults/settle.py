"""python -m tests.faults.settle: what every installation of the suite begins with, made within one process.

Prints the tokens of the tenant and of another one, each on a line.
"""

from __future__ import annotations

import django

TENANTS = ("Acceptance", "Foreign")


def main(watcher: str = "watcher", password: str = "pw-for-tests-1") -> None:
    django.setup()
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    from runs.management.static_files import collect_if_stale
    from runs.services import create_environment, issue_token

    collect_if_stale()
    call_command("migrate", verbosity=0)
    for tenant in TENANTS:
        environment = create_environment(tenant)
        print(issue_token(environment, name="tests", actor="tests")[1])
    get_user_model().objects.create_superuser(watcher, "watcher@example.org", password)


if __name__ == "__main__":
    main()
