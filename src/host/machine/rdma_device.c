/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: sysfs names the devices. The driver id, by which libibverbs finds the
 * provider, comes only from netlink (NETLINK_RDMA, client RDMA_NL_NLDEV): RDMA_NLDEV_CMD_GET has
 * the devices' names and numbers, RDMA_NLDEV_CMD_GET_CHARDEV for "uverbs" has the name of the
 * character device and RDMA_NLDEV_ATTR_UVERBS_DRIVER_ID. The latter's answer does not say which
 * device it is about; the request's sequence number does.
 *
 * The socket is opened only if sysfs has devices: otherwise that would load ib_core, and reading
 * the machine must not change it.
 */
#include "host/machine/rdma.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <rdma/rdma_netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/compat.h"
#include "host/machine/ask.h"

#define SEQ_DEVICES  1u
#define SEQ_CHARDEV  0x10000u /* and the device's index */
#define ANSWER_MAX   (64u << 10)
#define WAIT_SECONDS 2

#define TYPE(op)     ((uint16_t)RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, (op)))

/* The attributes that are needed; the kernel's enumerations have many more. */
enum { DEVICE_INDEX, DEVICE_NAME, CHARDEV_NAME, DRIVER_ID, WANTED };

static int pick_attribute(const struct nlattr *attribute, void *arg)
{
	const struct nlattr **wanted = arg;

	switch (mnl_attr_get_type(attribute)) {
	case RDMA_NLDEV_ATTR_DEV_INDEX:
		wanted[DEVICE_INDEX] = attribute;
		break;
	case RDMA_NLDEV_ATTR_DEV_NAME:
		wanted[DEVICE_NAME] = attribute;
		break;
	case RDMA_NLDEV_ATTR_CHARDEV_NAME:
		wanted[CHARDEV_NAME] = attribute;
		break;
	case RDMA_NLDEV_ATTR_UVERBS_DRIVER_ID:
		wanted[DRIVER_ID] = attribute;
		break;
	}
	return MNL_CB_OK;
}

/** text_of() - a string attribute, if it fits */
static bool text_of(const struct nlattr *attribute, char *text, size_t size)
{
	if (!attribute || mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) < 0 ||
	    strlen(mnl_attr_get_str(attribute)) >= size)
		return false;
	strcpy(text, mnl_attr_get_str(attribute));
	return true;
}

/** number_of() - an attribute of 32 or 64 bits: headers call the driver id 64, kernels send 32 */
static bool number_of(const struct nlattr *attribute, uint64_t *number)
{
	size_t len = attribute ? mnl_attr_get_payload_len(attribute) : 0;

	*number = 0;
	if (len != 4 && len != 8)
		return false;
	memcpy(number, mnl_attr_get_payload(attribute), len);
	return true;
}

static struct rdma_device *by_name(struct rdma_devices *devices, const char *name)
{
	for (size_t i = 0; i < devices->n; i++)
		if (!strcmp(devices->device[i].name, name))
			return &devices->device[i];
	return NULL;
}

static struct rdma_device *by_index(struct rdma_devices *devices, uint32_t index)
{
	for (size_t i = 0; i < devices->n; i++)
		if (devices->device[i].has_index && devices->device[i].index == index)
			return &devices->device[i];
	return NULL;
}

int rdma_parse(const void *message, size_t len, struct rdma_devices *devices)
{
	const struct nlattr *wanted[WANTED] = { NULL };
	const struct nlmsghdr *header = message;
	struct rdma_device *device;
	char name[RDMA_NAME];
	uint64_t number;

	if (len > INT32_MAX || !mnl_nlmsg_ok(header, (int)len))
		return -EBADMSG;
	if (header->nlmsg_type != TYPE(RDMA_NLDEV_CMD_GET) &&
	    header->nlmsg_type != TYPE(RDMA_NLDEV_CMD_GET_CHARDEV))
		return 0;
	if (mnl_attr_parse(header, 0, pick_attribute, wanted) < 0)
		return -EBADMSG;
	if (header->nlmsg_type == TYPE(RDMA_NLDEV_CMD_GET)) {
		if (!text_of(wanted[DEVICE_NAME], name, sizeof(name)) ||
		    !number_of(wanted[DEVICE_INDEX], &number))
			return -EBADMSG;
		device = by_name(devices, name);
		if (device) {
			device->has_index = true;
			device->index = (uint32_t)number;
		}
		return 0;
	}
	device = by_index(devices, header->nlmsg_seq - SEQ_CHARDEV);
	if (!device)
		return 0;
	if (!text_of(wanted[CHARDEV_NAME], device->uverbs, sizeof(device->uverbs)))
		return -EBADMSG;
	device->has_driver_id = number_of(wanted[DRIVER_ID], &device->driver_id);
	return 0;
}

static int each(const struct nlmsghdr *message, void *arg)
{
	rdma_parse(message, message->nlmsg_len, arg);
	return MNL_CB_OK;
}

/** ask() - one request, and all of its answer */
static int ask(struct mnl_socket *socket, struct nlmsghdr *request, struct rdma_devices *devices)
{
	static _Alignas(struct nlmsghdr) char answer[ANSWER_MAX];
	unsigned int port = mnl_socket_get_portid(socket);
	ssize_t len;
	int more;

	if (mnl_socket_sendto(socket, request, request->nlmsg_len) < 0)
		return -errno;
	do {
		len = mnl_socket_recvfrom(socket, answer, sizeof(answer));
		if (len < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		more = mnl_cb_run(answer, (size_t)len, request->nlmsg_seq, port, each, devices);
	} while (more > 0);
	return more < 0 ? -errno : 0;
}

static struct nlmsghdr *begin(char *buffer, uint16_t type, uint16_t flags, uint32_t seq)
{
	struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);

	request->nlmsg_type = type;
	request->nlmsg_flags = NLM_F_REQUEST | flags;
	request->nlmsg_seq = seq;
	return request;
}

/** ask_kernel() - what netlink knows of the devices that sysfs named */
static int ask_kernel(struct rdma_devices *devices)
{
	_Alignas(struct nlmsghdr) char buffer[256];
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_RDMA, SOCK_CLOEXEC);
	struct timeval wait = { .tv_sec = WAIT_SECONDS };
	int err;

	if (!socket)
		return -errno;
	setsockopt(mnl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	err = mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
	if (!err)
		err = ask(socket, begin(buffer, TYPE(RDMA_NLDEV_CMD_GET), NLM_F_DUMP, SEQ_DEVICES),
			  devices);
	for (size_t i = 0; !err && i < devices->n; i++) {
		const struct rdma_device *device = &devices->device[i];
		struct nlmsghdr *request;

		if (!device->has_index)
			continue;
		/* Acknowledged, so that the answer's end is known whatever is in it. */
		request = begin(buffer, TYPE(RDMA_NLDEV_CMD_GET_CHARDEV), NLM_F_ACK,
				SEQ_CHARDEV + device->index);
		mnl_attr_put_u32(request, RDMA_NLDEV_ATTR_DEV_INDEX, device->index);
		mnl_attr_put_strz(request, RDMA_NLDEV_ATTR_CHARDEV_TYPE, "uverbs");
		err = ask(socket, request, devices);
	}
	mnl_socket_close(socket);
	return err;
}

/** replay() - a tree's recorded answers */
static int replay(const struct host *host, struct rdma_devices *devices)
{
	unsigned char *data;
	size_t size, at = 0;
	int err = library_load(host, "/netlink-rdma", &data, &size);

	if (err)
		return err;
	while (!err && at < size) {
		uint32_t len;

		if (size - at < sizeof(struct nlmsghdr))
			err = -EBADMSG;
		else
			err = rdma_parse(data + at, size - at, devices);
		if (err)
			break;
		memcpy(&len, data + at, sizeof(len));
		at += NLMSG_ALIGN((size_t)len);
	}
	free(data);
	return err;
}

/** recall_devices() - what a report has of the kernel's answers */
static void recall_devices(const json_t *answer, struct rdma_devices *devices)
{
	for (size_t i = 0; i < devices->n; i++) {
		struct rdma_device *device = &devices->device[i];
		const json_t *known = json_object_get(answer, device->name);
		const json_t *index = json_object_get(known, "index");
		const json_t *id = json_object_get(known, "driver_id");

		device->has_index = json_is_integer(index);
		device->index = (uint32_t)json_integer_value(index);
		ask_text(known, "uverbs", device->uverbs, sizeof(device->uverbs));
		device->has_driver_id = json_is_integer(id);
		device->driver_id = (uint64_t)json_integer_value(id);
	}
}

/** devices_json() - what the kernel answered, for a report */
static json_t *devices_json(const struct rdma_devices *devices)
{
	json_t *all = json_object();

	for (size_t i = 0; i < devices->n; i++) {
		const struct rdma_device *device = &devices->device[i];

		json_object_set_new(
			all, device->name,
			json_pack("{s:o, s:s, s:o}", "index",
				  device->has_index ? json_integer(device->index) : json_null(),
				  "uverbs", device->uverbs, "driver_id",
				  device->has_driver_id
					  ? json_integer((json_int_t)device->driver_id)
					  : json_null()));
	}
	return all;
}

/** ask_about() - ask the kernel, what a tree has of it, or a report */
static int ask_about(const struct host *host, struct rdma_devices *devices)
{
	struct host unrecorded = host_unrecorded(host);
	json_t *answer;
	int err;

	if (ask_recall(host, &answer, &err, "netlink/rdma")) {
		recall_devices(answer, devices);
		json_decref(answer);
		return err;
	}
	err = host->tree ? replay(&unrecorded, devices) : ask_kernel(devices);
	if (ask_noted(host))
		ask_note(host, err, devices_json(devices), "netlink/rdma");
	return err;
}

int rdma_devices_read(const struct host *host, struct rdma_devices *devices)
{
	struct names names;
	int err;

	memset(devices, 0, sizeof(*devices));
	err = host_list(host, &names, "/sys/class/infiniband");
	for (size_t i = 0; i < names.n && devices->n < RDMA_DEVICES; i++) {
		struct rdma_device *device = &devices->device[devices->n];

		if (strlen(names.name[i]) >= sizeof(device->name))
			continue;
		strcpy(device->name, names.name[i]);
		host_link(host, device->bus, sizeof(device->bus), "/sys/class/infiniband/%s/device",
			  device->name);
		devices->n++;
	}
	names_free(&names);
	if (!devices->n)
		return err == -ENOENT ? 0 : err;
	return ask_about(host, devices);
}
