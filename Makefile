# Everything runs in .venv, which `make install` makes from constraints.txt.
PYTHON ?= python3
EXPERIMENT ?= audiomnist_gender
LETTERS ?= librispeech_letters
SPEAKER ?= voxceleb_speaker
ARGS ?=
# One more than cores: a test that waits for a command of its own leaves its core to another.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(1 + os.cpu_count())')
BIN := .venv/bin
RUN := $(BIN)/speechlrp
E := experiment=$(EXPERIMENT) $(ARGS)
L := experiment=$(LETTERS) $(ARGS)
S := experiment=$(SPEAKER) $(ARGS)
DEMO_DATA := data/demo
RESNET := lrp_resnet_zero,lrp_resnet_eps,lrp_resnet_eps_gamma

.DEFAULT_GOAL := help
.PHONY: help install test test-all docs lint demo demo-letters demo-speaker planted-cue shortcut bench bench-full thesis \
  thesis-resnet krug references benchmarks clean

help:  ## Show this list
	@grep -hE '^[a-z0-9.% -]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'
	@echo; echo "  EXPERIMENT=$(EXPERIMENT) and ARGS=\"KEY=VALUE ...\" go to every speechlrp command."

install: .venv/installed  ## Make the environment in .venv

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[synth,test,peers]'
	$(BIN)/pip install --quiet --constraint constraints.txt --no-deps zennit
	@touch $@

test: install  ## Run the tests, a file at a time on every core
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder

test-all: install  ## Run all tests, the slow ones too
	$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder -m ''

docs: install  ## Build the manual into site/ (NOTEBOOKS=no: its tutorials are not run)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[docs]'
	DISABLE_MKDOCS_2_WARNING=true NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

lint: install  ## Check style and types
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

demo: install  ## Synthesise a small corpus and take it through the whole pipeline
	$(RUN) demo $(ARGS)

demo-letters: install  ## Synthesise sentences, train a recogniser, and see what its letters share
	$(RUN) demo letters $(ARGS)

demo-speaker: install  ## Synthesise speakers, and explain who is speaking in three ways
	$(RUN) demo speaker $(ARGS)

planted-cue: install  ## Known truth: which explainer finds the sound that alone carries the label
	$(RUN) synth planted_tone --out $(DEMO_DATA)/planted_tone --speakers 24 --per-speaker 50
	$(RUN) synth planted_f0 --out $(DEMO_DATA)/planted_f0 --speakers 12 --per-speaker 50
	SPEECHLRP_DATA=$(DEMO_DATA) $(RUN) run experiment=planted_cue $(ARGS)
	SPEECHLRP_DATA=$(DEMO_DATA) $(RUN) run experiment=planted_cue_f0 $(ARGS)

shortcut: install  ## A hum goes with a class: is it found, and what repairs the network
	$(RUN) synth audiomnist --out $(DEMO_DATA)/audiomnist_24 --speakers 24 --per-speaker 40
	SPEECHLRP_DATA=$(DEMO_DATA) $(RUN) run experiment=shortcut dataset.root=$(DEMO_DATA)/audiomnist_24 $(ARGS)

bench: install  ## Known truth: which measure ranks explainers as truth does, in 10 minutes
	$(RUN) synth planted_tone --out $(DEMO_DATA)/planted_tone --speakers 24 --per-speaker 50
	SPEECHLRP_DATA=$(DEMO_DATA) $(RUN) bench experiment=bench_quick $(ARGS)
	@echo "Open outputs/bench_quick/bench/index.html"

bench-full: install  ## The same with every planted truth and five seeds, for a night
	for truth in tone f0 formant word pair; do \
	  $(RUN) synth planted_$$truth --out $(DEMO_DATA)/planted_$$truth --speakers 24 --per-speaker 50 \
	  || exit 1; done
	SPEECHLRP_DATA=$(DEMO_DATA) $(RUN) bench experiment=bench_full $(ARGS)

thesis: install  ## Every table and figure of T 6.1 and 6.2, at full length
	$(RUN) run $(E)

.PHONY: trained explained flipped augmented
trained: install
	$(RUN) preprocess $(E)
	$(RUN) train $(E)
explained: trained
	$(RUN) explain $(E)
augmented: explained
	$(RUN) explain --subset train $(E)
	for fill in zero mean; do \
	  $(RUN) augment --fill $$fill $(E) && $(RUN) retrain --fill $$fill $(E) && \
	  $(RUN) explain --weights aug_$$fill $(E) && \
	  $(RUN) flip --weights aug_$$fill $(E) || exit 1; done

figure-6.1 figure-6.2 figure-6.4: explained  ## Heat maps; the top 1 % of bins; 95 % of bins zeroed
	$(RUN) report $(E)
table-6.1: explained  ## Accuracy while bins are flipped
	$(RUN) flip $(E)
	$(RUN) report $(E)
figure-6.3: explained  ## Table 6.1's curves from 0 to 100 %
	$(RUN) flip --grid full $(E)
	$(RUN) report $(E)
figure-6.5: explained  ## The first 515 bins
	$(RUN) flip --grid bins $(E)
	$(RUN) report $(E)
table-6.2 figure-6.6 figure-6.7 figure-6.8 figure-6.9: augmented  ## The models trained on augmented data
	$(RUN) flip $(E)
	$(RUN) report $(E)

references: install  ## Tables 6.1 and 6.2 for both references and every baseline, and the page that compares
	$(RUN) run $(E) flipping.baseline=all features.reference=silence
	$(RUN) run $(E) flipping.baseline=all --compare "$(EXPERIMENT),features.reference=silence"

krug: install  ## All of K: a recogniser of letters, Figures 1 to 3 and the supplement
	$(RUN) run $(L)

.PHONY: recognised
recognised: install
	$(RUN) preprocess $(L)
	$(RUN) train $(L)
figure-krug-1: recognised  ## What neurons of layers 1, 2, 8 and the output want
	$(RUN) maximize $(L)
	$(RUN) report $(L)
figure-krug-2: recognised  ## Sensitivity and LRP of letter frames
	$(RUN) explain --explainer sensitivity $(L)
	$(RUN) explain --explainer lrp $(L)
	$(RUN) report $(L)
figure-krug-3 figure-krug-a: recognised  ## What a letter's frames share, by four alignments
	$(RUN) navai --align all $(L)
	$(RUN) report $(L)

thesis-resnet: install  ## Every figure of T 6.3: a speaker model and three assignments of rules
	$(RUN) run $(S)

figure-6.10 figure-6.12 figure-6.14: install  ## Its heat maps: music above, noise below
	$(RUN) run --to evaluate $(S)
	$(RUN) compare --subset test_music+test_noise --explainers $(RESNET) compare.examples=24 $(S)
	$(RUN) report $(S)
figure-6.11 figure-6.13 figure-6.15: install  ## Its flipping curves
	$(RUN) run --to flip $(S)
	$(RUN) report $(S)
figure-3.6 figure-3.7: install  ## Explainers side by side, and flipped
	$(RUN) run --to evaluate $(S)
	$(RUN) compare $(S)
	$(RUN) report $(S)

benchmarks: install  ## Measure speed, as ratios
	$(BIN)/python scripts/benchmark_preprocess.py
	$(BIN)/python scripts/benchmark_train.py
	$(BIN)/python scripts/benchmark_flip.py
	$(BIN)/python scripts/benchmark_bench.py
	$(BIN)/python scripts/benchmark_lrp.py
	$(BIN)/python scripts/benchmark_cli.py
	$(BIN)/python scripts/benchmark_navai.py --width 128 --wide 384 --frames 250
	$(BIN)/python scripts/benchmark_maximize.py
	$(BIN)/python scripts/benchmark_explainers.py
	$(BIN)/python scripts/benchmark_crops.py

clean:  ## Remove the environment
	rm -rf .venv
