/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Replaces --net=passt and --publish by the socket of a started passt. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "common/user_network.h"

#define PASST "passt"
#define NET "net"
#define PUBLISH "publish"

/* With or without further properties; other values are a device's. */
static bool is_passt(const char *value)
{
	const size_t len = strlen(PASST);

	return !strncmp(value, PASST, len) && (!value[len] || value[len] == ',');
}

static int set_network(struct vmm_user_network *u, const char *value, struct vsu_error *err)
{
	if (u->network.kind != VMM_EXEC_NET_NONE)
		return vsu_error_set(err, -EEXIST, "option --net: a second '" PASST "'; a machine has one, beside other cards");
	return vmm_exec_network_parse(&u->network, value, err);
}

/* *card is the index of the item for the card. */
static int take_items(struct vmm_user_network *u, struct vmm_run_line *l, unsigned int *card, struct vsu_error *err)
{
	const struct vmm_run_item *item;
	unsigned int i = 0;
	int rc = 0;

	while (!rc && i < l->n) {
		item = &l->items[i];
		if (!strcmp(item->row->name, PUBLISH)) {
			rc = vmm_exec_network_publish(&u->network, item->text, err);
			vmm_run_line_remove(l, i);
			continue;
		}
		if (!strcmp(item->row->name, NET) && is_passt(item->text)) {
			rc = set_network(u, item->text, err);
			*card = i;
		}
		i++;
	}
	return rc < 0 ? rc : vmm_exec_network_check(&u->network, err);
}

int vmm_user_network_take(struct vmm_user_network *u, struct vmm_run_line *l, struct vsu_error *err)
{
	char text[VMM_PASST_CARD];
	unsigned int card = 0;
	int rc = take_items(u, l, &card, err);

	if (rc < 0 || u->network.kind == VMM_EXEC_NET_NONE)
		return rc;
	rc = vmm_passt_start(&u->passt, &u->network, err);
	if (rc < 0)
		return rc;
	vmm_passt_card(&u->passt, &u->network, text);
	return vmm_run_line_set(l, card, NET, text, err);
}

void vmm_user_network_end(struct vmm_user_network *u)
{
	vmm_passt_end(&u->passt);
}
