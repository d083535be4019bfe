/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The network card of a clone. The guest's driver has read the address and the MTU of the
 * template's card, so the agent sets those of the clone's card.
 *
 * Threads: no state.
 */
#ifndef CVMM_PRIV_CARD_H
#define CVMM_PRIV_CARD_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

struct cvmm_priv_card {
	char mac[18];		/* "-": that of the device */
	uint32_t mtu;		/* 0: that of the driver */
	bool made_up;		/* mac is random, and not one of the properties */
};

#define CVMM_PRIV_CARD_OF_DEVICE { .mac = "-" }

/*
 * The address and the MTU of a card's properties ("tap=tap0", "fd=5,mtu=65520"), which the device
 * checks; without an address a random one, as clones may share a network. -EINVAL: an address
 * that is too long; -EAGAIN: no random bytes.
 */
int cvmm_priv_card_read(struct cvmm_priv_card *card, const char *properties, struct vsu_error *err);

#endif
