/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shared by the tests of traces: a file that a recorder writes, and what is in it.
 */
#ifndef TEST_TRACE_FILE_H
#define TEST_TRACE_FILE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "trace/explain.h"
#include "trace/pcapng.h"
#include "trace/reader.h"
#include "trace/recorder.h"
#include "trace/text.h"
#include "wire/gdma.h"
#include "wire/vport.h"
#include "wire/wq.h"

#define RECORDS 0u /* the interfaces of the file */
#define PORT    1u

/** file_new() - an empty one without a name, open for reading and writing */
int file_new(void);

/** file_recorder() - one that writes a copy of the descriptor; started if @start */
struct recorder *file_recorder(int fd, uint32_t mib, uint32_t snaplen, bool start);

/** file_end() - stop it, wait until the file is complete, and free it */
struct recorder_result file_end(struct recorder *recorder);

/** file_open() - read it; must succeed */
struct trace_reader *file_open(int fd);

/** put() - a record without data */
void put(struct recorder *recorder, struct trace_record record);

/** put_data() - a record with data */
void put_data(struct recorder *recorder, struct trace_record record, const void *data, size_t len);

/** put_frame() - one of @len bytes, that the client sent on queue 5 */
void put_frame(struct recorder *recorder, uint32_t len);

/** catch_log() - start collecting messages; logged(): is there one with @part? */
void catch_log(void);
bool logged(const char *part);

#endif
