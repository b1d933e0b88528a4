/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: of each that lines are about (a port, in most rules), and of each pattern
 * that matches them, there are a count and the times of its last lines, as many as the rule asks for. If the first and the last of these are
 * near enough, the count is reached, and stays so until a line says that all is over. Memory is
 * bounded: if too many are spoken of, those that are over make room.
 */
#include "host/diagnosis/tally.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTIES 16u
#define STAMP   160u /* bytes at the head of a line in which its time must be */

/**
 * struct party - one that lines are about
 * @lines:	since the last that said it is over, or since time went backwards
 * @times:	of the last ones; line n is at n % at_least
 * @ended:	it was over since tally_ended()
 */
struct party {
	unsigned int kind;
	char what[TALLY_WORD];
	uint64_t lines;
	double times[TALLY_MOST];
	double last;
	bool enough, ended;
};

struct tally {
	struct party parties[PARTIES];
	size_t n;
	unsigned int at_least, within;
};

struct tally *tally_open(unsigned int at_least, unsigned int within)
{
	struct tally *tally = calloc(1, sizeof(*tally));

	if (tally) {
		tally->at_least = at_least;
		tally->within = within;
	}
	return tally;
}

void tally_close(struct tally *tally)
{
	free(tally);
}

/** party_of() - the one of this name, or room for it; NULL: there is none */
static struct party *party_of(struct tally *tally, unsigned int kind, const char *what)
{
	struct party *room = NULL;

	for (size_t i = 0; i < tally->n; i++) {
		struct party *party = &tally->parties[i];

		if (party->kind == kind && !strncmp(party->what, what, TALLY_WORD - 1))
			return party;
		if (!party->lines)
			room = party;
	}
	if (tally->n < PARTIES)
		room = &tally->parties[tally->n++];
	if (room) {
		memset(room, 0, sizeof(*room));
		room->kind = kind;
		snprintf(room->what, sizeof(room->what), "%s", what);
	}
	return room;
}

void tally_line(struct tally *tally, unsigned int kind, const char *what, double time)
{
	struct party *party = party_of(tally, kind, what);
	double first;

	if (!party)
		return;
	if (time < 0)
		time = party->last;
	if (time < party->last) {
		/* The machine was started again. */
		party->lines = 0;
	}
	party->last = time;
	party->times[party->lines++ % tally->at_least] = time;
	if (party->lines < tally->at_least)
		return;
	first = party->times[party->lines % tally->at_least];
	if (!tally->within || time - first <= tally->within)
		party->enough = true;
}

bool tally_over(struct tally *tally, const char *what)
{
	bool left = false;

	for (size_t i = 0; i < tally->n; i++) {
		struct party *party = &tally->parties[i];

		if (!what || !strncmp(party->what, what, TALLY_WORD - 1)) {
			party->lines = 0;
			party->enough = false;
			party->ended = true;
			party->last = 0;
		}
		left |= party->lines != 0;
	}
	return !left;
}

/** is_first() - is no party before this one the same, with other words? */
static bool is_first(const struct tally *tally, size_t party)
{
	for (size_t i = 0; i < party; i++)
		if (tally->parties[i].enough &&
		    !strcmp(tally->parties[i].what, tally->parties[party].what))
			return false;
	return true;
}

const char *tally_enough(const struct tally *tally, size_t n)
{
	for (size_t i = 0; tally && i < tally->n; i++)
		if (tally->parties[i].enough && is_first(tally, i) && !n--)
			return tally->parties[i].what;
	return NULL;
}

bool tally_ended(struct tally *tally, const char *whose)
{
	bool ended = false;

	for (size_t i = 0; tally && i < tally->n; i++)
		if (!strncmp(tally->parties[i].what, whose, TALLY_WORD - 1)) {
			ended |= tally->parties[i].ended;
			tally->parties[i].ended = false;
		}
	return ended;
}

uint64_t tally_lines(const struct tally *tally, const char *whose)
{
	uint64_t lines = 0;

	for (size_t i = 0; tally && i < tally->n; i++)
		if (!strncmp(tally->parties[i].what, whose, TALLY_WORD - 1))
			lines += tally->parties[i].lines;
	return lines;
}

void tally_settle(struct tally *tally, const char *whose)
{
	for (size_t i = 0; tally && i < tally->n; i++)
		if (!strncmp(tally->parties[i].what, whose, TALLY_WORD - 1))
			tally->parties[i].enough = false;
}

/* ---- when a line was written ---- */

/** kernel_time() - "[ 9596.420430]"; below 0: it is not one */
static double kernel_time(const char *text)
{
	unsigned long seconds, micros;
	char end;

	if (sscanf(text, "[%10lu.%6lu%c", &seconds, &micros, &end) != 3 || end != ']')
		return -1;
	return (double)seconds + (double)micros / 1e6;
}

/** days_before() - from some day to the one whose date ends before @at; 0 if there is no date */
static double days_before(const char *head, const char *at)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	unsigned int year = 0, month = 0, day = 0;
	const char *name;

	if (at - head >= 11 && sscanf(at - 11, "%4u-%2u-%2u", &year, &month, &day) == 3)
		return year * 372. + month * 31. + day;
	if (at - head >= 7 && sscanf(at - 4, " %2u ", &day) == 1) {
		char word[4] = { at[-7], at[-6], at[-5], 0 };

		name = strstr(months, word);
		if (name && (name - months) % 3 == 0)
			return (double)((name - months) / 3) * 31. + day;
	}
	return 0;
}

/** day_time() - "08:58:23" at @at, and the date before it; below 0: it is not one */
static double day_time(const char *head, const char *at)
{
	unsigned int hours, minutes, seconds;

	for (int i = 0; i < 8; i++)
		if (i % 3 == 2 ? at[i] != ':' : !isdigit((unsigned char)at[i]))
			return -1;
	if (at > head && isdigit((unsigned char)at[-1]))
		return -1;
	if (sscanf(at, "%2u:%2u:%2u", &hours, &minutes, &seconds) != 3 || hours > 23)
		return -1;
	return days_before(head, at) * 86400. + hours * 3600. + minutes * 60. + seconds;
}

double tally_time(const char *line, size_t len)
{
	char head[STAMP + 9] = "";
	double time;

	memcpy(head, line, len < STAMP ? len : STAMP);
	for (const char *at = strchr(head, '['); at; at = strchr(at + 1, '[')) {
		time = kernel_time(at);
		if (time >= 0)
			return time;
	}
	for (const char *at = strchr(head, ':'); at; at = strchr(at + 1, ':')) {
		time = at - head < 2 ? -1 : day_time(head, at - 2);
		if (time >= 0)
			return time;
	}
	return -1;
}

double tally_time_beside(const char *line, size_t len)
{
	static const char journal[] = "__REALTIME_TIMESTAMP";
	const char *p = memmem(line, len, journal, sizeof(journal) - 1), *end = line + len;
	double time = 0;

	if (!p) {
		time = tally_time(line, len);
		return time < 0 && len > STAMP ? tally_time(end - STAMP, STAMP) : time;
	}
	for (p += sizeof(journal) - 1; p < end && !isdigit((unsigned char)*p); p++)
		;
	if (p == end)
		return -1;
	for (; p < end && isdigit((unsigned char)*p); p++)
		time = time * 10 + (*p - '0');
	return time / 1e6;
}
