"""python -m tests.audit: asks an advisory service about every locked package, as `make audit` does. Needs the network.

Exit status 0: asked about all, and there is none; 1: there are advisories; 2: the service could not be asked.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SHIPPED, EVERYTHING = ROOT / "requirements.lock", ROOT / "requirements-test.lock"  # the second holds the first
# Not in the locks: it brings a dozen packages that nothing else needs. uv keeps it in an environment of its own.
AUDITOR = (str(Path(sys.executable).with_name("uv")), "tool", "run", "--from", "pip-audit>=2.10,<3", "pip-audit")
# Without --strict a service that knows nothing of a package counts as one that has nothing against it.
ASKING = ("--vulnerability-service=osv", "--strict", "--format=json", "--progress-spinner=off")
HASHED = ("--disable-pip", "--require-hashes", "--requirement", str(EVERYTHING))
FINE, FOUND, NOT_ASKED = 0, 1, 2


def main(auditor: Sequence[str] = AUDITOR) -> int:
    said, error = _asked(auditor)
    packages = _packages(said)
    if not packages or any("vulns" not in package for package in packages):
        why = (error.strip().splitlines() or ["it did not say why."])[-1]
        print(f"The advisory service could not be asked, so nothing was audited: {why}")
        return NOT_ASKED
    advisories = [line for package in packages for line in _advisories(package)]
    print("\n".join([*advisories, f"{len(packages)} locked packages, {len(advisories)} advisories."]))
    return FOUND if advisories else FINE


def _asked(auditor: Sequence[str]) -> tuple[str, str]:
    """Standard output and error."""
    try:
        asked = subprocess.run((*auditor, *ASKING, *HASHED), capture_output=True, text=True, check=False)
    except OSError as error:
        return "", str(error)
    return asked.stdout, asked.stderr


def _packages(told: str) -> list[dict[str, Any]]:
    try:
        packages: list[dict[str, Any]] = json.loads(told)["dependencies"]
    except (ValueError, KeyError):
        return []
    return packages


def _advisories(package: dict[str, Any]) -> list[str]:
    name, version = package["name"], package["version"]
    is_shipped = re.search(rf"^{re.escape(name)}==", SHIPPED.read_text(), re.MULTILINE)
    where = "" if is_shipped else " (for the tests alone)"
    return [
        f"{name} {version}{where}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'no version yet'}"
        for found in package["vulns"]
    ]


if __name__ == "__main__":
    sys.exit(main())
