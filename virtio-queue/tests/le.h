/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Rings are little-endian on every host. These two functions handle single
 * bytes, so that the tests do not depend on the conversions under test.
 */
#ifndef VIRTIO_QUEUE_TESTS_LE_H
#define VIRTIO_QUEUE_TESTS_LE_H

#include <stddef.h>
#include <stdint.h>

static inline uint64_t le_get(const unsigned char *at, size_t bytes)
{
	uint64_t v = 0;

	while (bytes--)
		v = v << 8 | at[bytes];
	return v;
}

static inline void le_put(unsigned char *at, uint64_t v, size_t bytes)
{
	for (; bytes; bytes--, v >>= 8)
		*at++ = (unsigned char)v;
}

#endif
