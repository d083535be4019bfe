/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Descriptors of a line: receive, find by name, close. */
#include <config.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>
#include <vmm-sys-util/sock.h>

#include "control/passed.h"

static const char prefix[] = "fd:";

static void close_all(const struct vmm_passed *p, int *fds, unsigned int n)
{
	struct vsu_closer *c = n && p->closer ? p->closer(p->opaque) : NULL;
	unsigned int i;

	for (i = 0; i < n; i++)
		vsu_foreign_close(c, &fds[i]);
}

ssize_t vmm_passed_receive(struct vmm_passed *p, int sock, char *to, size_t room,
			   size_t len)
{
	const struct iovec iov = { to, room };
	int fds[VSU_SOCK_MAX_FDS];
	unsigned int n;
	ssize_t got = vsu_sock_recv(sock, &iov, 1, fds, &n);

	if (!n)
		return got;
	if (got > 0 && (p->n || n > VMM_PASSED_MAX))
		got = p->n ? -EBUSY : -E2BIG;
	if (got <= 0) {
		close_all(p, fds, n);
		return got;
	}
	memcpy(p->fds, fds, n * sizeof(fds[0]));
	p->n = n;
	p->used = 0;
	p->end = len + (size_t)got;
	return got;
}

void vmm_passed_advance(struct vmm_passed *p, size_t len)
{
	if (p->n)
		p->end -= len;
}

void vmm_passed_release(struct vmm_passed *p)
{
	unsigned int i;

	for (i = 0; i < p->n; i++)
		if (p->used >> i & 1 && vsu_foreign_kind(p->fds[i]) == VSU_FOREIGN_SOCKET)
			vsu_fd_close(&p->fds[i]);
}

void vmm_passed_close(struct vmm_passed *p)
{
	close_all(p, p->fds, p->n);
	p->n = 0;
}

void vmm_passed_use_all(struct vmm_passed *p)
{
	if (p)
		p->used = UINT32_MAX;
}

int vmm_passed_find(struct vmm_passed *p, const char *word, int *fd,
		    struct vsu_error *err)
{
	const unsigned int n = p ? p->n : 0;
	const char *digits = word + strlen(prefix);
	unsigned long i;
	char *end;

	if (strncmp(word, prefix, strlen(prefix)) != 0 || *digits < '0' || *digits > '9')
		return vsu_error_set(err, -EINVAL, "'%s' is not a descriptor of the message, such as fd:0",
				     word);
	i = strtoul(digits, &end, 10);
	if (*end && *end != ':')
		return vsu_error_set(err, -EINVAL, "'%s' is not a descriptor of the message, such as fd:0",
				     word);
	if (i >= n)
		return vsu_error_set(err, -EBADF, "'%s': %u descriptors were sent with the command; attach this one to it, or name a file",
				     word, n);
	p->used |= 1u << i;
	*fd = p->fds[i];
	return 0;
}

int vmm_passed_check_used(const struct vmm_passed *p, struct vsu_error *err)
{
	unsigned int i;

	for (i = 0; p && i < p->n; i++)
		if (!(p->used >> i & 1))
			return vsu_error_set(err, -EINVAL, "descriptor %u of the message is not used; name it as fd:%u, or do not send it",
					     i, i);
	return 0;
}
