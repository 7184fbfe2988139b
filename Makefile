# Everything that is done to a checkout. `make demo` and `make test` start from nothing but Python 3.11 or newer.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input --quiet --quiet
SAY := printf '%s\n'
LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
# `check --deploy` is meant for the settings of a production installation; nothing of this is kept.
DEPLOYED := DATA_DIR=$(VENV)/lint PUBLIC_URL=https://syncdeck.example.org

MESSAGES := $(BIN)/python manage.py makemessages --ignore $(VENV) --ignore tests --ignore vendor --no-obsolete --add-location file
HAS_CHROMIUM := { command -v chromium-headless-shell || command -v chromium; } >/dev/null
APT_INSTALL := DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends

.PHONY: setup demo test lint audit bench faults profile lock screenshots messages chromium gettext
.SILENT:

setup: $(VENV)/.installed $(BIN)/syncdeck

demo: setup
	ALLOW_PRIVATE_NETWORKS=true exec $(BIN)/python manage.py demo --host $(HOST) --port $(PORT)

test: $(VENV)/.installed-for-tests chromium gettext lint
	exec $(BIN)/python -m tests.legs

lint: $(VENV)/.installed-for-tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(DEPLOYED) $(BIN)/python manage.py makemigrations --check
	$(DEPLOYED) $(BIN)/python manage.py check --deploy --fail-level WARNING

# Needs the network: asks an advisory service about every locked package. Nothing else waits for it.
audit: $(VENV)/.made
	$(PIP) install 'uv>=0.9,<1'
	$(BIN)/python -m tests.audit

# Needs PostgreSQL and Redis. `make bench PART=dashboard BENCH='--runs 100000'`, `make bench PART=records BENCH=--peers`.
bench: $(VENV)/.installed-for-tests
	$(BIN)/python -m tests.benchmarks $(PART) $(BENCH)

# Needs the same, and writes tests/faults/results.md. `make faults KILLS=1000`, `make faults FAULTS='-k row_07'`.
faults: $(VENV)/.installed-for-tests
	$(BIN)/python -m tests.faults $(if $(KILLS),--kills $(KILLS)) $(FAULTS)

# Needs the same: a flame graph of a run, data/profile.svg. `make profile PROFILE='--records 500000'`.
profile: $(VENV)/.installed-for-tests
	$(BIN)/python -m tests.benchmarks.flame $(PROFILE)

lock: $(VENV)/.made
	$(PIP) install 'uv>=0.9,<1'
	$(LOCK) pyproject.toml --extra demo --output-file requirements.lock
	$(LOCK) pyproject.toml --extra demo --extra test --constraints requirements.lock --no-annotate --output-file requirements-test.lock

screenshots: $(VENV)/.installed-for-tests chromium
	$(BIN)/python -m tests.browser.screenshots

# Needs gettext. Takes the texts of pages and scripts into the catalogues, and compiles what has been translated.
# Another language: `make messages LOCALE=fr`, and its line in LANGUAGES.
messages: $(VENV)/.installed gettext
	$(MESSAGES) $(if $(LOCALE),--locale $(LOCALE),--all) --domain django --extension html,py --ignore static
	$(MESSAGES) $(if $(LOCALE),--locale $(LOCALE),--all) --domain djangojs --extension js
	$(BIN)/python manage.py compilemessages --ignore $(VENV) --verbosity 0

# The headless shell is the same engine without windows, which are half of what a browser test costs.
chromium:
	if ! $(HAS_CHROMIUM) && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		$(SAY) 'Installing Chromium for the browser tests.'; \
		{ apt-get -qq update && { $(APT_INSTALL) chromium-headless-shell || $(APT_INSTALL) chromium; }; } >/dev/null 2>&1 || true; \
	fi
	$(HAS_CHROMIUM) || $(SAY) 'Chromium is missing: the browser tests will be skipped. On Debian: apt-get install chromium-headless-shell'

gettext:
	if ! command -v msgfmt >/dev/null && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		{ apt-get -qq update && $(APT_INSTALL) gettext; } >/dev/null 2>&1 || true; \
	fi
	command -v msgfmt >/dev/null || $(SAY) 'gettext is missing: whether all texts are translated is not tested. On Debian: apt-get install gettext'

$(VENV)/.made:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
		|| { $(SAY) "Syncdeck needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) --version 2>&1 | tail -n 1). Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { $(SAY) "$(PYTHON) has no working venv module. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }
	mkdir -p $(VENV) 2>/dev/null && [ -w $(VENV) ] \
		|| { $(SAY) "$(CURDIR) can't be written: clone Syncdeck into a directory of your own."; exit 1; }
	$(PYTHON) -m venv $(VENV)
	touch $@

$(BIN)/syncdeck: runs/client/syncdeck.sh | $(VENV)/.made
	install -m 755 $< $@

$(VENV)/.installed: requirements.lock | $(VENV)/.made
	$(SAY) 'Installing the dependencies into $(VENV); this takes about a minute, once.'
	$(PIP) install --require-hashes --no-deps --requirement requirements.lock
	touch $@

$(VENV)/.installed-for-tests: requirements-test.lock $(VENV)/.installed
	$(SAY) 'Installing what the tests need into $(VENV), once.'
	$(PIP) install --require-hashes --no-deps --requirement requirements-test.lock
	touch $@
