/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Reports disk errors, and their end, to the program's user. A guest can cause errors
 * and successes alternately, for example by writing to full and to allocated areas.
 * Therefore an error ends only after a period without errors.
 */
#include <config.h>

#include <errno.h>

#include <virtio-devices/report.h>

#include "blk/priv.h"

/* Limits a guest to two log lines per minute. */
#define QUIET_NS UINT64_C(60000000000)

static enum blk_trouble trouble_of(int code)
{
	return code == -ENOSPC || code == -EDQUOT ? BLK_NO_SPACE : BLK_HOST_FAILS;
}

static void tell_trouble(struct blk *blk, int code)
{
	struct vsu_error what = VSU_ERROR_INIT;
	char text[64];

	if (trouble_of(code) == BLK_NO_SPACE)
		vsu_error_set(&what, code,
			      "no space is left %s the host's file system; writes of the guest fail until space is freed",
			      code == -EDQUOT ? "of this user's quota on" :
						"on");
	else
		vsu_error_set(&what, code,
			      "the host returns '%s', and requests of the guest fail; check the host's log and the size of the image",
			      vsu_strerror(code, text, sizeof(text)));
	virtdev_report(blk->dev, &what);
}

static void tell_end(struct blk *blk, enum blk_trouble trouble)
{
	struct vsu_error what = VSU_ERROR_INIT;

	vsu_error_set(&what, 0, trouble == BLK_NO_SPACE ?
		      "space is available again: writes succeed" :
		      "requests of the guest succeed again");
	virtdev_report(blk->dev, &what);
}

void virtdev_priv_blk_failed(struct blk *blk, int code, uint64_t now)
{
	const enum blk_trouble trouble = trouble_of(code);
	const unsigned int bit = 1u << trouble;

	__atomic_store_n(&blk->failed_at[trouble], now, __ATOMIC_RELAXED);
	if (!(__atomic_fetch_or(&blk->troubles, bit, __ATOMIC_ACQ_REL) & bit))
		tell_trouble(blk, code);
}

void virtdev_priv_blk_worked(struct blk *blk, enum virtdev_disk_op op,
			     uint64_t now)
{
	const unsigned int troubles = __atomic_load_n(&blk->troubles,
						      __ATOMIC_ACQUIRE);
	enum blk_trouble trouble;
	uint64_t at;

	for (trouble = 0; trouble < BLK_TROUBLES; trouble++) {
		const unsigned int bit = 1u << trouble;

		at = __atomic_load_n(&blk->failed_at[trouble], __ATOMIC_RELAXED);
		if (!(troubles & bit) || now < at || now - at < QUIET_NS ||
		    (trouble == BLK_NO_SPACE && op != VIRTDEV_DISK_WRITE))
			continue;
		if (__atomic_fetch_and(&blk->troubles, ~bit, __ATOMIC_ACQ_REL) &
		    bit)
			tell_end(blk, trouble);
	}
}
