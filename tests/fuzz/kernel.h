/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * tests/fuzz/kernel.h - a kernel behind rtnetlink that answers what the input says.
 *
 * A target that includes this is linked so that libmnl's socket functions are the ones below. Each
 * answer is one or more datagrams, made from the input:
 *
 *	1	0: the end of the dump; 1: an error, and its number; 2-4: messages of a link, an address
 *		or a route; else: of the type that follows (2 bytes); bits 4-7: more of that kind
 *	1	flags, little endian in the lower half (NLM_F_MULTI is always set)
 *	1	bytes of the message after its header, and these
 *
 * Attributes that are read as a number must be that long; libmnl does not check it.
 */
#ifndef MANAKIN_TESTS_FUZZ_KERNEL_H
#define MANAKIN_TESTS_FUZZ_KERNEL_H

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "input.h"

#define KERNEL_MESSAGES_MAX 64u /* in answer to everything that one input leads to */

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define KERNEL_HIDE(from, size) ASAN_POISON_MEMORY_REGION(from, size)
#define KERNEL_SHOW(from, size) ASAN_UNPOISON_MEMORY_REGION(from, size)
#endif
#endif
#ifndef KERNEL_HIDE
#define KERNEL_HIDE(from, size) ((void)(from), (void)(size))
#define KERNEL_SHOW(from, size) ((void)(from), (void)(size))
#endif

struct mnl_socket *__wrap_mnl_socket_open2(int bus, int flags);
int __wrap_mnl_socket_bind(struct mnl_socket *socket, unsigned int groups, pid_t pid);
int __wrap_mnl_socket_setsockopt(const struct mnl_socket *socket, int type, void *buf,
				 socklen_t len);
ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *socket, const void *request, size_t len);
ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *socket, void *buffer, size_t size);
int __wrap_mnl_socket_close(struct mnl_socket *socket);
unsigned int __wrap_mnl_socket_get_portid(const struct mnl_socket *socket);
int __wrap_mnl_cb_run(const void *buffer, size_t len, unsigned int seq, unsigned int portid,
		      mnl_cb_t each, void *data);
int __real_mnl_cb_run(const void *buffer, size_t len, unsigned int seq, unsigned int portid,
		      mnl_cb_t each, void *data);
uint8_t __wrap_mnl_attr_get_u8(const struct nlattr *attr);
uint32_t __wrap_mnl_attr_get_u32(const struct nlattr *attr);

static struct {
	uint32_t seq;
	bool acks; /* the request is not a dump */
	unsigned int sockets, messages;
	size_t room; /* of the buffer that an answer was put in */
} kernel;

struct mnl_socket *__wrap_mnl_socket_open2(int bus, int flags)
{
	(void)bus;
	(void)flags;
	kernel.sockets++;
	return (struct mnl_socket *)&kernel;
}

int __wrap_mnl_socket_bind(struct mnl_socket *socket, unsigned int groups, pid_t pid)
{
	(void)socket;
	(void)groups;
	(void)pid;
	return 0;
}

int __wrap_mnl_socket_setsockopt(const struct mnl_socket *socket, int type, void *buf,
				 socklen_t len)
{
	(void)socket;
	(void)type;
	(void)buf;
	(void)len;
	return 0;
}

int __wrap_mnl_socket_close(struct mnl_socket *socket)
{
	(void)socket;
	kernel.sockets--;
	return 0;
}

unsigned int __wrap_mnl_socket_get_portid(const struct mnl_socket *socket)
{
	(void)socket;
	return 0;
}

/* What is sent to the real kernel is whole */
ssize_t __wrap_mnl_socket_sendto(const struct mnl_socket *socket, const void *request, size_t len)
{
	const struct nlmsghdr *header = request;

	(void)socket;
	require(mnl_nlmsg_ok(header, (int)len) && header->nlmsg_len == len &&
		header->nlmsg_flags & NLM_F_REQUEST);
	for (size_t i = 0; i < len; i++)
		require(((const volatile uint8_t *)request)[i] <= 0xff); /* all of it can be read */
	kernel.seq = header->nlmsg_seq;
	kernel.acks = !(header->nlmsg_flags & NLM_F_ROOT);
	return (ssize_t)len;
}

static uint16_t kernel_take16(void)
{
	uint16_t value = take();

	return (uint16_t)(value | take() << 8);
}

/** kernel_message() - append one to a datagram; its length */
static size_t kernel_message(uint8_t *at, size_t room, uint8_t kind)
{
	struct nlmsghdr header = { .nlmsg_seq = kernel.seq, .nlmsg_flags = NLM_F_MULTI };
	size_t len = 0;

	take(); /* the byte of the flags */
	switch (kind & 15) {
	case 0:
		header.nlmsg_type = NLMSG_DONE;
		len = sizeof(int);
		memset(at + sizeof(header), 0, len);
		break;
	case 1: {
		struct nlmsgerr error = { .error = -(int)take() };

		header.nlmsg_type = NLMSG_ERROR;
		len = sizeof(error);
		memcpy(at + sizeof(header), &error, len);
		break;
	}
	default:
		header.nlmsg_type = (kind & 15) == 2   ? RTM_NEWLINK
				    : (kind & 15) == 3 ? RTM_NEWADDR
				    : (kind & 15) == 4 ? RTM_NEWROUTE
						       : kernel_take16();
		len = take();
		/* The kernel's messages have their family's header; a link's is the longest. */
		if (len < sizeof(struct ifinfomsg))
			len = sizeof(struct ifinfomsg);
		for (size_t i = 0; i < len; i++)
			at[sizeof(header) + i] = take();
		break;
	}
	require(sizeof(header) + len <= room);
	header.nlmsg_len = (uint32_t)(sizeof(header) + len);
	memcpy(at, &header, sizeof(header));
	return NLMSG_ALIGN(header.nlmsg_len);
}

ssize_t __wrap_mnl_socket_recvfrom(const struct mnl_socket *socket, void *buffer, size_t size)
{
	uint8_t kind = left && kernel.messages < KERNEL_MESSAGES_MAX ? take() : kernel.acks ? 1 : 0;
	size_t len = 0;

	(void)socket;
	kernel.room = size;
	for (unsigned int i = 0; i <= (unsigned int)kind >> 6; i++, kernel.messages++)
		len += kernel_message((uint8_t *)buffer + len, size - len, kind);
	if (kind & 0x20) {
		errno = ENOBUFS;
		return -1;
	}
	return (ssize_t)len;
}

int __wrap_mnl_cb_run(const void *buffer, size_t len, unsigned int seq, unsigned int portid,
		      mnl_cb_t each, void *data)
{
	const uint8_t *after = (const uint8_t *)buffer + len;
	size_t size = kernel.room - len;
	int ret;

	KERNEL_HIDE(after, size);
	ret = __real_mnl_cb_run(buffer, len, seq, portid, each, data);
	KERNEL_SHOW(after, size);
	return ret;
}

uint8_t __wrap_mnl_attr_get_u8(const struct nlattr *attr)
{
	require(mnl_attr_get_payload_len(attr) >= sizeof(uint8_t));
	return *(const uint8_t *)mnl_attr_get_payload(attr);
}

uint32_t __wrap_mnl_attr_get_u32(const struct nlattr *attr)
{
	uint32_t value;

	require(mnl_attr_get_payload_len(attr) >= sizeof(value));
	memcpy(&value, mnl_attr_get_payload(attr), sizeof(value));
	return value;
}

static inline void kernel_start(const uint8_t *data, size_t size)
{
	in = data;
	left = size;
	memset(&kernel, 0, sizeof(kernel));
}

#endif
