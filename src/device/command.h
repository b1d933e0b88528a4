/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/command.h - a command from the driver: what a handler gets, and what it may return.
 *
 * Each device has a table of its commands, terminated by an entry without a name: gdma.h,
 * vport.h, rnic.h, native.h. hwc.c finds the entry, checks the length and calls it.
 */
#ifndef MANAKIN_DEVICE_COMMAND_H
#define MANAKIN_DEVICE_COMMAND_H

#include <errno.h>
#include <stdint.h>

#include "wire/gdma.h"

#define HWC_MESSAGE_MAX 4096u /* bytes of a request or response */
#define HWC_DEPTH       1u    /* messages in flight: what drivers request at bootstrap */

struct adapter;

/**
 * struct command - a request being answered
 * @code:	the command
 * @request:	a copy of the message
 * @len:	its bytes
 * @response:	zeroed; the header is filled in by hwc.c
 * @response_len: its length; set by the handler if it is not the default
 * @version:	of the response: the one requested, or the highest that exists
 */
struct command {
	uint32_t code;
	const struct gdma_req_header *request;
	uint32_t len;
	void *response;
	uint32_t response_len;
	uint16_t version;
};

/**
 * struct command_entry - one command
 * @request:	minimum length in bytes
 * @response:	length of its response in bytes
 * @run:	returns an enum gdma_status or enum device_status
 */
struct command_entry {
	uint32_t code;
	const char *name;
	uint32_t request;
	uint32_t response;
	uint32_t (*run)(struct adapter *adapter, struct command *command);
};

/* Why a command failed; drivers only check whether it is 0. See docs/wire.md, "Answers to mistakes"
 */
enum device_status {
	STATUS_OK = GDMA_STATUS_SUCCESS,
	STATUS_SHORT = 0x10001,     /* the message is shorter than the command */
	STATUS_DEVICE = 0x10002,    /* sent to a device that does not exist or is not registered */
	STATUS_NOT_FOUND = 0x10003, /* no such object, or another kind of object */
	STATUS_INVALID = 0x10004,   /* a field is invalid */
	STATUS_BUSY = 0x10005,      /* in use */
	STATUS_NO_RESOURCE = 0x10006, /* a limit is reached */
	STATUS_FAULT = 0x10007,       /* memory that is not mapped */
	STATUS_LATER = 0x7fffffff,    /* not sent: the command goes on, and is answered later */
};

/** status_from_errno() - the status to send for @err, 0 or a negative errno */
static inline uint32_t status_from_errno(int err)
{
	switch (err) {
	case 0:
		return STATUS_OK;
	case -EFAULT:
		return STATUS_FAULT;
	case -EINVAL:
		return STATUS_INVALID;
	case -EBUSY:
		return STATUS_BUSY;
	case -ENOENT:
		return STATUS_NOT_FOUND;
	default:
		return STATUS_NO_RESOURCE;
	}
}

#endif
