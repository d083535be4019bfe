/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The network card of the machine of one command, and its record in the request. */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "card.h"
#include "plan_network.h"

static const char *text_or_none(const char *text)
{
	return text ? text : "-";
}

int vmm_plan_open_card(struct vmm_plan *p, struct vsu_error *err)
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->card) < 0 ? vsu_error_sys(err, -errno, "cannot make a socket") : 0;
}

int vmm_plan_add_unused_card(struct vmm_plan *p, struct vsu_error *err)
{
	return vmm_plan_mark_own(p, vmm_plan_add_word(p, err, "--net=fd=%d", p->card[0]));
}

int vmm_plan_check_network(const struct vmm_plan *p, struct vsu_error *err)
{
	return !vmm_plan_is_clone(p) || vmm_plan_template(p)->cards ? 0 :
	       vsu_error_set(err, -EOPNOTSUPP, "the template '%s' was made without a network card; make it again with 'cvmm template make NAME --net'", vmm_plan_template(p)->path);
}

/* The agent checks the addresses. */
static int request_network(struct vmm_plan *p, struct vagent_request *r,
			   const struct cvmm_exec_network *n, struct vsu_error *err)
{
	const char *address = n->address ? n->address : "-/0";
	struct cvmm_priv_card card = CVMM_PRIV_CARD_OF_DEVICE;
	int rc = n->card ? vmm_plan_check_network(p, err) : vsu_error_set(err, -EINVAL, "a network has no card");

	if (!rc && vmm_plan_is_clone(p))
		rc = cvmm_priv_card_read(&card, n->card, err);
	if (rc < 0)
		return rc;
	vagent_request_add(r, 'N', "%s%s %s %s %s %u", address, strchr(address, '/') ? "" : "/32",
			text_or_none(n->gateway), text_or_none(n->resolver), card.mac, card.mtu);
	return vmm_plan_add_word(p, err, "--net=%s%s%s", n->card, card.made_up ? ",mac=" : "", card.made_up ? card.mac : "");
}

int vmm_plan_add_network(struct vmm_plan *p, struct vagent_request *r,
			 const struct cvmm_exec_network *n, struct vsu_error *err)
{
	int rc;

	if (n)
		return request_network(p, r, n, err);
	rc = vmm_plan_is_clone(p) && vmm_plan_template(p)->cards ? vmm_plan_open_card(p, err) : 0;
	return rc < 0 || p->card[0] < 0 ? rc : vmm_plan_add_unused_card(p, err);
}
