# Porthole. `make` alone lists what there is.

.DEFAULT_GOAL := help
# A case of `make rotation`; none: all.
CASE ?=
# How long `make fuzz` tries each target, and which; none: all.
MINUTES ?= 10
TARGET ?=

.PHONY: help setup demo test check lint bench rotation scale simulate model fuzz sbom

help: ## list these targets
	@sed -nE 's/^([a-z]+): ## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

setup: ## install the Debian packages that building and testing need (asks for sudo)
	scripts/setup test

demo: ## a simulated router and three cameras on this machine; prints the URL to open (ARGS="--cameras 5")
	scripts/setup demo
	cargo build --release --locked
	cargo run --release --locked --quiet -- demo $(ARGS)

test: ## everything: lints, documentation, unit, lab, browser and VM tests, with times and a sum
	scripts/test all

check: ## what to run before each commit: formatting, layers, clippy, unit tests
	scripts/test check

lint: ## formatting, layers, clippy, licences, documentation
	scripts/test lint

rotation: ## measure the rotation in the lab, ten runs a case, and write docs/ref/rotation.md (CASE=sigterm for one)
	scripts/rotation $(CASE)

scale: ## measure what a fleet costs each camera: 5, 50 and 250 cameras, most of them light peers (prints docs/ref/fleet.md's rows)
	PORTHOLE_SCALE=5,50,250 cargo test --locked --test start_up scale -- --nocapture

bench: ## measure: encoding, page rendering, table reading, start-up (criterion)
	cargo bench --locked

simulate: ## the rotation in simulated sites (SEEDS=100000 FIRST=0, or SEED=17 for one with its trace, or HOURS=1000 of loss)
	PORTHOLE_SEEDS=$(SEEDS) PORTHOLE_FIRST_SEED=$(FIRST) PORTHOLE_SEED=$(SEED) PORTHOLE_HOURS=$(HOURS) cargo test --locked -p porthole-election --test rotation \
		$(if $(HOURS),hours,seeds::the_invariants) -- --nocapture

model: ## the rotation's rules in a model checker, for N servers (N=5)
	PORTHOLE_MODEL_N=$(N) cargo test --locked -p porthole-election --test rotation any_number -- --ignored --nocapture

fuzz: ## what strangers send, in every shape, guided by the code that is reached (MINUTES=10 a target; TARGET=soap for one)
	scripts/fuzz $(MINUTES) $(TARGET)

sbom: ## the program's parts list, CycloneDX as JSON: target/porthole.cdx.json
	scripts/sbom target/porthole.cdx.json
