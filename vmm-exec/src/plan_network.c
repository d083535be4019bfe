/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The network card of the machine of one command, and its record in the request. */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <vmm-sys-util/sized.h>

#include "plan_network.h"

static const char *text_or_none(const char *text)
{
	return text ? text : "-";
}

int cvmm_priv_plan_add_spare_card(struct cvmm_exec_plan *p, struct vsu_error *err)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->card) < 0)
		return vsu_error_sys(err, -errno, "cannot make a socket");
	return cvmm_priv_plan_add(p, err, "net", "fd=%d", p->card[0]);
}

static int check_network(const struct cvmm_exec_plan *p, const struct cvmm_exec_network *n,
			 struct vsu_error *err)
{
	const struct cvmm_template_info *t = cvmm_priv_plan_template(p);

	if (!n->card)
		return vsu_error_set(err, -EINVAL, "a network has no card");
	return !t || t->cards ? 0 :
	       vsu_error_set(err, -EOPNOTSUPP, "the template '%s' was made without a network card; make it again with one", t->path);
}

/* The agent checks the addresses. */
static int request_network(struct cvmm_exec_plan *p, struct vagent_request *r,
			   const struct cvmm_exec_network *n, struct vsu_error *err)
{
	const char *address = n->address ? n->address : "-/0";
	struct cvmm_priv_card card = CVMM_PRIV_CARD_OF_DEVICE;
	int rc = check_network(p, n, err);

	if (!rc && p->template)
		rc = cvmm_priv_card_read(&card, n->card, err);
	if (rc < 0)
		return rc;
	vagent_request_add(r, 'N', "%s%s %s %s %s %u", address, strchr(address, '/') ? "" : "/32",
			   text_or_none(n->gateway), text_or_none(n->resolver), card.mac, card.mtu);
	return cvmm_priv_plan_add(p, err, "net", "%s%s%s", n->card, card.made_up ? ",mac=" : "", card.made_up ? card.mac : "");
}

/* An interface of the configuration may have an address of its own. */
static int add_card(struct cvmm_exec_plan *p, const struct cvmm_guest_card *c, struct cvmm_priv_card *address,
		    struct vagent_interface *interface, struct vsu_error *err)
{
	int rc = c->card ? 0 : vsu_error_set(err, -EINVAL, "a network card of a guest has no text");

	*interface = c->interface;
	*address = (struct cvmm_priv_card)CVMM_PRIV_CARD_OF_DEVICE;
	if (!rc && p->template) {
		rc = cvmm_priv_card_read(address, c->card, err);
		if (!interface->mac && strcmp(address->mac, "-") != 0)
			interface->mac = address->mac;
		interface->mtu = interface->mtu ? interface->mtu : address->mtu;
	}
	return rc < 0 ? rc : cvmm_priv_plan_add(p, err, "net", "%s%s%s", c->card, address->made_up ? ",mac=" : "", address->made_up ? address->mac : "");
}

int cvmm_priv_plan_add_cards(struct cvmm_exec_plan *p, const struct cvmm_guest_config *c,
			     struct cvmm_priv_card *addresses, struct vagent_interface *interfaces,
			     struct vsu_error *err)
{
	const struct cvmm_template_info *t = cvmm_priv_plan_template(p);
	unsigned int i;
	int rc = vsu_check_array(c->cards, c->ncards, "config->cards", err);

	if (!rc && t && c->ncards > t->cards)
		return vsu_error_set(err, -E2BIG, "%u network cards are requested, but the template '%s' has %u; make it again with more",
				     c->ncards, t->path, t->cards);
	for (i = 0; !rc && i < c->ncards; i++)
		rc = add_card(p, &c->cards[i], &addresses[i], &interfaces[i], err);
	return rc < 0 || !t || c->ncards >= t->cards ? rc : cvmm_priv_plan_add_spare_card(p, err);
}

int cvmm_priv_plan_add_network(struct cvmm_exec_plan *p, struct vagent_request *r,
			       const struct cvmm_exec_network *n, struct vsu_error *err)
{
	const struct cvmm_template_info *t = cvmm_priv_plan_template(p);

	if (n)
		return request_network(p, r, n, err);
	return t && t->cards ? cvmm_priv_plan_add_spare_card(p, err) : 0;
}
