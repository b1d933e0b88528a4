/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: /sys/module shows what is loaded; a loaded module has a file initstate
 * there, a built-in one does not. What could be loaded is in the indexes that depmod(8) made of
 * /lib/modules/RELEASE, which libkmod reads. A tree that was copied from another machine may
 * have only the text of those indexes, and a machine no libkmod; then the text is read.
 */
#include "host/machine/module.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/machine/ask.h"
#include "host/machine/kmod.h"

#define RELEASE_TEXT  128
#define MODULE_STATES 4u

/* As they are called in a report */
static const char *const states[MODULE_STATES] = {
	[MODULE_MISSING] = "missing",
	[MODULE_PRESENT] = "present",
	[MODULE_LOADED] = "loaded",
	[MODULE_BUILTIN] = "builtin",
};

/** release() - of the running kernel, or of the one that the tree names */
static int release(const struct host *host, char text[RELEASE_TEXT])
{
	ssize_t len = host_read(host, text, RELEASE_TEXT, "/proc/sys/kernel/osrelease");

	if (len < 0)
		return (int)len;
	return !len || strchr(text, '/') ? -EINVAL : 0;
}

/** same_module() - does a path such as kernel/drivers/net/foo-bar.ko.zst hold the module foo_bar?
 */
static bool same_module(const char *path, size_t len, const char *name)
{
	const char *file = memrchr(path, '/', len);
	size_t i;

	file = file ? file + 1 : path;
	len -= (size_t)(file - path);
	for (i = 0; name[i]; i++)
		if (i >= len ||
		    (file[i] == '-' ? '_' : file[i]) != (name[i] == '-' ? '_' : name[i]))
			return false;
	return len - i >= 3 && !strncmp(file + i, ".ko", 3) && (len - i == 3 || file[i + 3] == '.');
}

/** in_text() - is a module named by a line of modules.dep or modules.builtin? */
static int in_text(const struct host *host, const char *kernel, const char *index, const char *name)
{
	FILE *file = host_stream(host, "/lib/modules/%s/%s", kernel, index);
	char *line = NULL;
	size_t size = 0;
	int found = 0;

	if (!file)
		return errno == ENOMEM ? -ENOMEM : 0;
	while (!found && getline(&line, &size, file) > 0)
		found = same_module(line, strcspn(line, ":\n"), name);
	free(line);
	fclose(file);
	return found;
}

/** in_index() - the state of a module that is not loaded, from libkmod */
static int in_index(const struct kmod_library *kmod, const char *directory, const char *name,
		    enum module_state *state)
{
	const char *const no_config = NULL; /* modprobe.d does not decide which modules exist */
	struct kmod_ctx *context = kmod->kmod_new(directory, &no_config);
	struct kmod_list *list = NULL;
	struct kmod_module *module;
	int err;

	if (!context)
		return -ENOMEM;
	kmod->kmod_set_log_priority(context, 0);
	err = kmod->kmod_module_new_from_lookup(context, name, &list);
	module = err >= 0 && list ? kmod->kmod_module_get_module(list) : NULL;
	if (module) {
		*state = kmod->kmod_module_get_path(module) ? MODULE_PRESENT : MODULE_BUILTIN;
		kmod->kmod_module_unref(module);
	}
	kmod->kmod_module_unref_list(list);
	kmod->kmod_unref(context);
	return err < 0 && err != -ENOENT && err != -ENOSYS ? err : 0;
}

/** find_state() - see module_state() */
static int find_state(const struct host *host, const char *name, enum module_state *state)
{
	char kernel[RELEASE_TEXT], directory[sizeof(host->path) + RELEASE_TEXT + 16];
	const struct kmod_library *kmod;
	int err;

	*state = MODULE_MISSING;
	if (host_exists(host, "/sys/module/%s/initstate", name)) {
		*state = MODULE_LOADED;
		return 0;
	}
	if (host_exists(host, "/sys/module/%s", name)) {
		*state = MODULE_BUILTIN;
		return 0;
	}
	err = release(host, kernel);
	if (err)
		return err;
	kmod = host_exists(host, "/lib/modules/%s/modules.dep.bin", kernel) ? kmod_library() : NULL;
	if (kmod) {
		snprintf(directory, sizeof(directory), "%s/lib/modules/%s", host->path, kernel);
		return in_index(kmod, directory, name, state);
	}
	err = in_text(host, kernel, "modules.builtin", name);
	if (err > 0) {
		*state = MODULE_BUILTIN;
		return 0;
	}
	if (!err)
		err = in_text(host, kernel, "modules.dep", name);
	if (err > 0)
		*state = MODULE_PRESENT;
	return err < 0 ? err : 0;
}

bool module_index(const struct host *host)
{
	char kernel[RELEASE_TEXT];

	return !release(host, kernel) &&
	       (host_exists(host, "/lib/modules/%s/modules.dep", kernel) ||
		host_exists(host, "/lib/modules/%s/modules.dep.bin", kernel));
}

/** open_config() - the running kernel's configuration; NULL: it is not there */
static FILE *open_config(const struct host *host)
{
	struct host unrecorded = host_unrecorded(host);
	char kernel[RELEASE_TEXT];
	FILE *file;

	if (release(host, kernel))
		return NULL;
	file = host_stream(&unrecorded, "/boot/config-%s", kernel);
	return file ? file : host_stream(&unrecorded, "/lib/modules/%s/config", kernel);
}

/** find_config() - see module_config() */
static enum module_config find_config(const struct host *host, const char *option)
{
	enum module_config config = MODULE_CONFIG_UNKNOWN;
	FILE *file = open_config(host);
	char wanted[80], *line = NULL;
	size_t size = 0;

	if (!file)
		return config;
	snprintf(wanted, sizeof(wanted), "CONFIG_%s=", option);
	while (config != MODULE_CONFIG_YES && getline(&line, &size, file) > 0) {
		/* An option that the kernel does not know is not mentioned. */
		if (!strncmp(line, "CONFIG_", 7) || !strncmp(line, "# CONFIG_", 9))
			config = MODULE_CONFIG_NO;
		if (!strncmp(line, wanted, strlen(wanted)))
			config = MODULE_CONFIG_YES;
	}
	free(line);
	fclose(file);
	return config;
}

enum module_config module_config(const struct host *host, const char *option)
{
	static const char *const words[] = { [MODULE_CONFIG_UNKNOWN] = "unknown",
					     [MODULE_CONFIG_NO] = "no",
					     [MODULE_CONFIG_YES] = "yes" };
	enum module_config config = MODULE_CONFIG_UNKNOWN;
	json_t *answer;
	int err;

	if (ask_recall(host, &answer, &err, "kernel-config/%s", option)) {
		for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			if (json_is_string(answer) && !strcmp(json_string_value(answer), words[i]))
				config = (enum module_config)i;
		json_decref(answer);
		return config;
	}
	config = find_config(host, option);
	ask_note(host, 0, json_string(words[config]), "kernel-config/%s", option);
	return config;
}

/** same_name() - is a word a module's name? - and _ are the same in it */
static bool same_name(const char *word, size_t len, const char *name)
{
	for (size_t i = 0; i < len; i++)
		if (!name[i] || (word[i] == '-' ? '_' : word[i]) != name[i])
			return false;
	return !name[len];
}

/** blocking_line() - does a line of modprobe.d keep the module from being loaded? */
static bool blocking_line(const char *line, const char *name, char what[128])
{
	static const char blanks[] = " \t\n";
	size_t word = strcspn(line, blanks), len;
	const char *module = line + word + strspn(line + word, blanks), *command;

	len = strcspn(module, blanks);
	if (!same_name(module, len, name))
		return false;
	command = module + len + strspn(module + len, blanks);
	if (!(word == 9 && !strncmp(line, "blacklist", 9)) &&
	    !(word == 7 && !strncmp(line, "install", 7) &&
	      (strstr(command, "/false") || strstr(command, "/true"))))
		return false;
	snprintf(what, 128, "%.*s", (int)strcspn(line, "\n"), line);
	return true;
}

/** blocked_by_file() - a file of modprobe.d */
static bool blocked_by_file(const struct host *host, const char *path, const char *name,
			    char what[128])
{
	FILE *file = host_stream(host, "%s", path);
	bool blocked = false;
	char *line = NULL;
	size_t size = 0;

	while (file && !blocked && getline(&line, &size, file) > 0)
		blocked = blocking_line(line + strspn(line, " \t"), name, what);
	free(line);
	if (file)
		fclose(file);
	return blocked;
}

/** blocked_by_kernel() - module_blacklist=NAME,NAME or modprobe.blacklist= on its command line */
static bool blocked_by_kernel(const struct host *host, const char *name, char what[128])
{
	static const char *const options[] = { "module_blacklist=", "modprobe.blacklist=" };
	char text[4096], *rest = text, *word;

	if (host_read(host, text, sizeof(text), "/proc/cmdline") <= 0)
		return false;
	while ((word = strsep(&rest, " ")))
		for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
			const char *list = word + strlen(options[i]);

			if (strncmp(word, options[i], strlen(options[i])) != 0)
				continue;
			for (size_t len; *list; list += len + (list[len] == ',')) {
				len = strcspn(list, ",");
				if (!same_name(list, len, name))
					continue;
				snprintf(what, 128, "%s%s", options[i], name);
				return true;
			}
		}
	return false;
}

/** find_block() - see module_blocked() */
static bool find_block(const struct host *host, const char *name, char where[128], char what[128])
{
	static const char *const directories[] = { "/etc/modprobe.d", "/run/modprobe.d",
						   "/usr/local/lib/modprobe.d",
						   "/usr/lib/modprobe.d", "/lib/modprobe.d" };
	bool blocked = false;

	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]) && !blocked; i++) {
		struct names files;

		host_list(host, &files, "%s", directories[i]);
		for (size_t j = 0; j < files.n && !blocked; j++) {
			size_t len = strlen(files.name[j]);

			if (len < 6 || strcmp(files.name[j] + len - 5, ".conf") ||
			    (size_t)snprintf(where, 128, "%s/%s", directories[i], files.name[j]) >=
				    128)
				continue;
			blocked = blocked_by_file(host, where, name, what);
		}
		names_free(&files);
	}
	if (!blocked && blocked_by_kernel(host, name, what)) {
		strcpy(where, "/proc/cmdline");
		blocked = true;
	}
	return blocked;
}

bool module_blocked(const struct host *host, const char *name, char where[128], char what[128])
{
	struct host unrecorded = host_unrecorded(host);
	json_t *answer;
	bool blocked;
	int err;

	if (ask_recall(host, &answer, &err, "blocked/%s", name)) {
		blocked = json_is_object(answer);
		ask_text(answer, "where", where, 128);
		ask_text(answer, "what", what, 128);
		json_decref(answer);
		return blocked;
	}
	blocked = find_block(&unrecorded, name, where, what);
	if (ask_noted(host))
		ask_note(host, 0,
			 blocked ? json_pack("{s:s, s:s}", "where", where, "what", what)
				 : json_null(),
			 "blocked/%s", name);
	return blocked;
}

int module_state(const struct host *host, const char *name, enum module_state *state)
{
	/* The indexes have all modules there are; nothing of them but the answer is recorded. */
	struct host unrecorded = host_unrecorded(host);
	json_t *answer;
	int err;

	*state = MODULE_MISSING;
	if (ask_recall(host, &answer, &err, "modules/%s", name)) {
		const char *word = json_string_value(answer);

		unsigned int i = 0;

		while (i < MODULE_STATES && strcmp(word ? word : "", states[i]))
			i++;
		if (i < MODULE_STATES)
			*state = (enum module_state)i;
		else if (!err)
			err = -EBADMSG;
		json_decref(answer);
		return err;
	}
	err = find_state(&unrecorded, name, state);
	ask_note(host, err, json_string(states[*state]), "modules/%s", name);
	return err;
}

/** explain() - why a module did not load */
static void explain(const char *kernel, const char *name, int err, struct error *error)
{
	switch (-err) {
	case ENOENT:
		error_say(error,
			  "the running kernel %s has no module %s; install a kernel that has it",
			  kernel, name);
		break;
	case EPERM:
	case EACCES:
		error_say(error, "no permission to load the kernel module %s; run it as root",
			  name);
		break;
	case ENOKEY:
	case EKEYREJECTED:
	case EKEYEXPIRED:
	case EKEYREVOKED:
		error_say(error,
			  "the kernel refuses the module %s: it is not signed by a key "
			  "that Secure Boot trusts; use the distribution's own kernel",
			  name);
		break;
	default:
		error_say(error,
			  "cannot load the kernel module %s: %s; "
			  "'dmesg | tail' shows the kernel's reason",
			  name, strerror(-err));
	}
}

/** load() - a module, and what it depends on */
static int load(const struct kmod_library *kmod, const char *name)
{
	struct kmod_ctx *context = kmod->kmod_new(NULL, NULL);
	struct kmod_list *list = NULL;
	int err;

	if (!context)
		return -ENOMEM;
	err = kmod->kmod_module_new_from_lookup(context, name, &list);
	/* ENOSYS: there is no index of modules (libkmod before 30). */
	if ((!err && !list) || err == -ENOSYS)
		err = -ENOENT;
	for (struct kmod_list *item = list; item && !err; item = kmod->kmod_list_next(list, item)) {
		struct kmod_module *module = kmod->kmod_module_get_module(item);

		err = kmod->kmod_module_probe_insert_module(module, 0, NULL, NULL, NULL, NULL);
		kmod->kmod_module_unref(module);
	}
	kmod->kmod_module_unref_list(list);
	kmod->kmod_unref(context);
	return err;
}

int module_load(const struct host *host, const char *name, struct error *error)
{
	const struct kmod_library *kmod;
	char kernel[RELEASE_TEXT] = "";
	int err;

	if (!host_is_machine(host))
		return error_fail(error, -EOPNOTSUPP,
				  "%s: kernel modules cannot be loaded in a tree (--sysroot)",
				  name);
	kmod = kmod_library();
	if (!kmod)
		return error_fail(
			error, -ELIBACC,
			"cannot load the kernel module %s: this machine has no " KMOD_LIBRARY
			"; install it (the package kmod-libs or libkmod2), or load the module: "
			"modprobe %s",
			name, name);
	release(host, kernel);
	err = load(kmod, name);
	if (err < 0)
		explain(kernel, name, err, error);
	return err < 0 ? err : 0;
}
