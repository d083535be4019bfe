/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Names of feature bits: of VIRTIO and of each device. */
#ifndef TOOLS_NAMES_H
#define TOOLS_NAMES_H

#include <stdint.h>

/* A device type and the names of its feature bits. */
struct names_device {
	const char *name;		/* "blk" */
	unsigned int id;		/* VIRTIO's device number */
};

/* NULL: unknown device. */
const struct names_device *names_device(const char *name);

/*
 * Guesses the device type from feature bits; NULL: undecided. vhost-user does not
 * transmit the type of a back-end.
 */
const struct names_device *names_guess(uint64_t features);

/* All device names, NULL-terminated, for options. */
const char *const *names_devices(void);

/* The name of a feature bit; NULL: unknown. dev may be NULL. */
const char *names_feature(const struct names_device *dev, unsigned int bit);

#endif
