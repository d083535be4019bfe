/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Whether a guest serves requests, its failure, and its next turn. */
#include <config.h>

#include <errno.h>
#include <unistd.h>

#include <vmm-sys-util/exit.h>

#include "host/guest_private.h"

void vagent_priv_call_again(const struct vagent_guest *g)
{
	static const uint64_t one = 1;

	(void)!write(g->again_fd, &one, sizeof(one));
}

void vagent_priv_end_guest(struct vagent_guest *g)
{
	struct vagent_process *p;

	g->state = VAGENT_GUEST_FAILED;
	for (p = g->processes; p; p = p->next)
		if (p->state != VAGENT_FINISHED) {
			p->state = VAGENT_FINISHED;
			p->end = (struct vagent_end){ VAGENT_END_MACHINE, VSU_EXIT_FAIL };
			p->why = g->why;
		}
}

void vagent_priv_fail_guest(struct vagent_guest *g, int rc, const char *what)
{
	vsu_error_sys(&g->why, rc, "%s", what);
	vagent_priv_end_guest(g);
}

void vagent_priv_distrust(struct vagent_guest *g, const char *what)
{
	vsu_error_set(&g->why, -EPROTO, "the guest's agent sent %s; the guest is not trusted further", what);
	vagent_priv_end_guest(g);
}

int vagent_priv_check_ready(const struct vagent_guest *g, struct vsu_error *err)
{
	if (g->state == VAGENT_GUEST_FAILED)
		return vsu_error_set(err, g->why.code, "%s", g->why.msg);
	return g->state == VAGENT_GUEST_SERVES ? 0 :
	       vsu_error_set(err, -EAGAIN, "the guest's agent does not serve containers yet");
}

int vagent_priv_check_container(const struct vagent_guest *g, uint32_t number, struct vsu_error *err)
{
	const struct vagent_priv_container *c = g->containers;
	int rc = vagent_priv_check_ready(g, err);

	if (!rc && number == VAGENT_ITSELF && g->has_system)
		return 0;
	while (!rc && c && c->number != number)
		c = c->next;
	return rc < 0 || c ? rc : vsu_error_set(err, -ENOENT, "the guest has no container %u", number);
}

int vagent_priv_request(struct vagent_guest *g, enum vagent_message type, const void *head, size_t len,
			const struct vagent_request *records, struct vsu_error *err)
{
	static const struct vagent_request none;
	const int rc = vagent_priv_channel_send_records(&g->control, type, head, len, records ? records : &none);

	if (rc == -ENOBUFS)
		return vsu_error_set(err, rc, "the guest's agent does not read its messages");
	return rc < 0 ? vsu_error_set(err, rc, "no memory for a message to the guest") : 0;
}
