/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads the properties of a network card that the guest's driver has missed. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <vmm-sys-util/option_list.h>
#include <vmm-sys-util/parse.h>

#include "card.h"

#define MAC "mac="
#define MTU "mtu="

static int take_mac(struct cvmm_priv_card *card, const char *text, size_t len, struct vsu_error *err)
{
	if (len >= sizeof(card->mac) || memchr(text, ' ', len))
		return vsu_error_set(err, -EINVAL, "mac '%.*s' is not six bytes such as 52:54:00:12:34:56", (int)len, text);
	snprintf(card->mac, sizeof(card->mac), "%.*s", (int)len, text);
	return 0;
}

/* The device refuses a text that is no number. */
static void take_mtu(struct cvmm_priv_card *card, const char *text, size_t len)
{
	char digits[8];
	uint64_t mtu;

	snprintf(digits, sizeof(digits), "%.*s", (int)len, text);
	if (len < sizeof(digits) && vsu_parse_u64(digits, &mtu) == 0)
		card->mtu = (uint32_t)mtu;
}

/* Locally administered, of one station. */
static int make_up_mac(struct cvmm_priv_card *card, struct vsu_error *err)
{
	uint8_t b[6];

	if (getrandom(b, sizeof(b), GRND_NONBLOCK) != (ssize_t)sizeof(b))
		return vsu_error_sys(err, -EAGAIN, "an address of the network card");
	snprintf(card->mac, sizeof(card->mac), "%02x:%02x:%02x:%02x:%02x:%02x", (b[0] & 0xfcu) | 2u, b[1], b[2], b[3], b[4], b[5]);
	card->made_up = true;
	return 0;
}

int cvmm_priv_card_read(struct cvmm_priv_card *card, const char *properties, struct vsu_error *err)
{
	struct vsu_list_item item;
	int rc = 0;

	*card = (struct cvmm_priv_card){ .mac = "" };
	while (!rc && vsu_list_next(&properties, &item)) {
		if (vsu_list_item_begins(&item, MAC))
			rc = take_mac(card, item.text + strlen(MAC), item.len - strlen(MAC), err);
		else if (vsu_list_item_begins(&item, MTU))
			take_mtu(card, item.text + strlen(MTU), item.len - strlen(MTU));
	}
	return rc < 0 || *card->mac ? rc : make_up_mac(card, err);
}
