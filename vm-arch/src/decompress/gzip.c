/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The method gzip, by zlib, which compares the checksum and the length at the end. */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "decompress/method.h"

#if defined(BOOTS_GZIP) && !defined(WITHOUT_ZLIB)
#define ZLIB_CONST
#include <zlib.h>

#define GZIP_WINDOW (MAX_WBITS + 16)	/* with the header of gzip, not of zlib */

static int inflate_begin(struct varch_method_data *d)
{
	z_stream *z = calloc(1, sizeof(*z));

	if (!z || inflateInit2(z, GZIP_WINDOW) != Z_OK) {
		free(z);
		return -ENOMEM;
	}
	d->state = z;
	return 0;
}

static int inflate_step(struct varch_method_data *d, const char **why)
{
	const size_t room = d->out_len < UINT_MAX ? d->out_len : UINT_MAX;
	z_stream *z = d->state;
	int rc;

	z->next_in = d->in;
	z->avail_in = (uInt)d->in_len;
	z->next_out = d->out;
	z->avail_out = (uInt)room;
	rc = inflate(z, Z_NO_FLUSH);
	d->in = z->next_in;
	d->in_len = z->avail_in;
	d->out = z->next_out;
	d->out_len -= room - z->avail_out;
	if (rc == Z_OK || rc == Z_BUF_ERROR)
		return 0;
	*why = z->msg ? z->msg : zError(rc);
	return rc == Z_STREAM_END ? 1 : rc == Z_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

static void inflate_end(struct varch_method_data *d)
{
	inflateEnd(d->state);
	free(d->state);
}

#define OPERATIONS .begin = inflate_begin, .step = inflate_step, .end = inflate_end,
#else
#define OPERATIONS
#endif

const struct varch_method varch_method_gzip = {
	.name = "gzip", .command = "gunzip",
	.magic = { 0x1f, 0x8b, 8 }, .magic_len = 3, .type = "gzip",
	OPERATIONS
};
