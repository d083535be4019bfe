/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* <linux/fuse.h>, and definitions that older versions of it lack. */
#ifndef VIRTIO_DEVICES_FS_DEVICE_PROTOCOL_H
#define VIRTIO_DEVICES_FS_DEVICE_PROTOCOL_H

#include <stdint.h>
#include <string.h>

#include <linux/fuse.h>

/* Supported minor versions of FUSE 7. */
#define FS_MIN_MINOR 31u
#define FS_MAX_MINOR 39u
/* The first minor version with request extensions. */
#define FS_MINOR_EXTENSIONS 38u

/* Maximum bytes of a name. */
#define FS_NAME_MAX 255u

/* Bytes of INIT before 7.36, and of SETXATTR without FUSE_SETXATTR_EXT. */
#define FS_INIT_SHORT 16u
#define FS_SETXATTR_SHORT 8u

/* Offset of total_extlen in struct fuse_in_header, in units of 8 bytes; kernel
   headers before 7.38 have padding there. */
#define FS_EXTENSIONS_AT 36u
#define FS_EXTENSION_ALIGN 8u

static inline uint32_t fs_extensions(const struct fuse_in_header *in)
{
	uint16_t n;

	memcpy(&n, (const char *)in + FS_EXTENSIONS_AT, sizeof(n));
	return n * FS_EXTENSION_ALIGN;
}

/* struct fuse_ext_header; size includes the header. */
struct fs_extension {
	uint32_t size, type;
};
#define FS_EXTENSION_GROUPS 32u

/* A type up to this value is a security context with that number of labels. */
#define FS_EXTENSION_LABELS 31u

/* struct fuse_secctx: size of the value; name and value follow. */
struct fs_label_head {
	uint32_t size, padding;
};

/* FUSE_SECURITY_CTX: requests that create files have labels (extension: 7.38). */
#define FS_SECURITY_CTX (UINT64_C(1) << 32)

/* FUSE_CREATE_SUPP_GROUP: such requests have supplementary groups (7.38). */
#define FS_CREATE_SUPP_GROUP (UINT64_C(1) << 34)

/* FUSE_STATX (7.39): attributes with birth time, as of statx(). */
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
