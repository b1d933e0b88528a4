# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# scripts/unmatched-messages.py, on source trees of a few lines.
#
# UNMATCHED is the script, RULES the shipped rules.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	mkdir rules
	cat >rules/x.rules <<-'RULES'
		Id: silent
		Title: t
		Match: Command 0x[0-9a-f]+ timed out: \d+ ms
		Match: hn_\w+\(\): no answer
		Match: libibverbs: Warning: no provider for (?<rdma>\S+)

		Id: refused
		Title: t
		Match: Failed to make
		 a queue: (?<errno>-?\d+)
		When: errno = ETIMEDOUT
	RULES
}

linux_tree() {
	mkdir -p linux/drivers/hv linux/drivers/net/ethernet/microsoft/mana
	touch linux/drivers/hv/Makefile
	cat >linux/drivers/net/ethernet/microsoft/mana/x.c
}

@test "of a kernel's messages, those at error and warning level that no rule matches are listed" {
	linux_tree <<-'CODE'
		#define say(x) dev_err(x, "in a macro\n")
		void f(void)
		{
			/* dev_err(dev, "in a comment\n"); */
			dev_err(hwc->dev, "Command 0x%x timed out: %u ms\n",
				command, g(a, ")"));
			netdev_warn_once(ndev, "Nobody knows: %s, "
					 "\"%pM\"\n", name, mac);
			dev_info(dev, "not an error\n");
			dev_err(dev, message);
			dev_err(dev, "Failed to make a queue: %d\n", err);
		}
	CODE
	run ! python3 "$UNMATCHED" --rules rules linux
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = 'drivers/net/ethernet/microsoft/mana/x.c:7: warn: Nobody knows: %s, "%pM"  [no rule]' ]
	[ "${lines[1]}" = 'drivers/net/ethernet/microsoft/mana/x.c:11: err: Failed to make a queue: %d  [for some values: refused]' ]
	[ "${lines[2]}" = 'linux: 3 messages at error or warning level, 1 without a rule, 1 with a rule for some values only, 0 harmless' ]
	[ ${#lines[@]} -eq 3 ]
	run ! python3 "$UNMATCHED" --all --rules rules linux
	[ "${lines[0]}" = 'drivers/net/ethernet/microsoft/mana/x.c:5: err: Command 0x%x timed out: %u ms  [silent]' ]
}

@test "messages for which no rule is wanted are counted, and listed only with --all" {
	linux_tree <<-'CODE'
		dev_warn(dev, "Setting size to default %d\n", size);
		dev_warn(dev, "Setting size to nothing\n");
	CODE
	printf '# why\n\nSetting size to default %%d\n' >harmless
	run ! python3 "$UNMATCHED" --rules rules --harmless harmless linux
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = 'drivers/net/ethernet/microsoft/mana/x.c:2: warn: Setting size to nothing  [no rule]' ]
	[ "${lines[1]}" = 'linux: 2 messages at error or warning level, 1 without a rule, 0 with a rule for some values only, 1 harmless' ]
	[ ${#lines[@]} -eq 2 ]
	echo 'Setting size to nothing' >>harmless
	run python3 "$UNMATCHED" --all --rules rules --harmless harmless linux
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = 'drivers/net/ethernet/microsoft/mana/x.c:1: warn: Setting size to default %d  [harmless]' ]
}

# A line of the list that no message has any more, or that a rule has, would hide nothing and mislead.
@test "the shipped list of harmless messages has each of them once, and none that a rule matches" {
	sed '/^#/d; /^$/d' "${UNMATCHED%/*}/harmless-messages.txt" | sort >listed
	[ -s listed ]
	[ -z "$(uniq -d listed)" ]
	sed 's/["\\]/\\&/g; s/.*/pr_err("&\\n");/' listed >messages
	linux_tree </dev/null
	mv messages linux/drivers/hv/x.c
	run python3 "$UNMATCHED" --all --rules "$RULES" linux
	[ "$status" -eq 0 ]
	n=$(wc -l <listed)
	[ "${lines[-1]}" = "linux: $n messages at error or warning level, 0 without a rule, 0 with a rule for some values only, $n harmless" ]
}

@test "the messages of DPDK and rdma-core are found in their own macros" {
	mkdir -p dpdk/drivers/bus/vmbus dpdk/drivers/net/netvsc core/libibverbs
	cat >dpdk/drivers/net/netvsc/x.c <<-'CODE'
		static int
		hn_wait(struct hn_data *hv)
		{
			PMD_DRV_LOG(ERR, "no answer");
			PMD_DRV_LOG(NOTICE, "not an error");
			RTE_LOG(WARNING, EAL, "%" PRIu64 " lost\n", n);
		}
	CODE
	cat >core/libibverbs/init.c <<-'CODE'
		fprintf(stderr, PFX "Warning: no provider for %s\n", name);
		printf("not a message");
	CODE
	run ! python3 "$UNMATCHED" --rules rules dpdk
	[ "${lines[0]}" = 'drivers/net/netvsc/x.c:6: warning: %u lost  [no rule]' ]
	[ "${lines[1]}" = 'dpdk: 2 messages at error or warning level, 1 without a rule, 0 with a rule for some values only, 0 harmless' ]
	run python3 "$UNMATCHED" --rules rules core
	[ "$status" -eq 0 ]
	[ "$output" = 'rdma-core: 1 messages at error or warning level, 0 without a rule, 0 with a rule for some values only, 0 harmless' ]
}

@test "the shipped rules are understood, and what is no source tree is refused" {
	linux_tree <<-'CODE'
		dev_err(hwc->dev, "HWC: Request timed out: %u ms\n", ms);
	CODE
	run python3 "$UNMATCHED" --all --rules "$RULES" linux
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == *'HWC: Request timed out: %u ms  [kernel-hwc]' ]]
	run python3 "$UNMATCHED" rules
	[ "$status" -eq 2 ]
	[[ $output == 'unmatched-messages.py: rules: neither Linux nor DPDK nor rdma-core'* ]]
	mkdir empty
	run python3 "$UNMATCHED" --rules empty linux
	[ "$status" -eq 2 ]
	[ "$output" = 'unmatched-messages.py: empty: there are no rules here' ]
	printf 'Id: a\nMatch: (abc\n' >empty/a.rules
	run python3 "$UNMATCHED" --rules empty linux
	[ "$status" -eq 2 ]
	[[ $output == "unmatched-messages.py: empty/a.rules: a: '(abc': mistake "* ]]
	: >linux/drivers/net/ethernet/microsoft/mana/x.c
	run python3 "$UNMATCHED" --rules rules linux
	[ "$status" -eq 2 ]
	[[ $output == *'no messages found; is the tree complete?' ]]
}
