/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The description of a template. Invariant: in an accepted one, each text ends within its
 * member.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cvmm/template.h>
#include <vmm-sys-util/fd.h>


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/fuzz-template-XXXXXX", path[sizeof(folder) + sizeof("/template")];

static void demand(bool holds)
{
	if (!holds)
		abort();
}

/* Content of a template in addition to its description; folders precede their files. */
static const struct {
	const char *name;
	bool is_folder;
} contents[] = {
	{ "machine", true }, { "machine/memory", false }, { "machine/state", false },
	{ "machine/machine.json", false }, { "empty", true },
};

#define NCONTENTS (sizeof(contents) / sizeof(contents[0]))

static void remove_folder(void)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t i;

	for (i = NCONTENTS; i; i--)
		unlinkat(fd, contents[i - 1].name, contents[i - 1].is_folder ? AT_REMOVEDIR : 0);
	vsu_fd_close(&fd);
	unlink(path);
	rmdir(folder);
}

static void make_content(int at, const char *name, bool is_folder)
{
	int fd = is_folder ? -1 : openat(at, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	demand(is_folder ? !mkdirat(at, name, 0700) : fd >= 0);
	vsu_fd_close(&fd);
}

static void make_folder(void)
{
	size_t i;
	int fd;

	demand(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/template", folder);
	demand(!atexit(remove_folder));
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (i = 0; i < NCONTENTS; i++)
		make_content(fd, contents[i].name, contents[i].is_folder);
	vsu_fd_close(&fd);
}

static void check_text(const char *text, size_t size)
{
	demand(strlen(text) < size && !strchr(text, '\n'));
}

static void check_info(const struct cvmm_template_info *info)
{
	check_text(info->version, 32);
	check_text(info->kernel, PATH_MAX);
	check_text(info->root, PATH_MAX);
	check_text(info->memory, 256);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct cvmm_template *t = NULL;
	int fd, rc;

	if (!*path)
		make_folder();
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	demand(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	vsu_fd_close(&fd);
	rc = cvmm_template_open(NULL, folder, &t, &err);
	demand(!rc || (rc == -EBADMSG && err.msg[0]));
	if (!rc)
		check_info(cvmm_template_get_info(t));
	cvmm_template_close(t);
	return 0;
}
