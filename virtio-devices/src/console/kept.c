/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The last output of a console whose host stream is closed. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "console/priv.h"

/* The last bytes of a piece that is longer than the buffer. */
static void add_piece(struct port *p, const unsigned char *at, size_t len)
{
	uint32_t over, end, n;

	if (len > KEPT_MAX) {
		p->dropped += len - KEPT_MAX;
		at += len - KEPT_MAX;
		len = KEPT_MAX;
	}
	over = p->nkept + (uint32_t)len > KEPT_MAX ? p->nkept + (uint32_t)len - KEPT_MAX : 0;
	p->kept_at = (p->kept_at + over) % KEPT_MAX;
	p->nkept -= over;
	p->dropped += over;
	for (; len; at += n, len -= n) {
		end = (p->kept_at + p->nkept) % KEPT_MAX;
		n = len < KEPT_MAX - end ? (uint32_t)len : KEPT_MAX - end;
		memcpy(p->kept + end, at, n);
		p->nkept += n;
	}
}

void virtdev_priv_kept_add(struct port *p, const struct iovec *iov, int n)
{
	int i;

	if (!p->kept)
		p->kept = malloc(KEPT_MAX);
	for (i = 0; i < n; i++)
		if (p->kept)
			add_piece(p, iov[i].iov_base, iov[i].iov_len);
		else
			p->dropped += iov[i].iov_len;
}

void virtdev_priv_kept_send(struct port *p)
{
	struct iovec iov;
	ssize_t n;

	while (p->nkept && p->host_open && p->output == OUTPUT_FLOWS) {
		iov.iov_base = p->kept + p->kept_at;
		iov.iov_len = p->nkept < KEPT_MAX - p->kept_at ? p->nkept : KEPT_MAX - p->kept_at;
		n = virtdev_priv_port_give(p->host, &iov, 1);
		p->recheck = p->recheck || n == -ENOTCONN;
		if (n == -ENOTCONN)
			return;
		if (n <= 0) {
			p->output = OUTPUT_BLOCKED;
			return;
		}
		p->kept_at = (p->kept_at + (uint32_t)n) % KEPT_MAX;
		p->nkept -= (uint32_t)n;
		p->from_guest += (uint64_t)n;
	}
}
