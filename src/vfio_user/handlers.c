/* SPDX-License-Identifier: BSD-3-Clause */
#include "vfio_user/handlers.h"

#include <errno.h>
#include <linux/vfio.h>
#include <string.h>

#include "base/compat.h"
#include "vfio_user/descriptors.h"
#include "vfio_user/vectors.h"

static_assert(VFU_REGION_COUNT == VFIO_PCI_NUM_REGIONS, "VFIO's regions");
static_assert(VFU_IRQ_COUNT == VFIO_PCI_NUM_IRQS, "VFIO's interrupts");
static_assert(VFU_IRQ_MSIX == VFIO_PCI_MSIX_IRQ_INDEX, "VFIO's MSI-X");
static_assert(VFU_DMA_READ == VFIO_DMA_MAP_FLAG_READ, "VFIO's DMA flags");
static_assert(VFU_DMA_WRITE == VFIO_DMA_MAP_FLAG_WRITE, "VFIO's DMA flags");

/*
 * The capabilities that we send to the client. QEMU has room for a reply of the length of its own
 * VERSION message (some 250 bytes) and rejects a longer one.
 */
static const char capabilities[] = "{\"capabilities\":{\"max_msg_fds\":16,"
				   "\"max_data_xfer_size\":65536,\"pgsizes\":4096,"
				   "\"max_dma_maps\":4096,\"write_multiple\":true}}";
static_assert(VFU_FDS_MAX == 16 && VFU_DATA_MAX == 65536 && VFU_DMA_MAPS_MAX == 4096,
	      "the capabilities say so");

/**
 * json_number() - the value of a numeric capability in a client's VERSION
 * @json:	NUL-terminated
 * @name:	of the capability, in quotes
 * @absent:	what to return if it is missing
 *
 * This parses only the name, a colon and digits. Anything else counts as absent,
 * which is always safe.
 */
static uint64_t json_number(const char *json, const char *name, uint64_t absent)
{
	const char *at = strstr(json, name);
	uint64_t value = 0;

	if (!at)
		return absent;
	at += strlen(name);
	at += strspn(at, " \t\r\n");
	if (*at++ != ':')
		return absent;
	at += strspn(at, " \t\r\n");
	if (*at < '0' || *at > '9')
		return absent;
	for (; *at >= '0' && *at <= '9'; at++) {
		if (value > (UINT64_MAX - 9) / 10)
			return absent;
		value = value * 10 + (uint64_t)(*at - '0');
	}
	return value;
}

/* As json_number(), for a capability that is true or false */
static bool json_true(const char *json, const char *name)
{
	const char *at = strstr(json, name);

	if (!at)
		return false;
	at += strlen(name);
	at += strspn(at, " \t\r\n");
	if (*at++ != ':')
		return false;
	at += strspn(at, " \t\r\n");
	return !strncmp(at, "true", 4);
}

/*
 * The handlers. Each gets a command whose body has at least the length given in the table below,
 * with at most the number of descriptors given there, in conn->fds; those that it leaves there are
 * closed afterwards. It replies and returns 0, or returns a negative errno to be sent; -EINPROGRESS if
 * it goes on in the next visit, where it is called again.
 */

static int handle_version(struct vfu_server *server, struct conn *conn,
			  const struct vfu_header *command, const uint8_t *body, size_t len)
{
	struct {
		struct vfu_version version;
		char capabilities[sizeof(capabilities)];
	} answer = { { VFU_MAJOR, VFU_MINOR }, { 0 } };
	const char *json = (const char *)body + sizeof(struct vfu_version);
	struct vfu_version version;

	memcpy(&version, body, sizeof(version));
	if (conn == server->client)
		return -EINVAL;
	if (len == sizeof(version))
		json = "";
	else if (body[len - 1])
		return -EINVAL;
	if (version.major != VFU_MAJOR)
		return -ENOTSUP;
	if (server->client) {
		log_limited(&server->limits, LOG_NOTICE,
			    "%s: pid %d tried to attach while pid %d is attached", server->path,
			    (int)conn->pid, (int)server->client->pid);
		conn_reply_error(server, conn, command, -EBUSY);
		conn_flush(server, conn);
		conn_condemn(server, conn, LOG_NOTICE, "another client is attached");
		return 0;
	}
	conn->takes_fd = json_number(json, "\"max_msg_fds\"", 1) > 0;
	conn->data_max = json_number(json, "\"max_data_xfer_size\"", VFU_DATA_MAX);
	conn->asks_mmap = json_true(json, "\"region_mmap\"");
	server->client = conn;
	conn_set_cut(server, conn);
	log_limited(&server->limits, LOG_NOTICE, "%s: a client (pid %d) is attached", server->path,
		    (int)conn->pid);
	server->config.ops->attached(server->config.ctx);
	memcpy(answer.capabilities, capabilities, sizeof(capabilities));
	return conn_reply(server, conn, command, &answer,
			  sizeof(answer.version) + sizeof(answer.capabilities));
}

static int handle_dma_map(struct vfu_server *server, struct conn *conn,
			  const struct vfu_header *command, const uint8_t *body, size_t len)
{
	struct vfu_dma_map map;
	int ret;

	(void)len;
	memcpy(&map, body, sizeof(map));
	if (map.argsz < sizeof(map) || !map.size || map.size - 1 > UINT64_MAX - map.address ||
	    !map.flags || (map.flags & ~(VFU_DMA_READ | VFU_DMA_WRITE)))
		return -EINVAL;
	if (conn->n_fds && !descriptor_in_memory(conn->fds[0])) {
		conn->reason = "its descriptor is not a memfd, nor a file on tmpfs or hugetlbfs";
		return -EOPNOTSUPP;
	}
	ret = server->config.ops->dma_map(server->config.ctx, map.address, map.size,
					  conn->n_fds ? conn->fds[0] : -1, map.offset, map.flags);
	if (ret)
		return ret;
	/* Its mapping keeps the file: this is not the last reference, so close() has nothing to do */
	descriptors_close(conn->fds, &conn->n_fds);
	return conn_reply(server, conn, command, NULL, 0);
}

static int handle_dma_unmap(struct vfu_server *server, struct conn *conn,
			    const struct vfu_header *command, const uint8_t *body, size_t len)
{
	struct vfu_dma_unmap unmap;
	int ret = 0;

	(void)len;
	memcpy(&unmap, body, sizeof(unmap));
	if (unmap.argsz < sizeof(unmap))
		return -EINVAL;
	if (unmap.flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP)
		return -ENOTSUP;
	if (unmap.flags == VFIO_DMA_UNMAP_FLAG_ALL && !unmap.address && !unmap.size)
		server->config.ops->dma_unmap_all(server->config.ctx);
	else if (!unmap.flags)
		ret = server->config.ops->dma_unmap(server->config.ctx, unmap.address, unmap.size);
	else
		ret = -EINVAL;
	return ret ? ret : conn_reply(server, conn, command, &unmap, sizeof(unmap));
}

static int handle_get_info(struct vfu_server *server, struct conn *conn,
			   const struct vfu_header *command, const uint8_t *body, size_t len)
{
	struct vfu_device_info info;

	(void)len;
	memcpy(&info, body, sizeof(info));
	if (info.argsz < sizeof(info))
		return -EINVAL;
	info = (struct vfu_device_info){
		.argsz = sizeof(info),
		.flags = VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI,
		.num_regions = VFU_REGION_COUNT,
		.num_irqs = VFU_IRQ_COUNT,
	};
	return conn_reply(server, conn, command, &info, sizeof(info));
}

static int handle_get_region_info(struct vfu_server *server, struct conn *conn,
				  const struct vfu_header *command, const uint8_t *body, size_t len)
{
	struct {
		struct vfu_region_info info;
		struct vfu_sparse_mmap sparse;
	} answer = { 0 };
	const struct vfu_region *region;
	struct vfu_region_info asked;
	size_t size = sizeof(answer.info);

	(void)len;
	memcpy(&asked, body, sizeof(asked));
	if (asked.argsz < sizeof(asked) || asked.index >= VFU_REGION_COUNT)
		return -EINVAL;
	region = &server->config.regions[asked.index];
	answer.info = (struct vfu_region_info){
		.argsz = sizeof(answer.info),
		.flags = (region->readable ? VFIO_REGION_INFO_FLAG_READ : 0u) |
			 (region->writable ? VFIO_REGION_INFO_FLAG_WRITE : 0u),
		.index = asked.index,
		.size = region->size,
	};
	if (region->mmap_fd < 0 || !conn->takes_fd || (region->mmap_asked && !conn->asks_mmap))
		return conn_reply(server, conn, command, &answer, size);

	/*
	 * A client without room for the capability asks again, with the room that argsz states.
	 * Until then the region is not reported as mappable: the descriptor is sent with the
	 * capability, and QEMU rejects the flag CAPS without one.
	 */
	answer.info.argsz = sizeof(answer);
	if (asked.argsz >= sizeof(answer) && !(command->flags & VFU_FLAG_NO_REPLY)) {
		if (conn->n_out_fds == VFU_REGION_COUNT)
			conn_flush(server, conn);
		if (conn->n_out_fds == VFU_REGION_COUNT) {
			conn_condemn(server, conn, LOG_WARNING, "it does not read its replies");
			return 0;
		}
		size = sizeof(answer);
		answer.info.flags |= VFIO_REGION_INFO_FLAG_MMAP | VFIO_REGION_INFO_FLAG_CAPS;
		answer.info.cap_offset = sizeof(answer.info);
		answer.sparse = (struct vfu_sparse_mmap){
			.id = VFIO_REGION_INFO_CAP_SPARSE_MMAP,
			.version = 1,
			.nr_areas = 1,
			.offset = region->mmap_offset,
			.size = region->mmap_size,
		};
	}
	conn_reply(server, conn, command, &answer, size);
	if (size == sizeof(answer) && !conn->dead) {
		conn->out_fds[conn->n_out_fds].at = conn->out_used - sizeof(*command) - size;
		conn->out_fds[conn->n_out_fds++].fd = region->mmap_fd;
	}
	return 0;
}

static int handle_get_irq_info(struct vfu_server *server, struct conn *conn,
			       const struct vfu_header *command, const uint8_t *body, size_t len)
{
	struct vfu_irq_info info;

	(void)len;
	memcpy(&info, body, sizeof(info));
	if (info.argsz < sizeof(info) || info.index >= VFU_IRQ_COUNT)
		return -EINVAL;
	info.argsz = sizeof(info);
	info.count = server->config.irqs[info.index];
	/* Not NORESIZE: vectors can be added while others are in use */
	info.flags = info.count ? VFIO_IRQ_INFO_EVENTFD : 0;
	return conn_reply(server, conn, command, &info, sizeof(info));
}

static int handle_set_irqs(struct vfu_server *server, struct conn *conn,
			   const struct vfu_header *command, const uint8_t *body, size_t len)
{
	struct vfu_irq_set set;
	const uint8_t *data = body + sizeof(set);
	size_t data_len = len - sizeof(set);
	uint32_t count;
	int ret = 0;

	memcpy(&set, body, sizeof(set));
	if (set.argsz < sizeof(set) || set.argsz > len || set.index >= VFU_IRQ_COUNT)
		return -EINVAL;
	count = server->config.irqs[set.index];
	if (set.start > count || set.count > count - set.start)
		return -EINVAL;
	if (set.index != VFU_IRQ_MSIX)
		return set.count ? -ENOTSUP : conn_reply(server, conn, command, NULL, 0);

	switch (set.flags) {
	case VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER:
		if (conn->n_fds)
			return -EINVAL;
		if (!set.count && !set.start)
			vectors_set(server, 0, count, NULL);
		for (uint32_t i = 0; i < set.count; i++)
			vfu_irq_raise(server, set.start + i);
		break;
	case VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER:
		if (conn->n_fds || set.count > data_len)
			return -EINVAL;
		for (uint32_t i = 0; i < set.count; i++)
			if (data[i])
				vfu_irq_raise(server, set.start + i);
		break;
	case VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER:
		if (!set.count || (conn->n_fds && conn->n_fds != set.count))
			return -EINVAL;
		for (unsigned int i = 0; i < conn->n_fds && !ret; i++)
			ret = notifier_takes(&server->notifier, conn->fds[i]);
		if (ret == -EINVAL)
			conn->reason = "a descriptor is not an eventfd";
		if (ret)
			return ret;
		vectors_set(server, set.start, set.count, conn->n_fds ? conn->fds : NULL);
		conn->n_fds = 0;
		break;
	default:
		/* MSI-X vectors are masked in the device's own table, not here */
		return -ENOTSUP;
	}
	return conn_reply(server, conn, command, NULL, 0);
}

/* Is it within a region that allows this access? 0 or a negative errno */
static int access_check(const struct vfu_server *server, const struct vfu_region_access *access,
			bool write)
{
	const struct vfu_region *region;

	if (access->region >= VFU_REGION_COUNT || !access->count)
		return -EINVAL;
	region = &server->config.regions[access->region];
	if (access->offset > region->size || access->count > region->size - access->offset)
		return -EINVAL;
	return (write ? region->writable : region->readable) ? 0 : -EACCES;
}

static int handle_region_read(struct vfu_server *server, struct conn *conn,
			      const struct vfu_header *command, const uint8_t *body, size_t len)
{
	struct vfu_region_access access;
	size_t before;
	uint8_t *room;
	int ret;

	(void)len;
	memcpy(&access, body, sizeof(access));
	ret = access_check(server, &access, false);
	if (ret)
		return ret;
	if (access.count > VFU_DATA_MAX || access.count > conn->data_max ||
	    (command->flags & VFU_FLAG_NO_REPLY))
		return -EINVAL;
	room = conn_begin_reply(server, conn, command, 0, sizeof(access) + access.count);
	if (!room)
		return 0;
	before = conn->out_used - sizeof(*command) - sizeof(access) - access.count;
	memcpy(room, &access, sizeof(access));
	ret = server->config.ops->read(server->config.ctx, access.region, access.offset,
				       room + sizeof(access), access.count);
	if (ret)
		conn->out_used = before; /* an error reply takes its place */
	return ret;
}

static int handle_region_write(struct vfu_server *server, struct conn *conn,
			       const struct vfu_header *command, const uint8_t *body, size_t len)
{
	struct vfu_region_access access;
	int ret;

	memcpy(&access, body, sizeof(access));
	if (access.count != len - sizeof(access))
		return -EINVAL;
	ret = access_check(server, &access, true);
	if (!ret)
		ret = server->config.ops->write(server->config.ctx, access.region, access.offset,
						body + sizeof(access), access.count);
	return ret ? ret : conn_reply(server, conn, command, &access, sizeof(access));
}

static int handle_region_write_multi(struct vfu_server *server, struct conn *conn,
				     const struct vfu_header *command, const uint8_t *body,
				     size_t len)
{
	struct vfu_write_one one;
	uint64_t count;
	int ret = 0;

	memcpy(&count, body, sizeof(count));
	body += sizeof(count);
	len -= sizeof(count);
	if (count != len / sizeof(one) || len % sizeof(one))
		return -EINVAL;
	/* All or nothing, as far as that can be checked beforehand */
	for (uint64_t i = 0; i < count && !ret && !conn->writes; i++) {
		memcpy(&one, body + i * sizeof(one), sizeof(one));
		ret = one.at.count > sizeof(one.data) ? -EINVAL
						      : access_check(server, &one.at, true);
	}
	while (conn->writes < count && !ret && !conn->dead) {
		memcpy(&one, body + conn->writes++ * sizeof(one), sizeof(one));
		budget_charge(BUDGET_MESSAGE / 4);
		ret = server->config.ops->write(server->config.ctx, one.at.region, one.at.offset,
						one.data, one.at.count);
		if (!ret && conn->writes < count && visit_over(server))
			return -EINPROGRESS;
	}
	conn->writes = 0;
	return ret ? ret : conn_reply(server, conn, command, &count, sizeof(count));
}

static int handle_reset(struct vfu_server *server, struct conn *conn,
			const struct vfu_header *command, const uint8_t *body, size_t len)
{
	(void)body;
	if (len)
		return -EINVAL;
	server->config.ops->reset(server->config.ctx);
	return conn_reply(server, conn, command, NULL, 0);
}

/**
 * struct handler - a command that is served
 * @handle:	see above
 * @body:	minimum length of its body, in bytes
 * @fds:	descriptors that may accompany it
 */
static const struct handler {
	int (*handle)(struct vfu_server *server, struct conn *conn,
		      const struct vfu_header *command, const uint8_t *body, size_t len);
	uint32_t body;
	unsigned int fds;
} handlers[VFU_CMD_COUNT] = {
	[VFU_CMD_VERSION] = { handle_version, sizeof(struct vfu_version), 0 },
	[VFU_CMD_DMA_MAP] = { handle_dma_map, sizeof(struct vfu_dma_map), 1 },
	[VFU_CMD_DMA_UNMAP] = { handle_dma_unmap, sizeof(struct vfu_dma_unmap), 0 },
	[VFU_CMD_DEVICE_GET_INFO] = { handle_get_info, sizeof(struct vfu_device_info), 0 },
	[VFU_CMD_DEVICE_GET_REGION_INFO] = { handle_get_region_info, sizeof(struct vfu_region_info),
					     0 },
	[VFU_CMD_DEVICE_GET_IRQ_INFO] = { handle_get_irq_info, sizeof(struct vfu_irq_info), 0 },
	[VFU_CMD_DEVICE_SET_IRQS] = { handle_set_irqs, sizeof(struct vfu_irq_set), VFU_FDS_MAX },
	[VFU_CMD_REGION_READ] = { handle_region_read, sizeof(struct vfu_region_access), 0 },
	[VFU_CMD_REGION_WRITE] = { handle_region_write, sizeof(struct vfu_region_access), 0 },
	[VFU_CMD_REGION_WRITE_MULTI] = { handle_region_write_multi, sizeof(uint64_t), 0 },
	[VFU_CMD_DEVICE_RESET] = { handle_reset, 0, 0 },
};

/* Check what all commands have in common, then handle one; 0 or a negative errno to be sent */
int command_handle(struct vfu_server *server, struct conn *conn, const struct vfu_header *command,
		   const uint8_t *body)
{
	size_t len = command->size - sizeof(*command);
	const struct handler *handler;

	if ((command->flags & VFU_FLAG_TYPE) != VFU_TYPE_COMMAND)
		return -EINVAL;
	if (command->command >= VFU_CMD_COUNT || !handlers[command->command].handle)
		return -ENOTSUP;
	if (conn != server->client && command->command != VFU_CMD_VERSION)
		return -EINVAL;
	handler = &handlers[command->command];
	if (conn->fds_error)
		return -conn->fds_error;
	if (len < handler->body || conn->n_fds > handler->fds)
		return -EINVAL;
	return handler->handle(server, conn, command, body, len);
}
