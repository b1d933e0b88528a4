# SPDX-License-Identifier: BSD-3-Clause
# The front door. Each target does all that is needed for it on a fresh machine, installing the
# distribution's packages where they are missing (as root, or with sudo). README.md says on which
# distributions, scripts/configure.sh how.

BUILD := build
MANAKIN := $(BUILD)/manakin
SUDO := $(shell [ "$$(id -u)" -eq 0 ] || echo sudo)

.PHONY: all build install uninstall demo lab test check check-all tests-index bench bench-lab bench-lab-pmd bench-lab-rdma fuzz format clean dist release

all: build

build:
	@scripts/configure.sh $(BUILD) build
	@ninja -C $(BUILD)

# Into PREFIX (/usr/local), below DESTDIR; docs/install.md says what goes where.
install:
	@scripts/configure.sh $(BUILD) build
	@[ -z "$(PREFIX)" ] || meson configure $(BUILD) -Dprefix="$(PREFIX)"
	@ninja -C $(BUILD)
	@DESTDIR="$(DESTDIR)" scripts/install.py $(BUILD)

# Removes what the last install installed
uninstall:
	@ninja -C $(BUILD) uninstall

# The guide's testpmd commands on this machine, with the poll-mode driver. No tests are built.
demo:
	@scripts/configure.sh $(BUILD) demo
	@ninja -C $(BUILD) manakin librte_net_manakin.so
	@scripts/demo.sh $(MANAKIN) $(BUILD)/librte_net_manakin.so

# The same with Debian's own drivers, in a virtual machine.
lab:
	@scripts/configure.sh $(BUILD) lab
	@ninja -C $(BUILD)
	@scripts/demo-lab.sh $(MANAKIN)

# test: before each commit, a few minutes. check: everything that CI runs. check-all: also what takes
# long or changes from day to day. The last line says how many tests passed and failed. See
# tests/README.md.
test check check-all:
	@scripts/configure.sh $(BUILD) $@
	@scripts/check.sh $@ $(BUILD)

# The index of the tests, in docs/tests.md
tests-index:
	@scripts/tests-index.py >docs/tests.md.new && mv docs/tests.md.new docs/tests.md

# Packets per second against memif, vhost-user and the limits; figures and plots.
bench:
	@scripts/configure.sh $(BUILD) bench
	@ninja -C $(BUILD)
	@$(SUDO) $(MANAKIN) bench --output $(BUILD)/bench.json --plots $(BUILD)/plots

# A guest's throughput over this adapter against QEMU's virtio-net, in turn.
bench-lab:
	@scripts/configure.sh $(BUILD) lab
	@ninja -C $(BUILD)
	@bench/lab.sh $(MANAKIN)

# This poll-mode driver against DPDK's net_mana in a guest, in turn.
bench-lab-pmd:
	@scripts/configure.sh $(BUILD) check
	@ninja -C $(BUILD)
	@scripts/pmd-for-suite.sh trixie $(BUILD)/trixie
	@bench/lab-pmd.sh $(MANAKIN) $(BUILD)/trixie/librte_net_manakin.so

# MANA's RC between two guests against soft RoCE and TCP on the same interfaces, in turn.
bench-lab-rdma:
	@scripts/configure.sh $(BUILD) lab
	@ninja -C $(BUILD)
	@bench/lab-rdma.sh $(MANAKIN)

# All fuzz targets with libFuzzer, within MINUTES; docs/fuzzing.md says what the table means and
# where inputs are kept. Fails if one of them finds something.
MINUTES := 10
JOBS := 1
fuzz:
	@scripts/configure.sh $(BUILD) fuzz
	@scripts/fuzz.py run --minutes $(MINUTES) --jobs $(JOBS) $(TARGETS)

# The release tarball: what is committed, in BUILD/dist
dist:
	@scripts/release/dist.sh $(BUILD)/dist

# Tarball, packages, one-file archive, SBOM and checksums, in BUILD/release; needs root. docs/packages.md
release:
	@scripts/dependencies.sh check
	@BUILD=$(BUILD) scripts/release/release.sh $(BUILD)/release

format:
	@git ls-files 'src/*.[ch]' 'tests/*.[ch]' 'bench/*.[ch]' | xargs clang-format -i

clean:
	@rm -rf $(BUILD) $(BUILD)-sanitize
