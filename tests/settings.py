"""The settings of the suite: the project's own, read from an environment made for the tests."""

import atexit
import os
import shutil
import tempfile

_FOLDER = tempfile.mkdtemp(prefix="syncdeck-tests-")
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
os.environ["DATA_DIR"] = _FOLDER
os.environ["ALLOW_PRIVATE_NETWORKS"] = "true"  # the sources of the tests listen on loopback
os.environ["PUBLIC_URL"] = "http://testserver"
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # Playwright keeps a loop running in the tests' own thread

from dashboard.settings import *  # noqa: E402, F403
from dashboard.settings import DATA_DIR, DATABASES, STATIC_ROOT, STORAGES  # noqa: E402

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, as in production: threads and real transactions don't work in memory.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
else:
    DATABASES["default"]["ENGINE"] = "tests.postgresql"
    DATABASES["default"]["OPTIONS"]["options"] += " -c synchronous_commit=off"  # nothing here outlives a power cut

STATIC_ROOT.mkdir()  # WhiteNoise warns of one that is missing; the real processes of the suite fill their own
STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # the suite logs in often
