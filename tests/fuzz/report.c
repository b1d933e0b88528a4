/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/report.c - any file of "manakin report", and any text that goes into one.
 *
 * Input: a byte that says which, and
 *
 *	0	a tar archive, which is compressed here
 *	1	what is in a report: for each file a byte for its name in the table below, two for its
 *		length, and that many bytes
 *	2	a text from which names and addresses are to be taken
 *
 * What must hold: what is refused has a message; of what is accepted everything can be examined that
 * "manakin check" and "list" look at; and a text in which names and addresses were replaced has none of
 * the MAC addresses that were found in it.
 */
#include <sys/mman.h>
#include <zlib.h>

#include "host/check/check.h"
#include "host/report/archive.h"
#include "host/report/report.h"
#include "host/report/token.h"
#include "scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {
	"index.json",
	"answers/netlink/links.json",
	"answers/netlink/addresses.json",
	"answers/netlink/nexthops.json",
	"answers/netlink/rules-inet.json",
	"answers/netlink/routes-inet.json",
	"answers/netlink/rdma.json",
	"answers/rdma-core.json",
	"answers/rdma-providers.json",
	"answers/libibverbs.json",
	"answers/dpdk.json",
	"answers/limits.json",
	"answers/modules/mana.json",
	"answers/managers.json",
	"answers/failsafe.json",
	"answers/ssh-connection.json",
	"answers/software/a.json",
	"answers/users/uio0.json",
	"files/proc/mounts",
	"files/proc/sys/kernel/osrelease",
	"files/sys/bus/pci/devices/7870:00:00.0/vendor",
	"files/sys/bus/pci/devices/7870:00:00.0/class",
	"files/sys/bus/pci/devices/7870:00:00.0/device",
	"files/sys/bus/vmbus/devices/f8615163-0001-1000-2000-6045bda6bd76/class_id",
	"logs/kernel",
	"else",
};

#define NAMES (sizeof(names) / sizeof(names[0]))

/** examine() - what list and check do with a report */
static void examine(struct report *report)
{
	const struct check_request request = { .queues = 8 };
	struct check_report findings;
	struct error error = { "" };
	struct host host;

	require(!host_report(&host, "report", report->tree, &report->answers));
	if (check_run(&host, &request, &findings, &error))
		require(*error.text);
	check_report_free(&findings);
	host_close(&host);
}

/** read_back() - a file in memory as a report; it is closed */
static void read_back(int fd)
{
	struct error error = { "" };
	struct report report;
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (report_read(path, &report, &error))
		require(*error.text);
	else
		examine(&report);
	report_free(&report);
	close(fd);
}

static void archive(const uint8_t *data, size_t size)
{
	int fd = memfd_create("report", MFD_CLOEXEC);
	gzFile to = gzdopen(dup(fd), "wb0");

	require(fd >= 0 && to);
	gzwrite(to, data, (unsigned int)size);
	gzclose(to);
	read_back(fd);
}

static void content(const uint8_t *data, size_t size)
{
	static const char head[] = "{\"manakin-report\":1,\"manakin\":\"0\"}";
	int fd = memfd_create("report", MFD_CLOEXEC);
	struct archive *to = archive_create(fd);

	require(fd >= 0 && to);
	require(!archive_add(to, "manakin-report.json", head, strlen(head)));
	while (size >= 3) {
		const char *name = names[data[0] % NAMES];
		size_t len = (size_t)(data[1] | data[2] << 8);

		len = len < size - 3 ? len : size - 3;
		require(!archive_add(to, name, data + 3, len));
		data += 3 + len;
		size -= 3 + len;
	}
	require(!archive_finish(to));
	read_back(fd);
}

/** has_mac() - is this address in the text, with separators? */
static bool has_mac(const char *text, size_t len, const uint8_t mac[6])
{
	struct token token;

	for (size_t i = 0; i < len; i++)
		if (token_at(text, len, i, &token)) {
			if (token.form == TOKEN_MAC && !memcmp(token.bytes, mac, 6))
				return true;
			i += token.len - 1;
		}
	return false;
}

static void text(const uint8_t *data, size_t size)
{
	static const uint8_t none[6], all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	struct private *private = private_open();
	const char *from = (const char *)data;
	struct token token;
	char *to = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&to, &len);

	require(private && stream);
	require(!private_word(private, PRIVATE_HOST, "box"));
	require(!private_learn(private, from, size));
	require(!private_decide(private));
	private_rewrite(private, from, size, stream);
	require(!fclose(stream));
	for (size_t i = 0; i < size; i++) {
		if (!token_at(from, size, i, &token))
			continue;
		require(token.len && i + token.len <= size);
		if (token.form == TOKEN_MAC && memcmp(token.bytes, none, 6) &&
		    memcmp(token.bytes, all, 6))
			require(!has_mac(to, len, token.bytes));
		i += token.len - 1;
	}
	free(to);
	private_close(private);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size || size > 65536)
		return 0;
	if (data[0] % 3 == 0)
		archive(data + 1, size - 1);
	else if (data[0] % 3 == 1)
		content(data + 1, size - 1);
	else
		text(data + 1, size - 1);
	return 0;
}
