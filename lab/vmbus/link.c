// SPDX-License-Identifier: GPL-2.0
/*
 * link.c - the driver of the cable, and the messages on it.
 *
 * Theory of operation
 * -------------------
 * The lab gives a guest one virtio network device for each adapter, with the address
 * 02:6d:6e:6b:00:SLOT, SLOT being the adapter's place on the PCI bus. This driver claims those
 * before virtio_net.ko sees them, so that they get no interface. docs/vmbus.md describes the
 * packets; QEMU passes them to a datagram socket of the adapter.
 *
 * The device's interrupts only wake the host's thread, which does everything else under host_lock.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/etherdevice.h>
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_net.h>

#include "link.h"
#include "netvsp.h"

#define LINKS_MAX   15u
#define PORTS_MAX   64u
#define BUFFERS	    128u
#define BUFFER_SIZE  max_t(size_t, SZ_16K, PAGE_SIZE)
#define BUFFER_ORDER get_order(BUFFER_SIZE)
#define FIRST_WAIT_MS 3000 /* for the adapter to announce its ports */
#define FRAMES_TURN 64u	   /* received, until the guest's turn */

static const u8 prefix[5] = { 0x02, 0x6d, 0x6e, 0x6b, 0x00 };

/**
 * struct link - a cable; under host_lock, except what is set once
 * @vdev:	virtio's device
 * @receiving, @sending: its queues
 * @head_size:	bytes that virtio has before each packet
 * @buffers:	for sending; a bit in @free for each
 * @free:	which buffers the device does not have
 * @n_free:	how many
 * @filling:	the buffer that link_frame() has given out, or BUFFERS
 * @nics:	cards, by port
 * @vf:		the adapter on the PCI bus
 * @slot:	its slot
 * @news:	creates cards that have been announced
 * @said:	announced but not created yet; by port
 * @to_say:	a bit for each of them
 * @all_said:	completed when all cards have been created
 * @pull:	cards to be removed, a bit each
 */
struct link {
	struct virtio_device *vdev;
	struct virtqueue *receiving;
	struct virtqueue *sending;
	unsigned int head_size;
	u8 *buffers[BUFFERS];
	DECLARE_BITMAP(free, BUFFERS);
	unsigned int n_free;
	unsigned int filling;
	struct netvsp *nics[PORTS_MAX];
	struct vf *vf;
	unsigned int slot;
	struct work_struct news;
	struct link_port said[PORTS_MAX];
	DECLARE_BITMAP(to_say, PORTS_MAX);
	bool last;
	struct completion all_said;
};

static struct link *links[LINKS_MAX];

/* ---- Sending ---- */

/* Reclaim the buffers that the device is done with. */
static void reclaim(struct link *link)
{
	unsigned int len;
	void *token;

	while ((token = virtqueue_get_buf(link->sending, &len))) {
		__set_bit((unsigned long)token - 1, link->free);
		link->n_free++;
	}
}

/**
 * link_has_room() - can this many packets be sent?
 * @link:	the cable
 * @packets:	how many
 *
 * If not, the device's next interrupt wakes the host's thread.
 */
bool link_has_room(struct link *link, unsigned int packets)
{
	/* One is left for the messages of link_say...(). */
	packets += 4;
	if (link->n_free < packets)
		reclaim(link);
	return link->n_free >= packets;
}

/**
 * link_frame() - get room for a frame to be sent with link_send()
 * @link:	the cable
 *
 * Return: LINK_FRAME_MAX bytes, or NULL if there is no room
 */
u8 *link_frame(struct link *link)
{
	if (link->filling == BUFFERS) {
		if (!link->n_free)
			reclaim(link);
		link->filling = find_first_bit(link->free, BUFFERS);
		if (link->filling == BUFFERS)
			return NULL;
		__clear_bit(link->filling, link->free);
		link->n_free--;
	}
	return link->buffers[link->filling] + link->head_size + sizeof(struct link_header);
}

/**
 * link_send() - send the frame in the room from link_frame()
 * @link:	the cable
 * @header:	its header, except for the magic number
 * @len:	bytes after the header
 */
void link_send(struct link *link, struct link_header *header, u32 len)
{
	u8 *buffer = link->buffers[link->filling];
	struct scatterlist sg;

	header->magic = cpu_to_le32(LINK_MAGIC);
	memset(buffer, 0, link->head_size);
	memcpy(buffer + link->head_size, header, sizeof(*header));
	sg_init_one(&sg, buffer, link->head_size + sizeof(*header) + len);
	if (virtqueue_add_outbuf(link->sending, &sg, 1, (void *)(link->filling + 1ul),
				 GFP_KERNEL)) {
		__set_bit(link->filling, link->free);
		link->n_free++;
	}
	link->filling = BUFFERS;
}

/* A message with one number. */
static void say(struct link *link, u8 type, u8 port, u32 value)
{
	struct link_header header = { .type = type, .port = port };
	__le32 number = cpu_to_le32(value);
	u8 *to = link_frame(link);

	if (!to)
		return;
	memcpy(to, &number, sizeof(number));
	link_send(link, &header, sizeof(number));
	virtqueue_kick(link->sending);
}

void link_say_path(struct link *link, u8 port, bool vf)
{
	say(link, LINK_PATH, port, vf);
}

void link_say_vf_done(struct link *link, bool there)
{
	mutex_lock(&host_lock);
	say(link, LINK_VF_DONE, 0, there);
	mutex_unlock(&host_lock);
}

/* Does a driver in user space still send over the VF? hv_netvsc leaves it only when it is removed. */
bool link_on_vf(struct link *link)
{
	bool on_vf = false;

	mutex_lock(&host_lock);
	for (unsigned int i = 0; i < PORTS_MAX; i++) {
		const struct netvsp *nic = link->nics[i];

		on_vf |= nic && nic->on_vf && nic->channels[0] &&
			 nic->channels[0]->guest.ring_sysfs_visible;
	}
	mutex_unlock(&host_lock);
	return on_vf;
}

/* ---- Receiving ---- */

/* Create the cards that have been announced; this also binds their drivers. */
static void make_cards(struct work_struct *work)
{
	struct link *link = container_of(work, struct link, news);
	struct link_port said;
	struct netvsp *nic;
	unsigned int port;
	bool last;

	for (;;) {
		mutex_lock(&host_lock);
		port = find_first_bit(link->to_say, PORTS_MAX);
		if (port < PORTS_MAX) {
			__clear_bit(port, link->to_say);
			said = link->said[port];
		}
		last = link->last;
		mutex_unlock(&host_lock);
		if (port >= PORTS_MAX)
			break;
		nic = netvsp_create(link, port, said.mac, le16_to_cpu(said.mtu), link->slot);
		if (!nic)
			continue;
		nic->up = said.up;
		nic->vf = said.vf;
		if (netvsp_offer(nic)) {
			pr_err("cannot offer the card of port %u\n", port);
			continue;
		}
		mutex_lock(&host_lock);
		link->nics[port] = nic;
		mutex_unlock(&host_lock);
	}
	if (last)
		complete_all(&link->all_said);
}

static void take_port(struct link *link, unsigned int port, const struct link_port *said)
{
	struct netvsp *nic = link->nics[port];

	if (nic) {
		netvsp_set_state(nic, said->up, said->vf);
		return;
	}
	link->said[port] = *said;
	__set_bit(port, link->to_say);
	schedule_work(&link->news);
}

/* A packet from the adapter's end. */
static void take(struct link *link, const u8 *packet, u32 len)
{
	struct link_header header;
	struct link_port port;

	if (len < sizeof(header))
		return;
	memcpy(&header, packet, sizeof(header));
	packet += sizeof(header);
	len -= sizeof(header);
	if (header.magic != cpu_to_le32(LINK_MAGIC) || header.port >= PORTS_MAX)
		return;
	switch (header.type) {
	case LINK_FRAME:
		if (link->nics[header.port])
			data_receive(link->nics[header.port], &header, packet, len);
		break;
	case LINK_PORT:
		if (len < sizeof(port))
			break;
		memcpy(&port, packet, sizeof(port));
		take_port(link, header.port, &port);
		break;
	case LINK_ALL_SAID:
		link->last = true;
		schedule_work(&link->news);
		break;
	case LINK_VF:
		if (len >= 4 && link->vf)
			vf_set(link->vf, packet[0]);
		break;
	case LINK_PULL:
		if (link->nics[header.port])
			schedule_work(&link->nics[header.port]->rescind);
		break;
	}
}

static int post(struct link *link, u8 *buffer)
{
	struct scatterlist sg;

	sg_init_one(&sg, buffer, BUFFER_SIZE);
	return virtqueue_add_inbuf(link->receiving, &sg, 1, buffer, GFP_KERNEL);
}

static void serve(struct link *link)
{
	unsigned int len;
	u8 *buffer;

	reclaim(link);
	for (unsigned int n = 0; n < FRAMES_TURN; n++) {
		buffer = virtqueue_get_buf(link->receiving, &len);
		if (!buffer)
			break;
		if (len > link->head_size && len <= BUFFER_SIZE)
			take(link, buffer + link->head_size, len - link->head_size);
		post(link, buffer);
		if (n == FRAMES_TURN - 1)
			host_kick();
	}
	virtqueue_kick(link->receiving);
}

void link_serve_all(void)
{
	for (unsigned int i = 0; i < LINKS_MAX; i++) {
		if (links[i])
			serve(links[i]);
	}
}

/* Start what has been queued since the last time. */
void link_flush_all(void)
{
	for (unsigned int i = 0; i < LINKS_MAX; i++) {
		if (links[i])
			virtqueue_kick(links[i]->sending);
	}
}

/* ---- The device ---- */

static void interrupt(struct virtqueue *queue)
{
	host_kick();
}

static void free_link(struct link *link)
{
	for (unsigned int i = 0; i < BUFFERS; i++)
		free_pages((unsigned long)link->buffers[i], BUFFER_ORDER);
	kfree(link);
}

/* The device owns the receive buffers from here on. */
static int post_all(struct link *link)
{
	for (unsigned int i = 0; i < BUFFERS; i++) {
		u8 *buffer = (u8 *)__get_free_pages(GFP_KERNEL, BUFFER_ORDER);

		if (!buffer)
			return -ENOMEM;
		if (post(link, buffer)) {
			free_pages((unsigned long)buffer, BUFFER_ORDER);
			return i ? 0 : -EIO; /* its queue is shorter */
		}
	}
	return 0;
}

static void drain(struct link *link)
{
	void *buffer;

	while ((buffer = virtqueue_detach_unused_buf(link->receiving)))
		free_pages((unsigned long)buffer, BUFFER_ORDER);
	while (virtqueue_detach_unused_buf(link->sending))
		;
}

static int probe(struct virtio_device *vdev)
{
	struct virtqueue_info info[] = { { "input", interrupt }, { "output", interrupt } };
	struct virtqueue *queues[2];
	unsigned int index;
	struct link *link;
	u8 mac[ETH_ALEN];
	int err = -ENOMEM;

	if (!virtio_has_feature(vdev, VIRTIO_NET_F_MAC))
		return -ENODEV;
	virtio_cread_bytes(vdev, offsetof(struct virtio_net_config, mac), mac, ETH_ALEN);
	if (memcmp(mac, prefix, sizeof(prefix)))
		return -ENODEV; /* virtio_net's */
	for (index = 0; index < LINKS_MAX && links[index]; index++)
		;
	if (index == LINKS_MAX)
		return -ENOSPC;
	link = kzalloc(sizeof(*link), GFP_KERNEL);
	if (!link)
		return -ENOMEM;
	link->vdev = vdev;
	link->slot = mac[5];
	link->filling = BUFFERS;
	link->head_size = virtio_has_feature(vdev, VIRTIO_F_VERSION_1) ?
				  sizeof(struct virtio_net_hdr_v1) :
				  sizeof(struct virtio_net_hdr);
	INIT_WORK(&link->news, make_cards);
	init_completion(&link->all_said);
	vdev->priv = link;
	for (unsigned int i = 0; i < BUFFERS; i++) {
		link->buffers[i] = (u8 *)__get_free_pages(GFP_KERNEL, BUFFER_ORDER);
		if (!link->buffers[i])
			goto no_buffers;
		__set_bit(i, link->free);
		link->n_free++;
	}
	err = virtio_find_vqs(vdev, ARRAY_SIZE(queues), queues, info, NULL);
	if (err)
		goto no_buffers;
	link->receiving = queues[0];
	link->sending = queues[1];
	err = post_all(link);
	if (err)
		goto no_posts;
	virtio_device_ready(vdev);
	link->vf = vf_create(link, link->slot, link->slot);
	mutex_lock(&host_lock);
	links[index] = link;
	virtqueue_kick(link->receiving);
	say(link, LINK_HELLO, 0, 1);
	mutex_unlock(&host_lock);
	return 0;

no_posts:
	virtio_reset_device(vdev);
	drain(link);
	vdev->config->del_vqs(vdev);
no_buffers:
	free_link(link);
	return err;
}

static void remove(struct virtio_device *vdev)
{
	struct link *link = vdev->priv;

	mutex_lock(&host_lock);
	for (unsigned int i = 0; i < LINKS_MAX; i++) {
		if (links[i] == link)
			links[i] = NULL;
	}
	mutex_unlock(&host_lock);
	cancel_work_sync(&link->news);
	vf_destroy(link->vf);
	for (unsigned int i = 0; i < PORTS_MAX; i++) {
		if (link->nics[i])
			netvsp_destroy(link->nics[i]);
	}
	virtio_reset_device(vdev);
	drain(link);
	vdev->config->del_vqs(vdev);
	free_link(link);
}

static const struct virtio_device_id ids[] = {
	{ VIRTIO_ID_NET, VIRTIO_DEV_ANY_ID },
	{ 0 },
};

static const unsigned int features[] = { VIRTIO_NET_F_MAC };

static struct virtio_driver driver = {
	.driver.name = "hv_vmbus_link",
	.id_table = ids,
	.feature_table = features,
	.feature_table_size = ARRAY_SIZE(features),
	.probe = probe,
	.remove = remove,
};

/**
 * link_register() - claim the cables, and wait until their adapters have announced their ports
 *
 * So the cards exist when loading the module has finished, as in a real guest.
 *
 * Return: 0 or a negative errno
 */
int link_register(void)
{
	int err = register_virtio_driver(&driver);

	if (err)
		return err;
	for (unsigned int i = 0; i < LINKS_MAX; i++) {
		if (links[i] && !wait_for_completion_timeout(&links[i]->all_said,
							     msecs_to_jiffies(FIRST_WAIT_MS)))
			pr_warn("the adapter in slot %u does not answer\n", links[i]->slot);
	}
	return 0;
}

void link_unregister(void)
{
	unregister_virtio_driver(&driver);
}
