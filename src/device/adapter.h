/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/adapter.h - a MANA adapter in software, as its owner (serve/) sees it.
 *
 * An adapter listens on a socket, serves one client at a time and plugs each of its vPorts into a
 * fabric. All calls are for the control thread; the lanes move packets.
 *
 * The room
 *
 * Each file calls and includes only files on the lines below its own:
 *
 *	adapter.c					calls for the owner
 *	client.c					calls from the socket's client
 *	act.c						what an operator or a scenario makes happen
 *	registers.c config.c				BAR 0 and its doorbells; PCI space
 *	reset.c						back to power-on
 *	hwc.c						the channel that carries commands
 *	examine.c					does the driver keep the rules?
 *	examine_command.c				of messages and commands,
 *	examine_object.c				of objects,
 *	examine_queue.c					of doorbells and completions,
 *	examine_entry.c					of entries
 *	examine_judge.c examine_rules.c			a rule is broken; the rules in words
 *	gdma.c						commands: of the function,
 *	vport.c						of the Ethernet device,
 *	rnic.c, rnic_pair.c				of the RDMA device, and its queue pairs
 *	pair.c						a queue pair's turn: entries, packets, completions
 *	transmit.c transmit_entry.c synthetic.c		from a queue or card to a fabric,
 *	receive.c					and back:
 *	receive_plain.c, receive_any.c, receive_burst.c	the fast path, the slow path, their state
 *	inbox.c						RoCE packets on their way to a queue pair
 *	native.c doorbell.c				doorbells in shared memory; pages of BAR 0
 *	faulty.c					what faults do to queues
 *	queue.c						event, completion and work queues
 *	trace.c						what happens, into a trace
 *	state.c						struct adapter; the log; interrupts
 *	watch.c						telling others what happens
 *	fault.c fault_parse.c				faults on demand: when they happen; their text,
 *	fault_word.c					and its words
 *	memory.c reach.c retire.c			keys and page lists; what is freed later
 *	lanes.c, lane.c					threads: as they are changed, and as they run
 *	segment.c checksum.c headers.c toeplitz.c	the contents of packets
 *	shaper.c					the rate of a vPort's send queues
 *
 * It uses base/, wire/, dma/, vfio_user/, fabric/, roce/ and trace/. It never prints, never reads a
 * command line, and shares nothing but wire/ with driver/, which tests it. What a client wrote is copied before
 * it is checked, and only the copy is used; nothing here waits for a client, and no client can make
 * it grow without bound.
 */
#ifndef MANAKIN_DEVICE_ADAPTER_H
#define MANAKIN_DEVICE_ADAPTER_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "device/lane.h"
#include "fabric/fabric.h"

#define ADAPTER_PORTS_MAX  16u   /* vPorts an adapter can have */
#define ADAPTER_QUEUES_MAX 64u   /* queue pairs a vPort can have */
#define ADAPTER_MTU_MAX    9000u /* bytes of layer 3 */
#define ADAPTER_MTU_MIN    576u
#define ADAPTER_SPEED_MAX  400000u /* of a vPort's link, in Mbit/s */

/**
 * struct adapter_port_config - one vPort
 * @mac:	its address
 * @fabric:	what it is plugged into, a spec for fabric_open()
 * @mtu:	bytes of layer 3; the adapter reports the largest of its ports
 * @queues:	queue pairs it offers
 * @check_source: drop frames that are sent from an address other than @mac
 * @speed:	of its link, in Mbit/s, which its send queues keep; 0: no limit
 */
struct adapter_port_config {
	uint8_t mac[6];
	const char *fabric;
	uint16_t mtu;
	unsigned int queues;
	bool check_source;
	uint32_t speed;
};

struct adapter_config {
	const char *name;   /* in messages */
	const char *socket; /* path the client connects to */
	bool physical;      /* present the PF (00b9) instead of a VF (00ba) */
	bool passed;        /* the sockets are these; else they are created */
	int client_fd, synthetic_fd;
	bool synthetic; /* each vPort also has a synthetic card, see synthetic.c */
	unsigned int ports;
	struct adapter_port_config port[ADAPTER_PORTS_MAX];
	const char *faults;        /* a scenario, see docs/faults.md; NULL: none */
	const char *faults_source; /* the file it was read from */
};

struct adapter;

#define SYNTHETIC_SUFFIX ".synthetic" /* after config.socket: where the cards' host connects */

/**
 * adapter_open() - plug in the vPorts and listen
 * @config:	copied
 * @lanes:	move this adapter's packets; must outlive it
 * @adapter:	owned by the caller until adapter_close()
 * @error:	on failure, a sentence for the user
 *
 * Return: 0 or a negative errno
 */
int adapter_open(const struct adapter_config *config, struct lanes *lanes, struct adapter **adapter,
		 struct error *error);
void adapter_close(struct adapter *adapter);

/** adapter_fd() - readable when adapter_serve() has something to do */
int adapter_fd(const struct adapter *adapter);

/**
 * adapter_guard_fd() - readable when a client has truncated mapped memory
 *
 * One per process. The control thread reads it and calls adapter_check() for each adapter.
 */
int adapter_guard_fd(void);
void adapter_check(struct adapter *adapter);

/** adapter_serve() - answer the client, without blocking */
void adapter_serve(struct adapter *adapter);

/** adapter_busy() - is a client attached? */
bool adapter_busy(const struct adapter *adapter);

/** adapter_flush() - write out what the fabrics have buffered (captures) */
void adapter_flush(struct adapter *adapter);

const struct adapter_config *adapter_config(const struct adapter *adapter);

/**
 * struct adapter_port_counters - counters of a vPort since the adapter was opened
 *
 * Frames as the client sees them: a large send is one frame here and several in fabric.tx_frames
 * unless the fabric accepts it whole. Bytes without FCS.
 */
struct adapter_port_counters {
	uint64_t tx_frames, tx_bytes, tx_errors, tx_csum, tx_tso, tx_vlan;
	uint64_t rx_frames, rx_bytes, rx_no_buffer, rx_disabled, rx_truncated, rx_csum_bad;
	uint64_t rx_coalesced; /* completions that carried more than one packet */
	struct {
		uint64_t tx_packets, tx_bytes, rx_packets, rx_bytes;
		uint64_t retransmitted;   /* packets of requests */
		uint64_t naks, rnr_naks;  /* sent and received */
		uint64_t out_of_sequence; /* received */
		uint64_t icrc_errors;     /* received, for a queue pair */
		uint64_t
			dropped; /* for no queue pair, or without room; also of its own queue pairs */
	} rdma;
	unsigned int tx_queues, rx_queues; /* that exist now */
	struct fabric_counters fabric;
};

/** adapter_counters() - of all vPorts, by number: each lane is asked once */
void adapter_counters(struct adapter *adapter, struct adapter_port_counters *counters);

/** adapter_rx_queue_frames() - frames received on the vPort's queue @queue; 0 if there is none */
uint64_t adapter_rx_queue_frames(struct adapter *adapter, unsigned int port, unsigned int queue);

/*
 * Events. Each returns 0, -ENOTCONN without a client that has set up its hardware
 * channel, or -EINVAL.
 */

/** adapter_set_link() - set the vPort's link up or down, also for later clients */
int adapter_set_link(struct adapter *adapter, unsigned int port, bool up);

/**
 * adapter_set_vf() - remove the function from the guest, or give it back
 *
 * Return: as the others, or -EOPNOTSUPP without synthetic cards, whose host would remove it
 */
int adapter_set_vf(struct adapter *adapter, bool there);

/** adapter_pull_card() - remove the vPort's synthetic card; as adapter_set_vf() */
int adapter_pull_card(struct adapter *adapter, unsigned int port);

/**
 * adapter_reconfigure() - tell the driver a new timeout for the hardware channel, in ms: now, in an
 * event, and whenever a driver asks
 *
 * Return: 0, -EINVAL, or -ENOTCONN if no driver is there that could be told now
 */
int adapter_reconfigure(struct adapter *adapter, uint32_t hwc_timeout_ms);

/**
 * adapter_refuse() - answer every such command of the driver with an error, also of later clients
 * @command:	its name, as the log prints it; NULL: refuse none
 *
 * It is a rule like those of a scenario, but there is at most one.
 *
 * Return: 0, -ENOENT if there is no such command, -ENOSPC or -ENOMEM
 */
int adapter_refuse(struct adapter *adapter, const char *command);

/** adapter_request_reset() - ask the driver to reset the function */
int adapter_request_reset(struct adapter *adapter);

/*
 * Faults: docs/faults.md
 */

#define ADAPTER_FAULT_TEXT 200u /* bytes of a rule */

/**
 * struct adapter_fault - a rule of a scenario
 * @seen:	how often what it waits for has happened
 * @fired:	how often it has applied
 */
struct adapter_fault {
	unsigned int id;
	unsigned long long seen, fired;
	char text[ADAPTER_FAULT_TEXT];
};

/**
 * adapter_fault_add() - add the rules of a scenario to those that there are
 * @text:	its lines
 * @source:	where they come from, for messages
 * @error:	on failure, a sentence for the user, with line and column
 *
 * Return: 0, -EINVAL, -ENOSPC or -ENOMEM: none of them was added
 */
int adapter_fault_add(struct adapter *adapter, const char *text, const char *source,
		      struct error *error);

/** adapter_fault_get() - the rule in that place, from 0 on; false: there are no more */
bool adapter_fault_get(struct adapter *adapter, unsigned int place, struct adapter_fault *fault);

/** adapter_fault_remove() - 0, or -ENOENT: no rule has this number */
int adapter_fault_remove(struct adapter *adapter, unsigned int id);

/** adapter_fault_clear() - remove all rules, and end what they have begun */
void adapter_fault_clear(struct adapter *adapter);

/** adapter_fault_signal() - 0, or -ENOENT: no rule waits for this signal */
int adapter_fault_signal(struct adapter *adapter, const char *name);

#endif
