# SPDX-License-Identifier: Apache-2.0
# Each target is a task of ci/tasks; `ci/invoke --list` has them all.

INVOKE = ci/invoke

.DEFAULT_GOAL = help
.PHONY: help check build repo image cloud cloud-exec cloud-clean test test-full bench clean clean-testbed

help: ## show this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

check: ## lint, types, spelling and unit tests; needs no root
	@$(INVOKE) check

build: ## build all packages and build/repo from them
	@$(INVOKE) build

repo: ## print how to add build/repo to another machine
	@$(INVOKE) repo

image: ## build an image for Glance into build/ (ARGS="--release trixie …" for other options)
	@$(INVOKE) image $(if $(ARGS),--arguments '$(subst ','\'',$(ARGS))')

cloud: ## boot a Debian 13 node in the testbed and make a cloud of it (NODES=controller,proxy,compute*2 for several)
	@$(INVOKE) cloud $(if $(NODES),--nodes '$(NODES)')

cloud-exec: ## run CMD="…" in the cloud of make cloud (NODE=name for another node)
	@$(INVOKE) cloud.exec --command '$(subst ','\'',$(CMD))' $(if $(NODE),--node '$(NODE)')

cloud-clean: ## remove the cloud of make cloud
	@$(INVOKE) cloud.clean

test: ## everything: checks, packages, lintian, the system tests
	@$(INVOKE) test

test-full: ## the same with the long tests and upstream's unit tests
	@$(INVOKE) test --full

bench: ## measure; prints a table and writes JSON
	@$(INVOKE) build bench

clean: ## remove build/
	@$(INVOKE) clean

clean-testbed: ## remove what a run of the testbed left behind
	@$(INVOKE) clean-testbed
