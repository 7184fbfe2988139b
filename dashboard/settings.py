"""All settings, read from the environment. The README's table tells what each variable does."""

from __future__ import annotations

import secrets
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from environs import Env, validate

from dashboard import logs
from dashboard.checked_settings import hosts, keys, keys_in, number
from dashboard.keys import kept_secret
from dashboard.mail import mail_server

env = Env()
BASE_DIR = Path(__file__).resolve().parent.parent

# Where the embedded default keeps everything: database, broker folders, generated keys, collected static files.
DATA_DIR: Path = env.path("DATA_DIR", BASE_DIR / "data")

DEBUG: bool = env.bool("DEBUG", False)
SECRET_KEY: str = env.str("SECRET_KEY", "") or kept_secret(DATA_DIR / "secret_key", lambda: secrets.token_urlsafe(64))
_GIVEN_KEYS = keys("CREDENTIALS_KEYS")
CREDENTIALS_KEYS_FILE = None if _GIVEN_KEYS else DATA_DIR / "credentials_key"
CREDENTIALS_KEYS: list[str] = (
    keys_in(CREDENTIALS_KEYS_FILE, lambda: Fernet.generate_key().decode()) if CREDENTIALS_KEYS_FILE else _GIVEN_KEYS
)
PUBLIC_URL: str = env.str("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
_HTTPS = PUBLIC_URL.startswith("https://")
_PUBLIC_HOST = urlsplit(PUBLIC_URL).hostname or "127.0.0.1"
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]", _PUBLIC_HOST])

# How runs are executed. Seconds.
LEASE_SECONDS = number("LEASE_SECONDS", 60, 1, 3_600)
SWEEP_SECONDS = number("SWEEP_SECONDS", 15, 1, 3_600)
RUN_TIMEOUT = number("RUN_TIMEOUT", 86_400, 1, 31_536_000)
SLICE_SECONDS = number("SLICE_SECONDS", 60, 1, 3_600)
LINGER_SECONDS = 0.5  # how long a fetched page waits for more, to be written together
INLINE_WAIT_SECONDS = number("INLINE_WAIT_SECONDS", 30, 0, 3_600)
CRASH_CAP = number("CRASH_CAP", 3, 1, 1_000)
WEBHOOK_SIGNATURE_ENCODING: str = env.str(
    "WEBHOOK_SIGNATURE_ENCODING", "base64", validate=validate.OneOf(["base64", "hex"])
)
WEBHOOK_DISABLE_AFTER = number("WEBHOOK_DISABLE_AFTER", 43_200, 0, 31_536_000)
DELIVERY_DAYS = number("DELIVERY_DAYS", 30, 1, 3_650)

# How long history is kept.
RUN_DAYS = number("RUN_DAYS", 0, 0, 36_500)  # 0: for ever
RUNS_KEPT = number("RUNS_KEPT", 20, 1, 100_000)

# What a source may cost at most.
REQUEST_TRIES = number("REQUEST_TRIES", 4, 1, 20)
RETRY_SECONDS = number("RETRY_SECONDS", 30, 0, 600)
LONGEST_WAIT_SECONDS = number("LONGEST_WAIT_SECONDS", 3_600, 1, 86_400)
PAGE_SECONDS = number("PAGE_SECONDS", 60, 1, 600)
PAGE_BYTES = number("PAGE_BYTES", 32 * 1024 * 1024, 64 * 1024, 256 * 1024 * 1024)
LIST_PAGES = number("LIST_PAGES", 100_000, 1, 10_000_000)
EMPTY_PAGES = number("EMPTY_PAGES", 3, 1, 1_000)
RECORD_BYTES = number("RECORD_BYTES", 1_000_000, 1_000, 10_000_000)
RECORD_DEPTH = number("RECORD_DEPTH", 100, 5, 200)

# Where requests may go.
ALLOW_PRIVATE_NETWORKS: bool = env.bool("ALLOW_PRIVATE_NETWORKS", False)
ALLOWED_PRIVATE_HOSTS = hosts("ALLOWED_PRIVATE_HOSTS")

INSTALLED_APPS = [
    "runs",
    "dashboard",
    "django.contrib.admin.apps.SimpleAdminConfig",  # what is shown there is loaded with the addresses, by the web only
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "csp",
    "axes",
]
# Where its templates and files are, for the API's documentation. As an app it would be loaded into every process: with
# all that it needs, an eighth of a daemon's memory.
_NINJA = Path(str(getattr(find_spec("ninja"), "origin", ""))).parent

MIDDLEWARE = [
    "dashboard.request_ids.RequestIdMiddleware",
    "dashboard.middleware.BodilessHeadMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "dashboard.middleware.LanguageMiddleware",
    "dashboard.sessions.SessionAgeMiddleware",
    "dashboard.middleware.TimeZoneMiddleware",
    "dashboard.middleware.ActingMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "dashboard.urls"
WSGI_APPLICATION = "dashboard.wsgi.application"


TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates", _NINJA / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["django.templatetags.i18n"],  # every template has words
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "dashboard.pages.frame.frame",
            ],
        },
    },
]


def _database(url: str) -> dict[str, Any]:
    """The database of a URL, with what its engine needs to be safe under many processes."""
    try:
        config: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True))
    except ValueError as error:
        raise ImproperlyConfigured(f"DATABASE_URL is not the address of a database: {error}") from error
    if config["ENGINE"].endswith("sqlite3"):
        # Pages of 16 kB, which hold some thirty records: a new file's, before its log is there.
        pragmas = "PRAGMA page_size=16384; "
        pragmas += "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; "
        # 16 MB each: a batch of records is not written twice, and the log is worked in after some eight of them.
        pragmas += "PRAGMA cache_size=-16000; PRAGMA wal_autocheckpoint=1000;"
        wait = number("DATABASE_LOCK_SECONDS", 20, 1, 300)
        config["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": wait, "init_command": pragmas}
    else:
        limits = {
            "lock_timeout": number("DATABASE_LOCK_SECONDS", 5, 1, 300),
            "statement_timeout": number("DATABASE_STATEMENT_SECONDS", 60, 1, 3_600),
            "idle_in_transaction_session_timeout": number("DATABASE_IDLE_SECONDS", 30, 1, 3_600),
        }
        options = config.setdefault("OPTIONS", {})
        options.setdefault("connect_timeout", 5)
        own = [f"-c {name}={seconds}s" for name, seconds in limits.items()]
        options["options"] = " ".join([*own, *filter(None, [options.get("options")])])  # the last one counts
    return config


DATABASES = {"default": _database(env.str("DATABASE_URL", "") or f"sqlite:///{DATA_DIR / 'syncdeck.sqlite3'}")}
# Of this process alone: what is in them can be computed again. `answers` are those to polls (`dashboard.live`).
_IN_MEMORY = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
CACHES: dict[str, dict[str, Any]] = {
    "default": _IN_MEMORY,
    "answers": {**_IN_MEMORY, "LOCATION": "answers", "OPTIONS": {"MAX_ENTRIES": 400}},
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "runs.User"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "login"
AXES_FAILURE_LIMIT = 10
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # nobody locks another person out from elsewhere
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False
AXES_USERNAME_CALLABLE = "dashboard.logins.attempted_name"
AXES_CLIENT_IP_CALLABLE = "dashboard.middleware.client_address"
AXES_LOCKOUT_TEMPLATE = "people/locked.html"

# Mail, for alerts: none where EMAIL_URL is empty.
_MAIL = mail_server(env.str("EMAIL_URL", ""))
EMAIL_HOST, EMAIL_PORT = _MAIL.host, _MAIL.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _MAIL.user, _MAIL.password
EMAIL_USE_TLS, EMAIL_USE_SSL = _MAIL.starttls, _MAIL.ssl
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL: str = env.str("DEFAULT_FROM_EMAIL", f"Syncdeck <syncdeck@{_PUBLIC_HOST}>")

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "dashboard" / "locale"]
LANGUAGE_COOKIE_NAME = "language"  # written by `dashboard.pages.frame.look`
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static", _NINJA / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Security: what can be on over plain http is always on; PUBLIC_URL decides the rest.
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = _HTTPS
# The prefix lets no neighbour under the same domain set them (RFC 6265bis, section 4.1.3.2). It takes https.
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = (
    ("__Host-sessionid", "__Host-csrftoken") if _HTTPS else ("sessionid", "csrftoken")
)
SESSION_COOKIE_AGE = 3_600 * number("SESSION_IDLE_HOURS", 24, 1, 8_760)
SESSION_DAYS = number("SESSION_DAYS", 14, 1, 365)
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = _HTTPS
BEHIND_PROXY: bool = env.bool("BEHIND_PROXY", False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]  # probes come from inside, by plain http
SECURE_REFERRER_POLICY = "same-origin"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
X_FRAME_OPTIONS = "DENY"
METRICS_TOKEN: str = env.str("METRICS_TOKEN", "")
API_RATE_LIMIT = number("API_RATE_LIMIT", 0, 0, 1_000_000)  # requests of one token in ten seconds; 0: any number
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

# Celery: the broker carries run ids only, so results, retries and long visibility are of no use.
BROKER_DIR = DATA_DIR / "broker"
CELERY_BROKER_URL: str = env.str("CELERY_BROKER_URL", "filesystem://")
EMBEDDED_BROKER = CELERY_BROKER_URL.startswith("filesystem:")
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {}
if EMBEDDED_BROKER:
    CELERY_BROKER_TRANSPORT = "dashboard.whole_messages:Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(BROKER_DIR / "messages"),
        "data_folder_out": str(BROKER_DIR / "messages"),
        "control_folder": str(BROKER_DIR / "control"),
        "store_processed": False,
        "polling_interval": 0.1,
    }
elif CELERY_BROKER_URL.startswith("redis"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "socket_connect_timeout": 1,
        "socket_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 30,
        "global_keyprefix": env.str("BROKER_KEY_PREFIX", ""),
    }
elif CELERY_BROKER_URL.startswith("amqp"):
    CELERY_BROKER_TRANSPORT_OPTIONS = {"confirm_publish": True}
    CELERY_BROKER_HEARTBEAT = 20  # seconds, after two of which without one a connection is given up
    # A queue that is there on most of RabbitMQ's nodes; Celery would make one that dies with its node.
    CELERY_TASK_DEFAULT_QUEUE_TYPE = "quorum"
    CELERY_TASK_CREATE_MISSING_QUEUE_TYPE = "quorum"
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "sync.default"
CELERY_WORKER_CONSUMER = "dashboard.consumer:Consumer"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_DB_REUSE_MAX = sys.maxsize  # Celery would connect anew for each task; see `dashboard.celery`
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False  # stopping and liveness are rows; nobody may steer a daemon by message
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_TIMEOUT = 2
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat-schedule")
CELERY_BEAT_SCHEDULER = "runs.scheduler:Scheduler"
CELERY_BEAT_SCHEDULE: dict[str, Any] = {
    "forget old idempotency keys": {"task": "runs.tasks.forget_old_keys", "schedule": 3_600},
    "clear expired sessions": {"task": "runs.tasks.clear_expired_sessions", "schedule": 86_400},
    "finish deletions": {"task": "runs.tasks.finish_deletions", "schedule": 600},
    "clear old days": {"task": "runs.tasks.clear_old_days", "schedule": 86_400},
    "clear old deliveries": {"task": "runs.tasks.clear_old_deliveries", "schedule": 3_600},
    "prune runs": {"task": "runs.tasks.prune_runs", "schedule": 86_400},
}

LOGS_ARE_JSON = env.str("LOG_FORMAT", "text") == "json"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "structlog.stdlib.ProcessorFormatter",
            "processor": logs.json_line if LOGS_ARE_JSON else logs.text_line,
            "foreign_pre_chain": logs.shared,
        }
    },
    "handlers": {
        "console": {
            "class": "dashboard.logs.JsonHandler" if LOGS_ARE_JSON else "logging.StreamHandler",
            "formatter": "line",
        }
    },
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "INFO")},
    "loggers": {
        "httpx2": {"level": "WARNING"},  # it logs whole URLs, and a query may carry a secret
        "httpcore2": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        "kombu.connection": {"level": "ERROR"},  # it warns that the embedded broker has no host
    },
}
