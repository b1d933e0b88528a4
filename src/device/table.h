/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/table.h - numbered objects: queue identifiers, keys and handles.
 *
 * The control thread inserts and removes; lanes look up. Numbers are assigned
 * in turn, so that a number is not reused soon after its removal.
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
 * @used:	objects in the table
 * @next:	where to look for a free number
 */
struct table {
	void *_Atomic *slots;
	uint32_t size;
	uint32_t used;
	uint32_t next;
};

/** table_init() - a table for numbers @first to @size - 1; 0 or -1 when out of memory */
static inline int table_init(struct table *table, uint32_t size, uint32_t first)
{
	table->slots = calloc(size, sizeof(*table->slots));
	table->size = size;
	table->used = 0;
	table->next = first;
	return table->slots ? 0 : -1;
}

static inline void table_free(struct table *table)
{
	free((void *)table->slots);
	table->slots = NULL;
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
 * @first:	lowest number to assign
 *
 * Return: the number, or -1 if the table is full
 */
static inline int64_t table_add(struct table *table, void *object, uint32_t first)
{
	for (uint32_t i = 0; i < table->size; i++) {
		uint32_t number = table->next++;

		if (table->next >= table->size)
			table->next = first;
		if (number < first || table_get(table, number))
			continue;
		atomic_store_explicit(&table->slots[number], object, memory_order_release);
		table->used++;
		return number;
	}
	return -1;
}

static inline void table_remove(struct table *table, uint32_t number)
{
	atomic_store_explicit(&table->slots[number], NULL, memory_order_release);
	table->used--;
}

#endif
