/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Blocks of pcapng (draft-ietf-opsawg-pcapng), in the byte order of the host. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/text.h>

#include "capture.h"

#define BLOCK_SECTION 0x0a0d0d0au
#define BLOCK_INTERFACE 1u
#define BLOCK_PACKET 6u
#define BYTE_ORDER_MAGIC 0x1a2b3c4du
#define OPTION_COMMENT 1u
#define OPTION_RESOLUTION 9u

static void put_u32(FILE *to, uint32_t value)
{
	fwrite(&value, sizeof(value), 1, to);
}

static void put_u16s(FILE *to, uint16_t first, uint16_t second)
{
	const uint16_t both[2] = { first, second };

	fwrite(both, sizeof(both), 1, to);
}

/* Bytes and zeros up to a multiple of 4. */
static void put_padded(FILE *to, const void *bytes, size_t n)
{
	static const unsigned char zeros[4];

	fwrite(bytes, 1, n, to);
	fwrite(zeros, 1, -n & 3, to);
}

static uint32_t padded(size_t n)
{
	return (uint32_t)(n + (-n & 3));
}

void capture_begin(FILE *to)
{
	static const unsigned char resolution = 9;	/* nanoseconds */

	put_u32(to, BLOCK_SECTION);
	put_u32(to, 28);
	put_u32(to, BYTE_ORDER_MAGIC);
	put_u16s(to, 1, 0);		/* version 1.0 */
	put_u32(to, UINT32_MAX);	/* length of the section: unknown */
	put_u32(to, UINT32_MAX);
	put_u32(to, 28);

	put_u32(to, BLOCK_INTERFACE);
	put_u32(to, 32);
	put_u16s(to, CAPTURE_LINK_TYPE, 0);
	put_u32(to, 0);			/* packets of any length */
	put_u16s(to, OPTION_RESOLUTION, 1);
	put_padded(to, &resolution, 1);
	put_u32(to, 0);			/* end of options */
	put_u32(to, 32);
}

/* Descriptors and problems, a line each; false: there are none, or no memory. */
static bool comment_text(const struct trace_line *line, struct vsu_text *text)
{
	unsigned int i;

	if ((!line->m->nfds && !line->v->nproblems) || vsu_text_open(text) < 0)
		return false;
	for (i = 0; i < line->m->nfds && i < TRACE_MAX_NOTES; i++) {
		fprintf(text->to, "descriptor %u: ", i);
		trace_put_fd(text->to, &line->fds[i]);
		fputc('\n', text->to);
	}
	for (i = 0; i < line->v->nproblems; i++)
		fprintf(text->to, "problem: %s\n", line->v->problems[i].msg);
	return vsu_text_close(text) == 0;
}

static void put_head(FILE *to, const struct trace_line *line)
{
	const unsigned char head[4] = {
		1, (unsigned char)line->from, (unsigned char)line->channel,
		__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 1 : 2
	};

	fwrite(head, sizeof(head), 1, to);
	put_u32(to, line->connection);
	put_u32(to, line->m->nfds + line->m->late_fds);
}

void capture_message(FILE *to, const struct trace_line *line, uint64_t real_ns)
{
	const struct relay_message *m = line->m;
	const uint32_t captured = CAPTURE_HEAD + (uint32_t)sizeof(m->hdr) + m->len;
	struct vsu_text comment;
	/* without the last newline; always shorter than the maximum of an option */
	size_t n = comment_text(line, &comment) ? comment.len - 1 : 0;
	uint32_t options = n ? 4 + padded(n) + 4 : 0;
	uint32_t len = 32 + padded(captured) + options;

	put_u32(to, BLOCK_PACKET);
	put_u32(to, len);
	put_u32(to, 0);			/* the only interface */
	put_u32(to, (uint32_t)(real_ns >> 32));
	put_u32(to, (uint32_t)real_ns);
	put_u32(to, captured);
	put_u32(to, captured);
	put_head(to, line);
	fwrite(&m->hdr, sizeof(m->hdr), 1, to);
	put_padded(to, m->payload, m->len);
	if (n) {
		put_u16s(to, OPTION_COMMENT, (uint16_t)n);
		put_padded(to, comment.bytes, n);
		put_u32(to, 0);
		free(comment.bytes);
	}
	put_u32(to, len);
}
