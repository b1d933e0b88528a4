/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each finding, on a trace that has what it is about and nothing else. Records are written with
 * their times into a file: nothing here waits.
 */
#include "file.h"

#include <stdlib.h>
#include <unistd.h>

#define SECOND 1000000000ull

/**
 * struct made - a file that is being made
 * @time:	of the next record
 */
struct made {
	int fd;
	uint64_t time;
};

static void made_block(const struct made *made, const uint8_t *bytes, size_t len)
{
	assert_int_equal(write(made->fd, bytes, len), len);
}

static struct made made_new(void)
{
	struct made made = { .fd = file_new(), .time = SECOND };
	uint8_t bytes[PCAPNG_TEXT_ROOM];

	made_block(&made, bytes, pcapng_put_section(bytes, "a test"));
	made_block(&made, bytes,
		   pcapng_put_interface(bytes, TRACE_LINK_USER0, 0, "mana0", "manakin trace 1"));
	return made;
}

/** add() - a record with data, a microsecond after the last one */
static void add_data(struct made *made, struct trace_record record, const void *data, uint32_t len)
{
	uint8_t bytes[8192];

	record.version = TRACE_VERSION;
	record.header = sizeof(record);
	record.len = len;
	memcpy(bytes + sizeof(struct pcapng_packet), &record, sizeof(record));
	if (len)
		memcpy(bytes + sizeof(struct pcapng_packet) + sizeof(record), data, len);
	made->time += 1000;
	made_block(made, bytes,
		   pcapng_put_packet(bytes, 0, made->time, (uint32_t)sizeof(record) + len,
				     (uint32_t)sizeof(record) + len, 0, 0));
}

static void add(struct made *made, struct trace_record record)
{
	add_data(made, record, NULL, 0);
}

static void add_start(struct made *made)
{
	add(made, (struct trace_record){ .kind = TRACE_START });
	add(made, (struct trace_record){ .kind = TRACE_CLIENT, .type = TRACE_ATTACHED });
}

static void add_queue(struct made *made, uint32_t type, uint32_t id, uint32_t parent,
		      bool destroyed)
{
	const struct trace_queue queue = { .type = type, .size = 4096, .parent = parent };

	add_data(made, (struct trace_record){ .kind = TRACE_QUEUE, .queue = id, .type = destroyed },
		 &queue, sizeof(queue));
}

static void add_command(struct made *made, uint32_t code, uint32_t message)
{
	const struct gdma_req_header header = { .req.msg_type = code };

	add_data(made,
		 (struct trace_record){ .kind = TRACE_COMMAND, .type = code, .position = message },
		 &header, sizeof(header));
}

static void add_answer(struct made *made, uint32_t code, uint32_t message, uint32_t status)
{
	add(made,
	    (struct trace_record){
		    .kind = TRACE_ANSWER, .type = code, .position = message, .value = status });
}

static void add_bell(struct made *made, uint32_t offset, uint32_t id, uint32_t tail)
{
	add(made, (struct trace_record){ .kind = TRACE_DOORBELL,
					 .type = offset,
					 .queue = id,
					 .value = (uint64_t)tail << 32 | id });
}

static void add_entry(struct made *made, uint32_t id, uint32_t position)
{
	const uint8_t entry[32] = { [4] = 1, [5] = 2 };

	add_data(made,
		 (struct trace_record){
			 .kind = TRACE_ENTRY, .type = GDMA_SQ, .queue = id, .position = position },
		 entry, sizeof(entry));
}

static void add_completion(struct made *made, uint32_t sq, uint8_t type)
{
	struct gdma_cqe cqe = { .info = sq | GDMA_CQE_INFO_IS_SQ };

	cqe.data[0] = type | MANA_CLIENT_COMPLETION << 6;
	add_data(made, (struct trace_record){ .kind = TRACE_COMPLETION, .queue = 3 }, &cqe,
		 sizeof(cqe));
}

static void add_event(struct made *made, uint32_t eq)
{
	const struct gdma_eqe eqe = { .details = { 3 }, .type = GDMA_EQE_COMPLETION };

	add_data(made, (struct trace_record){ .kind = TRACE_EVENT, .queue = eq, .value = 1 }, &eqe,
		 sizeof(eqe));
}

/** add_later() - the trace goes on for so long that everything should be finished */
static void add_later(struct made *made)
{
	made->time += 10 * SECOND;
	add(made, (struct trace_record){ .kind = TRACE_CLIENT, .type = TRACE_RESET });
}

/** expect() - one finding, with these words; what NULL: none */
static void expect(struct made *made, const char *what, const char *words)
{
	struct trace_reader *reader = file_open(made->fd);
	struct trace_findings findings;

	assert_int_equal(trace_explain(reader, &findings), 0);
	for (size_t i = 0; i < findings.n; i++)
		if (!what || i)
			fail_msg("%s: %s", findings.finding[i].what, findings.finding[i].text);
	if (what) {
		assert_int_equal(findings.n, 1);
		assert_string_equal(findings.finding[0].what, what);
		if (!strstr(findings.finding[0].text, words))
			fail_msg("'%s' is not in: %s", words, findings.finding[0].text);
	}
	free(findings.finding);
	trace_reader_close(reader);
	close(made->fd);
}

/** add_work() - a driver that does everything right */
static void add_work(struct made *made)
{
	add_queue(made, GDMA_EQ, 0, 7, false);
	add_queue(made, GDMA_CQ, 3, 0, false);
	add_queue(made, GDMA_SQ, 5, 3, false);
	add_command(made, 0x20001, 1);
	add_answer(made, 0x20001, 1, 0);
	add_command(made, GDMA_CREATE_DMA_REGION, 2);
	add_answer(made, GDMA_CREATE_DMA_REGION, 2, GDMA_STATUS_MORE_ENTRIES);
	add_bell(made, GDMA_DB_SQ, 5, 32);
	add_entry(made, 5, 0);
	add_completion(made, 5, MANA_CQE_TX_OKAY);
	add_event(made, 0);
	add(made, (struct trace_record){ .kind = TRACE_INTERRUPT, .position = 7 });
	add_bell(made, GDMA_DB_EQ, 0, 1);
}

static void test_a_good_trace_has_nothing(void **state)
{
	struct made made = made_new();

	(void)state;
	add_start(&made);
	add_work(&made);
	add_later(&made);
	expect(&made, NULL, NULL);
}

static void test_what_is_not_finished_at_the_end_is_not_accused(void **state)
{
	struct made made = made_new();

	(void)state;
	add_start(&made);
	add_work(&made);
	add_bell(&made, GDMA_DB_SQ, 5, 96);
	add_entry(&made, 5, 1);
	add_event(&made, 0);
	add(&made, (struct trace_record){ .kind = TRACE_INTERRUPT, .position = 7 });
	expect(&made, NULL, NULL);
}

static void test_command_that_failed(void **state)
{
	struct made made = made_new();

	(void)state;
	add_start(&made);
	add_work(&made);
	add_command(&made, 0x20004, 3);
	add_answer(&made, 0x20004, 3, 0x10006);
	add_command(&made, 0x20004, 4);
	add_answer(&made, 0x20004, 4, 0x10006);
	add_later(&made);
	expect(&made, "command-failed",
	       "the first command that failed: CREATE_WQ_OBJ (0x20004), with status 0x10006; 1 "
	       "more failed later");
}

static void test_command_without_answer(void **state)
{
	struct made made = made_new();

	(void)state;
	add_start(&made);
	add_work(&made);
	add_command(&made, 0x20007, 9);
	add_later(&made);
	expect(&made, "command-without-answer",
	       "CONFIG_VPORT_RX (0x20007), message 9, has no answer; the trace goes on for 10.000");
}

static void test_commands_of_a_client_that_left_need_none(void **state)
{
	struct made made = made_new();

	(void)state;
	add_start(&made);
	add_command(&made, 0x20007, 9);
	add(&made, (struct trace_record){ .kind = TRACE_CLIENT, .type = TRACE_DETACHED });
	add(&made, (struct trace_record){ .kind = TRACE_CLIENT, .type = TRACE_ATTACHED });
	add_later(&made);
	expect(&made, NULL, NULL);
}

static void test_queue_without_completions(void **state)
{
	struct made made = made_new();

	(void)state;
	add_start(&made);
	add_queue(&made, GDMA_SQ, 6, 3, false);
	add_bell(&made, GDMA_DB_SQ, 6, 64);
	add_entry(&made, 6, 0);
	add_entry(&made, 6, 1);
	add_later(&made);
	expect(&made, "entries-without-completions",
	       "sq6: the adapter took 2 entries, and completed none of them");
}

static void test_queue_whose_completions_stop(void **state)
{
	struct made made = made_new();

	(void)state;
	add_start(&made);
	add_work(&made);
	add_bell(&made, GDMA_DB_SQ, 5, 64);
	add_entry(&made, 5, 1);
	add_later(&made);
	expect(&made, "entries-without-completions", "sq5: there is no completion after its last");
}

/** add_received() - a completion of a receive queue for @n packets */
static void add_received(struct made *made, uint32_t rq, unsigned int n)
{
	struct gdma_cqe cqe = { .info = rq };
	struct mana_rxcomp_oob oob = { .cqe_hdr = { .cqe_type = MANA_CQE_RX_COALESCED_4,
						    .client_type = MANA_CLIENT_COMPLETION } };

	for (unsigned int i = 0; i < n; i++)
		oob.ppi[i].pkt_len = 60;
	memcpy(cqe.data, &oob, sizeof(oob));
	add_data(made, (struct trace_record){ .kind = TRACE_COMPLETION, .queue = 3 }, &cqe,
		 sizeof(cqe));
}

static void add_taken(struct made *made, uint32_t rq, uint32_t position)
{
	const uint8_t entry[32] = { [4] = 1, [5] = 2 };

	add_data(made,
		 (struct trace_record){
			 .kind = TRACE_ENTRY, .type = GDMA_RQ, .queue = rq, .position = position },
		 entry, sizeof(entry));
}

static void test_receive_entries_may_be_told_after_their_completion(void **state)
{
	struct made made = made_new();

	(void)state;
	add_start(&made);
	add_queue(&made, GDMA_RQ, 8, 3, false);
	add_received(&made, 8, 3);
	for (uint32_t i = 0; i < 3; i++)
		add_taken(&made, 8, i);
	add_later(&made);
	expect(&made, NULL, NULL);

	made = made_new();
	add_start(&made);
	add_queue(&made, GDMA_RQ, 8, 3, false);
	add_received(&made, 8, 3);
	for (uint32_t i = 0; i < 4; i++)
		add_taken(&made, 8, i);
	add_later(&made);
	expect(&made, "entries-without-completions",
	       "rq8: there is no completion after its last entry, or not");
}

static void test_entries_that_are_not_taken(void **state)
{
	struct made made = made_new();

	(void)state;
	add_start(&made);
	add_work(&made);
	add_bell(&made, GDMA_DB_SQ, 5, 320);
	add_later(&made);
	expect(&made, "entries-not-taken",
	       "sq5: the driver has posted up to unit 10, the adapter has taken entries up to unit 1");
}

static void test_a_queue_is_judged_when_it_is_destroyed(void **state)
{
	struct made made = made_new();

	(void)state;
	add_start(&made);
	add_work(&made);
	add_entry(&made, 5, 1);
	add_completion(&made, 5, MANA_CQE_TX_MTU_DROP);
	add_completion(&made, 5, MANA_CQE_TX_SA_DROP);
	add_queue(&made, GDMA_SQ, 5, 3, true);
	add_queue(&made, GDMA_SQ, 5, 3, false);
	add_later(&made);
	expect(&made, "error-completion", "sq5 has 2 error completions; the first is TX_MTU_DROP");
}

static void test_events_that_nobody_reads(void **state)
{
	struct made made = made_new();

	(void)state;
	add_start(&made);
	add_work(&made);
	add_queue(&made, GDMA_EQ, 9, 8, false);
	add_event(&made, 9);
	add_later(&made);
	expect(&made, "events-not-read", "eq9 has 1 event, and its doorbell was never rung");
}

static void test_interrupt_without_effect(void **state)
{
	struct made made = made_new();

	(void)state;
	add_start(&made);
	add_work(&made);
	add(&made, (struct trace_record){ .kind = TRACE_INTERRUPT, .position = 7 });
	add_later(&made);
	expect(&made, "interrupt-without-effect",
	       "the last interrupt of vector 7, of 2, had no effect: the doorbell of eq0 was not");
}

static void test_doorbell_for_no_queue(void **state)
{
	struct made made = made_new();

	(void)state;
	add_start(&made);
	add_work(&made);
	add_bell(&made, GDMA_DB_RQ, 77, 32);
	add_later(&made);
	expect(&made, "doorbell-for-no-queue",
	       "a doorbell was rung for rq77, which was never created");

	/* What was created before the trace began is not known. */
	made = made_new();
	add(&made, (struct trace_record){ .kind = TRACE_START, .type = 1 });
	add_bell(&made, GDMA_DB_RQ, 77, 32);
	add_later(&made);
	expect(&made, NULL, NULL);

	made = made_new();
	add(&made, (struct trace_record){ .kind = TRACE_START, .type = 1 });
	add_queue(&made, GDMA_RQ, 77, 3, false);
	add_queue(&made, GDMA_RQ, 77, 3, true);
	add_bell(&made, GDMA_DB_RQ, 77, 32);
	add_later(&made);
	expect(&made, "doorbell-for-no-queue", "rq77, which had been destroyed");
}

static void test_fault_and_loss_are_told(void **state)
{
	struct made made = made_new();

	(void)state;
	add_start(&made);
	add_data(&made, (struct trace_record){ .kind = TRACE_FAULT }, "stall sq5", 9);
	add_later(&made);
	expect(&made, "fault", "a fault was asked for: stall sq5");

	made = made_new();
	add_start(&made);
	add(&made, (struct trace_record){ .kind = TRACE_LOST, .value = 12 });
	add_later(&made);
	expect(&made, "lost", "12 records and frames could not be kept");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_good_trace_has_nothing),
		cmocka_unit_test(test_what_is_not_finished_at_the_end_is_not_accused),
		cmocka_unit_test(test_command_that_failed),
		cmocka_unit_test(test_command_without_answer),
		cmocka_unit_test(test_commands_of_a_client_that_left_need_none),
		cmocka_unit_test(test_queue_without_completions),
		cmocka_unit_test(test_queue_whose_completions_stop),
		cmocka_unit_test(test_receive_entries_may_be_told_after_their_completion),
		cmocka_unit_test(test_entries_that_are_not_taken),
		cmocka_unit_test(test_a_queue_is_judged_when_it_is_destroyed),
		cmocka_unit_test(test_events_that_nobody_reads),
		cmocka_unit_test(test_interrupt_without_effect),
		cmocka_unit_test(test_doorbell_for_no_queue),
		cmocka_unit_test(test_fault_and_loss_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
