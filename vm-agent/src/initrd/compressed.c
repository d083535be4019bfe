/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Compressed modules, and the configuration of their kernel. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/fd.h>

#include "initrd/compressed.h"
#include "initrd/folder_file.h"

#define MAX_LINES 65536
#define MAX_NAME 256

static bool is_compressed(const struct vagent_priv_module *module)
{
	const size_t len = strlen(module->path);

	return len < 3 || strcmp(module->path + len - 3, ".ko") != 0;
}

static int open_beside_modules(const char *folder)
{
	int dir = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC), fd;

	if (dir < 0)
		return -errno;
	fd = vagent_priv_folder_file_open(dir, "config");
	vsu_fd_close(&dir);
	return fd;
}

/* The name of the folder is the kernel's version. */
static int open_beside_kernel(const char *folder, const char *boot)
{
	char path[MAX_NAME * 2];
	size_t len = strlen(folder), begin;
	int fd;

	while (len && folder[len - 1] == '/')
		len--;
	for (begin = len; begin && folder[begin - 1] != '/';)
		begin--;
	if (len - begin >= MAX_NAME || len == begin)
		return -ENOENT;
	snprintf(path, sizeof(path), "%.200s/config-%.*s", boot, (int)(len - begin), folder + begin);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

static FILE *open_configuration(const char *folder, const char *boot)
{
	int fd = open_beside_modules(folder);
	FILE *f;

	if (fd < 0 && boot)
		fd = open_beside_kernel(folder, boot);
	if (fd >= 0 && vsu_fd_kind(fd) != VSU_FD_REGULAR)
		vsu_fd_close(&fd);
	f = fd < 0 ? NULL : fdopen(fd, "re");
	if (!f && fd >= 0)
		vsu_fd_close(&fd);
	return f;
}

static bool has_option(FILE *configuration)
{
	char line[256];
	bool found = false;
	int n;

	for (n = 0; !found && n < MAX_LINES && fgets(line, sizeof(line), configuration); n++)
		found = !strcmp(line, "CONFIG_MODULE_DECOMPRESS=y\n");
	return found;
}

static const struct vagent_priv_module *find_compressed(const struct vagent_priv_modules *m, unsigned int n)
{
	const struct vagent_priv_module *module;
	unsigned int i;

	for (i = 0; i < n && (module = vagent_priv_modules_get(m, i)); i++)
		if (!module->optional && is_compressed(module))
			return module;
	return NULL;
}

bool vagent_priv_modules_have_compressed(const struct vagent_priv_modules *m, unsigned int n)
{
	const struct vagent_priv_module *module;
	unsigned int i;

	for (i = n; (module = vagent_priv_modules_get(m, i)); i++)
		if (is_compressed(module))
			return true;
	return find_compressed(m, n) != NULL;
}

int vagent_priv_modules_check_compressed(const struct vagent_priv_modules *m, unsigned int n, const char *folder, const char *boot,
				 bool *unknown, struct vsu_error *err)
{
	const struct vagent_priv_module *module = folder ? find_compressed(m, n) : NULL;
	FILE *f = module ? open_configuration(folder, boot) : NULL;
	bool can;

	*unknown = module && !f;
	if (!f)
		return 0;
	can = has_option(f);
	fclose(f);
	return can ? 0 : vsu_error_set(err, -EOPNOTSUPP, "the kernel of the modules in '%.200s' cannot load %.100s, which is compressed: it lacks CONFIG_MODULE_DECOMPRESS (Linux 5.17 and later); use another kernel, or decompress its modules and run depmod",
				       folder, module->path);
}
