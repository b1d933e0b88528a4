/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/machine/netdev.h on real interfaces, in the test's own network namespace.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/handover/netdev_change.h"
#include "host/machine/attached.h"
#include "host/machine/netdev.h"
#include "host/machine/netlink.h"
#include "host/machine/netns.h"
#include "../emulated.h"

static struct host host;
static struct netdevs netdevs;

static void command(const char *text)
{
	assert_int_equal(system(text), 0);
}

/** look() - read the interfaces again */
static void look(void)
{
	netdevs_free(&netdevs);
	assert_int_equal(netdevs_read(&host, &netdevs), 0);
}

static struct netdev *named(const char *name)
{
	struct netdev *dev = netdevs_by_name(&netdevs, name);

	assert_non_null(dev);
	return dev;
}

static int setup(void **state)
{
	struct error error;

	(void)state;
	if (unshare(CLONE_NEWNET)) {
		print_error("a network namespace is needed: %s\n", strerror(errno));
		return -1;
	}
	/* No SSH session, however the tests were started. */
	setenv("SSH_CONNECTION", "none", 1);
	command("ip link add vf0 numtxqueues 4 numrxqueues 4 type veth peer name wire0 && "
		"ip link set vf0 address 00:0d:3a:76:3b:d0 && ip link set vf0 mtu 1400 && "
		"ip link property add dev vf0 altname a-name-longer-than-fifteen altname other && "
		"ip link add eth1 type bridge && ip link set vf0 master eth1 && "
		"ip link set wire0 up && ip link set vf0 up && ip link set eth1 up && "
		"ip address add 10.0.1.4/24 dev eth1 && ip address add fd00::4/64 dev eth1 nodad "
		"&& "
		"ip address add 10.9.0.1 peer 10.9.0.2/32 dev wire0");
	return host_open(NULL, &host, &error);
}

static int teardown(void **state)
{
	(void)state;
	netdevs_free(&netdevs);
	host_close(&host);
	return 0;
}

static void links(void **state)
{
	char text[MAC_TEXT];
	struct netdev *dev;

	(void)state;
	look();
	dev = named("vf0");
	assert_string_equal(mac_text(dev->mac, text), "00:0d:3a:76:3b:d0");
	assert_int_equal(dev->mtu, 1400);
	assert_int_equal(dev->queues_max, 4);
	assert_int_equal(dev->master, named("eth1")->index);
	assert_true(dev->carrier && dev->flags & IFF_UP);
	assert_string_equal(dev->driver, "");
	assert_int_equal(dev->lower, named("wire0")->index);
	assert_ptr_equal(named("a-name-longer-than-fifteen"), dev);
	assert_ptr_equal(named("other"), dev);
	assert_null(netdevs_by_name(&netdevs, "a-name"));
	assert_null(netdevs_by_name(&netdevs, "longer-than-fifteen"));
	assert_null(netdevs_by_name(&netdevs, ""));
	assert_null(netdevs_by_index(&netdevs, 0));
	assert_null(netdevs_by_index(&netdevs, 99999));
}

static void addresses(void **state)
{
	const struct netdev_address *address;
	char text[INET6_ADDRSTRLEN];
	struct netdev *dev;
	bool six = false;

	(void)state;
	look();
	dev = named("eth1");
	assert_true(dev->n_addresses >= 2);
	address = &dev->addresses[0];
	assert_int_equal(address->family, AF_INET);
	assert_int_equal(address->prefix, 24);
	assert_string_equal(inet_ntop(AF_INET, address->address, text, sizeof(text)), "10.0.1.4");
	for (size_t i = 0; i < dev->n_addresses; i++) {
		address = &dev->addresses[i];
		if (address->family != AF_INET6 || address->address[0] == 0xfe)
			continue;
		assert_string_equal(inet_ntop(AF_INET6, address->address, text, sizeof(text)),
				    "fd00::4");
		six = true;
	}
	assert_true(six);
	address = &named("wire0")->addresses[0];
	assert_string_equal(inet_ntop(AF_INET, address->address, text, sizeof(text)), "10.9.0.1");
}

static void changes(void **state)
{
	int index;

	(void)state;
	look();
	index = named("eth1")->index;
	assert_int_equal(netdev_set_up(index, false), 0);
	assert_int_equal(netdev_set_mtu(index, 1300), 0);
	assert_int_equal(netdev_rename(index, "eth7"), 0);
	look();
	assert_int_equal(named("eth7")->index, index);
	assert_false(named("eth7")->flags & IFF_UP);
	assert_int_equal(named("eth7")->mtu, 1300);
	assert_int_equal(netdev_rename(index, "eth1"), 0);
	assert_int_equal(netdev_set_up(index, true), 0);
	command("ip -br link show dev eth1 | grep -q UP");
	assert_int_equal(netdev_set_up(99999, true), -ENODEV);
	assert_int_equal(netdev_set_mtu(index, 1), -EINVAL);
	assert_int_equal(netdev_rename(index, "vf0"), -EEXIST);
}

/* A default route over a VLAN is also one over the interface below it, and what is under that. */
static void routes(void **state)
{
	(void)state;
	look();
	assert_false(named("eth1")->default_route);
	command("ip route add default via 10.0.1.1 dev eth1");
	look();
	assert_true(named("eth1")->default_route && named("vf0")->default_route);
	command("ip route del default && ip route add unreachable default");
	look();
	assert_false(named("eth1")->default_route);
	command("ip route del unreachable default && ip route add 128.0.0.0/1 via 10.0.1.1");
	look();
	assert_true(named("eth1")->default_route);
	command("ip route del 128.0.0.0/1");
}

/* A table counts if the packets of others than the interface itself are looked up in it. */
static void routes_of_all_tables(void **state)
{
	static const struct {
		const char *rule;
		bool counts;
	} rules[] = {
		{ NULL, false }, /* nobody uses the table */
		{ "from 10.0.1.4", false },
		{ "from 10.0.1.0/24", false },
		{ "iif eth1", false },
		{ "oif vf0", false },
		{ "from 10.0.0.0/8", true }, /* that of wire0, too */
		{ "from 172.17.0.0/16", true },
		{ "from 10.0.1.4 fwmark 7", true },
		{ "not from 10.0.1.4", true },
		{ "to 192.0.2.9", true },
		{ "fwmark 7", true },
		{ "iif wire0", true },
		{ "iif lo", true },
		{ "from all", true },
	};
	char text[128];

	(void)state;
	if (emulated("routing rules", "it does not pass on RTM_NEWRULE"))
		return;
	command("ip route add default via 10.0.1.1 table 1000");
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		if (rules[i].rule) {
			snprintf(text, sizeof(text), "ip rule add %s table 1000 pref 50",
				 rules[i].rule);
			command(text);
		}
		look();
		if (named("eth1")->default_route != rules[i].counts)
			fail_msg("rule '%s': %d", rules[i].rule, !rules[i].counts);
		if (rules[i].counts)
			assert_int_equal(named("vf0")->default_table, 1000);
		assert_int_equal(system("ip rule del pref 50 2>/dev/null") != 0, !rules[i].rule);
	}
	/* Nexthop objects, of which the kernel says nothing more in a route */
	command("ip route flush table 1000 && sysctl -q net.ipv4.nexthop_compat_mode=0 && "
		"ip nexthop add id 5 via 10.9.0.2 dev wire0 && ip nexthop add id 6 via 10.0.1.1 dev eth1 && "
		"ip nexthop add id 7 group 5/6 && ip route add default nhid 7");
	look();
	assert_true(named("eth1")->default_route && named("wire0")->default_route);
	command("ip route del default && ip route add default nhid 5");
	look();
	assert_true(!named("eth1")->default_route && named("wire0")->default_route);
	command("ip route del default && ip nexthop flush");
	command("ip -6 route add default dev eth1 table 1000 && "
		"ip -6 rule add fwmark 7 table 1000 pref 50");
	look();
	assert_true(named("eth1")->default_route);
	command("ip -6 rule del pref 50 && ip -6 route flush table 1000");
	look();
	assert_false(named("eth1")->default_route);
}

/* The parent of a macvlan does not show it once that is in another namespace. */
static void built_on_in_another_namespace(void **state)
{
	struct netns_children found;

	(void)state;
	if (emulated("interfaces in other network namespaces", "it does not pass on RTM_NEWNSID"))
		return;
	command("ip link add mv0 link wire0 type macvlan");
	assert_int_equal(netns_children_read(&found), 0);
	assert_int_equal(found.n, 0);
	netns_children_free(&found);
	/* A namespace that a process keeps, with the peer of a veth pair in it, too */
	command("unshare -n sleep 1000 & echo $! >/tmp/netns.$PPID; "
		"until [ \"$(readlink /proc/$!/ns/net)\" != \"$(readlink /proc/$$/ns/net)\" ]; do "
		"sleep 0.01; done; ip link set mv0 netns $!; "
		"ip link add pair0 type veth peer name pair1 netns $!");
	look();
	assert_int_equal(netns_children_read(&found), 0);
	command("kill $(cat /tmp/netns.$PPID); rm /tmp/netns.$PPID");
	assert_int_equal(found.n, 1);
	assert_int_equal(found.child[0].lower, named("wire0")->index);
	assert_string_equal(found.child[0].name, "mv0");
	assert_string_equal(found.child[0].kind, "macvlan");
	assert_non_null(strstr(found.child[0].where, "the network namespace of sleep ("));
	netns_children_free(&found);
	/* We are where we were. */
	look();
	named("vf0");
}

/** set_xdp() - attach a program that passes everything, or (-1) none; in the kernel's generic mode */
static void set_xdp(const struct netdev *dev, int program)
{
	char request[NETLINK_REQUEST_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *header = (struct nlmsghdr *)request;
	struct ifinfomsg *info = netlink_begin(request, RTM_SETLINK, NLM_F_ACK, sizeof(*info));
	struct mnl_socket *socket = netlink_open();
	struct nlattr *nest;

	assert_non_null(socket);
	info->ifi_index = dev->index;
	nest = mnl_attr_nest_start(header, IFLA_XDP);
	mnl_attr_put_u32(header, IFLA_XDP_FD, (uint32_t)program);
	mnl_attr_put_u32(header, IFLA_XDP_FLAGS, XDP_FLAGS_SKB_MODE);
	mnl_attr_nest_end(header, nest);
	assert_int_equal(netlink_talk(socket, request, NULL, NULL), 0);
	mnl_socket_close(socket);
}

/* The kernel's own qdiscs and settings are nothing that somebody attached. */
static void attached(void **state)
{
	struct bpf_insn pass[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K, .imm = XDP_PASS },
				   { .code = BPF_JMP | BPF_EXIT } };
	union bpf_attr load = { .prog_type = BPF_PROG_TYPE_XDP,
				.insn_cnt = 2,
				.insns = (uint64_t)(uintptr_t)pass,
				.license = (uint64_t)(uintptr_t) "BSD" };
	struct attachments found;
	int program;

	(void)state;
	if (emulated("what is attached to an interface", "it has no bpf()"))
		return;
	command("ethtool -K vf0 gro on"); /* a veth pair has it off, unlike network adapters */
	look();
	assert_int_equal(attached_read(&host, named("vf0"), &found), 0);
	assert_int_equal(found.n, 0);
	attached_free(&found);
	program = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));
	assert_true(program >= 0);
	set_xdp(named("vf0"), program);
	command("tc qdisc add dev vf0 handle 7: root htb default 1 && "
		"tc class add dev vf0 parent 7: classid 7:1 htb rate 1mbit && "
		"tc qdisc add dev vf0 parent 7:1 handle 8: pfifo && "
		"ethtool -K vf0 gso off");
	look();
	assert_int_equal(attached_read(&host, named("vf0"), &found), 0);
	assert_int_equal(found.n, 4);
	assert_string_equal(found.item[0].what,
			    "qdisc htb 7: at the root, with its classes and filters");
	assert_string_equal(found.item[1].what,
			    "qdisc pfifo 8: at 7:1, with its classes and filters");
	assert_string_equal(found.item[2].kind, "xdp");
	assert_string_equal(found.item[3].what,
			    "the offload tx-generic-segmentation, which is off");
	assert_false(found.item[3].by_name);
	attached_free(&found);
	set_xdp(named("vf0"), -1);
	close(program);
	command("tc qdisc del dev vf0 root && ethtool -K vf0 gso on");
	look();
	assert_int_equal(attached_read(&host, named("vf0"), &found), 0);
	assert_int_equal(found.n, 0);
	attached_free(&found);
}

static void session(void **state)
{
	(void)state;
	setenv("SSH_CONNECTION", "10.0.1.9 5000 10.0.1.4 22", 1);
	look();
	assert_true(named("eth1")->ssh && named("vf0")->ssh);
	setenv("SSH_CONNECTION", "::ffff:10.0.1.9 5000 ::ffff:10.0.1.4 22", 1);
	look();
	assert_true(named("eth1")->ssh);
	setenv("SSH_CONNECTION", "fe80::1%eth1 5000 fe80::2%eth1 22", 1);
	look();
	assert_true(named("eth1")->ssh);
	/* In through an address that no interface has, out by the route to the other end. */
	setenv("SSH_CONNECTION", "10.0.1.9 5000 192.0.2.1 22", 1);
	look();
	assert_false(named("lo")->ssh);
	setenv("SSH_CONNECTION", "none", 1);
	look();
	assert_false(named("eth1")->ssh);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links),
		cmocka_unit_test(addresses),
		cmocka_unit_test(changes),
		cmocka_unit_test(routes),
		cmocka_unit_test(routes_of_all_tables),
		cmocka_unit_test(attached),
		cmocka_unit_test(built_on_in_another_namespace),
		cmocka_unit_test(session),
	};

	return cmocka_run_group_tests_name("host netdev", tests, setup, teardown);
}
