/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/table.h - numbered objects: queue identifiers, keys and handles.
 *
 * The control thread inserts and removes; lanes look up. Numbers are assigned
 * in turn, so that a number is not reused soon after its removal. All calls take constant time.
 */
#ifndef MANAKIN_DEVICE_TABLE_H
#define MANAKIN_DEVICE_TABLE_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

/**
 * struct table - objects by number
 * @slots:	one per object; NULL is free. Allocated by table_init()
 * @size:	numbers are below this
 * @floor, @limit: those below and from here on are only given by table_put()
 * @used:	objects in the table
 * @fresh:	numbers from here on have never been assigned
 * @freed:	those that have been, and are free again: a ring, the longest free one at @first
 * @first, @count: where it starts, and how many there are
 */
struct table {
	void *_Atomic *slots;
	uint32_t size;
	uint32_t floor, limit;
	uint32_t used;
	uint32_t fresh;
	uint32_t *freed;
	uint32_t first, count;
};

/** table_init() - a table for numbers @first to @size - 1; 0 or -1 when out of memory */
static inline int table_init(struct table *table, uint32_t size, uint32_t first)
{
	table->slots = calloc(size, sizeof(*table->slots));
	table->freed = malloc(size * sizeof(*table->freed));
	table->size = size;
	table->floor = first;
	table->limit = size;
	table->used = 0;
	table->fresh = first;
	table->first = table->count = 0;
	return table->slots && table->freed ? 0 : -1;
}

static inline void table_free(struct table *table)
{
	free((void *)table->slots);
	free(table->freed);
	table->slots = NULL;
	table->freed = NULL;
}

/** table_get() - the object with that number, or NULL */
static inline void *table_get(const struct table *table, uint64_t number)
{
	if (number >= table->size)
		return NULL;
	return atomic_load_explicit(&table->slots[number], memory_order_acquire);
}

/**
 * table_add() - give @object a number
 *
 * Return: the number, or -1 if the table is full
 */
static inline int64_t table_add(struct table *table, void *object)
{
	uint32_t number;

	if (table->fresh < table->limit) {
		number = table->fresh++;
	} else if (table->count) {
		number = table->freed[table->first];
		table->first = table->first + 1 == table->size ? 0 : table->first + 1;
		table->count--;
	} else {
		return -1;
	}
	atomic_store_explicit(&table->slots[number], object, memory_order_release);
	table->used++;
	return number;
}

/** table_put() - give @object a number outside the table's floor and limit, which is free */
static inline void table_put(struct table *table, uint32_t number, void *object)
{
	atomic_store_explicit(&table->slots[number], object, memory_order_release);
}

/** table_remove() - its number is free: others are assigned first, as long as there are any */
static inline void table_remove(struct table *table, uint32_t number)
{
	uint32_t last = table->first + table->count;

	atomic_store_explicit(&table->slots[number], NULL, memory_order_release);
	if (number < table->floor || number >= table->limit)
		return;
	table->count++;
	table->freed[last >= table->size ? last - table->size : last] = number;
	table->used--;
}

#endif
