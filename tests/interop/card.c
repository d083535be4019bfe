/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A network card behind a vhost-user socket, from the driver's side. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <virtio-queue/features.h>

#include "card.h"

#define NET_F_MRG_RXBUF (UINT64_C(1) << 15)
#define NET_F_MQ (UINT64_C(1) << 22)

#define RING_SIZE 256u

/* Guest addresses with holes between the regions. */
#define RINGS_GPA UINT64_C(0x100000)
#define RING_ROOM UINT64_C(0x10000)
#define RX_GPA UINT64_C(0x10000000)
#define TX_GPA UINT64_C(0x100000000)

static unsigned char *at(const struct card *c, uint64_t gpa, uint64_t len)
{
	uint32_t hint = 0;

	return vmem_view_translate(vmem_map_view(c->map), &hint, gpa, len,
				   VMEM_READ | VMEM_WRITE);
}

static enum vsu_exit features_choose(struct card *c, struct vsu_error *err)
{
	uint64_t wanted = VQ_F_VERSION_1;

	if (c->packed)
		wanted |= VQ_F_RING_PACKED;
	if (!c->small)
		wanted |= NET_F_MRG_RXBUF;
	if (c->npairs > 1)
		wanted |= NET_F_MQ;
	c->features = vhost_user_frontend_features(c->client.fe);
	if (wanted & ~c->features) {
		vsu_error_set(err, -EOPNOTSUPP, "the back-end lacks the features %#" PRIx64,
			      wanted & ~c->features);
		return VSU_EXIT_HOST;
	}
	c->features &= wanted | VQ_F_EVENT_IDX | VQ_F_INDIRECT_DESC;
	return VSU_EXIT_OK;
}

static uint64_t rx_gpa(unsigned int pair, uint64_t slot)
{
	return RX_GPA + (pair * RING_SIZE + slot) * CARD_RX_ROOM;
}

uint64_t card_tx_gpa(unsigned int pair, uint64_t slot)
{
	return TX_GPA + (pair * CARD_BATCH + slot) * CARD_TX_ROOM;
}

unsigned char *card_rx(const struct card *c, unsigned int pair, uint64_t slot)
{
	return at(c, rx_gpa(pair, slot), CARD_RX_ROOM);
}

unsigned char *card_tx(const struct card *c, unsigned int pair, uint64_t slot)
{
	return at(c, card_tx_gpa(pair, slot), CARD_TX_ROOM);
}

/* Creates n adjacent regions. */
static int regions_make(struct card *c, uint64_t gpa, uint64_t size,
			unsigned int n, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; rc >= 0 && i < n; i++)
		rc = ring_memory(&c->map, gpa + i * (size / n), size / n, err);
	return rc;
}

/*
 * Creates rings, receive buffers and transmit buffers as one region each, or as
 * eight regions in all, the maximum of a memory table.
 */
static int memory_make(struct card *c, struct vsu_error *err)
{
	const unsigned int few = c->eight ? 2 : 1;
	int rc = regions_make(c, RINGS_GPA, c->npairs * 2 * RING_ROOM, few,
			      err);

	if (rc >= 0)
		rc = regions_make(c, RX_GPA, (uint64_t)c->npairs * RING_SIZE *
				  CARD_RX_ROOM, few, err);
	if (rc >= 0)
		rc = regions_make(c, TX_GPA, (uint64_t)c->npairs * CARD_BATCH *
				  CARD_TX_ROOM, few * few, err);
	return rc;
}

static int ring_make(struct card *c, struct ring *r, uint32_t index,
		     struct vsu_error *err)
{
	const struct vq_driver_config config = {
		.map = c->map,
		.gpa = RINGS_GPA + index * RING_ROOM,
		.features = c->features,
		.size = RING_SIZE,
	};
	int rc = ring_open(r, &config, err);

	return rc < 0 ? rc : ring_describe(r, &c->client, index, err);
}

int card_offer(struct card *c, unsigned int pair, uint64_t slot)
{
	const struct vq_buffer buffer = { rx_gpa(pair, slot), CARD_RX_ROOM, 1 };

	return vq_driver_add(c->pairs[pair].rx.driver, &buffer, 1, slot);
}

static int pair_make(struct card *c, unsigned int i, struct vsu_error *err)
{
	int rc = ring_make(c, &c->pairs[i].rx, 2 * i, err);
	uint64_t slot;

	/* numbers of frames are unique across pairs */
	c->pairs[i].sent = c->pairs[i].came = i << 16;
	if (rc >= 0)
		rc = ring_make(c, &c->pairs[i].tx, 2 * i + 1, err);
	for (slot = 0; rc >= 0 && slot < RING_SIZE; slot++)
		rc = card_offer(c, i, slot);
	return rc;
}

enum vsu_exit card_restart(struct card *c, struct vsu_error *err)
{
	unsigned int i;

	if (vhost_user_frontend_start(c->client.fe, c->features, err) < 0)
		return VSU_EXIT_HOST;
	for (i = 0; i < c->npairs; i++)
		ring_kick(&c->pairs[i].rx);
	return client_wait(&c->client, err);
}

enum vsu_exit card_start(struct card *c, struct vsu_error *err)
{
	unsigned int i;

	if (features_choose(c, err) != VSU_EXIT_OK || memory_make(c, err) < 0)
		return VSU_EXIT_HOST;
	for (i = 0; i < c->npairs; i++)
		if (pair_make(c, i, err) < 0)
			return VSU_EXIT_HOST;
	if (vhost_user_frontend_set_memory(c->client.fe, c->map, err) < 0)
		return VSU_EXIT_HOST;
	return card_restart(c, err);
}

void card_close(struct card *c)
{
	unsigned int i;

	client_close(&c->client);
	for (i = 0; i < c->npairs; i++) {
		ring_close(&c->pairs[i].rx);
		ring_close(&c->pairs[i].tx);
	}
	vmem_map_unref(c->map);
}

enum vsu_exit card_stop(struct card *c, struct vsu_error *err)
{
	if (vhost_user_frontend_stop(c->client.fe, err) < 0)
		return VSU_EXIT_HOST;
	return client_wait(&c->client, err);
}
