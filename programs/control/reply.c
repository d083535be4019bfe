/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Lines that are sent to clients. */
#include <config.h>

#include <stdlib.h>
#include <sys/uio.h>

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

bool vmm_reply_send_result(int sock, vmm_reply_fn write, const struct cvmm_answer *answer,
			   const struct vsu_error *err)
{
	struct vmm_reply reply;
	struct vsu_json j;

	if (!vmm_reply_open(&reply))
		return false;
	j = (struct vsu_json){ .to = reply.to };
	vsu_json_open(&j, NULL, '{');
	vsu_json_bool(&j, "ok", !err);
	if (err)
		vsu_json_text(&j, "error", err->msg);
	else if (write)
		write(answer, &j);
	vsu_json_close(&j, '}');
	fputc('\n', reply.to);
	return vmm_reply_send(&reply, sock);
}
