/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Detects images of formats other than raw. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "kinds/disk/format.h"
#include "base/file_value.h"

#define HEAD 512u

/* Names as in qemu-img. */
static const struct {
	const char *name, *bytes;
	size_t at, len;
} formats[] = {
	{ "qcow2", "QFI\xfb", 0, 4 },
	{ "qed", "QED", 0, 4 },
	{ "vmdk", "KDMV", 0, 4 },
	{ "vmdk", "COWD", 0, 4 },
	{ "vmdk", "# Disk DescriptorFile", 0, 21 },
	{ "vhdx", "vhdxfile", 0, 8 },
	{ "vpc", "conectix", 0, 8 },
	{ "vdi", "\x7f\x10\xda\xbe", 64, 4 },
};

static const char *format_of(const char *head, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (formats[i].at + formats[i].len <= len &&
		    !memcmp(head + formats[i].at, formats[i].bytes,
			    formats[i].len))
			return formats[i].name;
	return NULL;
}

/* Do not read files on FUSE: an unresponsive server would block the start. */
static bool can_be_read(int fd)
{
	struct statfs fs;

	return !fstatfs(fd, &fs) && (unsigned long)fs.f_type != FUSE_SUPER_MAGIC;
}

#define REMEDY "make a raw one with 'qemu-img convert -O raw', or have qemu-nbd serve it and name its nbd:// address"

static int open_image(const char *text)
{
	struct vmm_file_value v;

	if (vmm_file_value_read(text, &v, NULL) < 0)
		return -1;
	return v.has_fd ? vsu_fd_dup(v.fd) :
	       open(v.name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

const char *vmm_disk_format(const char *text)
{
	int fd = open_image(text);
	char head[HEAD];
	ssize_t n;

	if (fd < 0)
		return NULL;
	n = can_be_read(fd) ? pread(fd, head, sizeof(head), 0) : 0;
	vsu_fd_close(&fd);
	return n > 0 ? format_of(head, (size_t)n) : NULL;
}

int vmm_disk_check_format(const char *text, struct vsu_error *err)
{
	const char *format = vmm_disk_format(text);

	if (!format)
		return 0;
	return vsu_error_set(err, -EINVAL, "'%s' begins like a %s image, but only raw images are supported; " REMEDY "; format=raw serves it byte for byte",
			     vmm_file_value_name(text), format);
}
