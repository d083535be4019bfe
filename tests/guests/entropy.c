/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Drives an entropy device (VIRTIO 1.3, section 5.4): fills two buffers and
 * checks that neither contains repetitions nor equals the other.
 */
#include "lib.h"
#include "selftest.h"

#define BYTES 64u

static unsigned char noise[2][BYTES];

/*
 * Number of bytes that the device reported; bytes it did not write keep their
 * value.
 */
static int64_t draw(struct device *dev, unsigned char *to)
{
	const struct piece piece = { to, BYTES, true };

	memset(to, 0, BYTES);
	return queue_do(dev, 0, &piece, 1);
}

static bool is_noise(const unsigned char *bytes, int64_t n)
{
	unsigned int same = 0;
	int64_t i;

	for (i = 1; i < n; i++)
		same += bytes[i] == bytes[0];
	return n >= 16 && same < (unsigned int)n / 2;
}

void test_entropy(struct device *dev, unsigned int number)
{
	int64_t got[2];
	unsigned int i, same = 0;

	for (i = 0; i < 2; i++)
		got[i] = draw(dev, noise[i]);
	for (i = 0; i < BYTES; i++)
		same += noise[0][i] == noise[1][i];
	print("entropy %u: %u and %u bytes\n", number, (unsigned int)got[0],
	      (unsigned int)got[1]);
	if (!is_noise(noise[0], got[0]) || !is_noise(noise[1], got[1]) ||
	    same > BYTES / 2)
		fault("bytes that are not random");
}
