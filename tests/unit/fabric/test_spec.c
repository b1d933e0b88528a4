/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding a fabric by its spec, and the messages about a bad one. */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void unknown_fabric_names_the_known_ones(void **state)
{
	(void)state;
	open_fails("bridge", -EINVAL, "'bridge'|sink|generator|loop|switch|tap|pcap");
	open_fails("", -EINVAL, "unknown fabric ''");
	open_fails("Sink", -EINVAL, "'Sink'");
	open_fails("sink ", -EINVAL, "'sink '");
	open_fails(":x", -EINVAL, "unknown fabric ''");
	open_fails("+verify", -EINVAL, "unknown fabric ''");
	open_fails("sink++verify", -EINVAL, "'sink+verify'");
}

static void bad_options_are_named(void **state)
{
	(void)state;
	open_fails("sink+fast", -EINVAL, "sink|'fast'|sink[+verify]");
	open_fails("sink+verify=1", -EINVAL, "'verify'");
	open_fails("sink:here", -EINVAL, "no argument|'here'");
	open_fails("sink+", -EINVAL, "name is missing");
	open_fails("sink+=3", -EINVAL, "name is missing");
	open_fails("sink+verify+verify", -EINVAL, "twice");
	open_fails("loop:1", -EINVAL, "no argument");
	open_fails("loop+x", -EINVAL, "'x'");
	open_fails("switch+x=1", -EINVAL, "'x'");
	open_fails("switch:", -EINVAL, "1 to 63");
	open_fails("switch+age=0", -EINVAL, "age");
	open_fails("generator:size=64,size=65", -EINVAL, "twice");
	open_fails("generator:a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", -EINVAL, "more than 16");
	open_fails("tap", -EINVAL, "tap:NAME");
	open_fails("tap:", -EINVAL, "tap:NAME");
	open_fails("tap:x+speed=1", -EINVAL, "'speed'");
	open_fails("tap:x+offload=maybe", -EINVAL, "'maybe'");
	open_fails("pcap", -EINVAL, "file is missing");
	open_fails("pcap:", -EINVAL, "file is missing");
	open_fails("pcap+replay", -EINVAL, "'replay'");
	open_fails("pcap+loop", -EINVAL, "missing");
}

static void numbers_are_integers_in_range(void **state)
{
	static const char *const bad[] = { "",    "0",  "-1",    "+1", " 1",
					   "1 ",  "1k", "65537", "0x", "99999999999999999999",
					   "1.5", "one" };
	char spec[64];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		/* A single + would end the option. */
		snprintf(spec, sizeof(spec), "generator:flows=%s%s", bad[i][0] == '+' ? "+" : "",
			 bad[i]);
		open_fails(spec, -EINVAL, "flows|1 to 65536");
	}
	open_fails("generator:flows", -EINVAL, "flows|1 to 65536");
	fabric_close(open_port("generator:flows=0x10", 1, 1, NULL));
}

static void a_doubled_plus_is_a_plus(void **state)
{
	char directory[] = "/tmp/fabric-spec-XXXXXX", spec[64], path[64];
	struct stat status;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(spec, sizeof(spec), "pcap:%s/c++++.pcap", directory);
	snprintf(path, sizeof(path), "%s/c++.pcap", directory);
	fabric_close(open_port(spec, 1, 1, NULL));
	assert_int_equal(stat(path, &status), 0);
	unlink(path);
	rmdir(directory);
}

static void bad_configurations_are_refused(void **state)
{
	struct fabric_port_config config = { .mac = { 2 }, .mtu = 1500 };
	struct fabric_port *port;
	struct error error = { "" };

	(void)state;
	assert_int_equal(fabric_open("sink", &config, NULL, &port, &error), -EINVAL);
	assert_non_null(strstr(error.text, "lanes"));
	config.lanes = 1;
	config.mtu = 67;
	assert_int_equal(fabric_open("sink", &config, NULL, &port, &error), -EINVAL);
	assert_non_null(strstr(error.text, "MTU"));
	config.mtu = 1500;
	assert_int_equal(fabric_open("nothing", &config, NULL, &port, NULL), -EINVAL);
	assert_null(port);
	fabric_close(NULL);
}

static void a_long_call_is_cut_into_bursts(void **state)
{
	struct receiver *receiver = receiver_new();
	struct fabric_port *port = open_port("loop", 1, 1, receiver);
	uint8_t bytes[64];
	struct iovec iov = { .iov_base = bytes, .iov_len = sizeof(bytes) };
	struct frame frames[100];

	(void)state;
	make_frame(bytes, station(1), station(2), sizeof(bytes), 0);
	for (unsigned int i = 0; i < 100; i++)
		frames[i] = (struct frame){ .iov = &iov, .iovcnt = 1, .len = sizeof(bytes) };
	fabric_send(port, 0, frames, 100);
	assert_int_equal(receiver->frames, 100);
	assert_int_equal(receiver->largest, FABRIC_BURST);
	fabric_send(port, 0, frames, 0);
	assert_int_equal(receiver->frames, 100);
	fabric_close(port);

	port = open_port("generator", 1, 1, receiver);
	receiver_clear(receiver);
	assert_int_equal(fabric_poll(port, 0, 100), 100);
	assert_int_equal(receiver->frames, 100);
	assert_int_equal(receiver->largest, FABRIC_BURST);
	assert_int_equal(fabric_poll(port, 0, 0), 0);
	fabric_close(port);
	receiver_free(receiver);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_fabric_names_the_known_ones),
		cmocka_unit_test(bad_options_are_named),
		cmocka_unit_test(numbers_are_integers_in_range),
		cmocka_unit_test(a_doubled_plus_is_a_plus),
		cmocka_unit_test(bad_configurations_are_refused),
		cmocka_unit_test(a_long_call_is_cut_into_bursts),
	};

	return cmocka_run_group_tests_name("fabric spec", tests, NULL, NULL);
}
