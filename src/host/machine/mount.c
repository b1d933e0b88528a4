/* SPDX-License-Identifier: BSD-3-Clause */
#include "host/machine/mount.h"

#include <string.h>

#include "host/machine/ask.h"

bool mount_cut(char *line, struct mount *mount)
{
	char *words[6], *rest = line, *end;

	for (size_t i = 0; i < 6; i++) {
		words[i] = strsep(&rest, " ");
		if (!words[i] || !rest)
			return false;
	}
	end = strncmp(rest, "- ", 2) ? strstr(rest, " - ") : rest - 1;
	if (!end)
		return false;
	rest = end + 3;
	rest[strcspn(rest, "\n")] = '\0';
	*mount = (struct mount){ words[3], words[4], words[5], strsep(&rest, " "), "" };
	strsep(&rest, " ");
	if (rest)
		mount->super = rest;
	return true;
}

bool mount_has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	while (list && *list) {
		size_t here = strcspn(list, ",:\n");

		if (here == len && !strncmp(list, word, len))
			return true;
		if (list[here] != ',')
			break;
		list += here + 1;
	}
	return false;
}

/**
 * struct wanted - a mount point
 * @readonly:	of the last mount there
 */
struct wanted {
	const char *point;
	bool readonly;
};

static bool look_for_point(char *line, void *data)
{
	struct wanted *wanted = data;
	struct mount mount;

	if (mount_cut(line, &mount) && !strcmp(mount.point, wanted->point))
		wanted->readonly = mount_has_word(mount.options, "ro");
	return false;
}

bool mount_is_readonly(const struct host *host, const char *path)
{
	struct host unrecorded = host_unrecorded(host);
	struct wanted wanted = { .point = path };
	json_t *answer;
	int err;

	if (ask_recall(host, &answer, &err, "read-only%s", path)) {
		wanted.readonly = json_is_true(answer);
		json_decref(answer);
		return wanted.readonly;
	}
	host_each_line(&unrecorded, "/proc/self/mountinfo", look_for_point, &wanted);
	ask_note(host, 0, json_boolean(wanted.readonly), "read-only%s", path);
	return wanted.readonly;
}
