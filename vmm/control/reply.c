/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Lines that are sent to clients. */
#include <config.h>

#include <stdarg.h>
#include <stdlib.h>
#include <sys/uio.h>

#include <vmm-sys-util/sock.h>

#include "control/reply.h"
#include "base/json.h"

bool vmm_reply_open(struct vmm_reply *reply)
{
	reply->bytes = NULL;
	reply->to = open_memstream(&reply->bytes, &reply->len);
	return reply->to;
}

/* The bytes exist also after a failure. */
bool vmm_reply_send(struct vmm_reply *reply, int sock)
{
	bool sent = !fclose(reply->to);
	const struct iovec iov = { reply->bytes, reply->len };

	sent = sent && reply->bytes && vsu_sock_send(sock, &iov, 1, NULL, 0) ==
		       (ssize_t)reply->len;
	free(reply->bytes);
	return sent;
}

void vmm_reply_drop(struct vmm_reply *reply)
{
	fclose(reply->to);
	free(reply->bytes);
}

bool vmm_reply_print(int sock, const char *fmt, ...)
{
	struct vmm_reply reply;
	va_list ap;

	if (!vmm_reply_open(&reply))
		return false;
	va_start(ap, fmt);
	vfprintf(reply.to, fmt, ap);
	va_end(ap);
	return vmm_reply_send(&reply, sock);
}

const char *vmm_reply_text(struct vmm_reply *reply)
{
	const bool done = reply->to && !fclose(reply->to);

	reply->to = NULL;
	return done ? reply->bytes : NULL;
}

void vmm_reply_put(struct vmm_reply *reply, const char *members, const struct vsu_error *err)
{
	if (!err) {
		fprintf(reply->to, "{\"ok\":true%s}", members);
		return;
	}
	fputs("{\"ok\":false,\"error\":", reply->to);
	prog_json_string(err->msg, reply->to);
	fputc('}', reply->to);
}

bool vmm_reply_refuse(int sock, const struct vsu_error *err)
{
	struct vmm_reply reply;

	if (!vmm_reply_open(&reply))
		return false;
	vmm_reply_put(&reply, "", err);
	fputc('\n', reply.to);
	return vmm_reply_send(&reply, sock);
}
