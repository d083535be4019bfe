/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A method of compression, by a library that a build may lack. */
#ifndef VARCH_DECOMPRESS_METHOD_H
#define VARCH_DECOMPRESS_METHOD_H

#include <stddef.h>

/* The data of a method between two steps. */
struct varch_method_data {
	void *state;		/* of the method */
	const unsigned char *in; /* bytes that the method has not consumed */
	size_t in_len;
	unsigned char *out;	/* free space of the caller's buffer */
	size_t out_len;
};

struct varch_method {
	const char *name;
	const char *command;	/* which decompresses */
	unsigned char magic[4];
	size_t magic_len;
	const char *type;	/* how the header of a zboot kernel begins its name */
	/* NULL: this build lacks it. 0 or -ENOMEM. */
	int (*begin)(struct varch_method_data *d);
	/* Consumes and writes what it can: 1 at the end, 0 before, -ENOMEM, or -EBADMSG and *why. */
	int (*step)(struct varch_method_data *d, const char **why);
	void (*end)(struct varch_method_data *d);
};

extern const struct varch_method varch_method_gzip;

#endif
