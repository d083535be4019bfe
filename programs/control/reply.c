/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Lines that are sent to clients. */
#include <config.h>

#include <stdlib.h>
#include <sys/uio.h>

#include <vmm-sys-util/sock.h>

#include "control/remedy.h"
#include "control/reply.h"

bool vmm_reply_send(struct vsu_text *line, int sock)
{
	struct iovec iov;
	bool sent;

	if (vsu_text_close(line) < 0)
		return false;
	iov = (struct iovec){ line->bytes, line->len };
	sent = vsu_sock_send(sock, &iov, 1, NULL, 0) == (ssize_t)line->len;
	free(line->bytes);
	return sent;
}

static void write_reason(struct vsu_json *j, const struct vsu_error *err)
{
	struct vsu_error why = *err;

	vmm_remedy_add(&why);
	vsu_json_text(j, "error", why.msg);
}

bool vmm_reply_send_result(int sock, vmm_reply_fn write, const struct cvmm_answer *answer,
			   const struct vsu_error *err)
{
	struct vsu_text reply;
	struct vsu_json j;

	if (vsu_text_open(&reply) < 0)
		return false;
	j = (struct vsu_json){ .to = reply.to };
	vsu_json_open(&j, NULL, '{');
	vsu_json_bool(&j, "ok", !err);
	if (err)
		write_reason(&j, err);
	else if (write)
		write(answer, &j);
	vsu_json_close(&j, '}');
	fputc('\n', reply.to);
	return vmm_reply_send(&reply, sock);
}
