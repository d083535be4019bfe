/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Names of feature bits, for people: those of VIRTIO itself, those of each
 * device, those of the vhost-user protocol. Whoever shows traffic or
 * negotiation takes them from here.
 */
#ifndef TOOLS_NAMES_H
#define TOOLS_NAMES_H

#include <stdint.h>

/* A kind of device, as it is named and as its feature bits are. */
struct names_device {
	const char *name;		/* "blk" */
	unsigned int id;		/* VIRTIO's device number */
	const char *const *bits;	/* bits 0..nbits-1, NULL where unused */
	unsigned int nbits;
};

/* NULL when there is no such device. */
const struct names_device *names_device(const char *name);

/*
 * The device whose feature bits these look like, or NULL. vhost-user does not
 * say what a back-end is.
 */
const struct names_device *names_guess(uint64_t features);

/* All device names, NULL-terminated, for options. */
const char *const *names_devices(void);

/* The name of a feature bit; NULL when none is known. dev may be NULL. */
const char *names_feature(const struct names_device *dev, unsigned int bit);

/* The name of a protocol feature bit; NULL when none is known. */
const char *names_protocol_feature(unsigned int bit);

#endif
