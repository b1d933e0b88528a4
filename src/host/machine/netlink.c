/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/netlink.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <time.h>

#include "base/compat.h"
#include "host/machine/ask.h"
#include "host/machine/netlink_json.h"

#define ANSWER_MAX 32768u /* the most bytes that one read of a dump returns */

struct mnl_socket *netlink_open_bus(int bus)
{
	struct mnl_socket *socket = mnl_socket_open2(bus, SOCK_CLOEXEC);

	if (!socket)
		return NULL;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		int err = errno;

		mnl_socket_close(socket);
		errno = err;
		return NULL;
	}
	return socket;
}

struct mnl_socket *netlink_open(void)
{
	struct mnl_socket *socket = netlink_open_bus(NETLINK_ROUTE);
	int on = 1;

	if (!socket)
		return NULL;
	/* Has the kernel filter what is requested; kernels before 4.20 send everything. */
	mnl_socket_setsockopt(socket, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	return socket;
}

void *netlink_begin(void *buffer, uint16_t type, uint16_t flags, size_t header_size)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(buffer);

	header->nlmsg_type = type;
	header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	return mnl_nlmsg_put_extra_header(header, header_size);
}

int netlink_talk(struct mnl_socket *socket, void *request, mnl_cb_t each, void *arg)
{
	static unsigned int sequence;
	struct nlmsghdr *header = request;
	char answer[ANSWER_MAX];
	ssize_t len;
	int more = 1;

	header->nlmsg_seq = ++sequence;
	if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
		return -errno;
	while (more > 0) {
		len = mnl_socket_recvfrom(socket, answer, sizeof(answer));
		if (len < 0)
			return -errno;
		more = mnl_cb_run(answer, (size_t)len, header->nlmsg_seq,
				  mnl_socket_get_portid(socket), each, arg);
		if (more < 0)
			return -errno;
		/* An answer that is neither a dump nor acknowledged is one message. */
		if (!(header->nlmsg_flags & (NLM_F_DUMP | NLM_F_ACK)))
			break;
	}
	return 0;
}

/** struct recording - an answer that is recorded while it is read */
struct recording {
	json_t *messages;
	mnl_cb_t each;
	void *arg;
};

static int record(const struct nlmsghdr *header, void *arg)
{
	const struct rtmsg *route = mnl_nlmsg_get_payload(header);
	struct recording *recording = arg;

	/* Of all routes, only the default ones are read; there may be very many. */
	if (header->nlmsg_type != RTM_NEWROUTE || !(header->nlmsg_flags & NLM_F_MULTI) ||
	    route->rtm_dst_len <= NETLINK_DEFAULT_BITS)
		json_array_append_new(recording->messages, netlink_to_json(header));
	return recording->each(header, recording->arg);
}

/** replay() - hand a recorded answer to who asked */
static int replay(const json_t *messages, mnl_cb_t each, void *arg)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_JSON_MAX];
	const json_t *message;
	size_t i;

	json_array_foreach(messages, i, message) {
		int err = netlink_from_json(message, buffer);

		if (err)
			return err;
		if (each((const struct nlmsghdr *)buffer, arg) < 0)
			return -errno;
	}
	return 0;
}

int netlink_ask(const struct host *host, struct mnl_socket *socket, const char *name, void *request,
		mnl_cb_t each, void *arg)
{
	struct recording recording = { .each = each, .arg = arg };
	json_t *messages;
	int err;

	if (ask_recall(host, &messages, &err, "netlink/%s", name)) {
		if (!err)
			err = replay(messages, each, arg);
		json_decref(messages);
		return err;
	}
	if (!ask_noted(host))
		return netlink_talk(socket, request, each, arg);
	recording.messages = json_array();
	err = netlink_talk(socket, request, record, &recording);
	if (err == -EINTR) /* it is asked again */
		json_decref(recording.messages);
	else
		ask_note(host, err, recording.messages, "netlink/%s", name);
	return err;
}
