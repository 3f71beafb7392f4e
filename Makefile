# Everything a person or a CI server runs. `make` alone lists the targets.

CARGO ?= cargo
LAB = $(CARGO) run --quiet -p ferrolb-lab --bin ferrolb-lab --

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Start a three-node Kubernetes, install FerroLB, fetch answers through its addresses, clean up (root)
	@scripts/in-lab demo

.PHONY: test
test: ## Run everything: style, documents, unit, property, manifest and lab tests (root; else the lab is skipped)
	@scripts/test all

.PHONY: quick
quick: ## Run all that needs no lab
	@scripts/test quick

.PHONY: bench
bench: ## Run the benchmarks
	$(CARGO) bench --workspace --exclude ferrolb-lab --exclude ferrolb-tests

.PHONY: lint
lint: ## Check style, lints and documentation without running a test
	@scripts/test lint

.PHONY: fmt
fmt: ## Format the code
	$(CARGO) fmt --all

.PHONY: crds
crds: ## Write deploy/crds/ anew from the resource types
	$(CARGO) run --quiet -p ferrolb -- crds > deploy/crds/crds.yaml.new
	mv deploy/crds/crds.yaml.new deploy/crds/crds.yaml

.PHONY: manifests
manifests: ## Write deploy/ferrolb.yaml and the chart's copies anew from deploy/
	$(LAB) build
	$(LAB) manifests

.PHONY: deps
deps: ## Install what is missing: Debian packages, and Go where the system's is too old
	@scripts/deps

.PHONY: tour
tour: ## Walk through docs/tour.md on a Kubernetes of three nodes (root)
	@scripts/in-lab --name tour tour

.PHONY: dist
dist: ## Build what is published into dist/: programs, image, bills of materials, sums
	@scripts/deps-dist
	$(CARGO) run --quiet -p ferrolb-release -- dist

.PHONY: dist-check
dist-check: ## Build dist/ in two folders, and compare
	@scripts/deps-dist
	$(CARGO) run --quiet -p ferrolb-release -- check

.PHONY: release
release: ## Set version and image for a release: VERSION=1.2.3, and IMAGE=NAME if it is another one
	$(CARGO) run --quiet -p ferrolb-release -- prepare $(VERSION) $(if $(IMAGE),--image $(IMAGE))
