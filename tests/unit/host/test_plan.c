/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/handover/plan.h: what is planned for a machine, and what is refused. The machine's ports are
 * made here; the files that a plan reads are in a temporary directory.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/handover/plan.h"
#include "host/machine/manager.h"
#include "tree.h"

#define UUID     "f8615163-0001-1000-2000-6045bda6bd76"
#define MAC      "60:45:bd:a6:bd:76"
#define PAGES    "/sys/devices/system/node/node%d/hugepages/hugepages-2048kB/"

#define OVERRIDE "/sys/bus/vmbus/devices/" UUID "/driver_override"

static struct host host;
static struct error error;
static const struct setup_options guide = { .pages = PLAN_PAGES, .kib = PLAN_PAGES_KIB };
static const char *const eth1[] = { "eth1" };

/* A machine of one adapter with one port, and what may be above it */
static struct netdev devs[3];
static struct mana_adapter adapter;
static struct mana_port port;
static struct machine machine;
static struct ledger none;

static int set_up(void **state)
{
	static const char *const modules[] = { "uio_hv_generic", "mana_ib", "ib_uverbs" };

	(void)state;
	if (tree_open(&host, NULL))
		return -1;
	for (size_t i = 0; i < 3; i++)
		tree_put("live\n", "/sys/module/%s/initstate", modules[i]);
	for (int node = 0; node < 2; node++) {
		tree_put("16\n", PAGES "nr_hugepages", node);
		tree_put("16\n", PAGES "free_hugepages", node);
	}
	tree_put("(null)\n", OVERRIDE);
	tree_put("{f8615163-df3e-46c5-913f-f2d2f965ed0e}\n",
		 "/sys/bus/vmbus/devices/" UUID "/class_id");
	memset(devs, 0, sizeof(devs));
	devs[0] = (struct netdev){ .index = 5, .name = "eth1", .flags = IFF_UP, .mtu = 1500 };
	devs[1] = (struct netdev){
		.index = 4, .name = "enP1", .flags = IFF_UP, .master = 5, .mtu = 1500
	};
	devs[2] = (struct netdev){ .index = 9, .name = "eth1.5" };
	adapter = (struct mana_adapter){ .kind = ADAPTER_VF, .address = "7870:00:00.0" };
	port = (struct mana_port){ .has_mac = true,
				   .mac = { 0x60, 0x45, 0xbd, 0xa6, 0xbd, 0x76 },
				   .vf = &devs[1],
				   .synthetic = &devs[0],
				   .uuid = UUID,
				   .vmbus_driver = DRIVER_KERNEL,
				   .name = "eth1" };
	machine = (struct machine){ .netdevs = { devs, 3 },
				    .adapter = &adapter,
				    .n_adapters = 1,
				    .port = &port,
				    .n_ports = 1 };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	return tree_close(&host);
}

/** from() - what a plan for eth1 is made from */
static const struct plan_from *from(const struct ledger *ledger)
{
	static struct plan_from all;

	all = (struct plan_from){ &host, &machine, ledger, eth1, 1 };
	return &all;
}

/** planned() - the kinds of a plan's steps, separated by spaces */
static const char *planned(const struct plan *plan)
{
	static char text[1024];

	*text = '\0';
	for (size_t i = 0; i < plan->n_steps; i++) {
		strcat(text, i ? " " : "");
		strcat(text, step_kind_name(plan->step[i].kind));
	}
	return text;
}

/** want() - the steps of a setup of eth1 */
static void want(const struct setup_options *options, const struct ledger *ledger,
		 const char *steps, bool save)
{
	struct plan plan;
	int err = plan_setup(from(ledger), options, &plan, &error);

	if (err)
		fail_msg("%d: %s", err, error.text);
	assert_string_equal(planned(&plan), steps);
	assert_int_equal(plan.port[0].save, save);
	plan_free(&plan);
}

/** refuse() - a setup of eth1, for this reason */
static void refuse(const struct setup_options *options, int err, const char *part)
{
	struct plan plan;

	assert_int_equal(plan_setup(from(&none), options, &plan, &error), err);
	if (!strstr(error.text, part))
		fail_msg("'%s' is not in: %s", part, error.text);
	plan_free(&plan);
}

#define ALL "hugepages hugepages link-down link-down override unbind bind"

static void the_guides_procedure(void **state)
{
	struct setup_options mana = guide;

	(void)state;
	want(&guide, &none, ALL, true);
	mana.pmd = PMD_MANA;
	want(&mana, &none, "hugepages hugepages link-down link-down", true);
}

static void only_what_is_missing(void **state)
{
	(void)state;
	tree_put("1024\n", PAGES "nr_hugepages", 0);
	want(&guide, &none, "hugepages link-down link-down override unbind bind", true);
	tree_put("5000\n", PAGES "nr_hugepages", 1);
	devs[1].flags = 0;
	want(&guide, &none, "link-down override unbind bind", true);
	devs[0].flags = 0;
	*port.vmbus_driver = '\0';
	want(&guide, &none, "override bind", true);
	strcpy(port.vmbus_driver, DRIVER_USER);
	port.owner = OWNER_NETVSC;
	want(&guide, &none, "", true);
}

#define SAVED(name, index, up)                                                                     \
	"{\"name\":\"" name "\",\"index\":" index ",\"up\":" up ",\"mtu\":1400,\"at\":7,"          \
	"\"addresses\":[{\"family\":4,\"text\":\"10.0.0.1/24\",\"netlink\":\"00\"}],"              \
	"\"routes\":[{\"family\":6,\"text\":\"::/0\",\"netlink\":\"00\"}]}"
#define SAVE(index)                                                                                \
	"{\"save\":\"" MAC "\",\"uuid\":\"" UUID "\",\"pmd\":\"netvsc\",\"synthetic\":" SAVED(     \
		"eth1", index, "true") ",\"vf\":" SAVED("enP1", "4", "true") "}"
#define UNMANAGE                                                                                   \
	",{\"step\":2,\"kind\":\"unmanage\",\"port\":\"" MAC                                       \
	"\",\"manager\":\"NetworkManager\",\"grip\":4}"
#define DOWN ",{\"step\":1,\"kind\":\"link-down\",\"port\":\"" MAC "\"}"

/** ledger_of() - from records; the caller frees both */
static json_t *ledger_of(const char *json, struct ledger *ledger)
{
	json_t *records = json_loads(json, 0, NULL);

	assert_non_null(records);
	assert_int_equal(ledger_read(records, ledger, &error), 0);
	return records;
}

/** manager() - one that runs, and what it says of the interface of this number */
static void manager(int pid, const char *comm, const char *text, const char *format, int index)
{
	tree_put(comm, "/proc/%d/comm", pid);
	tree_put(text, format, index);
}

static void managers_are_told_first_and_have_it_again_before_the_links(void **state)
{
	struct ledger ledger;
	json_t *records;
	struct plan plan;

	(void)state;
	manager(70, "NetworkManager\n", "[device]\nmanaged=true\nconnection-uuid=5\n",
		"/run/NetworkManager/devices/%d", 5);
	manager(71, "systemd-network\n", "ADMIN_STATE=configured\n", "/run/systemd/netif/links/%d",
		4);
	assert_int_equal(plan_setup(from(&none), &guide, &plan, &error), 0);
	assert_string_equal(
		planned(&plan),
		"hugepages hugepages unmanage unmanage link-down link-down override unbind bind");
	assert_string_equal(plan.step[2].driver, "NetworkManager");
	assert_int_equal(plan.step[2].before, GRIP_HOLDS);
	assert_false(plan.step[2].vf_too);
	assert_string_equal(plan.step[3].driver, "systemd-networkd");
	assert_int_equal(plan.step[3].before, GRIP_UNKNOWN);
	assert_true(plan.step[3].vf_too);
	plan_free(&plan);
	/* A file that is gone already, and the manager may not know it yet */
	records = ledger_of("[" SAVE("5") DOWN UNMANAGE ",{\"ready\":\"" MAC "\"}]", &ledger);
	devs[0].flags = devs[1].flags = 0;
	assert_int_equal(plan_restore(&(struct plan_from){ &host, &machine, &ledger, NULL, 0 },
				      &plan, &error),
			 0);
	assert_string_equal(planned(&plan),
			    "mtu mtu manage link-up link-up address address route route");
	assert_string_equal(plan.step[2].driver, "NetworkManager");
	assert_int_equal(plan.step[2].after, GRIP_HOLDS);
	plan_free(&plan);
	ledger_free(&ledger);
	json_decref(records);
	/* What an earlier handover found counts no more. */
	records = ledger_of("[" SAVE("5") DOWN UNMANAGE
			    ",{\"ready\":\"" MAC "\"},{\"restored\":\"" MAC
			    "\"}," SAVE("5") ",{\"step\":3,\"kind\":\"link-down\",\"port\":\"" MAC
					     "\"},{\"ready\":\"" MAC "\"}]",
			    &ledger);
	assert_int_equal(plan_restore(&(struct plan_from){ &host, &machine, &ledger, NULL, 0 },
				      &plan, &error),
			 0);
	assert_null(strstr(planned(&plan), "manage"));
	plan_free(&plan);
	ledger_free(&ledger);
	json_decref(records);
}

/* The class is removed as soon as the device is bound; the step knows which one it undoes. */
static void without_driver_override(void **state)
{
	struct plan plan;

	(void)state;
	assert_int_equal(tree_run("rm \"$1\"" OVERRIDE), 0);
	want(&guide, &none, "hugepages hugepages link-down link-down new-id unbind bind remove-id",
	     true);
	assert_int_equal(plan_setup(from(&none), &guide, &plan, &error), 0);
	assert_int_equal(plan.step[7].undoes, 5);
	plan_free(&plan);
}

static void pages_of_another_size_do_as_well(void **state)
{
	struct setup_options asked = guide;

	(void)state;
	tree_put("2\n",
		 "/sys/devices/system/node/node0/hugepages/hugepages-1048576kB/nr_hugepages");
	tree_put("2\n",
		 "/sys/devices/system/node/node0/hugepages/hugepages-1048576kB/free_hugepages");
	want(&guide, &none, "hugepages link-down link-down override unbind bind", true);
	asked.pages_asked = true;
	want(&asked, &none, ALL, true);
	asked.kib = 4096;
	refuse(&asked, -ENOENT, "does not support hugepages of 4096 kB");
}

static void no_more_hugepages_than_memory(void **state)
{
	struct setup_options asked = guide;

	(void)state;
	/* 16 pages are there on each of two nodes, and memory for 150 more */
	tree_put("MemTotal: 999999 kB\nMemAvailable: 307200 kB\n", "/proc/meminfo");
	refuse(&guide, -ENOMEM,
	       "not enough memory for 1024 hugepages of 2 MB on each node: at most 91 can be had; "
	       "free some memory, or add --hugepages 91,2048k");
	asked.pages_asked = true;
	asked.pages = 91;
	want(&asked, &none, ALL, true);
	/* of which only 14 on the second node */
	tree_put("Node 1 MemTotal: 999999 kB\nNode 1 MemFree: 8192 kB\n"
		 "Node 1 Active(file): 4096 kB\nNode 1 Inactive(file): 8192 kB\n"
		 "Node 1 AnonPages: 99999 kB\nNode 1 SReclaimable: 8192 kB\n",
		 "/sys/devices/system/node/node1/meminfo");
	refuse(&asked, -ENOMEM, "at most 30 can be had");
	asked.pages = 30;
	want(&asked, &none, ALL, true);
	/* Pages that are there already need none. */
	asked.pages = 16;
	want(&asked, &none, "link-down link-down override unbind bind", true);
}

static void what_is_in_use(void **state)
{
	struct setup_options force = guide;

	(void)state;
	force.force = true;
	devs[2].lower = 5; /* a VLAN */
	refuse(&guide, -EBUSY, "eth1 is in use by the interface eth1.5");
	want(&force, &none, ALL, true);
	devs[2].lower = 0;
	devs[0].master = 9; /* a bond */
	refuse(&guide, -EBUSY, "eth1 is in use by the interface eth1.5");
	devs[0].master = 0;
	devs[1].default_route = true;
	refuse(&guide, -EBUSY, "eth1 carries the default route");
	devs[1].default_table = 100;
	refuse(&guide, -EBUSY, "eth1 carries the default route of table 100, without which");
	devs[2].vrf_table = 100;
	refuse(&guide, -EBUSY, "eth1 carries the default route of the VRF eth1.5, without which");
	devs[0].ssh = true;
	refuse(&guide, -EBUSY, "eth1 carries this SSH session");
	want(&force, &none, ALL, true);
}

static void what_cannot_be_handed_over(void **state)
{
	struct setup_options mana = { .pmd = PMD_MANA };
	struct setup_options netvsc = { .pmd = PMD_NETVSC };
	struct setup_options persist = { .program = "/opt/a b/manakin" };

	(void)state;
	refuse(&persist, -ENOENT, "needs systemd");
	tree_put("", "/etc/systemd/system/x");
	refuse(&persist, -EINVAL, "install it elsewhere");
	port.owner = OWNER_NETVSC;
	refuse(&mana, -EBUSY, "not to its mana driver");
	port.owner = OWNER_DPDK_MANA;
	strcpy(port.users, "vpp (17)");
	refuse(&netvsc, -EBUSY, "eth1 is in use by vpp (17)");
	port.owner = OWNER_KERNEL;
	port.adapter = -1;
	refuse(&guide, -ENOTSUP, "no MANA VF under eth1");
	port.adapter = 0;
	*port.uuid = '\0';
	refuse(&netvsc, -ENOTSUP, "no synthetic interface on VMBus");
	want(&guide, &none, "hugepages hugepages link-down link-down", true);
	adapter.kind = ADAPTER_SOFTWARE;
	refuse(&guide, -ENOTSUP, "'manakin run eth1'");
}

static void an_old_state_is_kept_until_it_is_reached(void **state)
{
	static const struct {
		const char *records;
		unsigned int flags;
		bool save;
	} cases[] = {
		{ "[" SAVE("5") DOWN "]", IFF_UP, true },      /* killed before the step */
		{ "[" SAVE("5") DOWN "]", 0, false },          /* and after it */
		{ "[" SAVE("5") UNMANAGE "]", IFF_UP, false }, /* without its addresses? */
		{ "[" SAVE("3") DOWN "]", 0, false },          /* come back, but not up yet */
		{ "[" SAVE("3") DOWN ",{\"ready\":\"" MAC "\"}]", IFF_UP, true }, /* by hand */
		{ "[" SAVE("3") DOWN ",{\"ready\":\"" MAC "\"},{\"restoring\":\"" MAC "\"}]",
		  IFF_UP, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ledger ledger;
		json_t *records = ledger_of(cases[i].records, &ledger);
		struct plan plan;

		devs[0].flags = devs[1].flags = cases[i].flags;
		assert_int_equal(plan_setup(from(&ledger), &guide, &plan, &error), 0);
		if (plan.port[0].save != cases[i].save)
			fail_msg("case %zu: save is %d", i, plan.port[0].save);
		plan_free(&plan);
		ledger_free(&ledger);
		json_decref(records);
	}
}

static void a_vf_that_is_set_up_meanwhile_is_no_new_state(void **state)
{
	struct ledger ledger;
	json_t *records = ledger_of("[" SAVE("3") DOWN ",{\"ready\":\"" MAC "\"}]", &ledger);
	struct plan plan;

	(void)state;
	strcpy(port.vmbus_driver, DRIVER_USER);
	port.owner = OWNER_NETVSC;
	strcpy(devs[0].name, "gone");
	port.synthetic = NULL;
	devs[1].master = 0;
	assert_int_equal(plan_setup(from(&ledger), &guide, &plan, &error), 0);
	assert_string_equal(planned(&plan), "hugepages hugepages link-down");
	assert_false(plan.port[0].save);
	plan_free(&plan);
	ledger_free(&ledger);
	json_decref(records);
}

/** restored() - the steps of a restore of all */
static void restored(const struct ledger *ledger, const char *steps)
{
	struct plan plan;
	struct plan_from all = { &host, &machine, ledger, NULL, 0 };
	int err = plan_restore(&all, &plan, &error);

	if (err)
		fail_msg("%d: %s", err, error.text);
	assert_string_equal(planned(&plan), steps);
	plan_free(&plan);
}

static void the_way_back(void **state)
{
	struct ledger ledger;
	json_t *records;

	(void)state;
	restored(&none, "");
	/* Nothing was done yet. */
	records = ledger_of("[" SAVE("5") "]", &ledger);
	restored(&ledger, "");
	ledger_free(&ledger);
	json_decref(records);
	/* The link was set down. */
	devs[0].flags = 0;
	records = ledger_of("[" SAVE("5") DOWN "]", &ledger);
	restored(&ledger, "mtu mtu link-up address address route route");
	ledger_free(&ledger);
	json_decref(records);
	/* All of it was done; hugepages on one node were changed since. */
	devs[1].flags = 0;
	strcpy(devs[0].name, "gone");
	port.synthetic = NULL;
	machine.netdevs.n = 2;
	strcpy(port.vmbus_driver, DRIVER_USER);
	port.owner = OWNER_NETVSC;
	records = ledger_of("[" SAVE("5") DOWN
			    ",{\"step\":2,\"kind\":\"hugepages\",\"node\":0,\"kib\":2048,"
			    "\"before\":3,\"after\":16},"
			    "{\"done\":2,\"changed\":true},"
			    "{\"step\":3,\"kind\":\"hugepages\",\"node\":1,\"kib\":2048,\"before\":"
			    "3,\"after\":9},"
			    "{\"done\":3,\"changed\":true},{\"step\":4,\"kind\":\"new-id\"},"
			    "{\"done\":4,\"changed\":true}]",
			    &ledger);
	tree_put(DRIVER_USER "\n", OVERRIDE);
	restored(&ledger,
		 "unbind override bind rename mtu mtu link-up link-up address address route route "
		 "remove-id hugepages");
	/* A process uses it. */
	strcpy(port.users, "vpp (17)");
	{
		struct plan_from all = { &host, &machine, &ledger, NULL, 0 };
		struct plan plan;

		assert_int_equal(plan_restore(&all, &plan, &error), -EBUSY);
		assert_non_null(strstr(error.text, "eth1 is in use by vpp (17)"));
		plan_free(&plan);
	}
	ledger_free(&ledger);
	json_decref(records);
}

static void names_are_words_for_a_shell(void **state)
{
	struct step step = { .kind = STEP_UNBIND, .object = UUID, .driver = DRIVER_KERNEL };
	struct host other = host;

	(void)state;
	strcpy(other.path, "/a b/c'd");
	assert_int_equal(step_describe(&other, &step), 0);
	assert_string_equal(step.command,
			    "echo " UUID
			    " > '/a b/c'\\''d/sys/bus/vmbus/drivers/hv_netvsc/unbind'");
	step_free(&step);
}

/* ip, modprobe and timeout are functions that print their words. */
static void a_shell_reads_the_names_of_interfaces_as_they_are(void **state)
{
	static const char *const names[] = { "$(touch x)", "a;touch x", "it's", "`id`", "-x",
					     "\033[2J",    "a&b",       "\"",   "#",    "{a,b}" };
	static const enum step_kind kinds[] = { STEP_LINK_DOWN, STEP_LINK_UP, STEP_MTU, STEP_JOIN,
						STEP_MODULE };
	char script[4096], word[64], printed[512];
	FILE *shell;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			struct step step = { .kind = kinds[k] };

			strcpy(step.object, names[i]);
			assert_int_equal(step_describe(&host, &step), 0);
			assert_null(strchr(step.what, '\033'));
			assert_int_equal(setenv("SCRIPT", step.command, 1), 0);
			strcpy(script,
			       "p() { for w; do printf '<%s>' \"$w\"; done; }; ip() { p \"$@\"; }; "
			       "modprobe() { p \"$@\"; }; timeout() { p \"$@\"; }; eval \"$SCRIPT\"");
			shell = popen(script, "r");
			assert_non_null(shell);
			printed[fread(printed, 1, sizeof(printed) - 1, shell)] = '\0';
			assert_int_equal(pclose(shell), 0);
			snprintf(word, sizeof(word), "<%s>", names[i]);
			if (!strstr(printed, word))
				fail_msg("%s: %s", step.command, printed);
			step_free(&step);
		}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_guides_procedure),
		TEST(only_what_is_missing),
		TEST(managers_are_told_first_and_have_it_again_before_the_links),
		TEST(without_driver_override),
		TEST(pages_of_another_size_do_as_well),
		TEST(no_more_hugepages_than_memory),
		TEST(what_is_in_use),
		TEST(what_cannot_be_handed_over),
		TEST(an_old_state_is_kept_until_it_is_reached),
		TEST(a_vf_that_is_set_up_meanwhile_is_no_new_state),
		TEST(the_way_back),
		TEST(names_are_words_for_a_shell),
		TEST(a_shell_reads_the_names_of_interfaces_as_they_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
