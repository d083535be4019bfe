/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Text in memory, written by a stream. open_memstream() is no replacement: it reports no error when
 * memory is exhausted, and leaves the beginning of the text.
 *
 *	struct vsu_text t;
 *
 *	if (vsu_text_open(&t) < 0)
 *		return -ENOMEM;
 *	fprintf(t.to, "cpus %u\n", 2);
 *	if (vsu_text_close(&t) < 0)
 *		return -ENOMEM;
 *	puts(t.bytes);
 *	free(t.bytes);
 *
 * Threads: one at a time for a text.
 */
#ifndef VMM_SYS_UTIL_TEXT_H
#define VMM_SYS_UTIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <vmm-sys-util/attributes.h>

VSU_BEGIN_DECLS

/* A text is not moved or copied until it is closed. Fixed layout. */
struct vsu_text {
	FILE *to;	/* the caller writes to it; NULL: not open */
	char *bytes;	/* once it is closed: all of them and a NUL, which the caller frees */
	size_t len;	/* of bytes, without the NUL */
	size_t room;	/* private, as is the next one */
	bool is_lost;	/* a part of the text */
};

/* -ENOMEM. */
VSU_API int vsu_text_open(struct vsu_text *t) VSU_NODISCARD;

/* Ends the stream. -ENOMEM: a part of the text was lost; bytes is NULL. */
VSU_API int vsu_text_close(struct vsu_text *t) VSU_NODISCARD;

/* Closes a text that is not needed, and frees it. */
VSU_API void vsu_text_drop(struct vsu_text *t);

VSU_END_DECLS

#endif
