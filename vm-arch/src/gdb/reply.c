/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Replies, and the bytes that wait for the client. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "gdb/stub_private.h"

void varch_gdb_out(struct varch_gdb_stub *s, const char *bytes, size_t n)
{
	if (n > sizeof(s->out) - s->out_len)
		return;
	memcpy(s->out + s->out_len, bytes, n);
	s->out_len += n;
}

void varch_gdb_reply_end(struct varch_gdb_stub *s)
{
	varch_gdb_write_end(&s->writer);
	s->has_reply = true;
	varch_gdb_out(s, s->writer.bytes, s->writer.len);
}

void varch_gdb_reply_text(struct varch_gdb_stub *s, const char *text)
{
	varch_gdb_write_begin(&s->writer);
	varch_gdb_write_text(&s->writer, text);
	varch_gdb_reply_end(s);
}

/* The client prints the number, which is an errno of the protocol. */
void varch_gdb_reply_result(struct varch_gdb_stub *s, int rc)
{
	varch_gdb_reply_text(s, rc == 0 ? "OK" : rc == -EFAULT ? "E0e" : rc == -ENOSPC ? "E1c" : "E16");
}
