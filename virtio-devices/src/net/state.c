/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Saved state: all settings of the driver. A frame that waits for buffers when the device
 * is paused is dropped, which networks permit.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <virtio-devices/state.h>

#include "net/priv.h"

#define MODES (sizeof(((struct net_filter *)0)->modes))

struct state {
	uint64_t features, offloads;
	uint32_t active;
	struct net_filter filter;
};

static void table_save(struct virtdev_state_writer *w,
		       const struct net_table *t)
{
	virtdev_state_put_u8(w, t->all);
	virtdev_state_put_u32(w, t->n);
	virtdev_state_put_bytes(w, t->macs, t->n * sizeof(t->macs[0]));
}

void virtdev_priv_net_state_save(void *self, struct virtdev_state_writer *w)
{
	const struct net *net = self;
	const struct net_filter *f = &net->filter;
	size_t i;

	virtdev_state_put_u64(w, net->features);
	virtdev_state_put_u64(w, net->offloads);
	virtdev_state_put_u32(w, virtdev_priv_net_active(net));
	for (i = 0; i < MODES; i++)
		virtdev_state_put_u8(w, f->modes[i]);
	virtdev_state_put_u8(w, f->vlans_on);
	virtdev_state_put_bytes(w, f->mac, NET_MAC);
	table_save(w, &f->uni);
	table_save(w, &f->multi);
	for (i = 0; i < NET_VLANS / 64; i++)
		virtdev_state_put_u64(w, f->vlans[i]);
}

/* Loads a flag; clears *good if it is neither 0 nor 1. */
static bool flag_load(struct virtdev_state_reader *r, bool *good)
{
	const uint8_t value = virtdev_state_get_u8(r);

	*good = *good && value <= 1;
	return value;
}

static void table_load(struct virtdev_state_reader *r, struct net_table *t,
		       bool *good)
{
	t->all = flag_load(r, good);
	t->n = virtdev_state_get_u32(r);
	if (t->n > NET_TABLE) {
		*good = false;
		t->n = 0;
	}
	virtdev_state_get_bytes(r, t->macs, t->n * sizeof(t->macs[0]));
}

static bool state_read(struct virtdev_state_reader *r, struct state *s)
{
	struct net_filter *f = &s->filter;
	bool good = true;
	size_t i;

	memset(s, 0, sizeof(*s));
	s->features = virtdev_state_get_u64(r);
	s->offloads = virtdev_state_get_u64(r);
	s->active = virtdev_state_get_u32(r);
	for (i = 0; i < MODES; i++)
		f->modes[i] = flag_load(r, &good);
	f->vlans_on = flag_load(r, &good);
	virtdev_state_get_bytes(r, f->mac, NET_MAC);
	table_load(r, &f->uni, &good);
	table_load(r, &f->multi, &good);
	for (i = 0; i < NET_VLANS / 64; i++)
		f->vlans[i] = virtdev_state_get_u64(r);
	return good;
}

static int state_judge(const struct net *net, const struct state *s,
		       bool good, struct vsu_error *err)
{
	const uint64_t strange = s->features &
				 ~virtdev_get_info(net->dev)->features;

	if (strange)
		return vsu_error_set(err, -EBADMSG,
				     "net: feature bit %d of the state is not supported by this card",
				     __builtin_ctzll(strange));
	if (!s->active || s->active > net->pairs)
		return vsu_error_set(err, -EBADMSG,
				     "net: the state has %u pairs of queues in use, this card has %u",
				     s->active, net->pairs);
	if (!good)
		return vsu_error_set(err, -EBADMSG,
				     "net: a flag or a table of the state is invalid");
	return 0;
}

int virtdev_priv_net_state_load(void *self, uint32_t version,
				struct virtdev_state_reader *r,
				struct vsu_error *err)
{
	struct net *net = self;
	const uint64_t before = net->features;
	struct state s;
	const bool good = state_read(r, &s);
	int rc = virtdev_state_end(r, err);

	(void)version;
	if (!rc)
		rc = state_judge(net, &s, good, err);
	if (rc < 0)
		return rc;
	net->features = s.features;
	rc = virtdev_priv_net_set_offloads(net, s.offloads);
	if (rc < 0)
		net->features = before;
	if (rc < 0)
		return vsu_error_set(err, -EBADMSG,
				     "net: the link does not support the offloads of the state");
	/* a front-end has read the configured address */
	if (memcmp(s.filter.mac, net->filter.mac, NET_MAC))
		virtdev_config_changed(net->dev);
	net->filter = s.filter;
	virtdev_priv_net_filters_store(&net->filters, &net->filter);
	__atomic_store_n(&net->active, s.active, __ATOMIC_RELAXED);
	virtdev_priv_net_announce_begin(net);
	return 0;
}
