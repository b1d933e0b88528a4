/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * guest/cache.c - what the lab builds once and keeps.
 *
 * Theory of operation
 * -------------------
 * The cache is a directory with one directory an item:
 *
 *	qemu-HASH/		from lab/build-qemu.sh
 *	image-SUITE-HASH/	from lab/build-image.sh
 *	building/NAME/		an item on its way; renamed to NAME when whole
 *	building/NAME.lock	held by the builder and by every process it started
 *	building/NAME.log	what the recipe said, kept when it fails
 *
 * HASH is over the recipe's files, so a changed recipe is a new item, and two
 * versions of the program share a cache without knowing of each other. The lock
 * is inherited by the recipe: when the builder is killed, the next one gets the
 * lock only once the last process of the old recipe is gone.
 *
 * A recipe that needs root runs in mount and process namespaces of its own where
 * that is possible: whatever it leaves mounted or running goes with it.
 */
#include "guest/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/paths.h"
#include "term/say.h"
#include "term/term.h"
#include "process/child.h"

#define UNUSED_KEPT_S  (7 * 24 * 3600) /* items of old recipes go when unused for so long */
#define HASH_DIGITS    16
#define STOP_MS        5000 /* a recipe may take so long to end when asked */
#define REDRAW_S       0.1
#define LINE_MAX_BYTES 512
#define TAIL_LINES     12

/** struct recipe - which files make an item; the first one is run */
static const struct recipe {
	const char *script;
	const char *also[4];
	bool needs_root;
} recipes[] = {
	[CACHE_QEMU] = { "build-qemu.sh", { "lib.sh" }, false },
	[CACHE_IMAGE] = { "build-image.sh", { "lib.sh", "guest", "vmbus" }, true },
};

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
		say("no place for the cache: HOME is not set; set MANAKIN_LAB_DIR");
		return -ENOENT;
	}
	err = length < PATH_MAX ? make_directories(path) : -ENAMETOOLONG;
	if (err)
		say("cannot make the cache directory %s: %s; set MANAKIN_LAB_DIR to another one",
		    path, strerror(-err));
	return err;
}

/* FNV-1a, 64 bits: names a recipe, protects nothing. */
static void hash_bytes(uint64_t *hash, const void *data, size_t size)
{
	const uint8_t *byte = data;

	while (size--)
		*hash = (*hash ^ *byte++) * UINT64_C(0x100000001b3);
}

/**
 * hash_file() - hash the name and the bytes of a file, or of all files of a directory
 * @hash:	updated
 * @directory:	where
 * @name:	what, in @directory
 *
 * Return: 0 or a negative errno
 */
static int hash_file(uint64_t *hash, const char *directory, const char *name)
{
	char path[PATH_MAX], buffer[4096];
	struct dirent **entries;
	int n, err = 0;
	size_t got;
	FILE *file;

	if (snprintf(path, sizeof(path), "%s/%s", directory, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	n = scandir(path, &entries, NULL, alphasort);
	if (n >= 0) {
		for (int i = 0; i < n; i++) {
			if (!err && entries[i]->d_name[0] != '.')
				err = hash_file(hash, path, entries[i]->d_name);
			free(entries[i]);
		}
		free(entries);
		return err;
	}
	if (errno != ENOTDIR)
		return -errno;
	file = fopen(path, "re");
	if (!file)
		return -errno;
	hash_bytes(hash, name, strlen(name) + 1);
	while ((got = fread(buffer, 1, sizeof(buffer), file)) > 0)
		hash_bytes(hash, buffer, got);
	if (ferror(file))
		err = -EIO;
	fclose(file);
	return err;
}

/* A suite's name becomes part of a path and of a URL. */
static bool suite_name_ok(const char *suite)
{
	return *suite && *suite != '-' && *suite != '.' && strlen(suite) < 64 &&
	       !suite[strspn(suite, "abcdefghijklmnopqrstuvwxyz0123456789.-")];
}

int cache_find(struct cache_item *item, enum cache_kind kind, const char *suite)
{
	const struct recipe *recipe = &recipes[kind];
	char directory[PATH_MAX];
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	char cache[PATH_MAX];
	int err;

	*item = (struct cache_item){ .kind = kind };
	if (kind == CACHE_IMAGE) {
		if (!suite_name_ok(suite)) {
			say("\"%s\" is not the name of a Debian suite: name one as trixie or "
			    "bookworm",
			    suite);
			return -EINVAL;
		}
		snprintf(item->suite, sizeof(item->suite), "%s", suite);
	}
	paths_find(PLACE_LAB, directory, sizeof(directory));
	err = hash_file(&hash, directory, recipe->script);
	for (size_t i = 0; !err && i < 4 && recipe->also[i]; i++)
		err = hash_file(&hash, directory, recipe->also[i]);
	if (err) {
		say("cannot read the lab's recipes in %s: %s; set MANAKIN_LAB_RECIPES to the lab "
		    "directory of the sources",
		    directory, strerror(-err));
		return err;
	}
	err = cache_directory(cache);
	if (err)
		return err;
	snprintf(item->name, sizeof(item->name), "%s%s%s-%0*" PRIx64,
		 kind == CACHE_QEMU ? "qemu" : "image", *item->suite ? "-" : "", item->suite,
		 HASH_DIGITS, hash);
	if (snprintf(item->path, sizeof(item->path), "%s/%s", cache, item->name) >=
	    (int)sizeof(item->path)) {
		say("the path of the cache is too long: %s; set MANAKIN_LAB_DIR", cache);
		return -ENAMETOOLONG;
	}
	return 0;
}

bool cache_has(const struct cache_item *item)
{
	/* Its time says when it was last used. */
	return utimensat(AT_FDCWD, item->path, NULL, 0) == 0 || access(item->path, F_OK) == 0;
}

static int remove_entry(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	(void)status;
	(void)type;
	(void)walk;
	remove(path); /* what cannot go keeps its directory, which is seen at the end */
	return 0;
}

/**
 * remove_tree() - as rm -rf --one-file-system
 * @path:	of a directory
 *
 * Return: 0 or a negative errno
 */
static int remove_tree(const char *path)
{
	nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	return access(path, F_OK) < 0 && errno == ENOENT ? 0 : -EBUSY;
}

/**
 * older_one() - is this what another recipe made of the same thing?
 * @item:	the one of today's recipe
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
 * remove_unfinished() - remove what a builder left that was killed
 * @path:	where it was built
 *
 * The lock's file stays: somebody may be about to lock it.
 */
static void remove_unfinished(const char *path)
{
	char *lock_path;
	int lock;

	if (asprintf(&lock_path, "%s.lock", path) < 0)
		return;
	lock = open(lock_path, O_RDWR | O_CLOEXEC);
	if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0)
		remove_tree(path);
	if (lock >= 0)
		close(lock);
	free(lock_path);
}

/**
 * prune() - remove what older recipes made of the same thing and nobody uses
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
 * struct progress - what the user sees of a recipe that runs
 * @what:	"image trixie"
 * @started:	when, in seconds of the monotonic clock
 * @terminal:	is standard error one? Then the last line is rewritten, else steps are lines
 * @step:	what the recipe does now
 * @detail:	the last line of its log
 * @drawn:	when the terminal was last written to
 */
struct progress {
	char what[80];
	double started;
	bool terminal;
	char step[LINE_MAX_BYTES];
	char detail[LINE_MAX_BYTES];
	double drawn;
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* Rewrite the terminal's last line, not more often than an eye follows. */
static void progress_draw(struct progress *progress)
{
	char line[2 * LINE_MAX_BYTES + 128];
	unsigned int width = output_width(stderr);

	if (!progress->terminal || !*progress->step || now() - progress->drawn < REDRAW_S)
		return;
	progress->drawn = now();
	snprintf(line, sizeof(line), "[%4.0f s] %s: %s  %s", now() - progress->started,
		 progress->what, progress->step, progress->detail);
	fprintf(stderr, OUTPUT_REWRITE "%.*s", width > 1 ? (int)width - 1 : 79, line);
	fflush(stderr);
}

/* A step is over or begins: the line that stays. */
static void progress_step(struct progress *progress, const char *step)
{
	double elapsed = now() - progress->started;

	if (progress->terminal && *progress->step)
		fprintf(stderr, OUTPUT_REWRITE "[%4.0f s] %s: %s\n", elapsed, progress->what,
			progress->step);
	if (!progress->terminal && *step)
		fprintf(stderr, "[%4.0f s] %s: %s\n", elapsed, progress->what, step);
	snprintf(progress->step, sizeof(progress->step), "%s", step);
	*progress->detail = '\0';
	progress_draw(progress);
}

/**
 * struct lines - bytes that come in, cut into lines
 * @text:	the unfinished line; what is too long for it is cut off
 * @length:	of @text
 */
struct lines {
	char text[LINE_MAX_BYTES];
	size_t length;
};

/* Take a byte; true if a line is complete in ->text, which is then started anew. */
static bool lines_take(struct lines *lines, char byte)
{
	if (byte != '\n' && byte != '\r') {
		if (lines->length < sizeof(lines->text) - 1)
			lines->text[lines->length++] = byte;
		return false;
	}
	lines->text[lines->length] = '\0';
	lines->length = 0;
	return *lines->text;
}

/**
 * show_failure() - the end of the recipe's log
 * @path:	of the log
 *
 * The recipe's last words begin with "error: "; what tools said comes before.
 */
static void show_failure(const char *path)
{
	char tail[TAIL_LINES][LINE_MAX_BYTES];
	size_t n = 0;
	FILE *file = fopen(path, "re");

	if (!file)
		return;
	while (fgets(tail[n % TAIL_LINES], LINE_MAX_BYTES, file))
		n++;
	fclose(file);
	for (size_t i = n > TAIL_LINES ? n - TAIL_LINES : 0; i < n; i++)
		fprintf(stderr, "  %s", tail[i % TAIL_LINES]);
}

/**
 * watch_recipe() - follow a recipe to its end
 * @progress:	shown
 * @recipe:	collected
 * @steps:	its standard output
 * @talk:	its standard error
 * @log:	where that goes
 * @signals:	signalfd: SIGINT, SIGTERM, SIGHUP
 *
 * Return: its wait status, or minus the number of the signal that ended the build
 */
static int watch_recipe(struct progress *progress, struct child *recipe, int steps, int talk,
			FILE *log, int signals)
{
	struct lines step = { 0 }, detail = { 0 };
	struct pollfd polls[] = { { .fd = steps, .events = POLLIN },
				  { .fd = talk, .events = POLLIN },
				  { .fd = signals, .events = POLLIN } };
	struct signalfd_siginfo caught;
	char buffer[4096];
	ssize_t n;

	while (polls[0].fd >= 0 || polls[1].fd >= 0) {
		if (poll(polls, 3, progress->terminal ? 1000 : -1) < 0 && errno != EINTR)
			break;
		if (polls[2].revents && read(signals, &caught, sizeof(caught)) == sizeof(caught)) {
			child_stop(recipe, SIGTERM, STOP_MS);
			return -(int)caught.ssi_signo;
		}
		for (int i = 0; i < 2; i++) {
			if (!polls[i].revents)
				continue;
			n = read(polls[i].fd, buffer, sizeof(buffer));
			if (n <= 0) {
				polls[i].fd = -1;
				continue;
			}
			if (i == 1)
				fwrite(buffer, 1, (size_t)n, log);
			for (ssize_t k = 0; k < n; k++) {
				if (i == 0 && lines_take(&step, buffer[k]))
					progress_step(progress, step.text);
				if (i == 1 && lines_take(&detail, buffer[k]))
					snprintf(progress->detail, sizeof(progress->detail), "%s",
						 detail.text);
			}
		}
		progress_draw(progress);
	}
	/* Both ends closed: it has nothing more to say, and ends by itself. */
	return child_stop(recipe, 0, -1);
}

/* Can this process give a recipe namespaces of its own? */
static bool can_unshare(void)
{
	return geteuid() == 0 &&
	       system("unshare --mount --pid --fork --mount-proc true 2>/dev/null") == 0;
}

/**
 * recipe_command() - the words that start a recipe
 * @item:	what it makes
 * @directory:	where
 *
 * Return: a vector to be freed with child_args_free(), or NULL without memory
 */
static char **recipe_command(const struct cache_item *item, const char *directory)
{
	const struct recipe *recipe = &recipes[item->kind];
	char lab[PATH_MAX];
	char **argv = NULL;
	int err = 0;

	paths_find(PLACE_LAB, lab, sizeof(lab));
	if (can_unshare()) {
		for (const char *const *word =
			     (const char *const[]){ "unshare", "--mount", "--pid", "--fork",
						    "--mount-proc", "--kill-child=KILL", "--",
						    NULL };
		     *word; word++)
			err |= child_args_add(&argv, "%s", *word);
	} else if (recipe->needs_root && geteuid() != 0) {
		err |= child_args_add(&argv, "sudo");
	}
	err |= child_args_add(&argv, "sh");
	err |= child_args_add(&argv, "%s/%s", lab, recipe->script);
	if (item->kind == CACHE_IMAGE)
		err |= child_args_add(&argv, "%s", item->suite);
	err |= child_args_add(&argv, "%s", directory);
	if (!err)
		return argv;
	child_args_free(argv);
	return NULL;
}

/**
 * run_recipe() - build an item in a directory, with the lock held
 * @item:	what
 * @directory:	where
 * @log_path:	what the recipe says goes there
 * @lock:	inherited by the recipe
 *
 * Return: 0 or a negative errno; the user has been told why
 */
static int run_recipe(const struct cache_item *item, const char *directory, const char *log_path,
		      int lock)
{
	struct progress progress = { .started = now(), .terminal = output_can_rewrite(stderr) };
	int steps[2] = { -1, -1 }, talk[2] = { -1, -1 }, signals = -1, status = 0, err = 0;
	struct child_plan plan = { .fds = { lock }, .n_fds = 1 };
	sigset_t wanted, before;
	char fate[80];
	FILE *log = NULL;
	struct child child;

	snprintf(progress.what, sizeof(progress.what), "%s%s%s",
		 item->kind == CACHE_QEMU ? "qemu" : "image", *item->suite ? " " : "", item->suite);
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGINT);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGHUP);
	sigprocmask(SIG_BLOCK, &wanted, &before);
	signals = signalfd(-1, &wanted, SFD_CLOEXEC);
	log = fopen(log_path, "we");
	plan.argv = recipe_command(item, directory);
	if (signals < 0 || !log || !plan.argv || pipe2(steps, O_CLOEXEC) < 0 ||
	    pipe2(talk, O_CLOEXEC) < 0) {
		err = errno ? -errno : -ENOMEM;
		say("cannot start building %s: %s", progress.what, strerror(-err));
		goto out;
	}
	plan.out = steps[1];
	plan.err = talk[1];
	err = child_start(&child, &plan);
	close(steps[1]);
	close(talk[1]);
	steps[1] = talk[1] = -1;
	if (err) {
		say("cannot build %s: %s: %s%s", progress.what, plan.argv[0], strerror(-err),
		    strcmp(plan.argv[0], "sudo") ? "" : "; run this as root");
		goto out;
	}
	status = watch_recipe(&progress, &child, steps[0], talk[0], log, signals);
	fflush(log);
	if (status == 0) {
		progress_step(&progress, "");
		if (!progress.terminal)
			fprintf(stderr, "[%4.0f s] %s: done\n", now() - progress.started,
				progress.what);
	} else if (status < 0) {
		if (progress.terminal)
			fputc('\n', stderr);
		say("building %s was interrupted; the next build starts afresh", progress.what);
		err = -EINTR;
	} else {
		if (progress.terminal)
			fputc('\n', stderr);
		show_failure(log_path);
		say("cannot build %s: at \"%s\" the recipe %s; all it said is in %s", progress.what,
		    progress.step, child_fate(status, fate, sizeof(fate)), log_path);
		err = -EIO;
	}
out:
	for (int i = 0; i < 2; i++) {
		if (steps[i] >= 0)
			close(steps[i]);
		if (talk[i] >= 0)
			close(talk[i]);
	}
	if (log)
		fclose(log);
	if (signals >= 0)
		close(signals);
	child_args_free(plan.argv);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return err;
}

/**
 * take_lock() - be the only builder of an item
 * @path:	of the lock's file
 * @what:	for the message to a user who waits
 *
 * Return: a file descriptor that holds the lock, or a negative errno
 */
static int take_lock(const char *path, const char *what)
{
	int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644), err;

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

int cache_build(const struct cache_item *item, bool again)
{
	int cache_length = (int)(strlen(item->path) - strlen(item->name) - 1), lock, err;
	char cache[PATH_MAX], building[PATH_MAX + 16], directory[PATH_MAX + 160],
		lock_path[PATH_MAX + 176];
	char log_path[PATH_MAX + 176], old[PATH_MAX + 176];

	if (!again && cache_has(item))
		return 0;
	snprintf(cache, sizeof(cache), "%.*s", cache_length, item->path);
	snprintf(building, sizeof(building), "%s/building", cache);
	snprintf(directory, sizeof(directory), "%s/%s", building, item->name);
	snprintf(old, sizeof(old), "%s.old", directory);
	snprintf(lock_path, sizeof(lock_path), "%s.lock", directory);
	snprintf(log_path, sizeof(log_path), "%s.log", directory);
	err = make_directories(building);
	lock = err ? err : take_lock(lock_path, item->name);
	if (lock < 0) {
		say("cannot lock %s: %s", lock_path, strerror(-lock));
		return lock;
	}
	if (!again && cache_has(item)) { /* somebody else has built it meanwhile */
		close(lock);
		return 0;
	}
	err = make_directories(directory);
	if (err)
		say("cannot make %s: %s", directory, strerror(-err));
	else
		err = run_recipe(item, directory, log_path, lock);
	if (!err) {
		/* A guest that runs from the old one has its files open. */
		remove_tree(old);
		if (rename(item->path, old) < 0 && errno != ENOENT)
			err = -errno;
		else if (rename(directory, item->path) < 0)
			err = -errno;
		if (err)
			say("cannot move %s to %s: %s", directory, item->path, strerror(-err));
		remove_tree(old);
	}
	if (!err) {
		unlink(log_path);
		prune(item, cache, false);
		prune(item, building, true);
	}
	close(lock);
	return err;
}
