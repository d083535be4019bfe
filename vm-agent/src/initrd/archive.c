/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes an archive of cpio's format "newc". */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <vmm-sys-util/fd.h>

#include "initrd/archive.h"

#define TRAILER "TRAILER!!!"
#define CHUNK 65536

struct entry {
	const char *name;
	uint32_t mode, major, minor;
	uint64_t len;
};

static void put_bytes(struct vagent_priv_archive *a, const void *bytes, size_t len)
{
	ssize_t n;

	if (a->rc < 0)
		return;
	if (a->len + len > VAGENT_ARCHIVE_MAX) {
		a->rc = -EFBIG;
		return;
	}
	n = vsu_fd_write_full(a->fd, bytes, len);
	if (n < 0 || (size_t)n < len)
		a->rc = n < 0 ? (int)n : -ENOSPC;
	else
		a->len += len;
}

/* Headers and contents begin at multiples of four bytes. */
static void put_padding(struct vagent_priv_archive *a)
{
	static const char zeros[4];

	put_bytes(a, zeros, (size_t)(-a->len & 3));
}

/* A magic number and 13 fields: inode, mode, user, group, links, time, size, device, node, name,
 * checksum. */
static void put_header(struct vagent_priv_archive *a, const struct entry *e)
{
	char header[6 + 13 * 8 + 1];

	if (e->len > UINT32_MAX && !a->rc)
		a->rc = -EFBIG;
	snprintf(header, sizeof(header), "070701%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X",
		 ++a->entries, e->mode, 0u, 0u, S_ISDIR(e->mode) ? 2u : 1u, 0u,
		 (unsigned int)e->len, 0u, 0u, e->major, e->minor,
		 (unsigned int)strlen(e->name) + 1, 0u);
	put_bytes(a, header, sizeof(header) - 1);
	put_bytes(a, e->name, strlen(e->name) + 1);
	put_padding(a);
}

void vagent_priv_archive_folder(struct vagent_priv_archive *a, const char *name)
{
	put_header(a, &(struct entry){ .name = name, .mode = S_IFDIR | 0755 });
}

void vagent_priv_archive_device(struct vagent_priv_archive *a, const char *name, uint32_t major, uint32_t minor)
{
	put_header(a, &(struct entry){ name, S_IFCHR | 0600, major, minor, 0 });
}

void vagent_priv_archive_file(struct vagent_priv_archive *a, const char *name, uint32_t mode,
		      const void *bytes, size_t len)
{
	put_header(a, &(struct entry){ .name = name, .mode = S_IFREG | mode, .len = len });
	put_bytes(a, bytes, len);
	put_padding(a);
}

void vagent_priv_archive_copy(struct vagent_priv_archive *a, const char *name, uint32_t mode, int from_fd,
		      uint64_t len)
{
	char chunk[CHUNK];
	uint64_t done = 0;

	put_header(a, &(struct entry){ .name = name, .mode = S_IFREG | mode, .len = len });
	while (!a->rc && done < len) {
		const size_t part = len - done < sizeof(chunk) ? (size_t)(len - done) : sizeof(chunk);
		const ssize_t n = vsu_fd_read_full(from_fd, chunk, part);

		if (n < 0 || (size_t)n < part)
			a->rc = n < 0 ? (int)n : -EBADMSG;
		else
			put_bytes(a, chunk, part);
		done += part;
	}
	put_padding(a);
}

int vagent_priv_archive_end(struct vagent_priv_archive *a, struct vsu_error *err)
{
	put_header(a, &(struct entry){ .name = TRAILER });
	if (a->rc == -EFBIG)
		return vsu_error_set(err, -EFBIG, "the initrd exceeds 1 GiB; include fewer modules");
	return a->rc < 0 ? vsu_error_sys(err, a->rc, "cannot write the initrd") : 0;
}
