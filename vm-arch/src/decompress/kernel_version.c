/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The version that a kernel's file states. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>

#include <vm-arch/advice.h>
#include <vm-arch/kernel_version.h>
#include <vmm-sys-util/fd.h>

#include "advise.h"
#include "decompress/image_version.h"

/* Offsets in a bzImage (the Linux/x86 boot protocol). */
#define MAGIC_AT 0x202
#define VERSION_AT 0x20e
#define HEADER_AT 0x200

/* The position of a bzImage's version. -EBADMSG: it is not a bzImage, or has none. */
static int find_in_bzimage(int fd, uint64_t *at)
{
	unsigned char head[VERSION_AT - MAGIC_AT + 2];
	const ssize_t n = vsu_fd_pread_full(fd, head, sizeof(head), MAGIC_AT);

	if (n < 0)
		return (int)n;
	*at = (uint64_t)head[VERSION_AT - MAGIC_AT] | (uint64_t)head[VERSION_AT - MAGIC_AT + 1] << 8;
	if ((size_t)n < sizeof(head) || memcmp(head, "HdrS", 4) != 0 || !*at)
		return -EBADMSG;
	*at += HEADER_AT;
	return 0;
}

/* 1: version was set; 0: not a bzImage, or without a version. */
static int bzimage_version(int fd, char version[VARCH_KERNEL_VERSION])
{
	char text[VARCH_KERNEL_VERSION];
	uint64_t at = 0;
	int rc = find_in_bzimage(fd, &at);
	ssize_t n;

	if (rc < 0)
		return rc == -EBADMSG ? 0 : rc;
	n = vsu_fd_pread_full(fd, text, sizeof(text), at);
	return n < 0 ? (int)n : varch_version_copy(text, (size_t)n, version);
}

static int read_version(int fd, char version[VARCH_KERNEL_VERSION], struct vsu_error *err)
{
	const int rc = bzimage_version(fd, version);

	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot be read");
	return rc > 0 ? rc : varch_image_version(fd, version, err);
}

int varch_kernel_version(const char *path, char version[VARCH_KERNEL_VERSION], struct vsu_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;

	if (fd < 0)
		return vsu_error_sys(err, -errno, "cannot open the kernel '%s'", path);
	rc = vsu_fd_kind(fd) == VSU_FD_REGULAR ? read_version(fd, version, err) : 0;
	vsu_fd_close(&fd);
	if (!rc)
		return varch_advise(err, vsu_error_set(err, -EBADMSG, "the kernel '%s' does not state its version, as a bzImage or an Image for arm64 does", path),
				  VARCH_ADVICE_MODULES);
	return rc < 0 ? vsu_error_prefix(err, rc, "the kernel '%s'", path) : 0;
}
