/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Commands of the control queue (VIRTIO 1.3, 5.1.6.5). Each command is read completely,
 * checked, and acknowledged by one byte. Commands of features that were not negotiated
 * are rejected.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <virtio-devices/state.h>

#include "net/priv.h"

/* Returned instead of a status: the command needs further turns. */
#define LATER 0xffu

typedef uint8_t (*command_fn)(struct net *net, uint8_t command,
			      struct vq_cursor *in);

static uint8_t filter_change(struct net *net)
{
	virtdev_priv_net_filters_store(&net->filters, &net->filter);
	return VIRTDEV_NET_OK;
}

static uint8_t set_mode(struct net *net, uint8_t command, struct vq_cursor *in)
{
	uint8_t on;

	if (!vq_cursor_read_exact(in, &on, 1) || on > 1)
		return VIRTDEV_NET_ERR;
	net->filter.modes[command] = on;
	return filter_change(net);
}

/* Reads one of the two MAC tables. False: shorter than its entry count. */
static bool table_read(struct net_table *t, struct vq_cursor *in)
{
	uint32_t n, i;

	if (!vq_cursor_read_le32(in, &n) ||
	    n > vq_cursor_left(in) / NET_MAC)
		return false;
	t->all = n > NET_TABLE;
	t->n = t->all ? 0 : n;
	for (i = 0; i < t->n; i++)
		if (!vq_cursor_read_exact(in, t->macs[i], NET_MAC))
			return false;
	if (t->all)
		vq_cursor_skip(in, n * NET_MAC);
	return true;
}

static uint8_t set_tables(struct net *net, uint8_t command,
			  struct vq_cursor *in)
{
	struct net_table uni, multi;

	(void)command;
	if (!table_read(&uni, in) || !table_read(&multi, in))
		return VIRTDEV_NET_ERR;
	net->filter.uni = uni;
	net->filter.multi = multi;
	return filter_change(net);
}

static uint8_t set_address(struct net *net, uint8_t command,
			   struct vq_cursor *in)
{
	uint8_t mac[NET_MAC];

	(void)command;
	if (vq_cursor_left(in) != NET_MAC ||
	    !vq_cursor_read_exact(in, mac, NET_MAC))
		return VIRTDEV_NET_ERR;
	if (!memcmp(mac, net->filter.mac, NET_MAC))
		return VIRTDEV_NET_OK;
	memcpy(net->filter.mac, mac, NET_MAC);
	/* a front-end has a copy of the configuration space */
	virtdev_config_changed(net->dev);
	return filter_change(net);
}

static uint8_t set_vlan(struct net *net, uint8_t command, struct vq_cursor *in)
{
	uint64_t bit;
	uint16_t id;

	if (!vq_cursor_read_le16(in, &id) || id >= NET_VLANS)
		return VIRTDEV_NET_ERR;
	bit = UINT64_C(1) << (id % 64);
	if (command == VIRTDEV_NET_VLAN_ADD)
		net->filter.vlans[id / 64] |= bit;
	else
		net->filter.vlans[id / 64] &= ~bit;
	return filter_change(net);
}

static uint8_t set_announced(struct net *net, uint8_t command,
			 struct vq_cursor *in)
{
	(void)command;
	(void)in;
	__atomic_store_n(&net->announce, NET_SILENT, __ATOMIC_RELAXED);
	return VIRTDEV_NET_OK;
}

/* The command returns to the ring until its lanes are changed; it is then read again. */
static uint8_t set_pairs(struct net *net, uint8_t command, struct vq_cursor *in)
{
	const uint32_t refused = net->change.refused;
	uint16_t n;

	(void)command;
	net->change.refused = 0;
	if (!vq_cursor_read_le16(in, &n) || !n || n > net->pairs ||
	    n == refused)
		return VIRTDEV_NET_ERR;
	if (n == virtdev_priv_net_active(net))
		return VIRTDEV_NET_OK;
	virtdev_priv_net_use_pairs(net, n);
	return LATER;
}

static uint8_t set_offloads(struct net *net, uint8_t command,
			    struct vq_cursor *in)
{
	uint64_t offloads;

	(void)command;
	if (!vq_cursor_read_le64(in, &offloads) ||
	    virtdev_priv_net_set_offloads(net, offloads) < 0)
		return VIRTDEV_NET_ERR;
	return VIRTDEV_NET_OK;
}

static const struct row {
	uint8_t command_class, first, last;
	uint64_t feature;
	command_fn run;
} rows[] = {
	{ VIRTDEV_NET_CTRL_RX, VIRTDEV_NET_RX_PROMISC,
	  VIRTDEV_NET_RX_ALLMULTI, VIRTDEV_NET_F_CTRL_RX, set_mode },
	{ VIRTDEV_NET_CTRL_RX, VIRTDEV_NET_RX_ALLUNI, VIRTDEV_NET_RX_NOBCAST,
	  VIRTDEV_NET_F_CTRL_RX_EXTRA, set_mode },
	{ VIRTDEV_NET_CTRL_MAC, VIRTDEV_NET_MAC_TABLE_SET,
	  VIRTDEV_NET_MAC_TABLE_SET, VIRTDEV_NET_F_CTRL_RX, set_tables },
	{ VIRTDEV_NET_CTRL_MAC, VIRTDEV_NET_MAC_ADDR_SET,
	  VIRTDEV_NET_MAC_ADDR_SET, VIRTDEV_NET_F_CTRL_MAC_ADDR, set_address },
	{ VIRTDEV_NET_CTRL_VLAN, VIRTDEV_NET_VLAN_ADD, VIRTDEV_NET_VLAN_DEL,
	  VIRTDEV_NET_F_CTRL_VLAN, set_vlan },
	{ VIRTDEV_NET_CTRL_ANNOUNCE, VIRTDEV_NET_ANNOUNCE_ACK,
	  VIRTDEV_NET_ANNOUNCE_ACK, VIRTDEV_NET_F_GUEST_ANNOUNCE,
	  set_announced },
	{ VIRTDEV_NET_CTRL_MQ, VIRTDEV_NET_MQ_PAIRS_SET,
	  VIRTDEV_NET_MQ_PAIRS_SET, VIRTDEV_NET_F_MQ, set_pairs },
	{ VIRTDEV_NET_CTRL_GUEST_OFFLOADS, VIRTDEV_NET_GUEST_OFFLOADS_SET,
	  VIRTDEV_NET_GUEST_OFFLOADS_SET, VIRTDEV_NET_F_CTRL_GUEST_OFFLOADS,
	  set_offloads },
};

static uint8_t command_run(struct net *net, const struct virtdev_net_command *c,
			   struct vq_cursor *in)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (c->command_class == rows[i].command_class &&
		    c->command >= rows[i].first && c->command <= rows[i].last &&
		    (net->features & rows[i].feature))
			return rows[i].run(net, c->command, in);
	return VIRTDEV_NET_ERR;
}

static uint32_t command_serve(void *opaque, struct vq *q,
			      struct vq_chain *chain)
{
	struct virtdev_net_command command;
	struct vq_cursor in, out;
	uint8_t answer = VIRTDEV_NET_ERR;

	if (chain->fault.why || !chain->writable_len)
		return 0;
	vq_reader_init(&in, q, chain);
	vq_writer_init(&out, q, chain);
	if (vq_cursor_read_obj(&in, &command))
		answer = command_run(opaque, &command, &in);
	if (answer == LATER)
		return VQ_TURN_LATER;
	virtdev_keep(((struct net *)opaque)->dev);
	return vq_cursor_write(&out, &answer, 1);
}

int virtdev_priv_net_control(struct net_queue *q)
{
	/* MAC tables may be split into many buffers */
	struct iovec pieces[NET_STOCK];
	const struct vq_turn turn = {
		.size = sizeof(turn), .serve = command_serve,
		/* commands may be slow: offloads are set by system calls */
		.opaque = q->net, .clock_chains = 1,
		.iov = pieces, .iov_max = NET_STOCK,
	};
	int rc;

	if (virtdev_priv_net_change_lanes(q->net))
		return 1;
	rc = virtdev_queue_turn(q->net->dev, q->index, q->q, &turn);
	return rc == 0 && virtdev_priv_net_is_changing(q->net) ? 1 : rc;
}
