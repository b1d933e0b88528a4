/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/report: what is private and what stands for it; which lines are kept; archives, good and bad.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "../range.h"
#include "host/machine/netdev.h"
#include "host/machine/netlink_json.h"
#include "host/report/archive.h"
#include "host/report/filter.h"
#include "host/report/report.h"
#include "host/report/token.h"
#include "tree.h"

/* ---- names and addresses ---- */

/** hidden() - a text without what is private; freed by the caller */
static char *hidden(struct private *private, const char *text)
{
	char *new = NULL;
	size_t len;
	FILE *to = open_memstream(&new, &len);

	private_rewrite(private, text, strlen(text), to);
	fclose(to);
	return new;
}

/** knows() - a table for this text, in which 10.0.1.0/24 is a network, and "box" a host */
static struct private *knows(const char *text)
{
	static const uint8_t network[4] = { 10, 0, 1, 4 };
	struct private *private = private_open();

	assert_non_null(private);
	assert_int_equal(private_network(private, network, 4, 24), 0);
	assert_int_equal(private_word(private, PRIVATE_HOST, "box"), 0);
	assert_int_equal(private_word(private, PRIVATE_HOST, "mana"), 0);
	assert_int_equal(private_learn(private, text, strlen(text)), 0);
	assert_int_equal(private_decide(private), 0);
	return private;
}

static void becomes(const char *text, const char *wanted)
{
	struct private *private = knows(text);
	char *got = hidden(private, text);

	assert_string_equal(got, wanted);
	free(got);
	private_close(private);
}

static void same(const char *text)
{
	becomes(text, text);
}

static void one_address_however_it_is_written(void **state)
{
	(void)state;
	becomes("60:45:bd:a6:bd:76 60-45-BD-A6-BD-76 6045.bda6.bd76 enx6045bda6bd76 "
		"f8615163-0001-1000-2000-6045bda6bd76 6045bda6-bd76-6045-bda6-bd766045bda6 "
		"6245:bdff:fea6:bd76 fe80::6245:bdff:fea6:bd76",
		"60:45:bd:10:10:01 60-45-BD-10-10-01 6045.bd10.1001 enx6045bd101001 "
		"f8615163-0001-1000-2000-6045bd101001 6045bd10-1001-6045-bd10-10016045bd10 "
		"6245:bdff:fe10:1001 fe80::6245:bdff:fe10:1001");
	becomes("60:45:bd:a6:bd:76 node_guid=0x6245bdfffea6bd76, 6245BDFFFEA6BD76 6245bdfffea6bd77",
		"60:45:bd:10:10:01 node_guid=0x6245bdfffe101001, 6245BDFFFE101001 6245bdfffea6bd77");
	becomes("mac=60:45:bd:a6:bd:76,mac:60:45:bd:a6:bd:77:",
		"mac=60:45:bd:10:10:01,mac:60:45:bd:10:10:02:");
	/* The order stays, and no replacement is another's address. */
	becomes("60:45:bd:a6:bd:76 60:45:bd:00:00:01 60:45:bd:10:10:01",
		"60:45:bd:10:10:04 60:45:bd:10:10:02 60:45:bd:10:10:03");
	/* InfiniBand's address has 20 bytes; a UUID of nothing that is known */
	becomes("00:00:10:49:fe:80:00:00:00:00:00:00:60:45:bd:ff:fe:a6:bd:76",
		"00:00:10:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:01");
	becomes("{2be94203-89a5-4a1c-9f3e-112233445566}", "{2b000001-0000-4000-8000-000000000000}");
}

static void addresses_keep_their_network(void **state)
{
	(void)state;
	becomes("10.0.1.4 10.0.1.14/24 10.0.1.1.", "10.0.1.3 10.0.1.12/24 10.0.1.2.");
	becomes("10.0.1.0/24 via 10.0.1.255", "10.0.1.0/24 via 10.0.1.255");
	becomes("sshd: 52.168.1.2:50000 10.7.8.9", "sshd: 203.0.113.1:50000 10.7.1.1");
	becomes("::ffff:52.168.1.2 2a01:111:f100::7", "::ffff:203.0.113.1 2001:db8::1");
	/* One that was made from a MAC address, in a network of somebody's: in one for documentation */
	becomes("60:45:bd:a6:bd:76 2a01:111:f100:7:6245:bdff:fea6:bd76 "
		"2a01:111:f100:8:6245:bdff:fea6:bd76 fd00:7::6245:bdff:fea6:bd76",
		"60:45:bd:10:10:01 2001:db8::6245:bdff:fe10:1001 "
		"2001:db8:0:1:6245:bdff:fe10:1001 fd00:7::6245:bdff:fe10:1001");
	/* What is the same on all machines, and what is no address */
	same("127.0.0.1 168.63.129.16 169.254.169.254 0.0.0.0 255.255.255.0 224.0.0.1 :: ::1 ff02::1");
	same("6.6.57.1-2.azl3 libibverbs.so.1.14.44.0 v1.2.3.4 1.2.3 1.2.3.4.5 kernel-5.15.184.1-1 300.1.1.1");
	same("7870:00:00.0 00:11:22 12:34:56.789 foo::bar 7783-7084-3265-9085-8269-3286-77");
	becomes("10.0.1.4-10.0.1.9", "10.0.1.1-10.0.1.2");
}

static void names_are_whole_words(void **state)
{
	(void)state;
	becomes("Nov 29 07:55:07 vm-7 kernel: vm-7 box, Box.internal.cloudapp.net boxer mana",
		"Nov 29 07:55:07 host-2 kernel: host-2 host-1, host-1 boxer mana");
	becomes("/home/alice/dpdk alice@contoso.com malice",
		"/home/user-1/dpdk mail-1@example.com malice");
	becomes("2026-11-29T07:55:07.123456+00:00 prod7 kernel: prod7",
		"2026-11-29T07:55:07.123456+00:00 host-2 "
		"kernel: host-2");
	becomes("2026-11-29T07:55:07 prod7 kernel: prod7",
		"2026-11-29T07:55:07 host-2 kernel: host-2");
	/* Levels and streams, as runtimes of containers and applications write them, are no hosts. */
	same("2026-11-29T07:55:07.1Z stdout F eth0: up, INFO\n2026-11-29T07:55:07.1Z stderr F a\n"
	     "2026-11-29T07:55:07Z INFO a\n2026-11-29T07:55:07 DEBUG a\n"
	     "2026-11-29T07:55:07Z NOTICE a\n2026-11-29T07:55:07Z WARN a\n"
	     "2026-11-29T07:55:07+00:00 TRACE a\nNov 29 07:55:07 CRITICAL a\n");
	becomes("/subscriptions/2be94203-89a5-4a1c-9f3e-112233445566/resourceGroups/Payroll/providers",
		"/subscriptions/2b000001-0000-4000-8000-000000000000/resourceGroups/resource-1/providers");
}

static void who_built_a_kernel_is_hidden_with_its_host(void **state)
{
	(void)state;
	becomes("Linux version 6.12.57-mine (alice@devbox) (gcc (Debian 12.2.0) 12.2.0, GNU ld) #3 SMP",
		"Linux version 6.12.57-mine (mail-1@example.com) (gcc (Debian 12.2.0) 12.2.0, GNU ld) #3 SMP");
	becomes("[    0.000000] Linux version 6.8.0-1020-azure (buildd@lcy02-amd64-117) (x86_64-linux-gnu-gcc-13)",
		"[    0.000000] Linux version 6.8.0-1020-azure (mail-1@example.com) (x86_64-linux-gnu-gcc-13)");
	becomes("Linux version 6.1.0-18-cloud-amd64 (debian-kernel@lists.debian.org) (gcc-12)",
		"Linux version 6.1.0-18-cloud-amd64 (mail-1@example.com) (gcc-12)");
	/* What looks like it elsewhere is no person. */
	same("eth0@if12 (mana_q3@pci) version 6.8 (mana_hwc@pci:7870:00:00.0) (root@(none)) Linux version (a");
	same("Linux version 6.8 x (alice@devbox)");
}

static void long_names_are_hidden_too(void **state)
{
	char host[65], interface[128], text[1024], wanted[1024], *got;
	struct private *private = private_open();

	(void)state;
	memset(host, 'h', sizeof(host));
	host[sizeof(host) - 1] = '\0';
	memset(interface, 'q', sizeof(interface));
	interface[sizeof(interface) - 1] = '\0';
	snprintf(text, sizeof(text),
		 "2026-11-29T07:55:07Z %s kernel: %s\n"
		 "Nov 29 07:55:07 vm-7.%s.%s.%s app\n"
		 "/resourceGroups/%s vm-7 %s\n",
		 host, host, host, host, host, interface, interface);
	snprintf(wanted, sizeof(wanted),
		 "2026-11-29T07:55:07Z host-2 kernel: host-2\n"
		 "Nov 29 07:55:07 host-1 app\n"
		 "/resourceGroups/resource-1 host-1 resource-1\n");
	assert_int_equal(private_learn(private, text, strlen(text)), 0);
	assert_int_equal(private_decide(private), 0);
	got = hidden(private, text);
	assert_string_equal(got, wanted);
	free(got);
	private_close(private);

	private = private_open();
	assert_int_equal(private_interface(private, interface), 0);
	assert_int_equal(private_decide(private), 0);
	got = hidden(private, interface);
	assert_int_equal(strlen(got), strlen(interface));
	assert_null(strchr(got, 'q'));
	free(got);
	private_close(private);
}

static void users_are_hidden_whatever_their_number(void **state)
{
	struct private *private = private_open();
	char *got;

	(void)state;
	tree_put("root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n"
		 "alice:x:1000:1000::/home/alice:/bin/sh\nbob::1001:1001::/:/bin/sh\n"
		 "carol:x:1234567:100::/:/bin/sh\nchrony:x:999:999::/:/bin/false\n+::::::\n+\n",
		 "/etc/passwd");
	assert_int_equal(report_learn_names(&tree_host, private), 0);
	assert_int_equal(private_decide(private), 0);
	got = hidden(private, "root nobody alice bob carol chrony");
	assert_string_equal(got, "root nobody user-2 user-1 user-3 chrony");
	free(got);
	private_close(private);
}

static void the_id_of_the_machine_is_hidden_and_other_numbers_are_not(void **state)
{
	struct private *private = private_open();
	char *got;

	(void)state;
	tree_put("2be9420389a54a1c9f3e112233445566\n", "/etc/machine-id");
	assert_int_equal(report_learn_names(&tree_host, private), 0);
	assert_int_equal(private_decide(private), 0);
	got = hidden(private,
		     "/run/log/journal/2be9420389a54a1c9f3e112233445566/system.journal "
		     "2BE94203-89A5-4A1C-9F3E-112233445566 0be9420389a54a1c9f3e112233445566 "
		     "2be9420389a54a1c9f3e1122334455667");
	assert_string_equal(got,
			    "/run/log/journal/2b000001000040008000000000000000/system.journal "
			    "2B000001-0000-4000-8000-000000000000 0be9420389a54a1c9f3e112233445566 "
			    "2be9420389a54a1c9f3e1122334455667");
	free(got);
	private_close(private);
}

static void interfaces_with_usual_names_keep_them(void **state)
{
	static const char *const usual[] = { "lo",          "eth0",     "enP30832s1d1",
					     "enp3s0f1np1", "ib0",      "docker0",
					     "veth1a2b",    "eth1.100", "enx6045bda6bd76" };
	struct private *private = private_open();
	char *got;

	(void)state;
	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		assert_int_equal(private_interface(private, usual[i]), 0);
	assert_int_equal(private_interface(private, "contoso-mgmt"), 0);
	assert_int_equal(private_interface(private, "enterprise"), 0);
	assert_int_equal(private_decide(private), 0);
	got = hidden(private, "eth0 enP30832s1d1 contoso-mgmt enterprise: docker0");
	assert_string_equal(got, "eth0 enP30832s1d1 n00000000002 n000000001: docker0");
	free(got);
	private_close(private);
}

static void more_addresses_than_there_is_room_for_are_hidden_too(void **state)
{
	struct private *private = private_open();
	char text[64], *got;

	(void)state;
	for (unsigned int i = 0; i < 70000; i++) {
		snprintf(text, sizeof(text), "40.%u.%u.%u", 1 + i / 250 / 250, 1 + i / 250 % 250,
			 1 + i % 250);
		assert_int_equal(private_learn(private, text, strlen(text)), 0);
	}
	assert_int_equal(private_decide(private), 0);
	got = hidden(private, text);
	assert_null(strstr(got, text));
	free(got);
	private_close(private);
}

/* ---- lines ---- */

static void only_what_is_read_stays_of_a_file(void **state)
{
	char mounts[] =
		"/dev/sda1 / ext4 rw 0 0\nnone /dev/hugepages hugetlbfs rw 0 0\n//nas/secret /mnt cifs rw 0 0\n";
	char link[] = "ADMIN_STATE=configured\nDNS=10.0.0.2\nDOMAINS=corp.example\n";
	char other[] = "all of it\n";
	char azure[] = "7783-7084-3265-9085-8269-3286-77\n", asset[] = "CONTOSO-0815\n";
	size_t len;

	(void)state;
	len = filter_file("/proc/mounts", mounts, strlen(mounts));
	assert_memory_equal(mounts, "none /dev/hugepages hugetlbfs rw 0 0\n", len);
	assert_int_equal(len, 37);
	len = filter_file("/run/systemd/netif/links/2", link, strlen(link));
	assert_int_equal(len, strlen("ADMIN_STATE=configured\n"));
	assert_int_equal(filter_file("/sys/class/dmi/id/chassis_asset_tag", azure, strlen(azure)),
			 strlen(azure));
	assert_int_equal(filter_file("/sys/class/dmi/id/chassis_asset_tag", asset, strlen(asset)),
			 0);
	assert_int_equal(filter_file("/etc/os-release", other, strlen(other)), strlen(other));
}

static void a_crash_is_kept_whole_if_it_is_ours(void **state)
{
	static const char *const names[] = { "eth7" };
	static const char wanted[] = "[    1.0] mana 7870:00:00.0: hello\n"
				     "[    3.0] ------------[ cut here ]------------\n"
				     "[    3.0] WARNING: CPU: 1 PID: 2 at kernel/foo.c:1\n"
				     "[    3.0]  mana_hwc_send_request+0x1/0x2 [mana]\n"
				     "[    3.0] ---[ end trace 0000000000000000 ]---\n"
				     "[    5.0] eth7: up\n";
	char log[1024];
	size_t len;

	(void)state;
	snprintf(log, sizeof(log), "%s",
		 "[    1.0] mana 7870:00:00.0: hello\n"
		 "[    2.0] usb 1-1: serial number 1234\n"
		 "[    2.5] BUG: foo\n"
		 "[    2.5] bar\n"
		 "[    2.5] ---[ end trace 0000000000000001 ]---\n"
		 "[    3.0] ------------[ cut here ]------------\n"
		 "[    3.0] WARNING: CPU: 1 PID: 2 at kernel/foo.c:1\n"
		 "[    3.0]  mana_hwc_send_request+0x1/0x2 [mana]\n"
		 "[    3.0] ---[ end trace 0000000000000000 ]---\n"
		 "[    4.0] audit: user secret\n"
		 "[    5.0] eth7: up\n");
	len = filter_kernel(log, strlen(log), names, 1);
	assert_int_equal(len, strlen(wanted));
	assert_memory_equal(log, wanted, len);
}

/* ---- netlink ---- */

static void a_message_is_the_same_after_json(void **state)
{
	static const uint8_t ip[4] = { 10, 0, 1, 4 };
	char first[512] __attribute__((aligned(NLMSG_ALIGNTO)));
	char second[NETLINK_JSON_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *header = mnl_nlmsg_put_header(first);
	struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(header, sizeof(*info));
	json_t *json;

	(void)state;
	header->nlmsg_type = RTM_NEWADDR;
	*info = (struct ifaddrmsg){ .ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = 7 };
	mnl_attr_put(header, IFA_ADDRESS, 4, ip);
	mnl_attr_put(header, IFA_LOCAL, 4, ip);
	json = netlink_to_json(header);
	assert_int_equal(netlink_from_json(json, second), 0);
	assert_int_equal(((struct nlmsghdr *)second)->nlmsg_len, header->nlmsg_len);
	assert_memory_equal(first, second, header->nlmsg_len);
	json_decref(json);
	/* An alias, which somebody wrote, is not kept. */
	header = mnl_nlmsg_put_header(first);
	mnl_nlmsg_put_extra_header(header, sizeof(struct ifinfomsg));
	header->nlmsg_type = RTM_NEWLINK;
	mnl_attr_put_strz(header, IFLA_IFNAME, "eth7");
	mnl_attr_put_strz(header, IFLA_IFALIAS, "secret");
	json = netlink_to_json(header);
	assert_int_equal(json_array_size(json_object_get(json, "attributes")), 1);
	json_decref(json);
}

static void what_is_no_message_is_refused(void **state)
{
	static const char *const bad[] = {
		"{}",
		"7",
		"[]",
		"{\"message\":\"newsecret\"}",
		"{\"message\":\"newlink\",\"attributes\":[7]}",
		"{\"message\":\"newlink\",\"attributes\":[{\"address\":\"60:45\"}]}",
		"{\"message\":\"newaddr\",\"attributes\":[{\"local\":\"1.2.3\"}]}",
	};
	char buffer[NETLINK_JSON_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
	json_t *json, *list;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json = json_loads(bad[i], JSON_DECODE_ANY, NULL);
		assert_non_null(json);
		assert_int_equal(netlink_from_json(json, buffer), -EBADMSG);
		json_decref(json);
	}
	/* One that does not fit */
	json = json_pack("{s:s, s:[{s:[]}]}", "message", "newroute", "attributes", "multipath");
	list = json_object_get(json_array_get(json_object_get(json, "attributes"), 0), "multipath");
	for (unsigned int i = 0; i < 10000; i++)
		json_array_append_new(list, json_integer(i));
	assert_int_equal(netlink_from_json(json, buffer), -EBADMSG);
	json_decref(json);
}

/** put_message() - as what the kernel answered, once it has all its attributes */
static void put_message(json_t *messages, struct nlmsghdr *header, uint16_t type)
{
	header->nlmsg_type = type;
	json_array_append_new(messages, netlink_to_json(header));
}

/** note_messages() - what was asked under this name; @messages is freed */
static void note_messages(struct answers *answers, const char *name, json_t *messages)
{
	char *text = json_dumps(messages, 0);

	assert_int_equal(answers_put(answers, ASKED_ELSE, name, 0, text, strlen(text)), 0);
	free(text);
	json_decref(messages);
}

/** note_interface() - an interface with the number 7 and two addresses */
static void note_interface(struct answers *answers)
{
	char buffer[512] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct ifinfomsg *link = mnl_nlmsg_put_extra_header(header, sizeof(*link));
	struct ifaddrmsg *info;
	uint8_t ip[16] = { 0xfd };
	json_t *messages = json_array();

	link->ifi_index = 7;
	mnl_attr_put_strz(header, IFLA_IFNAME, "eth7");
	put_message(messages, header, RTM_NEWLINK);
	note_messages(answers, "netlink/links", messages);

	messages = json_array();
	for (ip[15] = 4; ip[15] < 6; ip[15]++) {
		header = mnl_nlmsg_put_header(buffer);
		info = mnl_nlmsg_put_extra_header(header, sizeof(*info));
		*info = (struct ifaddrmsg){ .ifa_family = AF_INET6,
					    .ifa_prefixlen = 64,
					    .ifa_index = 7 };
		mnl_attr_put(header, IFA_ADDRESS, 16, ip);
		put_message(messages, header, RTM_NEWADDR);
	}
	note_messages(answers, "netlink/addresses", messages);
}

/** note_routing() - a rule from fd00::4, so long, to a table with a default route by eth7 */
static void note_routing(struct answers *answers, uint8_t source_bits)
{
	static const uint8_t ip[16] = { [0] = 0xfd, [15] = 4 };
	char buffer[512] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);
	struct fib_rule_hdr *rule = mnl_nlmsg_put_extra_header(header, sizeof(*rule));
	struct rtmsg *route;
	json_t *messages = json_array();

	*rule = (struct fib_rule_hdr){
		.family = AF_INET6, .src_len = source_bits, .table = 77, .action = FR_ACT_TO_TBL
	};
	mnl_attr_put(header, FRA_SRC, 16, ip);
	put_message(messages, header, RTM_NEWRULE);
	note_messages(answers, "netlink/rules-inet6", messages);

	messages = json_array();
	header = mnl_nlmsg_put_header(buffer);
	route = mnl_nlmsg_put_extra_header(header, sizeof(*route));
	*route = (struct rtmsg){ .rtm_family = AF_INET6, .rtm_table = 77, .rtm_type = RTN_UNICAST };
	mnl_attr_put_u32(header, RTA_OIF, 7);
	put_message(messages, header, RTM_NEWROUTE);
	note_messages(answers, "netlink/routes-inet6", messages);
	for (unsigned int i = 0; i < 3; i++)
		note_messages(answers,
			      (const char *const[]){ "netlink/nexthops", "netlink/rules-inet",
						     "netlink/routes-inet" }[i],
			      json_array());
}

static void a_rule_longer_than_an_address_is_for_no_address(void **state)
{
	(void)state;
	for (unsigned int bits = 128; bits < 130; bits++) {
		struct answers answers = { 0 };
		struct netdevs netdevs;
		struct host host;

		note_interface(&answers);
		note_routing(&answers, (uint8_t)bits);
		assert_int_equal(host_report(&host, "it", false, &answers), 0);
		assert_int_equal(netdevs_read(&host, &netdevs), 0);
		assert_int_equal(netdevs.n, 1);
		assert_int_equal(netdevs.dev[0].n_addresses, 2);
		/* The interface's own packets do not count: see netdev_default.c. */
		assert_int_equal(netdevs.dev[0].default_route, bits > 128);
		netdevs_free(&netdevs);
		host_close(&host);
	}
}

/* ---- archives ---- */

/** put_file() - a file in memory with these bytes */
static int put_file(const void *bytes, size_t len)
{
	int fd = memfd_create("report", MFD_CLOEXEC);

	assert_int_equal(write(fd, bytes, len), len);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/** made() - a report with one file and one log */
static int made(void)
{
	int fd = memfd_create("report", MFD_CLOEXEC);
	struct report report = { .tree = true };
	static const char names[] = "eth0\0eth1";

	answers_put(&report.answers, ASKED_FILE, "/proc/version", 0, "Linux\n", 6);
	answers_put(&report.answers, ASKED_LIST, "/sys/class/net", 0, names, sizeof(names));
	answers_put(&report.answers, ASKED_LINK, "/sys/class/net/eth0/device", 0, "7870:00:00.0",
		    12);
	answers_put(&report.answers, ASKED_THERE, "/sys/bus/vmbus", 0, NULL, 0);
	answers_put(&report.answers, ASKED_FILE, "/etc/secret", -EACCES, NULL, 0);
	answers_put(&report.answers, ASKED_ELSE, "cpus", 0, "4", 1);
	assert_int_equal(report_add_log(&report, "kernel", "a line\n", 7), 0);
	assert_int_equal(report_write(&report, fd), 0);
	report_free(&report);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/** reads() - what report_read() returns; @fd is closed */
static int reads(int fd, struct report *report, struct error *error)
{
	char path[40];
	int err;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err = report_read(path, report, error);
	close(fd);
	return err;
}

static void a_report_is_read_as_it_was_written(void **state)
{
	struct report report;
	struct names names;
	struct error error;
	struct host host;
	char text[32];

	(void)state;
	assert_int_equal(reads(made(), &report, &error), 0);
	assert_int_equal(report.n_logs, 1);
	assert_string_equal(report.log[0].text, "a line\n");
	assert_int_equal(host_report(&host, "it", report.tree, &report.answers), 0);
	assert_true(host_is_report(&host));
	assert_false(host_is_machine(&host));
	assert_int_equal(host_read(&host, text, sizeof(text), "/proc/version"), 5);
	assert_string_equal(text, "Linux");
	assert_int_equal(host_read(&host, text, 6, "/proc/version"), -EFBIG);
	assert_int_equal(host_read(&host, text, sizeof(text), "/etc/secret"), -EACCES);
	assert_int_equal(host_read(&host, text, sizeof(text), "/etc/passwd"), -ENOENT);
	assert_int_equal(host_link(&host, text, sizeof(text), "/sys/class/net/%s/device", "eth0"),
			 0);
	assert_string_equal(text, "7870:00:00.0");
	assert_true(host_exists(&host, "/sys/bus/vmbus"));
	assert_false(host_exists(&host, "/sys"));
	assert_int_equal(host_list(&host, &names, "/sys/class/net"), 0);
	assert_int_equal(names.n, 2);
	assert_string_equal(names.name[1], "eth1");
	names_free(&names);
	assert_int_equal(host_write(&host, "1", "/proc/version"), -EROFS);
	host_close(&host);
	report_free(&report);
}

/** refused() - with this in the message; nothing stays open */
static void refused(int fd, const char *why)
{
	struct error error = { "" };
	struct report report;

	assert_true(reads(fd, &report, &error) < 0);
	if (!strstr(error.text, why))
		fail_msg("'%s' does not say '%s'", error.text, why);
	report_free(&report);
}

static void a_file_that_is_cut_or_damaged_is_refused(void **state)
{
	char bytes[65536];
	int fd = made();
	ssize_t len = read(fd, bytes, sizeof(bytes));

	(void)state;
	close(fd);
	assert_range(len, 100, sizeof(bytes) - 1);
	for (ssize_t cut = 0; cut < len; cut++) {
		struct error error = { "" };
		struct report report;

		assert_true(reads(put_file(bytes, (size_t)cut), &report, &error) < 0);
		assert_true(*error.text);
		report_free(&report);
	}
	bytes[len / 2] ^= 0x55;
	refused(put_file(bytes, (size_t)len), "damaged");
	refused(put_file("hello\n", 6), "not compressed");
	refused(open("/", O_RDONLY | O_DIRECTORY), "not a file");
}

/** tar() - an archive with one header as given, compressed; @size: bytes that follow */
static int tar(const char *name, char type, const char *size)
{
	int fd = memfd_create("report", MFD_CLOEXEC);
	gzFile to = gzdopen(dup(fd), "wb");
	char header[512] = "", zeros[1024] = "";
	unsigned int sum = 8 * ' ';

	snprintf(header, 100, "%s", name);
	memcpy(header + 124, size, strlen(size));
	header[156] = type;
	memcpy(header + 257, "ustar\00000", 8);
	for (size_t i = 0; i < sizeof(header); i++)
		sum += (unsigned char)header[i];
	snprintf(header + 148, 8, "%06o", sum);
	gzwrite(to, header, sizeof(header));
	gzwrite(to, zeros, sizeof(zeros));
	gzclose(to);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void names_that_lead_out_and_bombs_are_refused(void **state)
{
	static const char head[] = "{\"manakin-report\":2,\"manakin\":\"9.9\"}";
	struct archive *archive;
	char *zeros;
	int fd;

	(void)state;
	refused(tar("../../etc/passwd", '0', "00000000000"), "leads out of it");
	refused(tar("/etc/passwd", '0', "00000000000"), "leads out of it");
	refused(tar("files/a/../../b", '0', "00000000000"), "leads out of it");
	refused(tar("files/a", '2', "00000000000"), "a link");
	refused(tar("files/", '5', "00000000000"), "a directory");
	refused(tar("files/a", '0', "77777777777"), "more than 16 MB");
	refused(tar("files/a", '0', "x"), "damaged");
	refused(tar("files/a", '0', "00000000000"), "was not made by");

	/* A newer one says which */
	fd = memfd_create("report", MFD_CLOEXEC);
	archive = archive_create(fd);
	assert_int_equal(archive_add(archive, "manakin-report.json", head, strlen(head)), 0);
	assert_int_equal(archive_add(archive, "../x", "", 0), -ENAMETOOLONG);
	assert_int_equal(archive_finish(archive), 0);
	refused(fd, "manakin 9.9 made it, which is newer");

	/* 20 MB of nothing in 20 kB */
	zeros = calloc(1, 1 << 20);
	fd = memfd_create("report", MFD_CLOEXEC);
	archive = archive_create(fd);
	assert_int_equal(archive_add(archive, "manakin-report.json", "{\"manakin-report\":1}", 20),
			 0);
	for (unsigned int i = 0; i < 20; i++) {
		char name[16];

		snprintf(name, sizeof(name), "other/%u", i);
		assert_int_equal(archive_add(archive, name, zeros, 1 << 20), 0);
	}
	assert_int_equal(archive_finish(archive), 0);
	free(zeros);
	assert_range(lseek(fd, 0, SEEK_END), 1000, 100000);
	refused(fd, "more than 16 MB");
}

/** begun() - an archive with the head of a report */
static struct archive *begun(int *fd)
{
	static const char head[] = "{\"manakin-report\":1}";
	struct archive *archive;

	*fd = memfd_create("report", MFD_CLOEXEC);
	archive = archive_create(*fd);
	assert_non_null(archive);
	assert_int_equal(archive_add(archive, "manakin-report.json", head, strlen(head)), 0);
	return archive;
}

static void many_answers_and_a_second_index_are_refused(void **state)
{
	struct archive *archive;
	char *index = NULL;
	size_t len;
	FILE *to;
	int fd;

	(void)state;
	archive = begun(&fd);
	assert_int_equal(archive_add(archive, "index.json", "{}", 2), 0);
	assert_int_equal(archive_add(archive, "index.json", "{}", 2), 0);
	assert_int_equal(archive_finish(archive), 0);
	refused(fd, "more than one index.json");

	to = open_memstream(&index, &len);
	fputs("{\"there\":[", to);
	for (unsigned int i = 0; i <= REPORT_ANSWERS; i++)
		fprintf(to, "%s\"/%u\"", i ? "," : "", i);
	fputs("]}", to);
	fclose(to);
	archive = begun(&fd);
	assert_int_equal(archive_add(archive, "index.json", index, len), 0);
	assert_int_equal(archive_finish(archive), 0);
	refused(fd, "more than 50000 answers");
	free(index);
}

static void a_long_log_keeps_its_beginning_and_end(void **state)
{
	size_t len = REPORT_LOG_MAX + (1u << 20);
	struct report report = { .n_logs = 0 };
	char *text = malloc(len + 16);
	size_t at = 0;

	(void)state;
	for (unsigned int i = 0; at < len; i++)
		at += (size_t)sprintf(text + at, "line %u\n", i);
	assert_int_equal(report_add_log(&report, "application-1", text, at), 0);
	assert_int_equal(report_trim(&report), 0);
	assert_range(report.log[0].len, REPORT_LOG_MAX / 2, REPORT_LOG_MAX + 64);
	assert_memory_equal(report.log[0].text, text, 1000);
	assert_memory_equal(report.log[0].text + report.log[0].len - 1000, text + at - 1000, 1000);
	assert_non_null(
		memmem(report.log[0].text, report.log[0].len, "\n[manakin report: lines", 23));
	free(text);
	report_free(&report);
}

/** put_log() - a file with numbered lines, more than a report has of a log */
static void put_log(const char *path)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	for (unsigned int i = 0; ftell(file) < (long)REPORT_LOG_MAX + (1 << 20); i++)
		fprintf(file, "line %07u of the log\n", i);
	fclose(file);
}

static void a_log_that_is_not_read_whole_says_so_and_has_whole_lines(void **state)
{
	struct report report = { .n_logs = 0 };
	struct error error;
	unsigned int cuts = 0, last = 0, number;
	char *line, *rest;

	(void)state;
	tree_put("", "/log");
	put_log(tree_path("/log"));
	assert_int_equal(report_add_file(&report, tree_path("/log"), &error), 0);
	assert_int_equal(report_trim(&report), 0);
	assert_int_equal(report.n_logs, 1);
	rest = report.log[0].text;
	while ((line = strsep(&rest, "\n")) && *line) {
		if (!strncmp(line, REPORT_CUT, strlen(line)) &&
		    strlen(line) == strlen(REPORT_CUT) - 1) {
			cuts++;
			continue;
		}
		if (sscanf(line, "line %7u of the log", &number) != 1 || strlen(line) != 23)
			fail_msg("a part of a line: '%s'", line);
		if (number != last + 1 && last && number - last < 1000)
			fail_msg("line %u follows line %u", number, last);
		last = number;
	}
	assert_int_equal(cuts, 1);
	assert_range(last, REPORT_LOG_MAX / 24, 10000000);
	report_free(&report);
}

static void a_kernel_log_that_is_recorded_is_cut_so_that_the_report_can_be_read(void **state)
{
	size_t len = 3u << 20, at = 0;
	struct report report = { .n_logs = 0 };
	int fd = memfd_create("report", MFD_CLOEXEC);
	char *text = malloc(len + 64), path[40];
	const struct answer *answer;
	struct private *private = private_open();
	struct error error = { "" };

	(void)state;
	for (unsigned int i = 0; at < len; i++)
		at += (size_t)sprintf(text + at, "[ %u.0] mana 7870:00:00.0: line %u\n", i, i);
	answers_put(&report.answers, ASKED_FILE, "/dev/kmsg", 0, text, at);
	assert_int_equal(report_trim(&report), 0);
	assert_int_equal(report_hide(&report, private), 0);
	private_close(private);
	assert_int_equal(report_write(&report, fd), 0);
	report_free(&report);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (report_read(path, &report, &error))
		fail_msg("%s", error.text);
	answer = answers_find(&report.answers, ASKED_FILE, "/dev/kmsg");
	assert_non_null(answer);
	assert_range(answer->len, 1u << 19, 2u << 20);
	assert_memory_equal(answer->data, text, 1000);
	assert_memory_equal(answer->data + answer->len - 1000, text + at - 1000, 1000);
	assert_non_null(strstr(answer->data, "\n" REPORT_CUT "["));
	report_free(&report);

	/* What cannot be cut fails where the report is made. */
	answers_put(&report.answers, ASKED_ELSE, "large", 0, text, at);
	assert_int_equal(report_write(&report, fd), -EFBIG);
	report_free(&report);
	close(fd);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_address_however_it_is_written),
		cmocka_unit_test(addresses_keep_their_network),
		cmocka_unit_test(names_are_whole_words),
		cmocka_unit_test(who_built_a_kernel_is_hidden_with_its_host),
		cmocka_unit_test(long_names_are_hidden_too),
		cmocka_unit_test_setup_teardown(users_are_hidden_whatever_their_number, tree_setup,
						tree_teardown),
		cmocka_unit_test_setup_teardown(
			the_id_of_the_machine_is_hidden_and_other_numbers_are_not, tree_setup,
			tree_teardown),
		cmocka_unit_test(interfaces_with_usual_names_keep_them),
		cmocka_unit_test(more_addresses_than_there_is_room_for_are_hidden_too),
		cmocka_unit_test(only_what_is_read_stays_of_a_file),
		cmocka_unit_test(a_crash_is_kept_whole_if_it_is_ours),
		cmocka_unit_test(a_message_is_the_same_after_json),
		cmocka_unit_test(what_is_no_message_is_refused),
		cmocka_unit_test(a_rule_longer_than_an_address_is_for_no_address),
		cmocka_unit_test(a_report_is_read_as_it_was_written),
		cmocka_unit_test(a_file_that_is_cut_or_damaged_is_refused),
		cmocka_unit_test(names_that_lead_out_and_bombs_are_refused),
		cmocka_unit_test(many_answers_and_a_second_index_are_refused),
		cmocka_unit_test(a_long_log_keeps_its_beginning_and_end),
		cmocka_unit_test(
			a_kernel_log_that_is_recorded_is_cut_so_that_the_report_can_be_read),
		cmocka_unit_test_setup_teardown(
			a_log_that_is_not_read_whole_says_so_and_has_whole_lines, tree_setup,
			tree_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
