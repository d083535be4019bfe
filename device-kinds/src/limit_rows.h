/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Keys for the rate limits of a device, or of one of its directions. */
#ifndef DEVICE_KINDS_LIMIT_ROWS_H
#define DEVICE_KINDS_LIMIT_ROWS_H

#include <device-kinds/kind.h>
#include <virtio-devices/rate.h>

/*
 * Four rows of keys. prefix: of their names; of: "bytes of reads and writes"; requests:
 * their name, as "requests"; at: offset of a struct virtdev_rate_limits in the kind's config.
 */
#define DEVKIND_PRIV_LIMIT_ROWS(prefix, of, requests, at) \
	{ .option = { .name = prefix "rate", .kind = VSU_OPTION_SIZE, \
		      .arg = "BYTES", \
		      .help = "maximum " of " per second", \
		      .preset = "no limit", .example = "10M" }, \
	  .offset = (at) + offsetof(struct virtdev_rate_limits, bytes), \
	  .runtime = true }, \
	{ .option = { .name = prefix "rate-burst", .kind = VSU_OPTION_SIZE, \
		      .arg = "BYTES", \
		      .help = "bytes that may pass at once", \
		      .preset = "those of 100 ms" }, \
	  .offset = (at) + offsetof(struct virtdev_rate_limits, bytes_burst), \
	  .runtime = true }, \
	{ .option = { .name = prefix "iops", .kind = VSU_OPTION_U64, \
		      .arg = "N", \
		      .help = "maximum " requests " per second", \
		      .preset = "no limit" }, \
	  .offset = (at) + offsetof(struct virtdev_rate_limits, ops), \
	  .runtime = true }, \
	{ .option = { .name = prefix "iops-burst", .kind = VSU_OPTION_U64, \
		      .arg = "N", \
		      .help = requests " that may pass at once", \
		      .preset = "those of 100 ms" }, \
	  .offset = (at) + offsetof(struct virtdev_rate_limits, ops_burst), \
	  .runtime = true }

#endif
