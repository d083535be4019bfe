/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Finding a kernel: built into this program, or a file. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/parse.h>

#include "elf.h"

#define PREFIX "builtin:"

/* Put here by builtin.S. */
extern const unsigned char vmm_builtin_selftest[];
extern const unsigned char vmm_builtin_selftest_end[];

static const struct builtin {
	const char *name;
	const unsigned char *bytes, *end;
} builtins[] = {
	{ "selftest", vmm_builtin_selftest, vmm_builtin_selftest_end },
};

static const char *const builtin_names[] = { "selftest", NULL };

static int open_builtin(struct vmm_kernel *kernel, const char *name,
			struct vsu_error *err)
{
	const char *near = vsu_nearest(name, builtin_names);
	unsigned int i;

	for (i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++) {
		if (strcmp(builtins[i].name, name))
			continue;
		kernel->bytes = builtins[i].bytes;
		kernel->size = (size_t)(builtins[i].end - builtins[i].bytes);
		return 0;
	}
	return vsu_error_set(err, -EINVAL, "no built-in kernel '%s'; %s '%s'",
			     name, near ? "did you mean" : "there is",
			     near ? near : "selftest");
}

/* A private copy of the file, so that later changes do not matter. */
static int read_file(struct vmm_kernel *kernel, int fd, uint64_t size,
		     struct vsu_error *err)
{
	void *copy;
	ssize_t n;

	if (!size || size > SIZE_MAX / 2)
		return vsu_error_set(err, -EBADMSG,
			"kernel '%s': an empty file is no kernel",
			kernel->name);
	copy = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (copy == MAP_FAILED)
		return vsu_error_sys(err, -errno, "kernel '%s'", kernel->name);
	kernel->mapping = copy;
	kernel->size = size;
	kernel->bytes = copy;
	n = vsu_fd_pread_full(fd, copy, size, 0);
	if (n < 0)
		return vsu_error_sys(err, (int)n, "cannot read kernel '%s'",
				     kernel->name);
	if ((uint64_t)n < size)
		return vsu_error_set(err, -EBADMSG,
			"kernel '%s' became shorter while it was read",
			kernel->name);
	return 0;
}

static int open_file(struct vmm_kernel *kernel, struct vsu_error *err)
{
	/* Not to wait for a writer when it is a FIFO. */
	int fd = open(kernel->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	uint64_t size = 0;
	int rc, kind;

	if (fd < 0)
		return vsu_error_sys(err, -errno, "cannot open kernel '%s'",
				     kernel->name);
	kind = vsu_fd_kind(fd);
	if (kind == VSU_FD_REGULAR)
		rc = vsu_fd_size(fd, &size);
	else
		rc = vsu_error_set(err, -ENODEV, "kernel '%s' is %s; it must "
				   "be a regular file", kernel->name,
				   vsu_fd_kind_name(kind));
	if (!rc)
		rc = read_file(kernel, fd, size, err);
	vsu_fd_close(&fd);
	return rc;
}

int vmm_kernel_open(struct vmm_kernel *kernel, const char *name,
		    struct vsu_error *err)
{
	int rc;

	memset(kernel, 0, sizeof(*kernel));
	kernel->name = name;
	if (!strncmp(name, PREFIX, strlen(PREFIX)))
		return open_builtin(kernel, name + strlen(PREFIX), err);
	rc = open_file(kernel, err);
	if (rc)
		vmm_kernel_close(kernel);
	return rc;
}

void vmm_kernel_close(struct vmm_kernel *kernel)
{
	if (kernel->mapping)
		munmap(kernel->mapping, kernel->size);
	memset(kernel, 0, sizeof(*kernel));
}
