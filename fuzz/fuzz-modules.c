/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The files of depmod, separated by zeros: modules.dep, modules.softdep, modules.builtin and
 * modules.alias. Each selected module is below the folder and is selected once.
 */
#include <config.h>

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "initrd/modules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const files[] = { "modules.dep", "modules.softdep", "modules.builtin", "modules.alias" };
#define FILES (sizeof(files) / sizeof(files[0]))

static char folder[] = "/tmp/fuzz-modules-XXXXXX";
static int folder_fd = -1;

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void remove_folder(void)
{
	size_t i;

	for (i = 0; i < FILES; i++)
		unlinkat(folder_fd, files[i], 0);
	rmdir(folder);
}

static void make_folder(void)
{
	demand(mkdtemp(folder));
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	demand(folder_fd >= 0 && !atexit(remove_folder));
}

static void write_files(const uint8_t *data, size_t size)
{
	const uint8_t *end;
	size_t i, len;
	int fd;

	for (i = 0; i < FILES; i++) {
		end = size ? memchr(data, 0, size) : NULL;
		len = end ? (size_t)(end - data) : size;
		fd = openat(folder_fd, files[i], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		demand(fd >= 0 && write(fd, data, len) == (ssize_t)len);
		vsu_fd_close(&fd);
		data += len + (end != NULL);
		size -= len + (end != NULL);
	}
}

static bool is_below(const char *path)
{
	size_t len;

	for (; *path; path += len + (path[len] == '/')) {
		len = strcspn(path, "/");
		if (!len || (len == 2 && !memcmp(path, "..", 2)))
			return false;
	}
	return true;
}

static void check_modules(const struct vagent_priv_modules *m)
{
	const struct vagent_priv_module *module, *other;
	unsigned int i, k;

	for (i = 0; (module = vagent_priv_modules_get(m, i)); i++) {
		demand(i < VAGENT_MODULES_MAX && *module->path && is_below(module->path));
		for (k = 0; k < i; k++) {
			other = vagent_priv_modules_get(m, k);
			demand(strcmp(other->path, module->path) != 0);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct {
		const char *name;
		enum vagent_priv_module_need need;
	} wanted[] = {
		{ "a", VAGENT_MODULE_REQUIRED }, { "b-c", VAGENT_MODULE_REQUIRED }, { "d", VAGENT_MODULE_IF_PRESENT },
	};
	struct vsu_error err = VSU_ERROR_INIT;
	struct vagent_priv_modules *m;
	int rc = 0;
	size_t i;

	if (folder_fd < 0)
		make_folder();
	write_files(data, size);
	demand(!vagent_priv_modules_open(&m, folder, &err));
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		rc = vagent_priv_modules_select(m, wanted[i].name, wanted[i].need, &err);
		demand(rc >= 0 || err.msg[0]);
		if (rc >= 0)
			check_modules(m);
	}
	vagent_priv_modules_free(m);
	return 0;
}
