/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: a question is answered by the first block of the release that fits the
 * kernel; what it lacks is looked for in the release's other blocks that can be installed, in the
 * order of the file.
 */
#include "host/machine/packages.h"

#include <assert.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blocks.h"
#include "base/paths.h"

#define BLOCKS_MAX 1024u

enum field {
	FIELD_DISTRIBUTION,
	FIELD_NAME,
	FIELD_AS,
	FIELD_INSTALL,
	FIELD_REINSTALL,
	FIELD_RELEASE,
	FIELD_KERNEL,
	FIELD_BEFORE,
	FIELD_PACKAGE,
	FIELD_RUNNING,
	FIELD_HAS,
	FIELD_EXTRA,
	FIELD_LACKS,
	FIELD_TOO_OLD,
	FIELD_LIBRARY,
	FIELD_SOURCE,
	FIELD_FAMILY,
	FIELD_IDS,
	FIELD_NAMES,
	FIELD_ADD,
	FIELD_ELSE,
	FIELD_NEED,
	FIELD_FOR,
	FIELD_FOUND,
	FIELD_AT_LEAST,
	FIELD_OLDER,
	FIELD_DEBIAN, /* and so on: what Names may be */
	FIELD_RHEL,
	FIELD_AZURE,
	FIELD_SUSE,
	FIELDS,
};

static_assert(FIELDS <= BLOCKS_FIELDS, "a field each");

static const struct blocks_field fields[FIELDS] = {
	[FIELD_DISTRIBUTION] = { "Distribution", false, false, false },
	[FIELD_NAME] = { "Name", false, false, false },
	[FIELD_AS] = { "As", false, false, false },
	[FIELD_INSTALL] = { "Install", false, false, false },
	[FIELD_REINSTALL] = { "Reinstall", false, false, false },
	[FIELD_RELEASE] = { "Release", false, false, false },
	[FIELD_KERNEL] = { "Kernel", false, false, false },
	[FIELD_BEFORE] = { "Before", false, false, false },
	[FIELD_PACKAGE] = { "Package", false, false, false },
	[FIELD_RUNNING] = { "Running", false, false, false },
	[FIELD_HAS] = { "Has", false, false, false },
	[FIELD_EXTRA] = { "Extra", false, false, false },
	[FIELD_LACKS] = { "Lacks", false, false, false },
	[FIELD_TOO_OLD] = { "Too-Old", false, false, false },
	[FIELD_LIBRARY] = { "Library", false, false, false },
	[FIELD_SOURCE] = { "Source", false, false, false },
	[FIELD_FAMILY] = { "Family", false, false, false },
	[FIELD_IDS] = { "Ids", false, false, false },
	[FIELD_NAMES] = { "Names", false, false, false },
	[FIELD_ADD] = { "Add", false, false, false },
	[FIELD_ELSE] = { "Else", false, false, false },
	[FIELD_NEED] = { "Need", false, false, false },
	[FIELD_FOR] = { "For", false, false, false },
	[FIELD_FOUND] = { "Found", false, false, false },
	[FIELD_AT_LEAST] = { "At-Least", false, false, false },
	[FIELD_OLDER] = { "Older", false, false, false },
	[FIELD_DEBIAN] = { "Debian", false, false, false },
	[FIELD_RHEL] = { "RHEL", false, false, false },
	[FIELD_AZURE] = { "Azure", false, false, false },
	[FIELD_SUSE] = { "SUSE", false, false, false },
};

/**
 * struct block - of the file
 * @value:	of each field; NULL: it has no such
 */
struct block {
	char *value[FIELDS];
};

struct packages {
	struct block block[BLOCKS_MAX];
	size_t n;
};

/** word_in() - is it one of the words of a list? The list may be NULL */
static bool word_in(const char *list, const char *word)
{
	size_t len = strlen(word);

	while (list && *list) {
		size_t here = strcspn(list, " ");

		if (here == len && !strncmp(list, word, len))
			return true;
		list += here;
		list += strspn(list, " ");
	}
	return false;
}

/** extra_modules() - those of an Extra field; @len: of the package's name before them */
static const char *extra_modules(const char *extra, size_t *len)
{
	const char *colon = strstr(extra, ": ");

	*len = colon ? (size_t)(colon - extra) : 0;
	return colon ? colon + 2 : NULL;
}

/** names_field() - the field that Names of a family says; 0: there is no such */
static enum field names_field(const char *names)
{
	for (enum field i = FIELD_DEBIAN; i <= FIELD_SUSE; i++)
		if (!strcmp(names, fields[i].name))
			return i;
	return 0;
}

/** lacks_field() - is one of these fields not there? */
static bool lacks_field(const struct block *b, enum field first, enum field last)
{
	bool lacks = false;

	for (enum field i = first; i <= last; i++)
		lacks |= !b->value[i];
	return lacks;
}

static int check_distribution(struct blocks *blocks, const struct block *b)
{
	if (!b->value[FIELD_NAME])
		return blocks_mistake(blocks, blocks->begun, "there is no Name");
	if (!b->value[FIELD_AS] != (b->value[FIELD_INSTALL] && b->value[FIELD_REINSTALL]))
		return blocks_mistake(blocks, blocks->begun,
				      "it needs either As, or Install and Reinstall");
	return 0;
}

static int check_release(struct blocks *blocks, const struct block *b)
{
	size_t len;

	if (!strchr(b->value[FIELD_RELEASE], ' '))
		return blocks_mistake(blocks, blocks->begun,
				      "Release: an ID and a VERSION_ID, as in 'debian 13'");
	if (!b->value[FIELD_KERNEL] == !b->value[FIELD_LIBRARY])
		return blocks_mistake(blocks, blocks->begun,
				      "a release needs either Kernel or Library");
	if (!b->value[FIELD_SOURCE])
		return blocks_mistake(blocks, blocks->begun, "there is no Source");
	if (b->value[FIELD_EXTRA] && !extra_modules(b->value[FIELD_EXTRA], &len))
		return blocks_mistake(blocks, blocks->begun,
				      "Extra: a package, a colon, and its modules");
	return 0;
}

static int check_family(struct blocks *blocks, const struct block *b)
{
	if (lacks_field(b, FIELD_FAMILY, FIELD_ELSE))
		return blocks_mistake(blocks, blocks->begun,
				      "a family needs Ids, Names, Add and Else");
	if (!names_field(b->value[FIELD_NAMES]))
		return blocks_mistake(blocks, blocks->begun, "Names: Debian, RHEL, Azure or SUSE");
	return 0;
}

static int check_need(struct blocks *blocks, const struct block *b)
{
	if (lacks_field(b, FIELD_NEED, FIELD_FOUND))
		return blocks_mistake(blocks, blocks->begun, "a need needs For and Found");
	if (!b->value[FIELD_AT_LEAST] != !b->value[FIELD_OLDER])
		return blocks_mistake(blocks, blocks->begun, "At-Least and Older go together");
	return 0;
}

/*
 * The kinds of blocks, each with the fields from the one that begins it to the last.
 */
static const struct kind {
	enum field first, last;
	int (*check)(struct blocks *blocks, const struct block *b);
} kinds[] = {
	{ FIELD_DISTRIBUTION, FIELD_REINSTALL, check_distribution },
	{ FIELD_RELEASE, FIELD_SOURCE, check_release },
	{ FIELD_FAMILY, FIELD_ELSE, check_family },
	{ FIELD_NEED, FIELD_SUSE, check_need },
};

/** check_block() - are its fields those that it needs, and no others? */
static int check_block(struct blocks *blocks)
{
	const struct packages *p = blocks->arg;
	const struct block *b = &p->block[p->n - 1];
	const struct kind *kind = NULL;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!b->value[kinds[i].first])
			continue;
		if (kind)
			return blocks_mistake(
				blocks, blocks->begun, "a block needs only one of %s and %s",
				fields[kind->first].name, fields[kinds[i].first].name);
		kind = &kinds[i];
	}
	if (!kind)
		return blocks_mistake(
			blocks, blocks->begun,
			"a block needs one of Distribution, Release, Family and Need");
	for (enum field i = 0; i < FIELDS; i++)
		if (b->value[i] && (i < kind->first || i > kind->last))
			return blocks_mistake(blocks, blocks->begun,
					      "%s is not a field of such a block", fields[i].name);
	return kind->check(blocks, b);
}

static int begin_block(struct blocks *blocks)
{
	struct packages *p = blocks->arg;

	if (p->n == BLOCKS_MAX)
		return blocks_mistake(blocks, blocks->line, "there are more than %u blocks",
				      BLOCKS_MAX);
	p->n++;
	return 0;
}

static int take_field(struct blocks *blocks, unsigned int field)
{
	struct packages *p = blocks->arg;
	char **value = &p->block[p->n - 1].value[field];

	*value = strdup(blocks->value);
	return *value ? 0 : blocks_no_memory(blocks);
}

int packages_open(struct packages **packages, const char *path, struct error *error)
{
	static const struct blocks_format format = { fields, FIELDS, begin_block, take_field,
						     check_block };
	char own[PATH_MAX], *text;
	struct error why;
	size_t len;
	int err;

	*packages = NULL;
	if (!path) {
		paths_find(PLACE_PACKAGES, own, sizeof(own));
		path = own;
	}
	err = blocks_file(path, "the packages", &text, &len, &why);
	if (err)
		return error_fail(error, err, "%s; MANAKIN_PACKAGES may name another such file",
				  why.text);
	*packages = calloc(1, sizeof(**packages));
	err = *packages ? blocks_read(&format, *packages, path, text, len, error)
			: error_fail(error, -ENOMEM, "out of memory");
	free(text);
	if (err) {
		packages_close(*packages);
		*packages = NULL;
	}
	return err;
}

void packages_close(struct packages *packages)
{
	if (!packages)
		return;
	for (size_t i = 0; i < packages->n; i++)
		for (int field = 0; field < FIELDS; field++)
			free(packages->block[i].value[field]);
	free(packages);
}

/** distribution() - the block of this ID; NULL: none */
static const struct block *distribution(const struct packages *p, const char *id, size_t len)
{
	for (size_t i = 0; i < p->n; i++) {
		const char *here = p->block[i].value[FIELD_DISTRIBUTION];

		if (here && strlen(here) == len && !strncmp(here, id, len))
			return &p->block[i];
	}
	return NULL;
}

/** commands_of() - the block with a distribution's commands; @id: under which its releases are */
static const struct block *commands_of(const struct packages *p, const struct distro *distro,
				       const char **id)
{
	const struct block *own = distribution(p, distro->id, strlen(distro->id));

	*id = own && own->value[FIELD_AS] ? own->value[FIELD_AS] : distro->id;
	return own && own->value[FIELD_AS] ? distribution(p, *id, strlen(*id)) : own;
}

/** is_release() - is a block about this release? Its field: "rhel 9, rhel 10" */
static bool is_release(const struct block *b, const char *id, const char *version)
{
	const char *list = b->value[FIELD_RELEASE];
	size_t len = strlen(id);

	while (list && *list) {
		size_t here = strcspn(list, ","), of_version;

		if (!strncmp(list, id, len) && list[len] == ' ') {
			of_version = here - len - 1;
			if (!strncmp(list + len + 1, version, of_version) &&
			    (!version[of_version] || version[of_version] == '.'))
				return true;
		}
		list += here;
		list += strspn(list, ", ");
	}
	return false;
}

/** is_kernel() - is a block about this kernel? */
static bool is_kernel(const struct block *b, const char *kernel)
{
	const char *list = b->value[FIELD_KERNEL];
	bool fits = false;
	char pattern[80];

	while (!fits && list && *list) {
		size_t here = strcspn(list, " ");

		snprintf(pattern, sizeof(pattern), "%.*s", (int)here, list);
		fits = !fnmatch(pattern, kernel, 0);
		list += here;
		list += strspn(list, " ");
	}
	return fits &&
	       (!b->value[FIELD_BEFORE] || version_compare(kernel, b->value[FIELD_BEFORE]) < 0);
}

/** state_of() - of a module or library in a block */
static enum packages_state state_of(const struct block *b, const char *what)
{
	const char *modules;
	size_t len;

	if (word_in(b->value[FIELD_HAS], what))
		return PACKAGES_HAS;
	modules = b->value[FIELD_EXTRA] ? extra_modules(b->value[FIELD_EXTRA], &len) : NULL;
	if (word_in(modules, what))
		return PACKAGES_EXTRA;
	return word_in(b->value[FIELD_LACKS], what) ? PACKAGES_LACKS : PACKAGES_UNKNOWN;
}

/** installable() - a block of a release that brings what is asked for; NULL: none */
static const struct block *installable(const struct packages *p, enum field kind, const char *id,
				       const char *version, const char *what)
{
	const struct block *found = NULL;

	for (size_t i = 0; i < p->n && !found; i++) {
		const struct block *b = &p->block[i];
		enum packages_state state = state_of(b, what);

		if (b->value[kind] && b->value[FIELD_PACKAGE] && is_release(b, id, version) &&
		    (state == PACKAGES_HAS || state == PACKAGES_EXTRA))
			found = b;
	}
	return found;
}

static const struct block *running(const struct packages *p, const char *id, const char *version,
				   const char *kernel)
{
	for (size_t i = 0; i < p->n; i++)
		if (is_release(&p->block[i], id, version) && is_kernel(&p->block[i], kernel))
			return &p->block[i];
	return NULL;
}

/** add_words() - at the end of a text, if there is room for all of it */
__attribute__((format(printf, 3, 4))) static void add_words(char *text, size_t size,
							    const char *format, ...)
{
	size_t len = strlen(text);
	va_list ap;

	va_start(ap, format);
	if ((size_t)vsnprintf(text + len, size - len, format, ap) >= size - len)
		text[len] = '\0';
	va_end(ap);
}

/** list_versions() - those of a distribution that have it, as "Debian 12, 13" */
static void list_versions(const struct packages *p, enum field kind, const struct block *of,
			  const char *what, struct packages_answer *answer)
{
	const char *id = of->value[FIELD_DISTRIBUTION];
	char seen[128] = "";

	for (size_t i = 0; i < p->n; i++) {
		const char *list =
			p->block[i].value[kind] ? p->block[i].value[FIELD_RELEASE] : NULL;

		while (list && *list) {
			size_t here = strcspn(list, ","), len = strlen(id);
			char version[24] = "";

			if (!strncmp(list, id, len) && list[len] == ' ')
				snprintf(version, sizeof(version), "%.*s", (int)(here - len - 1),
					 list + len + 1);
			if (*version && !word_in(seen, version) &&
			    installable(p, kind, id, version, what)) {
				if (!*seen)
					add_words(answer->others, sizeof(answer->others), "%s%s ",
						  *answer->others ? "; " : "",
						  of->value[FIELD_NAME]);
				add_words(answer->others, sizeof(answer->others), "%s%s",
					  *seen ? ", " : "", version);
				add_words(seen, sizeof(seen), "%s ", version);
			}
			list += here;
			list += strspn(list, ", ");
		}
	}
}

static void list_others(const struct packages *p, enum field kind, const char *what,
			struct packages_answer *answer)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->block[i].value[FIELD_DISTRIBUTION] && !p->block[i].value[FIELD_AS])
			list_versions(p, kind, &p->block[i], what, answer);
}

static void say_command(struct packages_answer *answer, const char *verb, const char *package,
			bool reboot)
{
	answer->reboot = reboot;
	/* Half a command is worse than none. */
	if ((size_t)snprintf(answer->install, sizeof(answer->install), "sudo %s %s%s", verb,
			     package, reboot ? " && sudo reboot" : "") >= sizeof(answer->install))
		*answer->install = '\0';
}

void packages_module(const struct packages *p, const struct distro *distro, const char *kernel,
		     const char *module, struct packages_answer *answer)
{
	const struct block *commands, *own, *other;
	char package[80];
	const char *id;
	size_t len;

	memset(answer, 0, sizeof(*answer));
	list_others(p, FIELD_KERNEL, module, answer);
	commands = commands_of(p, distro, &id);
	if (!commands)
		return;
	own = running(p, id, distro->version, kernel);
	answer->state = own ? state_of(own, module) : PACKAGES_UNKNOWN;
	if (answer->state == PACKAGES_EXTRA) {
		extra_modules(own->value[FIELD_EXTRA], &len);
		snprintf(package, sizeof(package), "%.*s", (int)len, own->value[FIELD_EXTRA]);
		say_command(answer, commands->value[FIELD_INSTALL], package, false);
		return;
	}
	if (answer->state == PACKAGES_HAS && own->value[FIELD_RUNNING]) {
		say_command(answer, commands->value[FIELD_REINSTALL], own->value[FIELD_RUNNING],
			    false);
		return;
	}
	other = installable(p, FIELD_KERNEL, id, distro->version, module);
	if (other)
		say_command(answer, commands->value[FIELD_INSTALL], other->value[FIELD_PACKAGE],
			    true);
}

void packages_library(const struct packages *p, const struct distro *distro, const char *library,
		      struct packages_answer *answer)
{
	const struct block *commands, *b;
	const char *id;

	memset(answer, 0, sizeof(*answer));
	list_others(p, FIELD_LIBRARY, library, answer);
	commands = commands_of(p, distro, &id);
	for (size_t i = 0; commands && i < p->n; i++) {
		b = &p->block[i];
		if (b->value[FIELD_LIBRARY] && is_release(b, id, distro->version)) {
			answer->state = state_of(b, library);
			break;
		}
	}
	b = commands ? installable(p, FIELD_LIBRARY, id, distro->version, library) : NULL;
	if (b)
		say_command(answer, commands->value[FIELD_INSTALL], b->value[FIELD_PACKAGE], false);
}

void packages_upgrade(const struct packages *p, const struct distro *distro, const char *kernel,
		      const char *module, struct packages_answer *answer)
{
	const struct block *commands, *own, *other;
	const char *id;

	memset(answer, 0, sizeof(*answer));
	list_others(p, FIELD_KERNEL, module, answer);
	commands = commands_of(p, distro, &id);
	if (!commands)
		return;
	/* The same flavour, if it is one with the module */
	own = running(p, id, distro->version, kernel);
	if (own)
		answer->state = state_of(own, module);
	other = own && own->value[FIELD_PACKAGE] &&
				(answer->state == PACKAGES_HAS || answer->state == PACKAGES_EXTRA)
			? own
			: installable(p, FIELD_KERNEL, id, distro->version, module);
	if (other)
		say_command(answer, commands->value[FIELD_INSTALL], other->value[FIELD_PACKAGE],
			    true);
}

/** family_of() - the block of a distribution's family, by ID, then by each word of ID_LIKE */
static const struct block *family_of(const struct packages *p, const struct distro *distro)
{
	char words[sizeof(distro->id) + sizeof(distro->like) + 1], *rest = words, *word;

	snprintf(words, sizeof(words), "%s %s", distro->id, distro->like);
	while ((word = strsep(&rest, " ")))
		for (size_t i = 0; *word && i < p->n; i++)
			if (word_in(p->block[i].value[FIELD_IDS], word))
				return &p->block[i];
	return NULL;
}

/** add_once() - the words of a list that are not yet at @from; false: there is no room */
static bool add_once(char *text, size_t size, size_t from, const char *list)
{
	while (list && *list) {
		size_t here = strcspn(list, " "), len = strlen(text);
		char word[80];

		if (here >= sizeof(word) || len + here + 2 > size)
			return false;
		snprintf(word, sizeof(word), "%.*s", (int)here, list);
		if (!word_in(text + from + strspn(text + from, " "), word))
			snprintf(text + len, size - len, " %s", word);
		list += here;
		list += strspn(list, " ");
	}
	return true;
}

bool packages_needed(const struct packages *p, const struct distro *distro, const char *purpose,
		     char *command, size_t size)
{
	const struct block *family = family_of(p, distro);
	size_t verb;

	*command = '\0';
	if (!family)
		return true;
	verb = (size_t)snprintf(command, size, "%s", family->value[FIELD_ADD]);
	for (size_t i = 0; verb < size && i < p->n; i++) {
		const struct block *b = &p->block[i];

		if (word_in(b->value[FIELD_FOR], purpose) &&
		    !add_once(command, size, verb,
			      b->value[names_field(family->value[FIELD_NAMES])]))
			verb = size;
	}
	return verb < size;
}

bool packages_too_old(const struct packages *p, const struct distro *distro, const char *kernel)
{
	const struct block *own;
	const char *id;

	if (!commands_of(p, distro, &id))
		return false;
	own = running(p, id, distro->version, kernel);
	return own && own->value[FIELD_TOO_OLD] &&
	       version_compare(kernel, own->value[FIELD_TOO_OLD]) <= 0;
}

bool packages_of_kernel(const struct packages *p, const char *kernel, struct distro *distro)
{
	memset(distro, 0, sizeof(*distro));
	for (size_t i = 0; i < p->n; i++) {
		const struct block *b = &p->block[i], *of;
		const char *release = b->value[FIELD_RELEASE], *version;

		if (!release || !is_kernel(b, kernel))
			continue;
		version = strchr(release, ' ') + 1;
		of = distribution(p, release, (size_t)(version - 1 - release));
		snprintf(distro->id, sizeof(distro->id), "%.*s", (int)(version - 1 - release),
			 release);
		snprintf(distro->version, sizeof(distro->version), "%.*s",
			 (int)strcspn(version, ","), version);
		/* Several releases have this kernel: which one is not known. */
		snprintf(distro->name, sizeof(distro->name), "%s%s%s",
			 of ? of->value[FIELD_NAME] : distro->id, strchr(version, ',') ? "" : " ",
			 strchr(version, ',') ? "" : distro->version);
		return true;
	}
	return false;
}
