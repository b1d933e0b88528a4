/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Theory of operation: /sys/module shows what is loaded; a loaded module has a file initstate
 * there, a built-in one does not. What could be loaded is in the indexes that depmod(8) made of
 * /lib/modules/RELEASE, which libkmod reads. A tree that was copied from another machine may
 * have only the text of those indexes; then that is read.
 */
#include "host/machine/module.h"

#include <errno.h>
#include <libkmod.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RELEASE_TEXT 128

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
	int fd = host_open_file(host, "/lib/modules/%s/%s", kernel, index), found = 0;
	char *line = NULL;
	size_t size = 0;
	FILE *file;

	if (fd < 0)
		return 0;
	file = fdopen(fd, "r");
	if (!file)
		return -ENOMEM;
	while (!found && getline(&line, &size, file) > 0)
		found = same_module(line, strcspn(line, ":\n"), name);
	free(line);
	fclose(file);
	return found;
}

/** in_index() - the state of a module that is not loaded, from libkmod */
static int in_index(const char *directory, const char *name, enum module_state *state)
{
	const char *const no_config = NULL; /* modprobe.d does not decide which modules exist */
	struct kmod_ctx *context = kmod_new(directory, &no_config);
	struct kmod_list *list = NULL;
	struct kmod_module *module;
	int err;

	if (!context)
		return -ENOMEM;
	kmod_set_log_priority(context, 0);
	err = kmod_module_new_from_lookup(context, name, &list);
	module = err >= 0 && list ? kmod_module_get_module(list) : NULL;
	if (module) {
		*state = kmod_module_get_path(module) ? MODULE_PRESENT : MODULE_BUILTIN;
		kmod_module_unref(module);
	}
	kmod_module_unref_list(list);
	kmod_unref(context);
	return err < 0 && err != -ENOENT && err != -ENOSYS ? err : 0;
}

int module_state(const struct host *host, const char *name, enum module_state *state)
{
	char kernel[RELEASE_TEXT], directory[sizeof(host->path) + RELEASE_TEXT + 16];
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
	if (host_exists(host, "/lib/modules/%s/modules.dep.bin", kernel)) {
		snprintf(directory, sizeof(directory), "%s/lib/modules/%s", host->path, kernel);
		return in_index(directory, name, state);
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

int module_load(const struct host *host, const char *name, struct error *error)
{
	char kernel[RELEASE_TEXT] = "";
	struct kmod_list *list = NULL, *item;
	struct kmod_ctx *context;
	int err;

	if (!host_is_machine(host))
		return error_fail(error, -EOPNOTSUPP,
				  "%s: kernel modules cannot be loaded in a tree (--sysroot)",
				  name);
	release(host, kernel);
	context = kmod_new(NULL, NULL);
	err = context ? kmod_module_new_from_lookup(context, name, &list) : -ENOMEM;
	if (!err && !list)
		err = -ENOENT;
	kmod_list_foreach(item, list)
	{
		struct kmod_module *module = kmod_module_get_module(item);

		if (!err)
			err = kmod_module_probe_insert_module(module, 0, NULL, NULL, NULL, NULL);
		kmod_module_unref(module);
	}
	kmod_module_unref_list(list);
	if (context)
		kmod_unref(context);
	if (err < 0)
		explain(kernel, name, err, error);
	return err < 0 ? err : 0;
}
