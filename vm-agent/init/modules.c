/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Loads modules. Compressed ones are passed to the kernel as they are. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/agent.h"

#define FOLDER "/modules/"
#define COMPRESSED_FILE 4	/* MODULE_INIT_COMPRESSED_FILE */

static bool is_compressed(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && strcmp(dot, ".ko") != 0;
}

static void load_module(const char *name, bool required)
{
	const int flags = is_compressed(name) ? COMPRESSED_FILE : 0;
	char path[300];
	int fd, code;

	snprintf(path, sizeof(path), FOLDER "%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	code = fd < 0 || syscall(SYS_finit_module, fd, "", flags) < 0 ? errno : 0;
	if (fd >= 0)
		close(fd);
	if (!code || code == EEXIST || !required)
		return;
	if (flags && (code == EOPNOTSUPP || code == EINVAL))
		vagent_init_fail("the guest's kernel cannot load the compressed module %s (it lacks CONFIG_MODULE_DECOMPRESS for this format)", name);
	vagent_init_fail("the guest's kernel cannot load the module %s: %s", name, strerror(code));
}

/* "NUMBER-NAME.ko" or a compressed one */
static bool is_module(const char *file, const char *name)
{
	const char *dash = strchr(file, '-');
	const size_t len = strlen(name);

	return dash && !strncmp(dash + 1, name, len) && dash[1 + len] == '.';
}

/*
 * Loads the modules of a kind ("later", or any other one without it) up to last, if that is not
 * NULL; without load, searches it. True: last was found.
 */
static bool walk_modules(bool later, const char *last, bool load)
{
	FILE *order = fopen(FOLDER "order", "re");
	char line[320], *name;
	bool found = false;

	while (order && !found && fgets(line, sizeof(line), order)) {
		line[strcspn(line, "\n")] = '\0';
		name = strchr(line, ' ');
		if (!name)
			continue;
		*name++ = '\0';
		if (later != !strcmp(line, "later"))
			continue;
		if (load)
			load_module(name, !strcmp(line, "required"));
		found = last && is_module(name, last);
	}
	if (order)
		fclose(order);
	return found;
}

void vagent_priv_load_modules(void)
{
	walk_modules(false, NULL, true);
}

void vagent_init_load_modules_until(const char *name)
{
	if (walk_modules(true, name, false))
		walk_modules(true, name, true);
}
