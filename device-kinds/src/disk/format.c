/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Detects images of formats other than raw. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include <device-kinds/disk.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/file_value.h>

#include "disk/format.h"
#include "disk/head.h"

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

enum { FORMAT_AUTO, FORMAT_RAW };

const char *const devkind_priv_disk_format_choices[] = { "auto", "raw", NULL };

const char *devkind_disk_format_of(const char *head, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (formats[i].at + formats[i].len <= len &&
		    !memcmp(head + formats[i].at, formats[i].bytes,
			    formats[i].len))
			return formats[i].name;
	return NULL;
}

#define REMEDY "make a raw one with 'qemu-img convert -O raw', or have qemu-nbd serve it to a disk by its nbd:// address"

static int open_image(const char *text)
{
	struct vsu_file_value v;

	if (vsu_file_value_read(text, &v, NULL) < 0)
		return -1;
	return v.has_fd ? vsu_fd_dup(v.fd) :
	       open(v.name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

/* Others, such as folders and descriptors that are not open for reading, are refused when the disk is opened. */
static bool is_image(int fd)
{
	const int kind = vsu_fd_kind(fd), flags = fcntl(fd, F_GETFL);

	if (flags < 0 || flags & O_PATH || (flags & O_ACCMODE) == O_WRONLY)
		return false;
	return kind == VSU_FD_REGULAR || kind == VSU_FD_BLOCK;
}

/* *format: NULL if the image appears raw. A negative errno: it cannot be read. */
static int find_format(const char *text, const char **format)
{
	int fd = open_image(text);
	char head[DEVKIND_DISK_HEAD];
	ssize_t n;

	*format = NULL;
	if (fd < 0)
		return 0;
	n = is_image(fd) ? devkind_priv_disk_head_read(fd, head) : 0;
	vsu_fd_close(&fd);
	if (n > 0)
		*format = devkind_disk_format_of(head, (size_t)n);
	return n < 0 ? (int)n : 0;
}

const char *devkind_disk_format(const char *text)
{
	const char *format;

	return find_format(text, &format) < 0 ? NULL : format;
}

static int read_failed(const char *name, int code, struct vsu_error *err)
{
	if (code == -ETIMEDOUT)
		return vsu_error_set(err, code, "the file server of '%s' did not return its first bytes within %d seconds, so its format is unknown; try again when it responds, or serve the image byte for byte by format=raw",
				     name, DEVKIND_PRIV_DISK_HEAD_SECONDS);
	return vsu_error_sys(err, code, "cannot read the first bytes of '%s', so its format is unknown; format=raw serves it byte for byte", name);
}

int devkind_priv_disk_check_format(const char *text, uint64_t choice, bool continues,
			      struct vsu_error *err)
{
	const char *format;
	int rc;

	if (choice == FORMAT_RAW || continues)
		return 0;
	rc = find_format(text, &format);
	if (rc < 0)
		return read_failed(vsu_file_value_name(text), rc, err);
	if (!format)
		return 0;
	return vsu_error_set(err, -EINVAL, "'%s' begins like a %s image, but only raw images are supported; " REMEDY "; format=raw serves it byte for byte",
			     vsu_file_value_name(text), format);
}
