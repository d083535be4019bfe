/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* FUSE as the kernel's header has it, and what an older header lacks. */
#ifndef VIRTIO_DEVICES_FS_PROTOCOL_H
#define VIRTIO_DEVICES_FS_PROTOCOL_H

#include <stdint.h>
#include <string.h>

#include <linux/fuse.h>

/* The oldest minor version of 7 that is spoken, and the newest. */
#define FS_MIN_MINOR 31u
#define FS_MAX_MINOR 39u
/* From it on requests have extensions. */
#define FS_MINOR_EXTENSIONS 38u

/* One byte swapped: a guest whose numbers are the other way round. */
#define FS_INIT_SWAPPED UINT32_C(0x1a000000)

/* Bytes of one name. */
#define FS_NAME_MAX 255u

/* INIT without what 7.36 added, and SETXATTR as it is unless agreed. */
#define FS_INIT_SHORT 16u
#define FS_SETXATTR_SHORT 8u

/* In struct fuse_in_header: how many times eight bytes of extensions
   follow; kernel headers before 7.38 have padding there. */
#define FS_EXTENSIONS_AT 36u
#define FS_EXTENSION_ALIGN 8u

static inline uint32_t fs_extensions(const struct fuse_in_header *in)
{
	uint16_t n;

	memcpy(&n, (const char *)in + FS_EXTENSIONS_AT, sizeof(n));
	return n * FS_EXTENSION_ALIGN;
}

/* An extension's header: its bytes, this with them; and what it is. */
struct fs_extension {
	uint32_t size, type;
};
#define FS_EXTENSION_GROUPS 32u

/* Those before it are labels of what is made, so many of them as the type says. */
#define FS_EXTENSION_LABELS 31u

/* A label: how long its value is, before its name and the value itself. */
struct fs_label_head {
	uint32_t size, padding;
};

/* Labels come with what is made, as extensions from 7.38 on. */
#define FS_SECURITY_CTX (UINT64_C(1) << 32)

/* A user's other groups come with what he makes (7.38). */
#define FS_CREATE_SUPP_GROUP (UINT64_C(1) << 34)

/* GETATTR, and when a file was made (7.39): what statx() tells. */
#define FS_STATX 52u

struct fs_statx_in {
	uint32_t getattr_flags, reserved;
	uint64_t fh;
	uint32_t flags, mask;
};

struct fs_statx_time {
	int64_t s;
	uint32_t ns, reserved;
};

struct fs_statx_out {
	uint64_t valid;
	uint32_t valid_ns, flags;
	uint64_t spare[2];
	uint32_t mask, blksize;
	uint64_t attributes;
	uint32_t nlink, uid, gid;
	uint16_t mode, spare_mode;
	uint64_t ino, size, blocks, attributes_mask;
	struct fs_statx_time atime, btime, ctime, mtime;
	uint32_t rdev_major, rdev_minor, dev_major, dev_minor;
	uint64_t spare_end[14];
};

/* Configuration space (VIRTIO 1.3, 5.11.4), without F_NOTIFICATION. */
struct fs_space {
	char tag[36];
	unsigned char queues[4];	/* little-endian */
};

#endif
