/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Lines that are sent to clients. */
#include <config.h>

#include <stdlib.h>
#include <sys/uio.h>

#include <vmm-sys-util/json.h>
#include <vmm-sys-util/sock.h>

#include "control/reply.h"

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

const char *vmm_reply_text(struct vmm_reply *reply)
{
	const bool done = reply->to && !fclose(reply->to);

	reply->to = NULL;
	return done ? reply->bytes : NULL;
}

void vmm_reply_put(struct vmm_reply *reply, const struct vmm_reply_number *numbers,
		   const struct vsu_error *err)
{
	struct vsu_json j = { .to = reply->to };

	vsu_json_open(&j, NULL, '{');
	vsu_json_bool(&j, "ok", !err);
	if (err)
		vsu_json_text(&j, "error", err->msg);
	for (; !err && numbers && numbers->key; numbers++)
		vsu_json_u64(&j, numbers->key, numbers->value);
	vsu_json_close(&j, '}');
}

bool vmm_reply_send_result(int sock, const struct vmm_reply_number *numbers,
			   const struct vsu_error *err)
{
	struct vmm_reply reply;

	if (!vmm_reply_open(&reply))
		return false;
	vmm_reply_put(&reply, numbers, err);
	fputc('\n', reply.to);
	return vmm_reply_send(&reply, sock);
}
