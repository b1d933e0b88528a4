/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: a provider registers one structure with libibverbs (struct
 * verbs_device_ops of libibverbs/driver.h; its beginning has been the same from rdma-core 17 on):
 *
 *	offset	0  name, a pointer to a string
 *		8  least and greatest kernel ABI, 32 bits each
 *	       16  match table, a pointer
 *	       24  pointers: other providers of a static build, match function
 *	       40  pointers: alloc_context, import_context, alloc_device, uninit_device
 *
 * An entry of the table has 24 bytes, and its kind at 20. Of kind 3 (VERBS_MATCH_DRIVER_ID) it has
 * a driver id at 8. Kind 0 ends the table.
 *
 * The pointers are relative relocations. So each place that is relocated to the address of a
 * string is examined, and accepted if its surroundings have this layout. Nothing in the file is
 * trusted: every address is looked up in the segments, every offset is checked.
 */
#include "host/machine/rdma_provider.h"

#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define OPS_ABI          8u
#define OPS_TABLE        16u
#define OPS_ALLOC_DEVICE 56u
#define ABI_MAX          0x7fffffffu
#define ENTRY_SIZE       24u
#define ENTRY_ID         8u
#define ENTRY_KIND       20u
#define KIND_DRIVER_ID   3u
#define ENTRIES_MAX      4096u
#define RELOCATIONS_MAX  (1u << 20)

/**
 * struct image - a library
 * @segment:	program headers, @n of them, copied since the file may be misaligned
 */
struct image {
	const unsigned char *data;
	size_t size;
	Elf64_Phdr segment[32];
	size_t n;
};

/** struct relocation - the word at @place will hold the address @value */
struct relocation {
	uint64_t place, value;
};

struct relocations {
	struct relocation *at;
	size_t n, room;
};

/** bytes_at() - @len bytes at an address, or NULL */
static const unsigned char *bytes_at(const struct image *image, uint64_t address, uint64_t len)
{
	for (size_t i = 0; i < image->n; i++) {
		const Elf64_Phdr *s = &image->segment[i];
		uint64_t offset = address - s->p_vaddr;

		if (s->p_type != PT_LOAD || address < s->p_vaddr || offset >= s->p_filesz ||
		    len > s->p_filesz - offset)
			continue;
		if (s->p_offset > image->size || offset > image->size - s->p_offset ||
		    len > image->size - s->p_offset - offset)
			return NULL;
		return image->data + s->p_offset + offset;
	}
	return NULL;
}

/** number_at() - a number of up to 8 bytes at an address; 0 if there is none */
static uint64_t number_at(const struct image *image, uint64_t address, size_t len)
{
	const unsigned char *bytes = bytes_at(image, address, len);
	uint64_t value = 0;

	if (bytes)
		memcpy(&value, bytes, len);
	return value;
}

static int image_open(struct image *image, const unsigned char *data, size_t size)
{
	Elf64_Ehdr header;

	if (size < sizeof(header))
		return -ENOEXEC;
	memcpy(&header, data, sizeof(header));
	if (memcmp(header.e_ident, ELFMAG, SELFMAG) || header.e_ident[EI_CLASS] != ELFCLASS64 ||
	    header.e_ident[EI_DATA] != ELFDATA2LSB ||
	    (header.e_machine != EM_X86_64 && header.e_machine != EM_AARCH64) ||
	    header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phoff > size)
		return -ENOEXEC;
	image->data = data;
	image->size = size;
	image->n = header.e_phnum;
	if (image->n > sizeof(image->segment) / sizeof(image->segment[0]) ||
	    image->n * sizeof(Elf64_Phdr) > size - header.e_phoff)
		return -ENOEXEC;
	memcpy(image->segment, data + header.e_phoff, image->n * sizeof(Elf64_Phdr));
	return 0;
}

/** dynamic() - an entry of the dynamic section; 0: none */
static uint64_t dynamic(const struct image *image, int64_t tag)
{
	for (size_t i = 0; i < image->n; i++) {
		const Elf64_Phdr *s = &image->segment[i];

		for (uint64_t at = 0; s->p_type == PT_DYNAMIC && at < s->p_filesz;
		     at += sizeof(Elf64_Dyn)) {
			uint64_t found = number_at(image, s->p_vaddr + at, 8);

			if (found == (uint64_t)tag)
				return number_at(image, s->p_vaddr + at + 8, 8);
			if (!found)
				break;
		}
	}
	return 0;
}

static int add(struct relocations *list, uint64_t place, uint64_t value)
{
	if (list->n == list->room) {
		size_t room = list->room ? 2 * list->room : 64;
		struct relocation *more = NULL;

		if (room <= RELOCATIONS_MAX)
			more = reallocarray(list->at, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		list->at = more;
		list->room = room;
	}
	list->at[list->n++] = (struct relocation){ place, value };
	return 0;
}

/** add_rela() - relocations of the table DT_RELA */
static int add_rela(const struct image *image, struct relocations *list)
{
	uint64_t size = dynamic(image, DT_RELASZ);
	const unsigned char *table = bytes_at(image, dynamic(image, DT_RELA), size);
	int err = 0;

	for (uint64_t at = 0; table && !err && at + sizeof(Elf64_Rela) <= size;
	     at += sizeof(Elf64_Rela)) {
		Elf64_Rela rela;

		memcpy(&rela, table + at, sizeof(rela));
		if (ELF64_R_TYPE(rela.r_info) == R_X86_64_RELATIVE ||
		    ELF64_R_TYPE(rela.r_info) == R_AARCH64_RELATIVE)
			err = add(list, rela.r_offset, (uint64_t)rela.r_addend);
	}
	return err;
}

#ifndef DT_RELR
#define DT_RELRSZ 35
#define DT_RELR   36
#endif

/**
 * add_relr() - relocations of the table DT_RELR
 *
 * An even word is a place. An odd one has a bit for each of the 63 words after the last place.
 */
static int add_relr(const struct image *image, struct relocations *list)
{
	uint64_t size = dynamic(image, DT_RELRSZ), place = 0, word;
	const unsigned char *table = bytes_at(image, dynamic(image, DT_RELR), size);
	int err = 0;

	for (uint64_t at = 0; table && !err && at + sizeof(word) <= size; at += sizeof(word)) {
		memcpy(&word, table + at, sizeof(word));
		if (!(word & 1)) {
			err = add(list, word, number_at(image, word, 8));
			place = word + 8;
			continue;
		}
		for (unsigned int bit = 1; bit < 64 && !err; bit++)
			if (word >> bit & 1) {
				uint64_t where = place + (bit - 1) * 8;

				err = add(list, where, number_at(image, where, 8));
			}
		place += 63 * 8;
	}
	return err;
}

static int by_place(const void *a, const void *b)
{
	const struct relocation *one = a, *other = b;

	return one->place < other->place ? -1 : one->place > other->place;
}

/** pointer_at() - the address that a word will hold; 0 if it is not a pointer */
static uint64_t pointer_at(const struct relocations *list, uint64_t place)
{
	const struct relocation wanted = { .place = place };
	const struct relocation *found = NULL;

	if (list->n)
		found = bsearch(&wanted, list->at, list->n, sizeof(wanted), by_place);
	return found ? found->value : 0;
}

/** name_at() - is there a name such as mana? */
static bool name_at(const struct image *image, uint64_t address, char name[PROVIDER_NAME])
{
	for (size_t i = 0; i < PROVIDER_NAME; i++) {
		const unsigned char *c = bytes_at(image, address + i, 1);

		if (!c)
			return false;
		name[i] = (char)*c;
		if (!*c)
			return i > 1;
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_-", *c))
			return false;
	}
	return false;
}

/** read_table() - the driver ids of a match table; false if it is not one */
static bool read_table(const struct image *image, uint64_t address, struct provider_claim *claim)
{
	claim->n = 0;
	for (unsigned int i = 0; i < ENTRIES_MAX; i++, address += ENTRY_SIZE) {
		if (!bytes_at(image, address, ENTRY_SIZE))
			return false;
		switch (number_at(image, address + ENTRY_KIND, 1)) {
		case 0:
			return true;
		case 1:
		case 2:
			break;
		case KIND_DRIVER_ID:
			if (claim->n < PROVIDER_IDS)
				claim->id[claim->n++] = number_at(image, address + ENTRY_ID, 8);
			break;
		default:
			return false;
		}
	}
	return false;
}

/** is_ops() - is the structure that begins here a provider's? */
static bool is_ops(const struct image *image, const struct relocations *list,
		   const struct relocation *at, struct provider_claim *claim)
{
	uint64_t abi = number_at(image, at->place + OPS_ABI, 8);
	uint64_t least = abi & 0xffffffff, greatest = abi >> 32;
	uint64_t table = pointer_at(list, at->place + OPS_TABLE);

	return table && pointer_at(list, at->place + OPS_ALLOC_DEVICE) && least <= greatest &&
	       greatest <= ABI_MAX && name_at(image, at->value, claim->name) &&
	       read_table(image, table, claim);
}

int provider_claim_read(const unsigned char *data, size_t size, struct provider_claim *claim)
{
	struct relocations list = { 0 };
	struct image image;
	int err = image_open(&image, data, size);

	memset(claim, 0, sizeof(*claim));
	if (!err)
		err = add_rela(&image, &list);
	if (!err)
		err = add_relr(&image, &list);
	if (!err) {
		if (list.n)
			qsort(list.at, list.n, sizeof(*list.at), by_place);
		err = -ENOENT;
	}
	for (size_t i = 0; err == -ENOENT && i < list.n; i++)
		if (is_ops(&image, &list, &list.at[i], claim))
			err = 0;
	free(list.at);
	if (err)
		memset(claim, 0, sizeof(*claim));
	return err;
}
