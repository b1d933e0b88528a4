/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/faulty.h - what faults do to queues: which are asked about, and what becomes of a packet or
 * completion. Lanes call this only for queues whose wq->fault is not 0.
 */
#ifndef MANAKIN_DEVICE_FAULTY_H
#define MANAKIN_DEVICE_FAULTY_H

#include <stdbool.h>
#include <stdint.h>

#include "device/queue.h"

struct adapter;
struct fault;
struct fault_verdict;
struct vport;

/** faulty_open() - a vPort's new queue, before a lane can find it */
void faulty_open(struct wq *wq);

/** faulty_refresh() - rules have changed: look again at all queues */
void faulty_refresh(struct adapter *adapter);

/**
 * faulty_each() - do to queues what FAULT_QUEUE_STALL, GOES, SLOW or RATE says
 *
 * Return: how many there were
 */
unsigned int faulty_each(struct adapter *adapter, const struct fault *fault);

/** faulty_waits() - has the queue to wait, because it is to be slow? Until *@due */
bool faulty_waits(struct wq *wq, uint64_t *due);

/**
 * faulty_packet() - an entry was taken, or a packet has come
 * @start:	wq->taken before its entry; if it is to be taken again, wq->taken afterwards
 *
 * Return: FAULT_DO_* that are to be done: ERROR with the type in @type, DMA, or STALL, which has
 * been done: the entry was put back
 */
uint32_t faulty_packet(struct wq *wq, uint32_t start, uint32_t *type);

/**
 * faulty_completion() - a completion is about to be written; the completion queue is locked
 *
 * Return: FAULT_DO_LOSE, or ERROR with the type in @type; that it is late has been done
 */
uint32_t faulty_completion(struct wq *wq, uint32_t *type);

#endif
