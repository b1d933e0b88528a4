/* SPDX-License-Identifier: BSD-3-Clause */
#include "tree.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char tree[32];

int tree_run(const char *script)
{
	char command[80];

	setenv("SCRIPT", script, 1);
	snprintf(command, sizeof(command), "sh -c \"$SCRIPT\" sh '%s'", tree);
	return system(command);
}

int tree_open(struct host *host, const char *script)
{
	struct error error;

	strcpy(tree, "/tmp/test-host-XXXXXX");
	if (!mkdtemp(tree) || (script && tree_run(script)))
		return -1;
	return host_open(tree, host, &error);
}

int tree_close(struct host *host)
{
	host_close(host);
	return tree_run("rm -r \"$1\"");
}

const char *tree_path(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", tree, name + (*name == '/'));
	return path;
}

void tree_put(const char *text, const char *format, ...)
{
	char name[256], path[512];
	va_list ap;
	FILE *file;

	va_start(ap, format);
	vsnprintf(name, sizeof(name), format, ap);
	va_end(ap);
	strcpy(path, tree_path(name));
	for (char *slash = strchr(path + strlen(tree) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		assert_true(!mkdir(path, 0755) || errno == EEXIST);
		*slash = '/';
	}
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

struct host tree_host;

int tree_setup(void **state)
{
	(void)state;
	return tree_open(&tree_host, NULL);
}

int tree_teardown(void **state)
{
	(void)state;
	return tree_close(&tree_host);
}
