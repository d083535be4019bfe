/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The content of a compressed kernel, piece by piece: of a compressed file (Image.gz), or of an
 * EFI program that decompresses itself (zboot). Neither its size nor its content is trusted: the
 * caller limits what it reads, and memory does not depend on them.
 *
 * Threads: one at a time per decompressor.
 */
#ifndef VARCH_DECOMPRESS_DECOMPRESS_H
#define VARCH_DECOMPRESS_DECOMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <vmm-sys-util/error.h>

/* Compressed bytes, borrowed. Each byte of a file is read once, except for the first ones. */
struct varch_compressed {
	const unsigned char *bytes; /* NULL: read from fd */
	int fd;
	uint64_t size;
};

struct varch_decompressor;

/* True: the first bytes are those of such a kernel. False, too, if they cannot be read. */
bool varch_is_compressed(const struct varch_compressed *c);

/*
 * -EBADMSG: not such a kernel, or truncated; -EOPNOTSUPP: compressed by a method that this
 * build does not have; -ENOMEM; errors of read().
 */
int varch_decompressor_new(struct varch_decompressor **out, const struct varch_compressed *c,
			 struct vsu_error *err);
void varch_decompressor_free(struct varch_decompressor *d);

/*
 * Reads up to len bytes; fewer only at the end, whose checksum and length are correct then.
 * -EBADMSG: damaged, truncated, or more bytes follow; -ENOMEM; errors of read().
 */
ssize_t varch_decompressor_read(struct varch_decompressor *d, void *buf, size_t len,
			      struct vsu_error *err);

#endif
