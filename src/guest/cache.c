/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/cache.c - what the lab builds once and keeps.
 *
 * Theory of operation
 * -------------------
 * The cache is a directory with one directory per item:
 *
 *	qemu[-ARCH]-HASH/	from lab/build-qemu.sh
 *	image-SUITE[-ARCH[-PAGES]]-HASH/
 *				from lab/build-image.sh, or lab/build-unpacked.sh
 *	kernel-SUITE[-ARCH]-FLAVOUR-HASH/
 *				from lab/build-kernel.sh
 *	building/NAME/		an item being built; renamed to NAME when complete
 *	building/NAME.lock	held by the builder and by every process that it started
 *	building/NAME.log	the recipe's output, kept if it fails
 *
 * ARCH is there unless it is amd64, PAGES unless they are of 4 KiB.
 *
 * HASH is computed over the recipe's files, so a changed recipe makes a new item, and different
 * versions of the program can share a cache. The recipe inherits the lock: after the builder was
 * killed, the next one gets the lock only once the last process of the old recipe is gone.
 */
#include "guest/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/beneath.h"
#include "guest/build.h"
#include "guest/recipe.h"
#include "term/say.h"

#define UNUSED_KEPT_S                                                                              \
	(7 * 24 * 3600) /* an older recipe's item is removed once unused for so long */
#define HASH_DIGITS 16

/* debootstrap runs the programs of the system that it makes: the CPU must understand them. */
static const struct recipe *recipe_of(const struct cache_item *item)
{
	if (item->kind == CACHE_QEMU)
		return &recipe_qemu;
	if (item->kind == CACHE_KERNEL)
		return &recipe_kernel;
	return item->guest.arch == GUEST_AMD64 && guest_arch_here() == GUEST_AMD64
		       ? &recipe_image
		       : &recipe_unpacked;
}

/**
 * build_item() - run the item's recipe
 * @item:	what
 * @directory:	where
 * @log:	path of the file for the recipe's output
 * @lock:	held
 *
 * Return: 0 or a negative errno; the user has been told why
 */
static int build_item(const struct cache_item *item, const char *directory, const char *log,
		      int lock)
{
	const struct recipe *recipe = recipe_of(item);
	const char *arguments[4] = { NULL };
	char pages[16], what[sizeof(item->name)];
	size_t n = 0;

	snprintf(pages, sizeof(pages), "%uk", item->guest.pages_kb);
	if (item->kind != CACHE_QEMU)
		arguments[n++] = item->suite;
	if (recipe != &recipe_image)
		arguments[n++] = guest_arch_names[item->guest.arch];
	if (recipe == &recipe_unpacked)
		arguments[n++] = pages;
	if (recipe == &recipe_kernel)
		arguments[n++] = item->guest.kernel;
	/* The name without its hash, and with blanks */
	snprintf(what, sizeof(what), "%.*s", (int)(strlen(item->name) - HASH_DIGITS - 1),
		 item->name);
	for (char *dash = what; (dash = strchr(dash, '-'));)
		*dash = ' ';
	return build_run(&(struct build){ .recipe = recipe,
					  .what = what,
					  .arguments = arguments,
					  .directory = directory,
					  .log = log,
					  .lock = lock });
}

/**
 * make_directories() - as mkdir -p
 * @path:	absolute or not
 *
 * Return: 0 or a negative errno
 */
static int make_directories(const char *path)
{
	char part[PATH_MAX];
	char *slash = part;

	if (snprintf(part, sizeof(part), "%s/", path) >= (int)sizeof(part))
		return -ENAMETOOLONG;
	while ((slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

/**
 * cache_directory() - where the cache is
 * @path:	filled in, PATH_MAX bytes
 *
 * Return: 0 or a negative errno; the user has been told why
 */
static int cache_directory(char *path)
{
	const char *own = getenv("MANAKIN_LAB_DIR");
	const char *xdg = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	int length, err;

	if (own && *own)
		length = snprintf(path, PATH_MAX, "%s", own);
	else if (xdg && *xdg == '/')
		length = snprintf(path, PATH_MAX, "%s/manakin/lab", xdg);
	else if (home && *home == '/')
		length = snprintf(path, PATH_MAX, "%s/.cache/manakin/lab", home);
	else {
		say("there is no place for the cache, as HOME is not set; set MANAKIN_LAB_DIR to a directory");
		return -ENOENT;
	}
	err = length < PATH_MAX ? make_directories(path) : -ENAMETOOLONG;
	if (err)
		say("cannot create the cache directory %s: %s; set MANAKIN_LAB_DIR to another directory",
		    path, strerror(-err));
	return err;
}

/* A suite's name becomes part of a path and of a URL. */
static bool suite_name_ok(const char *suite)
{
	return *suite && *suite != '-' && *suite != '.' && strlen(suite) < 64 &&
	       !suite[strspn(suite, "abcdefghijklmnopqrstuvwxyz0123456789.-")];
}

int cache_find(struct cache_item *item, enum cache_kind kind, const struct guest_kind *guest)
{
	char cache[PATH_MAX], arch[16] = "", variant[32] = "";
	const struct recipe *recipe;
	uint64_t hash;
	int err;

	*item = (struct cache_item){ .kind = kind, .guest = *guest };
	if (kind != CACHE_QEMU) {
		if (!suite_name_ok(guest->suite)) {
			say("\"%s\" is not the name of a suite; use one such as trixie, bookworm or noble",
			    guest->suite);
			return -EINVAL;
		}
		snprintf(item->suite, sizeof(item->suite), "%s", guest->suite);
		if (kind == CACHE_KERNEL)
			snprintf(variant, sizeof(variant), "-%s", guest->kernel);
		else if (guest->pages_kb != 4)
			snprintf(variant, sizeof(variant), "-%uk", guest->pages_kb);
	}
	if (guest->arch != GUEST_AMD64)
		snprintf(arch, sizeof(arch), "-%s", guest_arch_names[guest->arch]);
	recipe = recipe_of(item);
	err = recipe_hash(recipe, &hash);
	if (!err)
		err = cache_directory(cache);
	if (err)
		return err;
	snprintf(item->name, sizeof(item->name), "%s%s%s%s%s-%0*" PRIx64, recipe->makes,
		 *item->suite ? "-" : "", item->suite, arch, variant, HASH_DIGITS, hash);
	if (snprintf(item->path, sizeof(item->path), "%s/%s", cache, item->name) >=
	    (int)sizeof(item->path)) {
		say("the path of the cache is too long: %s; set MANAKIN_LAB_DIR to a shorter one",
		    cache);
		return -ENAMETOOLONG;
	}
	return 0;
}

bool cache_has(const struct cache_item *item)
{
	/* The time of the directory says when it was last used. */
	return utimensat(AT_FDCWD, item->path, NULL, 0) == 0 || access(item->path, F_OK) == 0;
}

/**
 * remove_tree() - as rm -rf --one-file-system
 * @path:	of a directory
 *
 * Return: 0 or a negative errno
 */
static int remove_tree(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	int at, err;

	if (!slash || slash - path >= (int)sizeof(folder))
		return -EINVAL;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	at = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (at < 0)
		return errno == ENOENT ? 0 : -errno;
	err = beneath_remove_tree(at, slash + 1);
	close(at);
	return err;
}

/**
 * older_one() - did another version of the recipe build this, of the same kind?
 * @item:	the current recipe's
 * @name:	of a directory
 */
static bool older_one(const struct cache_item *item, const char *name)
{
	size_t stem = strlen(item->name) - HASH_DIGITS;

	return !strncmp(name, item->name, stem) && strcmp(name, item->name) &&
	       strlen(name) == strlen(item->name) &&
	       strspn(name + stem, "0123456789abcdef") == HASH_DIGITS;
}

/**
 * remove_unfinished() - remove what a killed builder left
 * @path:	where it was built
 *
 * The lock file stays, as another process may be about to lock it.
 */
static void remove_unfinished(const char *path)
{
	char *lock_path;
	int lock;

	if (asprintf(&lock_path, "%s.lock", path) < 0)
		return;
	lock = open(lock_path, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0)
		remove_tree(path);
	if (lock >= 0)
		close(lock);
	free(lock_path);
}

/**
 * prune() - remove unused items that older recipes built of the same kind
 * @item:	the one that stays
 * @folder:	where to look
 * @unfinished:	is that where items are built?
 */
static void prune(const struct cache_item *item, const char *folder, bool unfinished)
{
	time_t unused_since = time(NULL) - UNUSED_KEPT_S;
	char path[PATH_MAX + 128];
	DIR *directory = opendir(folder);
	struct dirent *entry;
	struct stat status;

	while (directory && (entry = readdir(directory))) {
		if (!older_one(item, entry->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		if (unfinished)
			remove_unfinished(path);
		else if (stat(path, &status) == 0 && status.st_mtime < unused_since)
			remove_tree(path);
	}
	if (directory)
		closedir(directory);
}

/**
 * take_lock() - become the only builder of an item
 * @path:	of the lock's file
 * @what:	for the message to a user who waits
 *
 * Return: a file descriptor that holds the lock, or a negative errno
 */
static int take_lock(const char *path, const char *what)
{
	int lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644), err;

	if (lock < 0)
		return -errno;
	if (flock(lock, LOCK_EX | LOCK_NB) == 0)
		return lock;
	if (errno == EWOULDBLOCK) {
		say("another process is building %s; waiting for it", what);
		if (flock(lock, LOCK_EX) == 0)
			return lock;
	}
	err = errno;
	close(lock);
	return -err;
}

/**
 * replace() - put what was built in the item's place
 * @item:	which one
 * @directory:	where it was built
 *
 * A guest that runs from the old one has its files open.
 *
 * Return: 0 or a negative errno; the user has been told why
 */
static int replace(const struct cache_item *item, const char *directory)
{
	char *old = NULL;
	int err = 0;

	if (asprintf(&old, "%s.old", directory) < 0) {
		say("out of memory");
		return -ENOMEM;
	}
	remove_tree(old);
	if ((rename(item->path, old) < 0 && errno != ENOENT) || rename(directory, item->path) < 0) {
		err = -errno;
		say("cannot move %s to %s: %s; remove what is in the way", directory, item->path,
		    strerror(-err));
	}
	remove_tree(old);
	free(old);
	return err;
}

int cache_build(const struct cache_item *item, bool again)
{
	int cache_length = (int)(strlen(item->path) - strlen(item->name) - 1), lock, err;
	char cache[PATH_MAX], building[PATH_MAX + 16], directory[PATH_MAX + 160];
	char lock_path[PATH_MAX + 176], log_path[PATH_MAX + 176];

	if (!again && cache_has(item))
		return 0;
	snprintf(cache, sizeof(cache), "%.*s", cache_length, item->path);
	snprintf(building, sizeof(building), "%s/building", cache);
	snprintf(directory, sizeof(directory), "%s/%s", building, item->name);
	snprintf(lock_path, sizeof(lock_path), "%s.lock", directory);
	snprintf(log_path, sizeof(log_path), "%s.log", directory);
	err = make_directories(building);
	lock = err ? err : take_lock(lock_path, item->name);
	if (lock < 0) {
		say("cannot lock %s: %s; set MANAKIN_LAB_DIR to a directory of your own", lock_path,
		    strerror(-lock));
		return lock;
	}
	if (!again && cache_has(item)) { /* another process has built it in the meantime */
		close(lock);
		return 0;
	}
	err = make_directories(directory);
	if (err)
		say("cannot create %s: %s; set MANAKIN_LAB_DIR to a directory of your own",
		    directory, strerror(-err));
	else
		err = build_item(item, directory, log_path, lock);
	if (!err)
		err = replace(item, directory);
	if (!err) {
		unlink(log_path);
		prune(item, cache, false);
		prune(item, building, true);
	}
	close(lock);
	return err;
}
