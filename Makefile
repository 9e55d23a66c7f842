# demo: the main job on the embedded sample; test: all tests; check: linters and types; bench: speed; tables: from results/
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: demo test check bench results tables clean

demo: $(VENV)/installed
	$(BIN)/isogloss demo --output runs/demo

test: $(VENV)/installed-test
	$(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile

check: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/python -m isogloss.evaluation.tables README.md docs/results.md results --check
	$(BIN)/python -m benchmarks.page --check

# as the command line sets them: threads that turn a little before they sleep
bench: export OMP_WAIT_POLICY = passive
bench: export GOMP_SPINCOUNT = 3000
bench: $(VENV)/installed
	$(BIN)/python -m benchmarks.startup --output results/bench/startup.json
	$(BIN)/python -m benchmarks.speed --repeats 3 --output results/bench/speed.json
	$(BIN)/python -m benchmarks.speed --repeats 3 --fills third --no-memory --output results/bench/again-1.json
	$(BIN)/python -m benchmarks.speed --repeats 3 --fills third --no-memory --output results/bench/again-2.json
	$(BIN)/python -m benchmarks.scaling --output results/bench/scaling.json
	$(BIN)/python -m benchmarks.command --output results/bench/command.json
	$(BIN)/python -m benchmarks.translation --output results/bench/translation.json
	[ -z "$$ISOGLOSS_DATA" ] || $(BIN)/python -m benchmarks.nmt_training --data "$$ISOGLOSS_DATA" --output results/bench/nmt_training.json
	$(BIN)/python -m benchmarks.page

# the tables of README and docs, from results/
tables: $(VENV)/installed
	$(BIN)/python -m isogloss.evaluation.tables README.md docs/results.md results

# torch first and by itself: with it in place nothing pulls a larger build of it
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q torch -c constraints.txt
	$(BIN)/pip install -q -e . -c constraints.txt
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/pip install -q -e '.[test]' -c constraints.txt
	touch $@

$(VENV)/installed-dev: $(VENV)/installed-test
	$(BIN)/pip install -q ruff pyright -c constraints.txt
	touch $@

clean:
	rm -rf $(VENV) build dist *.egg-info
