/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * manakin dpdk install, uninstall: the guide's installation of DPDK, and its undoing.
 *
 * Theory of operation: everything is built in a directory of its own, which goes away, and
 * installed into a stage in it first: so it is known which files there will be before one is
 * written to the prefix. That list is recorded there (host/dpdk/record.h), then DPDK is installed;
 * after a failure or Ctrl-C the record is undone, as 'uninstall' does at any time later.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/dpdk.h"
#include "cli/dpdk_step.h"
#include "process/child.h"
#include "host/machine/distro.h"
#include "host/dpdk/record.h"
#include "term/json.h"
#include "term/options.h"
#include "term/value.h"

#define URL    "https://fast.dpdk.org/rel/dpdk-%s.tar.xz"
#define SHA256 64u /* hexadecimal digits */

enum {
	OPTION_RELEASE = 0x100,
	OPTION_TARBALL,
	OPTION_PREFIX,
	OPTION_DRIVERS,
	OPTION_SHA256,
	OPTION_NO_PACKAGES,
};

static const struct argp_option options[] = {
	{ "release", OPTION_RELEASE, "V", 0,
	  "Download this release, such as 23.11.5, from dpdk.org", 0 },
	{ "tarball", OPTION_TARBALL, "FILE", 0, "Take the sources from this file", 0 },
	{ "sha256", OPTION_SHA256, "HEX", 0,
	  "The SHA-256 digest that the sources must have; needed for a download, but of 24.11.1 "
	  "and "
	  "23.07, whose digests are known",
	  0 },
	{ "prefix", OPTION_PREFIX, "DIR", 0, "Where to install (default: /usr/local)", 0 },
	{ "drivers", OPTION_DRIVERS, "LIST", 0,
	  "Build these drivers alone, such as bus/pci,bus/vmbus,net/mana,net/netvsc (default: all)",
	  0 },
	{ "no-packages", OPTION_NO_PACKAGES, NULL, 0,
	  "Do not install the distribution's packages that building needs", 0 },
	{ 0 },
};

static const struct option_moved moved[] = {
	{ 'd', "drivers" }, { 'p', "prefix" }, { 't', "tarball" }, { 'v', "release" }, { 0 }
};

static const char doc[] =
	"Build DPDK from source and install it, as Azure's guide does: the distribution's "
	"packages, "
	"meson, ninja. A record of what was installed is kept for 'manakin dpdk uninstall PREFIX'."
	"\vExamples:\n"
	"  manakin dpdk install --tarball dpdk-23.11.5.tar.xz --prefix /opt/dpdk-23.11\n"
	"  manakin dpdk install --release 24.11.1\n"
	"  manakin dpdk install --release 23.11.5 --sha256 HEX --dry-run\n\n"
	"Exit status: 0 done, 1 it did not work and nothing is left of it, 2 wrong usage.";

/**
 * struct install - the command line, and the work
 * @work:	directory that goes away
 * @source:	in it, the sources
 * @digest:	that the sources have; empty: not known yet
 * @recorded:	the prefix has a record, to be undone after a failure
 * @mana:	net_mana is part of what was built
 */
struct install {
	const char *version, *tarball, *sha256, *prefix, *drivers;
	bool packages;
	struct shared_options shared;
	struct steps steps;
	char work[64], source[96], build[96], stage[96], file[PATH_MAX];
	char release[32], digest[SHA256 + 1];
	bool recorded, mana;
};

/*
 * Digests of releases, each found the same in two places that computed it by themselves: 24.11.1 in
 * Buildroot (package/dpdk/dpdk.hash) and in Arch's user repository, 23.07 in Azure Linux
 * (SPECS/dpdk) and in nixpkgs.
 */
static const struct {
	const char *version, *sha256;
} releases[] = {
	{ "24.11.1", "bcae7d42c449fc456dfb279feabcbe0599a29bebb2fe2905761e187339d96b8e" },
	{ "23.07", "e08614e8aeb929407d73d716999289a44ef4034352271f09397eef932b23b3d6" },
};

/** known_digest() - of a release, or NULL */
static const char *known_digest(const char *version)
{
	for (size_t i = 0; i < sizeof(releases) / sizeof(releases[0]); i++)
		if (!strcmp(version, releases[i].version))
			return releases[i].sha256;
	return NULL;
}

static error_t parse_option(int key, char *arg, struct argp_state *state)
{
	struct install *install = state->input;

	switch (key) {
	case OPTION_RELEASE:
		if (!*arg || arg[strspn(arg, "0123456789.")] || strlen(arg) > 16)
			return value_bad("release", arg, "a release such as 23.11.5");
		install->version = arg;
		return 0;
	case OPTION_TARBALL:
		install->tarball = arg;
		return 0;
	case OPTION_SHA256:
		if (strlen(arg) != SHA256 || arg[strspn(arg, "0123456789abcdefABCDEF")])
			return value_bad("sha256", arg, "%u hexadecimal digits", SHA256);
		install->sha256 = arg;
		return 0;
	case OPTION_PREFIX:
		if (*arg != '/' || strlen(arg) > 2000)
			return value_bad("prefix", arg, "an absolute path such as /opt/dpdk");
		install->prefix = arg;
		return 0;
	case OPTION_DRIVERS:
		if (!*arg || arg[strspn(arg, "abcdefghijklmnopqrstuvwxyz0123456789_/,*")])
			return value_bad("drivers", arg, "a list such as bus/pci,net/mana");
		install->drivers = arg;
		return 0;
	case OPTION_NO_PACKAGES:
		install->packages = false;
		return 0;
	case ARGP_KEY_END:
		if (!install->version == !install->tarball)
			return say_usage("say which DPDK to install: --release V or --tarball FILE");
		if (install->version && !install->sha256)
			install->sha256 = known_digest(install->version);
		if (install->version && !install->sha256)
			return say_usage("--release %s needs --sha256: only the digests of 24.11.1 and "
					 "23.07 are known here, and a download that cannot be checked "
					 "is not installed; take the digest from a place that you "
					 "trust, such as your distribution's source package",
					 install->version);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/** words() - a NULL-terminated vector from words between blanks */
static char **words(const char *text)
{
	char **argv = NULL, *copy = strdup(text), *save;

	for (char *word = copy ? strtok_r(copy, " ", &save) : NULL; word;
	     word = strtok_r(NULL, " ", &save))
		if (child_args_add(&argv, "%s", word)) {
			child_args_free(argv);
			argv = NULL;
			break;
		}
	free(copy);
	return argv;
}

/** vector() - child_args_add() of each; NULL if there is no memory */
static char **vector(const char *first, ...)
{
	char **argv = NULL;
	va_list ap;

	va_start(ap, first);
	for (const char *arg = first; arg; arg = va_arg(ap, const char *))
		if (child_args_add(&argv, "%s", arg)) {
			child_args_free(argv);
			argv = NULL;
			break;
		}
	va_end(ap);
	return argv;
}

/* Of RHEL and Fedora; names from their own dpdk.spec, libnl3.spec and so on */
#define DNF_PACKAGES                                                                               \
	"gcc make ninja-build meson python3-pyelftools systemd-devel libnl3-devel openssl-devel "  \
	"elfutils-libelf-devel numactl-devel pkgconf-pkg-config rdma-core-devel xz tar"

/*
 * RHEL and what is made of it have meson, ninja and pyelftools in a repository that is off: the
 * CodeReady Builder, by its names in RHEL (on Azure too), Oracle, and the others. dnf 4 minds a
 * name that is not there after --enablerepo, and not here.
 */
#define DNF_REPOSITORIES                                                                           \
	"--setopt=*codeready-builder-for-rhel-*-rpms.enabled=1 "                                   \
	"--setopt=ol*_codeready_builder.enabled=1 --setopt=crb.enabled=1 "                         \
	"--setopt=powertools.enabled=1 "

/** packages_command() - what installs all that building takes; NULL if that is not known */
static const char *packages_command(const struct distro *distro)
{
	switch (distro->family) {
	case DISTRO_DEBIAN: /* the guide's list, and what net_mana is built with */
		return "env DEBIAN_FRONTEND=noninteractive apt-get install -q -y "
		       "build-essential libudev-dev libnl-3-dev libnl-route-3-dev "
		       "ninja-build libssl-dev libelf-dev meson python3-pyelftools "
		       "libnuma-dev pkg-config libibverbs-dev xz-utils";
	case DISTRO_RHEL:
		return strcmp(distro->id, "fedora")
			       ? "dnf install -y " DNF_REPOSITORIES DNF_PACKAGES
			       : "dnf install -y " DNF_PACKAGES;
	case DISTRO_AZURE: /* each by its own name, as SPECS of microsoft/azurelinux has it */
		return "tdnf install -y gcc make binutils glibc-devel kernel-headers "
		       "ninja-build meson python3-pyelftools systemd-devel libnl3-devel "
		       "openssl-devel elfutils-libelf-devel libnuma-devel "
		       "pkgconf-pkg-config rdma-core-devel xz tar";
	case DISTRO_SUSE:
		return "zypper --non-interactive install gcc make ninja meson "
		       "python3-pyelftools systemd-devel libnl3-devel libopenssl-devel "
		       "libelf-devel libnuma-devel pkg-config rdma-core-devel xz tar";
	case DISTRO_OTHER:
		break;
	}
	return NULL;
}

/** add_packages() - what building takes */
static int add_packages(struct install *install)
{
	struct distro distro = { .family = DISTRO_OTHER };
	const char *command;
	struct host host;
	struct error error;

	if (!install->packages)
		return 0;
	if (!host_open(NULL, &host, &error)) {
		distro_read(&host, &distro);
		host_close(&host);
	}
	command = packages_command(&distro);
	if (!command) {
		say("this distribution's packages are not known; install a C compiler, meson, "
		    "ninja, pyelftools, and the headers of libnuma and libibverbs, and say "
		    "--no-packages");
		return -ENOTSUP;
	}
	if (geteuid() && !install->steps.dry) {
		say("packages can only be installed by root; say --no-packages if meson, ninja, "
		    "pyelftools and the headers of libnuma and libibverbs are there");
		return -EPERM;
	}
	return step_run(&install->steps, "Installing packages", words(command), NULL, 0);
}

/** get_sources() - download, compare the digest, unpack */
static int get_sources(struct install *install)
{
	char url[128], sum[512] = "";
	int err = 0;

	if (install->version) {
		snprintf(url, sizeof(url), URL, install->version);
		snprintf(install->file, sizeof(install->file), "%s/dpdk.tar.xz", install->work);
		err = step_run(&install->steps, "Downloading",
			       vector("curl", "-fsSL", "--proto", "=https", "-o", install->file,
				      url, NULL),
			       NULL, 0);
	}
	if (!err)
		err = step_run(&install->steps, "Computing the digest",
			       vector("sha256sum", "--", install->file, NULL), sum, sizeof(sum));
	/* A name with a backslash in it makes sha256sum begin its line with one. */
	if (!err && !install->steps.dry) {
		const char *digest = *sum == '\\' ? sum + 1 : sum;

		snprintf(install->digest, sizeof(install->digest), "%.64s", digest);
		if (!install->sha256) {
			fprintf(stderr, "SHA-256 %.64s, compared with nothing (--sha256 HEX)\n",
				digest);
		} else if (strncasecmp(digest, install->sha256, SHA256)) {
			say("%s has the SHA-256 digest %.64s, not the one that was given: it is "
			    "damaged or another file; nothing was installed",
			    install->file, digest);
			err = -EBADMSG;
		}
	}
	if (!err)
		err = step_run(&install->steps, "Unpacking",
			       vector("tar", "-xf", install->file, "-C", install->source,
				      "--strip-components=1", "--no-same-owner", NULL),
			       NULL, 0);
	return err;
}

/** read_release() - the version that the sources say they have */
static int read_release(struct install *install)
{
	char path[128];
	FILE *file;

	if (install->steps.dry)
		return 0;
	snprintf(path, sizeof(path), "%s/VERSION", install->source);
	file = fopen(path, "re");
	if (!file || !fgets(install->release, sizeof(install->release), file) ||
	    install->release[0] < '0' || install->release[0] > '9') {
		say("%s is not the source of DPDK: it has no file VERSION with a version in it",
		    install->file);
		if (file)
			fclose(file);
		return -EINVAL;
	}
	fclose(file);
	install->release[strcspn(install->release, "\r\n")] = 0;
	if (strcmp(install->release, "22.11") < 0)
		say("warning: DPDK %s is older than 22.11 and has no net_mana", install->release);
	return 0;
}

/** build() - meson and ninja */
static int build(struct install *install)
{
	char prefix[2100], drivers[512], *enable = NULL, path[160];
	int err;

	snprintf(prefix, sizeof(prefix), "--prefix=%s", install->prefix);
	if (install->drivers) {
		snprintf(drivers, sizeof(drivers), "-Denable_drivers=%.480s", install->drivers);
		enable = drivers;
	}
	err = step_run(&install->steps, "Configuring",
		       vector("meson", "setup", install->build, install->source, prefix,
			      "--buildtype=release", "-Dtests=false", enable, NULL),
		       NULL, 0);
	if (!err)
		err = step_run(&install->steps, "Compiling",
			       vector("ninja", "-C", install->build, NULL), NULL, 0);
	snprintf(path, sizeof(path), "%s/drivers/librte_net_mana.a", install->build);
	install->mana = !access(path, F_OK);
	if (!err && !install->steps.dry && !install->mana)
		say("warning: net_mana is not part of it: rdma-core's libmana (v44 or later) with "
		    "its "
		    "headers was not found, or --drivers leaves it out");
	return err;
}

/** put_in_place() - stage, record, install */
static int put_in_place(struct install *install)
{
	char destdir[128], stage[2200];
	struct error error;
	int err;

	snprintf(destdir, sizeof(destdir), "DESTDIR=%s", install->stage);
	err = step_run(&install->steps, "Staging",
		       vector("env", destdir, "ninja", "-C", install->build, "install", NULL), NULL,
		       0);
	if (!err && !install->steps.dry) {
		snprintf(stage, sizeof(stage), "%s%s", install->stage, install->prefix);
		err = dpdk_record_write(install->prefix, stage, install->release, &error);
		if (err)
			say("%s", error.text);
		install->recorded = !err;
	}
	if (!err)
		err = step_run(&install->steps, "Installing",
			       vector("ninja", "-C", install->build, "install", NULL), NULL, 0);
	if (!err && !geteuid() && !strncmp(install->prefix, "/usr", 4))
		err = step_run(&install->steps, "Telling the loader", vector("ldconfig", NULL),
			       NULL, 0);
	return err;
}

/** make_work() - the directories, the log, and hearing of Ctrl-C */
static int make_work(struct install *install)
{
	char path[96];
	sigset_t set;
	int err = 0;

	snprintf(install->work, sizeof(install->work), "/var/tmp/manakin-dpdk-XXXXXX");
	if (install->tarball && !realpath(install->tarball, install->file)) {
		err = -errno;
		say("cannot read %s: %s", install->tarball, strerror(errno));
		return err;
	}
	if (!install->steps.dry && !mkdtemp(install->work)) {
		err = -errno;
		say("cannot make a directory in /var/tmp: %s", strerror(errno));
		return err;
	}
	snprintf(install->source, sizeof(install->source), "%s/source", install->work);
	snprintf(install->build, sizeof(install->build), "%s/build", install->work);
	snprintf(install->stage, sizeof(install->stage), "%s/stage", install->work);
	if (install->steps.dry)
		return 0;
	snprintf(path, sizeof(path), "%s/log", install->work);
	install->steps.log = fopen(path, "w+e");
	if (!install->steps.log || mkdir(install->source, 0700)) {
		err = -errno;
		say("cannot write to %s: %s", install->work, strerror(errno));
	}
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	install->steps.stop = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return err;
}

/** take_back() - after a failure: nothing stays */
static void take_back(const struct install *install)
{
	struct error error;
	size_t removed;

	if (install->recorded && dpdk_record_undo(install->prefix, &removed, &error))
		say("%s; finish it with: manakin dpdk uninstall %s", error.text, install->prefix);
}

static void remove_work(struct install *install)
{
	struct child_plan plan = { .argv = vector("rm", "-rf", "--", install->work, NULL),
				   .out = STDERR_FILENO,
				   .err = STDERR_FILENO };
	struct child child;

	if (plan.argv && !child_start(&child, &plan))
		child_stop(&child, 0, -1);
	child_args_free(plan.argv);
	fclose(install->steps.log);
}

/** print_json() - what was done, or would be; an exit status */
static int print_json(struct install *install)
{
	bool done = !install->steps.dry;

	return output_json(
		json_pack("{s:s, s:o, s:o, s:b, s:b, s:o, s:O}", "prefix", install->prefix,
			  "version", output_text(done ? install->release : install->version),
			  "sha256", output_text(done ? install->digest : install->sha256),
			  "dry_run", install->steps.dry, "installed", done, "net_mana",
			  done ? json_boolean(install->mana) : json_null(), "commands",
			  install->steps.commands));
}

/** take_old_name() - --release was --version, which with no release behind it is every command's */
static void take_old_name(int argc, char **argv)
{
	static const char old[] = "--version", name[] = "--release";
	size_t len = sizeof(old) - 1;

	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		const char *next = i + 1 < argc ? argv[i + 1] : "";

		if (!strncmp(argv[i], old, len) &&
		    (argv[i][len] == '=' || (!argv[i][len] && *next >= '0' && *next <= '9')))
			memcpy(argv[i], name, len);
	}
}

int dpdk_install_command(int argc, char **argv)
{
	static const struct command_line line = {
		.options = options,
		.parse = parse_option,
		.doc = doc,
		.shared = SHARED_JSON | SHARED_DRY_RUN,
		.moved = moved,
	};
	struct install install = { .prefix = "/usr/local", .packages = true, .steps.stop = -1 };
	int err, status;

	take_old_name(argc, argv);
	if (options_parse(&line, argc, argv, &install.shared, &install))
		return EXIT_USAGE;
	install.steps.dry = install.shared.dry_run;
	if (install.shared.json && !(install.steps.commands = json_array())) {
		say("out of memory");
		return EXIT_FAILED;
	}
	err = make_work(&install);
	if (!err)
		err = add_packages(&install);
	if (!err)
		err = get_sources(&install);
	if (!err)
		err = read_release(&install);
	if (!err)
		err = build(&install);
	if (!err)
		err = put_in_place(&install);
	status = err ? EXIT_FAILED : EXIT_OK;
	if (err)
		take_back(&install);
	else if (install.shared.json)
		status = print_json(&install);
	else if (!install.steps.dry)
		printf("DPDK %s is installed in %s; 'manakin dpdk uninstall %s' takes it away\n",
		       install.release, install.prefix, install.prefix);
	if (install.steps.log)
		remove_work(&install);
	if (install.steps.stop >= 0)
		close(install.steps.stop);
	json_decref(install.steps.commands);
	return status;
}

/* ---- uninstall ---- */

static const char uninstall_doc[] =
	"Remove the DPDK that 'manakin dpdk install' has put into PREFIX: the files that its "
	"record "
	"names, and the directories that it made, if they are empty."
	"\vExample:\n"
	"  manakin dpdk uninstall /opt/dpdk-23.11\n\n"
	"Exit status: 0 done, 1 there is no record, or a file cannot be removed, 2 wrong usage.";

/** struct uninstall - the command line */
struct uninstall {
	struct shared_options shared;
	const char *prefix;
};

static error_t parse_uninstall(int key, char *arg, struct argp_state *state)
{
	struct uninstall *uninstall = state->input;

	switch (key) {
	case ARGP_KEY_ARG:
		if (uninstall->prefix)
			return say_usage("one prefix at a time; remove '%s' with a command of its own",
					 arg);
		uninstall->prefix = arg;
		return 0;
	case ARGP_KEY_NO_ARGS:
		return say_usage("name the prefix that DPDK was installed in, such as /usr/local");
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int dpdk_uninstall_command(int argc, char **argv)
{
	static const struct command_line line = {
		.parse = parse_uninstall,
		.arguments = "PREFIX",
		.doc = uninstall_doc,
		.shared = SHARED_JSON,
	};
	struct uninstall uninstall = { .prefix = NULL };
	struct error error;
	size_t removed;

	if (options_parse(&line, argc, argv, &uninstall.shared, &uninstall))
		return EXIT_USAGE;
	if (dpdk_record_undo(uninstall.prefix, &removed, &error)) {
		say("%s", error.text);
		return EXIT_FAILED;
	}
	if (uninstall.shared.json)
		return output_json(json_pack("{s:s, s:I}", "prefix", uninstall.prefix, "removed",
					     (json_int_t)removed));
	printf("%zu files were removed from %s\n", removed, uninstall.prefix);
	return EXIT_OK;
}
