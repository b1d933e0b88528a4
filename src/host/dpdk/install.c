/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: everything is built in a temporary directory, and first installed into a
 * staging directory there: so all files are known before one is written to the prefix. The list is
 * recorded below the prefix (host/dpdk/record.h), then DPDK is installed; after a failure or Ctrl-C
 * the record is undone, as 'uninstall' does at any later time.
 */
#include "host/dpdk/install.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "host/dpdk/place.h"
#include "host/dpdk/record.h"
#include "host/machine/distro.h"
#include "host/machine/packages.h"
#include "host/machine/version.h"
#include "process/child.h"

#define URL "https://fast.dpdk.org/rel/dpdk-%s.tar.xz"

/**
 * struct work - an installation in progress
 * @directory:	that is removed at the end; empty: there is none
 * @source, @build, @stage: in it
 * @file:	the tarball
 * @recorded:	the prefix has a record, to be undone after a failure
 */
struct work {
	const struct dpdk_wish *wish;
	struct dpdk_installed *installed;
	struct error *error;
	char directory[64], source[96], build[96], stage[96], file[PATH_MAX];
	bool recorded;
};

/*
 * Digests of releases, each the same in two places that computed it independently: 24.11.1 in
 * Buildroot (package/dpdk/dpdk.hash) and in Arch's user repository, 23.07 in Azure Linux
 * (SPECS/dpdk) and in nixpkgs.
 */
static const struct {
	const char *version, *sha256;
} releases[] = {
	{ "24.11.1", "bcae7d42c449fc456dfb279feabcbe0599a29bebb2fe2905761e187339d96b8e" },
	{ "23.07", "e08614e8aeb929407d73d716999289a44ef4034352271f09397eef932b23b3d6" },
};

const char *dpdk_known_digest(const char *version)
{
	for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++)
		if (!strcmp(version, releases[i].version))
			return releases[i].sha256;
	return NULL;
}

/** run_for() - a program of the installation; @first: filled in with its first line */
static int run_for(struct work *work, const char *what, char **argv, char *first, size_t size)
{
	struct program_output output;
	int err =
		program_run(&work->wish->watch, what, argv, work->wish->dry, &output, work->error);

	if (err == -EIO)
		snprintf(work->installed->output, sizeof(work->installed->output), "%s",
			 output.last);
	snprintf(first, size, "%s", output.first);
	return err;
}

static int run(struct work *work, const char *what, char **argv)
{
	char first[1];

	return run_for(work, what, argv, first, sizeof(first));
}

/** note() - tell the user */
__attribute__((format(printf, 2, 3))) static void note(const struct work *work, const char *format,
						       ...)
{
	struct error text;
	va_list ap;

	va_start(ap, format);
	error_say_args(&text, format, ap);
	va_end(ap);
	work->wish->note(work->wish->watch.arg, text.text);
}

/** packages_command() - installs all packages that building needs; empty: they are not known */
static int packages_command(char *command, size_t size, struct error *error)
{
	struct distro distro = { .id = "" };
	struct packages *packages;
	struct host host;
	struct error ignored;
	char words[2048];
	bool fits;
	int err;

	if (!host_open(NULL, &host, &ignored)) {
		distro_read(&host, &distro);
		host_close(&host);
	}
	err = packages_open(&packages, NULL, error);
	if (err)
		return err;
	fits = packages_needed(packages, &distro, "dpdk", words, sizeof(words)) &&
	       (size_t)snprintf(
		       command, size, "%s%s",
		       strncmp(words, "apt-get", 7) ? "" : "env DEBIAN_FRONTEND=noninteractive ",
		       words) < size;
	packages_close(packages);
	return fits ? 0
		    : error_fail(error, -E2BIG,
				 "there are more packages for building DPDK than fit into a "
				 "command; install them yourself, and use --no-packages");
}

/** add_packages() - the packages that building needs */
static int add_packages(struct work *work)
{
	char command[2100];
	int err;

	if (!work->wish->packages)
		return 0;
	err = packages_command(command, sizeof(command), work->error);
	if (err)
		return err;
	if (!*command)
		return error_fail(work->error, -ENOTSUP,
				  "this distribution's packages are not known; install a "
				  "C compiler, meson, ninja, pyelftools, and the headers "
				  "of libnuma and libibverbs, and use --no-packages");
	if (geteuid() && !work->wish->dry)
		return error_fail(
			work->error, -EPERM,
			"only root can install packages; use --no-packages if meson, ninja, "
			"pyelftools and the headers of libnuma and libibverbs are installed");
	return run(work, "Installing packages", program_words(command));
}

/** check_digest() - compare the digest of the sources with the one that was given */
static int check_digest(struct work *work)
{
	const char *wanted = work->wish->sha256;
	char line[512], *digest = line;
	int err = run_for(work, "Computing the digest",
			  program_vector("sha256sum", "--", work->file, NULL), line, sizeof(line));

	if (err || work->wish->dry)
		return err;
	/* A name with a backslash in it makes sha256sum begin its line with one. */
	digest += *digest == '\\';
	snprintf(work->installed->sha256, sizeof(work->installed->sha256), "%.64s", digest);
	if (!wanted) {
		note(work,
		     "the SHA-256 digest of %s is %s; it was not verified, as there is no --sha256",
		     work->file, work->installed->sha256);
		return 0;
	}
	if (!strncasecmp(digest, wanted, SHA256_DIGITS))
		return 0;
	return error_fail(work->error, -EBADMSG,
			  "%s has the SHA-256 digest %s, not the expected one: it "
			  "is damaged or a different file; nothing was installed",
			  work->file, work->installed->sha256);
}

/** get_sources() - download, compare the digest, unpack */
static int get_sources(struct work *work)
{
	char url[128];
	int err = 0;

	if (work->wish->version) {
		snprintf(url, sizeof(url), URL, work->wish->version);
		snprintf(work->file, sizeof(work->file), "%s/dpdk.tar.xz", work->directory);
		err = run(work, "Downloading",
			  program_vector("curl", "-fsSL", "--proto", "=https", "-o", work->file,
					 url, NULL));
	}
	if (!err)
		err = check_digest(work);
	if (!err)
		err = run(work, "Unpacking",
			  program_vector("tar", "-xf", work->file, "-C", work->source,
					 "--strip-components=1", "--no-same-owner", NULL));
	return err;
}

/** read_release() - the version that the sources say they have */
static int read_release(struct work *work)
{
	char *release = work->installed->release, path[128];
	bool good;
	FILE *file;

	if (work->wish->dry)
		return 0;
	snprintf(path, sizeof(path), "%s/VERSION", work->source);
	file = fopen(path, "re");
	good = file && fgets(release, sizeof(work->installed->release), file) &&
	       release[0] >= '0' && release[0] <= '9';
	if (file)
		fclose(file);
	if (!good)
		return error_fail(
			work->error, -EINVAL,
			"%s is not DPDK's source: it has no VERSION file with a version in it",
			work->file);
	release[strcspn(release, "\r\n")] = '\0';
	if (strcmp(release, "22.11") < 0)
		note(work, "warning: DPDK %s is older than 22.11 and has no net_mana", release);
	return 0;
}

/** build() - meson and ninja */
static int build(struct work *work)
{
	/* DPDK's headers for drivers as well: 'manakin dpdk driver' needs them. */
	char prefix[2100], drivers[512], *sdk = "-Denable_driver_sdk=true", *enable = NULL;
	char path[160];
	int err;

	snprintf(prefix, sizeof(prefix), "--prefix=%s", work->wish->prefix);
	if (work->wish->drivers) {
		snprintf(drivers, sizeof(drivers), "-Denable_drivers=%.480s", work->wish->drivers);
		enable = drivers;
	}
	if (!work->wish->dry && version_compare(work->installed->release, "22.11") < 0) {
		sdk = enable; /* the option came later */
		enable = NULL;
	}
	err = run(work, "Configuring",
		  program_vector("meson", "setup", work->build, work->source, prefix,
				 "--buildtype=release", "-Dtests=false", sdk, enable, NULL));
	if (!err)
		err = run(work, "Compiling", program_vector("ninja", "-C", work->build, NULL));
	snprintf(path, sizeof(path), "%s/drivers/librte_net_mana.a", work->build);
	work->installed->mana = !access(path, F_OK);
	if (!err && !work->wish->dry && !work->installed->mana)
		note(work, "warning: net_mana was not built: rdma-core's libmana (v44 or "
			   "later) or its headers were not found, or --drivers omits it");
	return err;
}

/** install() - what cp(1) with these words would do, but through no symbolic link */
static int install(struct work *work, const char *stage)
{
	const struct program_watch *watch = &work->wish->watch;
	char **words = program_vector("cp", "-a", "-T", "--", stage, work->wish->prefix, NULL);

	if (!words)
		return error_fail(work->error, -ENOMEM, "out of memory");
	watch->begin(watch->arg, "Installing", words);
	child_args_free(words);
	return work->wish->dry ? 0
			       : dpdk_place(work->wish->prefix, stage, watch->stop, work->error);
}

/** put_in_place() - stage, record, install */
static int put_in_place(struct work *work)
{
	const char *prefix = work->wish->prefix;
	char destdir[128], stage[2200];
	int err;

	snprintf(destdir, sizeof(destdir), "DESTDIR=%s", work->stage);
	snprintf(stage, sizeof(stage), "%s%s", work->stage, prefix);
	err = run(work, "Staging",
		  program_vector("env", destdir, "ninja", "-C", work->build, "install", NULL));
	if (!err && !work->wish->dry) {
		err = dpdk_record_write(prefix, stage, work->installed->release, work->error);
		work->recorded = !err;
	}
	if (!err)
		err = install(work, stage);
	if (!err && !geteuid() && !strncmp(prefix, "/usr", 4))
		err = run(work, "Updating the linker cache", program_vector("ldconfig", NULL));
	return err;
}

/** check_prefix() - can it be written to? It is known only at the end else, after minutes */
static int check_prefix(const struct work *work)
{
	char path[PATH_MAX];
	int err = -ENOENT;

	snprintf(path, sizeof(path), "%s", work->wish->prefix);
	/* Of a prefix that is not there yet, the directory that it will be created in */
	while (err == -ENOENT && *path) {
		err = access(path, W_OK) ? -errno : 0;
		if (err == -ENOENT)
			*strrchr(path, '/') = '\0';
	}
	if (err == -ENOENT)
		err = access("/", W_OK) ? -errno : 0;
	if (!err || work->wish->dry)
		return 0;
	return error_fail(work->error, err, "cannot install in %s: %s", work->wish->prefix,
			  error_reason(-err));
}

/** begin() - the directories, and where the sources are */
static int begin(struct work *work)
{
	const char *tarball = work->wish->tarball;
	char template[sizeof(work->directory)] = "/var/tmp/manakin-dpdk-XXXXXX";
	int err;

	if (tarball && !realpath(tarball, work->file)) {
		err = -errno;
		return error_fail(work->error, err, "cannot read %s: %s", tarball,
				  error_reason(-err));
	}
	if (!work->wish->dry && !mkdtemp(template)) {
		err = -errno;
		return error_fail(work->error, err,
				  "cannot create a directory in /var/tmp to build in: %s",
				  error_reason(-err));
	}
	strcpy(work->directory, template);
	snprintf(work->source, sizeof(work->source), "%s/source", work->directory);
	snprintf(work->build, sizeof(work->build), "%s/build", work->directory);
	snprintf(work->stage, sizeof(work->stage), "%s/stage", work->directory);
	if (!work->wish->dry && mkdir(work->source, 0700)) {
		err = -errno;
		return error_fail(work->error, err, "cannot create the directory %s: %s",
				  work->source, error_reason(-err));
	}
	return 0;
}

/** take_back() - after a failure: leave nothing behind */
static void take_back(const struct work *work)
{
	struct error error;
	size_t removed;

	if (work->recorded && dpdk_record_undo(work->wish->prefix, &removed, &error))
		error_add(work->error,
			  "; and not all that was installed could be removed: "
			  "%s; finish it with 'manakin dpdk uninstall %s'",
			  error.text, work->wish->prefix);
}

int dpdk_install(const struct dpdk_wish *wish, struct dpdk_installed *installed,
		 struct error *error)
{
	struct work work = { .wish = wish, .installed = installed, .error = error };
	int err;

	memset(installed, 0, sizeof(*installed));
	err = check_prefix(&work);
	if (!err)
		err = begin(&work);
	if (!err)
		err = add_packages(&work);
	if (!err)
		err = get_sources(&work);
	if (!err)
		err = read_release(&work);
	if (!err)
		err = build(&work);
	if (!err)
		err = put_in_place(&work);
	if (err)
		take_back(&work);
	if (*work.directory && !wish->dry)
		program_remove(work.directory);
	return err;
}
