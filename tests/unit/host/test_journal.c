/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * host/handover/journal.h and host/handover/ledger.h, on files below a temporary directory.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/handover/journal.h"
#include "host/handover/ledger.h"
#include "tree.h"

#define FILE_NAME "/run/manakin/setup/journal"
#define BOOT      "0a1b2c3d-0000-4000-8000-000000000001"
#define ERROR     8192

static struct host host;
static struct journal journal;
static struct error error;

static void put(const char *name, const void *text, size_t len)
{
	FILE *file = fopen(tree_path(name), "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/** get() - all of the journal's file; the caller frees it */
static char *get(size_t *len)
{
	char *text = calloc(1, 1 << 20);
	FILE *file = fopen(tree_path(FILE_NAME), "r");

	assert_non_null(text);
	assert_non_null(file);
	*len = fread(text, 1, (1 << 20) - 1, file);
	fclose(file);
	return text;
}

static int set_up(void **state)
{
	(void)state;
	if (tree_open(&host, NULL))
		return -1;
	tree_put(BOOT "\n", "/proc/sys/kernel/random/boot_id");
	return mkdir(tree_path("/run"), 0755);
}

static int tear_down(void **state)
{
	(void)state;
	return tree_close(&host);
}

/** begin() - open the journal; it must work */
static void begin(bool write)
{
	int err = journal_open(&host, write, &journal, &error);

	if (err)
		fail_msg("journal_open: %d: %s", err, error.text);
}

/** add() - a record */
static void add(const char *json)
{
	assert_int_equal(journal_append(&journal, json_loads(json, 0, NULL), &error), 0);
}

/** refused() - the journal cannot be opened; it says so, and is left as it is */
static void refused(int wanted, const char *part)
{
	assert_int_equal(journal_open(&host, true, &journal, &error), wanted);
	journal_close(&journal);
	if (!strstr(error.text, part))
		fail_msg("'%s' is not in: %s", part, error.text);
}

/** three() - a journal with three records, closed */
static void three(void)
{
	begin(true);
	add("{\"step\": 1, \"kind\": \"new-id\"}");
	add("{\"done\": 1, \"changed\": true}");
	add("{\"step\": 2, \"kind\": \"link-down\", \"port\": \"x\"}");
	journal_close(&journal);
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	three();
	begin(false);
	assert_int_equal(json_array_size(journal.records), 3);
	assert_string_equal(ledger_text(json_array_get(journal.records, 2), "kind"), "link-down");
	journal_close(&journal);
	/* and goes on */
	begin(true);
	add("{\"done\": 2, \"changed\": true}");
	journal_close(&journal);
	begin(false);
	assert_int_equal(json_array_size(journal.records), 4);
	journal_close(&journal);
	begin(true);
	assert_int_equal(journal_forget(&journal, &error), 0);
	add("{\"step\": 1, \"kind\": \"new-id\"}");
	journal_close(&journal);
	begin(false);
	assert_int_equal(json_array_size(journal.records), 1);
	journal_close(&journal);
}

static void no_journal_is_an_empty_one(void **state)
{
	(void)state;
	begin(false);
	assert_int_equal(json_array_size(journal.records), 0);
	assert_int_equal(access(tree_path("/run/manakin"), F_OK), -1);
	journal_close(&journal);
}

/* Cut off at every byte: whole records are there, a partial one is ignored and removed. */
static void torn_at_every_byte(void **state)
{
	char *text;
	size_t len;

	(void)state;
	three();
	text = get(&len);
	for (size_t cut = 0; cut <= len; cut++) {
		size_t lines = 0, now, whole = 0;
		char *again;

		for (size_t i = 0; i < cut; i++)
			if (text[i] == '\n') {
				lines++;
				whole = i + 1;
			}
		put(FILE_NAME, text, cut);
		begin(true);
		assert_int_equal(json_array_size(journal.records), lines ? lines - 1 : 0);
		again = get(&now);
		assert_int_equal(now, whole);
		free(again);
		add("{\"ready\": \"x\"}");
		journal_close(&journal);
		begin(false);
		assert_int_equal(json_array_size(journal.records), lines ? lines : 1);
		journal_close(&journal);
	}
	free(text);
}

/* Any byte changed: damaged, never mistaken for something else, and not written to. */
static void damaged_at_every_byte(void **state)
{
	char *text, *again;
	size_t len, now;

	(void)state;
	three();
	text = get(&len);
	for (size_t at = 0; at + 1 < len; at++) {
		int err;

		text[at] ^= 1;
		put(FILE_NAME, text, len);
		err = journal_open(&host, true, &journal, &error);
		journal_close(&journal);
		assert_true(err == -EBADMSG || err == -EPROTONOSUPPORT);
		assert_non_null(strstr(error.text, "nothing was changed"));
		again = get(&now);
		assert_int_equal(now, len);
		assert_memory_equal(text, again, len);
		free(again);
		text[at] ^= 1;
	}
	free(text);
}

static void a_line_that_is_missing_or_moved_is_found(void **state)
{
	char *text, *second, *third, *fourth;
	char changed[4096];
	size_t len;

	(void)state;
	three();
	text = get(&len);
	second = strchr(text, '\n') + 1;
	third = strchr(second, '\n') + 1;
	fourth = strchr(third, '\n') + 1;
	len = (size_t)snprintf(changed, sizeof(changed), "%.*s%s", (int)(second - text), text,
			       third);
	put(FILE_NAME, changed, len);
	refused(-EBADMSG, "line 2 is damaged");
	len = (size_t)snprintf(changed, sizeof(changed), "%.*s%.*s%.*s%s", (int)(second - text),
			       text, (int)(fourth - third), third, (int)(third - second), second,
			       fourth);
	put(FILE_NAME, changed, len);
	refused(-EBADMSG, "line 2 is damaged");
	free(text);
}

static void what_is_no_journal(void **state)
{
	char *big = calloc(1, JOURNAL_MAX + 1u);

	(void)state;
	assert_non_null(big);
	three();
	put(FILE_NAME, "hello\n", 6);
	refused(-EBADMSG, "line 1 is damaged");
	put(FILE_NAME, "\n", 1);
	refused(-EBADMSG, "line 1 is damaged");
	put(FILE_NAME, "\0\0\0\n", 4);
	refused(-EBADMSG, "line 1 is damaged");
	put(FILE_NAME, big, JOURNAL_MAX + 1u);
	refused(-EFBIG, "too large");
	assert_int_equal(unlink(tree_path(FILE_NAME)), 0);
	assert_int_equal(mkfifo(tree_path(FILE_NAME), 0600), 0);
	refused(-EFBIG, "not a file");
	free(big);
}

/** rewrite() - the journal with a first line of another version or boot, and right checksums */
static void rewrite(const char *from, const char *to)
{
	uint64_t sum = 0xcbf29ce484222325u;
	char *text, *at, line[512];
	size_t len;

	three();
	text = get(&len);
	*strchr(text, '\n') = '\0';
	at = strstr(text, from);
	assert_non_null(at);
	*strstr(text, ",\"sum\"") = '\0';
	len = (size_t)snprintf(line, sizeof(line), "%.*s%s%s", (int)(at - text), text, to,
			       at + strlen(from));
	for (size_t i = 0; i < len; i++)
		sum = (sum ^ (unsigned char)line[i]) * 0x100000001b3u;
	len += (size_t)snprintf(line + len, sizeof(line) - len, ",\"sum\":\"%016llx\"}\n",
				(unsigned long long)sum);
	put(FILE_NAME, line, len);
	free(text);
}

static void of_another_version(void **state)
{
	(void)state;
	rewrite("\"version\":1", "\"version\":2");
	refused(-EPROTONOSUPPORT, "version 2");
	refused(-EPROTONOSUPPORT, "use the program that wrote it");
}

static void of_another_boot(void **state)
{
	(void)state;
	rewrite(BOOT, "ffffffff-0000-4000-8000-000000000001");
	begin(false);
	assert_non_null(strstr(journal.notice, "earlier boot"));
	assert_int_equal(json_array_size(journal.records), 0);
	assert_int_equal(access(tree_path(FILE_NAME), F_OK), 0);
	journal_close(&journal);
	begin(true);
	assert_non_null(strstr(journal.notice, "set aside as journal-ffffffff"));
	assert_int_equal(json_array_size(journal.records), 0);
	assert_int_equal(access(tree_path(FILE_NAME), F_OK), -1);
	assert_int_equal(access(tree_path(FILE_NAME "-ffffffff"), F_OK), 0);
	add("{\"ready\": \"x\"}");
	journal_close(&journal);
	begin(false);
	assert_string_equal(journal.notice, "");
	assert_int_equal(json_array_size(journal.records), 1);
	journal_close(&journal);
}

static void two_at_once(void **state)
{
	char wanted[32];
	int ends[2], status;
	pid_t child;
	char word;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	child = fork();
	assert_int_not_equal(child, -1);
	if (!child) {
		status = journal_open(&host, true, &journal, &error);
		if (write(ends[1], "x", 1) != 1)
			status = 1;
		pause();
		_exit(status != 0);
	}
	assert_int_equal(read(ends[0], &word, 1), 1);
	snprintf(wanted, sizeof(wanted), "(process %d)", (int)child);
	refused(-EBUSY, wanted);
	begin(false); /* reading is always possible */
	journal_close(&journal);
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	begin(true);
	journal_close(&journal);
	close(ends[0]);
	close(ends[1]);
}

static void links_are_not_followed(void **state)
{
	(void)state;
	assert_int_equal(rmdir(tree_path("/run")), 0);
	assert_int_equal(symlink("/", tree_path("/run")), 0);
	refused(-ELOOP, "cannot keep a journal");
	assert_int_equal(unlink(tree_path("/run")), 0);
}

/** ledger_of() - the ledger of these records; 0 or a negative errno */
static int ledger_of(const char *json, struct ledger *ledger, json_t **records)
{
	*records = json_loads(json, 0, NULL);
	assert_non_null(*records);
	return ledger_read(*records, ledger, &error);
}

#define SAVED                                                                                      \
	"{\"name\":\"eth1\",\"index\":5,\"up\":true,\"mtu\":1500,\"at\":7,\"addresses\":[],"       \
	"\"routes\":[]}"
#define SAVE "{\"save\":\"aa\",\"uuid\":\"u\",\"pmd\":\"netvsc\",\"synthetic\":" SAVED "}"

static void the_ledger_adds_up(void **state)
{
	struct ledger ledger;
	json_t *records;

	(void)state;
	assert_int_equal(
		ledger_of("[" SAVE
			  ",{\"step\":1,\"kind\":\"hugepages\"},{\"done\":1,\"changed\":false},"
			  "{\"step\":2,\"kind\":\"unbind\",\"port\":\"aa\"}]",
			  &ledger, &records),
		0);
	assert_int_equal(ledger_open_ports(&ledger), 1);
	assert_ptr_equal(ledger_named(&ledger, "eth1"), ledger_find(&ledger, "aa"));
	assert_ptr_equal(ledger_named(&ledger, "U"), ledger_find(&ledger, "aa"));
	assert_ptr_equal(ledger_named(&ledger, "AA"), ledger_find(&ledger, "aa"));
	assert_null(ledger_named(&ledger, "ETH1"));
	assert_null(ledger_named(&ledger, "eth2"));
	assert_null(ledger_named(&ledger, ""));
	assert_true(ledger_find(&ledger, "aa")->touched);
	assert_false(ledger_find(&ledger, "aa")->ready);
	assert_true(ledger.step[0].done);
	assert_false(ledger.step[0].changed);
	assert_false(ledger.step[1].done);
	assert_int_equal(ledger.last_step, 2);
	ledger_free(&ledger);
	json_decref(records);

	assert_int_equal(ledger_of("[" SAVE ",{\"step\":1,\"kind\":\"unbind\",\"port\":\"aa\"},"
				   "{\"done\":1,\"changed\":true},{\"ready\":\"aa\"},"
				   "{\"restoring\":\"aa\"},{\"restored\":\"aa\"}]",
				   &ledger, &records),
			 0);
	assert_int_equal(ledger_open_ports(&ledger), 0);
	assert_null(ledger_find(&ledger, "aa"));
	assert_null(ledger_named(&ledger, "eth1"));
	ledger_free(&ledger);
	json_decref(records);
}

static void records_without_meaning(void **state)
{
	static const char *const bad[] = {
		"[1]",
		"[{}]",
		"[{\"done\":1}]",
		"[{\"undone\":\"1\"}]",
		"[{\"ready\":\"aa\"}]",
		"[{\"restored\":7}]",
		"[{\"step\":0,\"kind\":\"x\"}]",
		"[{\"step\":1,\"kind\":\"\"}]",
		"[{\"step\":2,\"kind\":\"x\"},{\"step\":2,\"kind\":\"x\"}]",
		"[{\"save\":\"aa\"}]",
		"[{\"save\":\"\",\"uuid\":\"u\",\"pmd\":\"netvsc\"}]",
		"[{\"save\":\"aa\",\"uuid\":\"u\",\"pmd\":\"netvsc\",\"vf\":{}}]",
		"[{\"save\":\"aa\",\"uuid\":\"u\",\"pmd\":\"netvsc\",\"vf\":[]}]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct ledger ledger;
		json_t *records;

		if (ledger_of(bad[i], &ledger, &records) != -EBADMSG)
			fail_msg("taken: %s", bad[i]);
		assert_non_null(strstr(error.text, "is not valid"));
		ledger_free(&ledger);
		json_decref(records);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_read),
		TEST(no_journal_is_an_empty_one),
		TEST(torn_at_every_byte),
		TEST(damaged_at_every_byte),
		TEST(a_line_that_is_missing_or_moved_is_found),
		TEST(what_is_no_journal),
		TEST(of_another_version),
		TEST(of_another_boot),
		TEST(two_at_once),
		TEST(links_are_not_followed),
		cmocka_unit_test(the_ledger_adds_up),
		cmocka_unit_test(records_without_meaning),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
