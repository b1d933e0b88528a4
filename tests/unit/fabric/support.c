/* SPDX-License-Identifier: BSD-3-Clause */
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static char log_lines[64][256];
static unsigned int log_count;

static unsigned int deliver(void *ctx, unsigned int lane, const struct frame *frames,
			    unsigned int n)
{
	struct receiver *receiver = ctx;
	unsigned int taken = n;

	if (receiver->slow)
		usleep(20);
	pthread_mutex_lock(&receiver->lock);
	receiver->calls++;
	if (n > receiver->largest)
		receiver->largest = n;
	if (receiver->buffers >= 0) {
		if (receiver->buffers < taken)
			taken = (unsigned int)receiver->buffers;
		receiver->buffers -= taken;
	}
	for (unsigned int i = 0; i < taken; i++) {
		struct kept *kept = &receiver->kept[receiver->kept_count];
		uint8_t *to = receiver->room + receiver->room_used;
		size_t len = 0;

		receiver->frames++;
		receiver->bytes += frames[i].len;
		if (!receiver->keep || receiver->kept_count == KEPT_MAX ||
		    receiver->room_used + frames[i].len > KEPT_ROOM)
			continue;
		for (uint32_t j = 0; j < frames[i].iovcnt; j++) {
			memcpy(to + len, frames[i].iov[j].iov_base, frames[i].iov[j].iov_len);
			len += frames[i].iov[j].iov_len;
		}
		if (len != frames[i].len)
			abort();
		*kept = (struct kept){ .bytes = to, .frame = frames[i], .lane = lane };
		receiver->room_used += len;
		receiver->kept_count++;
	}
	pthread_mutex_unlock(&receiver->lock);
	return taken;
}

struct receiver *receiver_new(void)
{
	struct receiver *receiver = calloc(1, sizeof(*receiver));

	assert_non_null(receiver);
	receiver->room = malloc(KEPT_ROOM);
	assert_non_null(receiver->room);
	pthread_mutex_init(&receiver->lock, NULL);
	receiver->buffers = -1;
	receiver->keep = true;
	return receiver;
}

void receiver_free(struct receiver *receiver)
{
	pthread_mutex_destroy(&receiver->lock);
	free(receiver->room);
	free(receiver);
}

void receiver_clear(struct receiver *receiver)
{
	receiver->calls = receiver->largest = receiver->kept_count = 0;
	receiver->frames = receiver->bytes = 0;
	receiver->room_used = 0;
}

const uint8_t *station(unsigned int mac)
{
	static _Thread_local uint8_t made[4][6];
	static _Thread_local unsigned int turn;
	uint8_t *to = made[turn++ % 4];

	memcpy(to, (uint8_t[]){ 0x02, 0, 0, 0, 0, 0 }, 6);
	to[3] = (uint8_t)(mac >> 16);
	to[4] = (uint8_t)(mac >> 8);
	to[5] = (uint8_t)mac;
	return to;
}

struct fabric_receiver receiver_side(struct receiver *receiver)
{
	return (struct fabric_receiver){ .deliver = deliver, .ctx = receiver };
}

static int try_open(const char *spec, unsigned int mac, unsigned int lanes,
		    struct receiver *receiver, struct fabric_port **port, struct error *error)
{
	struct fabric_port_config config = { .mtu = 1500, .lanes = lanes, .queues = 4 };
	struct fabric_receiver side = receiver_side(receiver);

	memcpy(config.mac, station(mac), 6);
	return fabric_open(spec, &config, receiver ? &side : NULL, port, error);
}

struct fabric_port *open_port(const char *spec, unsigned int mac, unsigned int lanes,
			      struct receiver *receiver)
{
	struct fabric_port *port;
	struct error error = { "" };

	if (try_open(spec, mac, lanes, receiver, &port, &error))
		fail_msg("%s: %s", spec, error.text);
	assert_non_null(port);
	assert_string_equal(error.text, "");
	return port;
}

void open_fails(const char *spec, int code, const char *words)
{
	struct fabric_port *port = (struct fabric_port *)1;
	struct error error = { "" };
	char list[256];
	int rc = try_open(spec, 1, 1, NULL, &port, &error);

	if (rc != code)
		fail_msg("'%s' returned %d, not %d: %s", spec, rc, code, error.text);
	assert_null(port);
	snprintf(list, sizeof(list), "%s", words);
	for (char *save, *word = strtok_r(list, "|", &save); word;
	     word = strtok_r(NULL, "|", &save)) {
		if (!strstr(error.text, word))
			fail_msg("'%s' should say '%s': %s", spec, word, error.text);
	}
}

struct fabric_counters counters_of(const struct fabric_port *port)
{
	struct fabric_counters counters;

	fabric_counters(port, &counters);
	return counters;
}

void send_one(struct fabric_port *port, unsigned int lane, const void *bytes, size_t len)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = len };
	struct frame frame = { .iov = &iov, .iovcnt = 1, .len = (uint32_t)len };

	fabric_send(port, lane, &frame, 1);
}

size_t make_frame(uint8_t *to, const uint8_t *destination, const uint8_t *source, size_t len,
		  unsigned int seed)
{
	memcpy(to, destination, 6);
	memcpy(to + 6, source, 6);
	to[12] = TYPE_TEST >> 8;
	to[13] = TYPE_TEST & 0xff;
	for (size_t i = 14; i < len; i++)
		to[i] = (uint8_t)(seed * 37 + i * 11 + (i >> 8));
	return len;
}

uint16_t sum16(uint32_t sum, const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return (uint16_t)~sum;
}

static void put16(uint8_t *to, size_t value)
{
	to[0] = (uint8_t)(value >> 8);
	to[1] = (uint8_t)value;
}

size_t ip_frame(uint8_t *to, const uint8_t *destination, const uint8_t *source, int version,
		int protocol, size_t payload)
{
	size_t header = protocol == 6 ? 20 : 8, len = header + payload;
	uint8_t *ip = to + 14, *l4 = ip + (version == 4 ? 20 : 40), pseudo[40] = { 0 };
	uint16_t sum;

	memcpy(to, destination, 6);
	memcpy(to + 6, source, 6);
	memset(ip, 0, (size_t)(l4 - ip) + header);
	if (version == 4) {
		put16(to + 12, 0x0800);
		ip[0] = 0x45;
		put16(ip + 2, 20 + len);
		put16(ip + 4, 0x1234);
		ip[8] = 64;
		ip[9] = (uint8_t)protocol;
		memcpy(ip + 12, (uint8_t[]){ 192, 0, 2, 1, 192, 0, 2, 2 }, 8);
		put16(ip + 10, sum16(0, ip, 20));
		memcpy(pseudo, ip + 12, 8);
		put16(pseudo + 8, len);
		pseudo[11] = (uint8_t)protocol;
	} else {
		put16(to + 12, 0x86dd);
		ip[0] = 0x60;
		put16(ip + 4, len);
		ip[6] = (uint8_t)protocol;
		ip[7] = 64;
		memcpy(ip + 8, (uint8_t[]){ 0x20, 1, 0xd, 0xb8 }, 4);
		ip[23] = 1;
		memcpy(ip + 24, ip + 8, 16);
		ip[39] = 2;
		memcpy(pseudo, ip + 8, 32);
		put16(pseudo + 34, len);
		pseudo[39] = (uint8_t)protocol;
	}
	put16(l4, 4000);
	put16(l4 + 2, 5000);
	if (protocol == 6) {
		l4[12] = 0x50;
		l4[13] = 0x10;
	} else {
		put16(l4 + 4, len);
	}
	for (size_t i = header; i < len; i++)
		l4[i] = (uint8_t)(i * 7);
	sum = sum16((uint16_t)~sum16(0, pseudo, sizeof(pseudo)), l4, len);
	put16(l4 + (protocol == 6 ? 16 : 6), protocol == 17 && !sum ? 0xffff : sum);
	return (size_t)(l4 - to) + len;
}

static void keep_log(enum log_level level, const char *message)
{
	(void)level;
	pthread_mutex_lock(&log_lock);
	if (log_count < 64)
		snprintf(log_lines[log_count++], sizeof(log_lines[0]), "%s", message);
	pthread_mutex_unlock(&log_lock);
}

void catch_log(void)
{
	log_count = 0;
	log_set(keep_log, LOG_INFO);
}

unsigned int logged(const char *part)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < log_count; i++)
		count += strstr(log_lines[i], part) != NULL;
	return count;
}

const char *logged_line(const char *part)
{
	for (unsigned int i = 0; i < log_count; i++) {
		if (strstr(log_lines[i], part))
			return log_lines[i];
	}
	fail_msg("nothing was logged with '%s'", part);
	return NULL;
}
