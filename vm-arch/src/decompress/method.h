/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A method of compression, by a library that a build may lack. */
#ifndef VMM_DECOMPRESS_METHOD_H
#define VMM_DECOMPRESS_METHOD_H

#include "decompress/decompress.h"

#define VMM_COMPRESSED_PIECE 16384u

struct vmm_decompressor {
	struct vmm_compressed source;
	const struct vmm_method *method;
	void *state;		/* of the method */
	uint64_t at, end;	/* in the source: bytes that are not read yet */
	const unsigned char *in; /* bytes that the method has not consumed */
	size_t in_len;
	unsigned char *out;	/* free space of the caller's buffer */
	size_t out_len;
	bool ended;
	unsigned char piece[VMM_COMPRESSED_PIECE];
};

struct vmm_method {
	const char *name;
	const char *command;	/* which decompresses */
	unsigned char magic[4];
	size_t magic_len;
	const char *type;	/* how the header of a zboot kernel begins its name */
	/* NULL: this build lacks it. 0 or -ENOMEM. */
	int (*begin)(struct vmm_decompressor *d);
	/* Consumes and writes what it can: 1 at the end, 0 before, -ENOMEM, or -EBADMSG and *why. */
	int (*step)(struct vmm_decompressor *d, const char **why);
	void (*end)(struct vmm_decompressor *d);
};

extern const struct vmm_method vmm_method_gzip;

#endif
