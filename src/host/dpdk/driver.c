/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: all that can be missing is looked for first, and told in one message each.
 * Then the driver is built in a temporary directory, copied beside the place where it shall be, and
 * moved there: whoever loads it meanwhile gets the old one or the new one.
 */
#include "host/dpdk/driver.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/paths.h"
#include "host/dpdk/record.h"
#include "host/machine/version.h"

#define OLDEST "22.11" /* the first with net_mana; the driver is not made for older ones */

/**
 * struct work - a driver that is being built
 * @pkgconfig:	directory of libdpdk.pc
 * @headers:	that drivers need
 * @source:	of the driver
 * @directory:	that is removed at the end; empty: there is none
 * @made:	the directory that the driver shall be in was created for it
 */
struct work {
	const struct dpdk_driver_wish *wish;
	struct dpdk_driver_built *built;
	struct error *error;
	char pkgconfig[PATH_MAX], headers[PATH_MAX], source[PATH_MAX];
	char directory[64];
	bool made;
};

static int run(struct work *work, const char *what, char **argv)
{
	struct program_output output;
	int err =
		program_run(&work->wish->watch, what, argv, work->wish->dry, &output, work->error);

	if (err == -EIO)
		snprintf(work->built->output, sizeof(work->built->output), "%s", output.last);
	return err;
}

/** find_first() - a file below the prefix, by patterns; false: there is none */
static bool find_first(const char *prefix, const char *const *patterns, char *path)
{
	bool found = false;

	for (size_t i = 0; !found && patterns[i]; i++) {
		char pattern[PATH_MAX];
		glob_t result;

		if ((size_t)snprintf(pattern, sizeof(pattern), "%s/%s", prefix, patterns[i]) >=
		    sizeof(pattern))
			return false;
		found = !glob(pattern, 0, NULL, &result) && result.gl_pathc;
		if (found)
			snprintf(path, PATH_MAX, "%s", result.gl_pathv[0]);
		globfree(&result);
	}
	return found;
}

/** cut_name() - leave of a path its directory */
static void cut_name(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash)
		*slash = '\0';
}

/** read_version() - of a libdpdk.pc; empty: it says none */
static void read_version(const char *path, char *version, size_t size)
{
	FILE *file = fopen(path, "re");
	char line[256];

	*version = '\0';
	while (file && fgets(line, sizeof(line), file))
		if (!strncmp(line, "Version:", 8)) {
			char *value = line + 8 + strspn(line + 8, " \t");

			value[strcspn(value, " \t\r\n")] = '\0';
			snprintf(version, size, "%s", value);
		}
	if (file)
		fclose(file);
}

/** find_dpdk() - libdpdk.pc below the prefix, and a version that will do */
static int find_dpdk(struct work *work)
{
	static const char *const places[] = { "lib/*/pkgconfig/libdpdk.pc",
					      "lib64/pkgconfig/libdpdk.pc",
					      "lib/pkgconfig/libdpdk.pc", NULL };
	const char *prefix = work->wish->prefix;
	struct dpdk_driver_built *built = work->built;

	if (!find_first(prefix, places, work->pkgconfig))
		return error_fail(work->error, -ENOENT,
				  "no DPDK to compile with is installed in %s: it has no "
				  "libdpdk.pc; 'manakin dpdk' lists those that there are, and "
				  "a distribution's package for developing brings one",
				  prefix);
	read_version(work->pkgconfig, built->version, sizeof(built->version));
	if (!*built->version || version_compare(built->version, OLDEST) < 0)
		return error_fail(work->error, -ENOTSUP,
				  "the DPDK in %s is %s%s, and the driver needs " OLDEST
				  " or newer; 'manakin dpdk install' builds one",
				  prefix, *built->version ? "" : "of an unknown version",
				  built->version);
	cut_name(work->pkgconfig);
	return 0;
}

/** find_headers() - those that drivers need, and applications do not */
static int find_headers(struct work *work)
{
	static const char *const places[] = { "include/ethdev_driver.h",
					      "include/dpdk/ethdev_driver.h",
					      "include/*/dpdk/ethdev_driver.h", NULL };
	static const char *const beside[] = { "ethdev_driver.h", NULL };
	const struct dpdk_driver_wish *wish = work->wish;

	if (wish->headers && !find_first(wish->headers, beside, work->headers))
		return error_fail(work->error, -ENOENT,
				  "%s has no ethdev_driver.h, so it has not DPDK's headers "
				  "for drivers",
				  wish->headers);
	if (!wish->headers && !find_first(wish->prefix, places, work->headers))
		return error_fail(
			work->error, -ENOENT,
			"the DPDK %s in %s was installed without the headers that drivers need "
			"(ethdev_driver.h): 'manakin dpdk install' installs them, and so does "
			"-Denable_driver_sdk=true of DPDK's meson; or name a directory that has "
			"those of this version with --headers",
			work->built->version, wish->prefix);
	cut_name(work->headers);
	return 0;
}

/** find_source() - of the driver: in the source tree, or installed */
static int find_source(struct work *work)
{
	int err = paths_find(PLACE_DRIVER, work->source, sizeof(work->source));

	return err ? error_fail(work->error, err,
				"the driver's sources are not installed: %s is missing; install "
				"all of manakin, or build the driver in its source tree",
				work->source)
		   : 0;
}

/** choose_path() - where the driver shall be, and can it be put there? */
static int choose_path(struct work *work)
{
	const struct dpdk_driver_wish *wish = work->wish;
	char *path = work->built->path, directory[PATH_MAX];
	int err = 0;

	if (wish->output) {
		snprintf(path, PATH_MAX, "%s", wish->output);
	} else {
		snprintf(directory, sizeof(directory), "%s", work->pkgconfig);
		cut_name(directory);
		if ((size_t)snprintf(path, PATH_MAX, "%s/manakin/librte_net_manakin.so",
				     directory) >= PATH_MAX)
			return error_fail(work->error, -ENAMETOOLONG, "%s is too long", directory);
	}
	snprintf(directory, sizeof(directory), "%s", path);
	cut_name(directory);
	if (!wish->output && !wish->dry) {
		work->made = !mkdir(directory, 0755);
		if (!work->made && errno != EEXIST)
			err = -errno;
	}
	if (!err && !wish->dry && access(directory, W_OK))
		err = -errno;
	return err ? error_fail(work->error, err,
				"cannot put the driver into %s: %s; --output names another place",
				directory, error_reason(-err))
		   : 0;
}

/** build() - in a directory of its own */
static int build(struct work *work)
{
	char template[sizeof(work->directory)] = "/var/tmp/manakin-driver-XXXXXX";
	char headers[PATH_MAX + 32], path[PATH_MAX + 32], version[64];
	int err;

	/* Of a libdpdk.pc that it cannot read pkg-config takes another one. */
	snprintf(path, sizeof(path), "PKG_CONFIG_PATH=%s", work->pkgconfig);
	snprintf(version, sizeof(version), "libdpdk = %s", work->built->version);
	err = run(work, "Looking at DPDK",
		  program_vector("env", path, "pkg-config", "--print-errors", "--exists", version,
				 NULL));
	if (err)
		return err;
	if (!work->wish->dry && !mkdtemp(template)) {
		err = -errno;
		return error_fail(work->error, err,
				  "cannot create a directory in /var/tmp to build in: %s",
				  error_reason(-err));
	}
	strcpy(work->directory, template);
	snprintf(headers, sizeof(headers), "-Ddpdk_headers=%s", work->headers);
	err = run(work, "Configuring",
		  program_vector("meson", "setup", "-Donly_driver=true", headers,
				 "--pkg-config-path", work->pkgconfig, work->directory,
				 work->source, NULL));
	if (!err)
		err = run(work, "Compiling", program_vector("ninja", "-C", work->directory, NULL));
	return err;
}

/** put_in_place() - record it, so that it is removed with DPDK; beside the old one, then instead of it */
static int put_in_place(struct work *work)
{
	const struct dpdk_driver_wish *wish = work->wish;
	char from[128], beside[PATH_MAX + 32];
	int err = wish->dry ? 0
			    : dpdk_record_add(wish->prefix, work->built->path, work->made,
					      work->error);

	if (err)
		return err;

	snprintf(from, sizeof(from), "%s/librte_net_manakin.so", work->directory);
	snprintf(beside, sizeof(beside), "%s.%d", work->built->path, (int)getpid());
	err = run(work, "Installing",
		  program_vector("install", "-m", "644", "--", from, beside, NULL));
	if (!err)
		err = run(work, "Putting it in place",
			  program_vector("mv", "-T", "--", beside, work->built->path, NULL));
	if (err && !wish->dry)
		unlink(beside);
	return err;
}

/** take_back() - after a failure: the directory that was created, if it is empty */
static void take_back(const struct work *work)
{
	char directory[PATH_MAX];

	if (!work->made)
		return;
	snprintf(directory, sizeof(directory), "%s", work->built->path);
	cut_name(directory);
	rmdir(directory);
}

int dpdk_driver_build(const struct dpdk_driver_wish *wish, struct dpdk_driver_built *built,
		      struct error *error)
{
	struct work work = { .wish = wish, .built = built, .error = error };
	int err;

	memset(built, 0, sizeof(*built));
	err = find_dpdk(&work);
	if (!err)
		err = find_headers(&work);
	if (!err)
		err = find_source(&work);
	if (!err)
		err = choose_path(&work);
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
