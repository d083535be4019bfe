/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The host's time, and random numbers that no other clone draws. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "init/agent.h"

/* struct rand_pool_info and its bytes */
struct pool {
	int bits, len;
	uint8_t bytes[VAGENT_ENTROPY];
};

/* Bytes alone are used by a kernel's generator up to minutes later; the second call uses them now. */
static int reseed_kernel(const uint8_t bytes[VAGENT_ENTROPY])
{
	struct pool pool = { .bits = 8 * VAGENT_ENTROPY, .len = VAGENT_ENTROPY };
	const int fd = open("/dev/random", O_RDWR | O_CLOEXEC);
	int code;

	if (fd < 0)
		return errno;
	memcpy(pool.bytes, bytes, sizeof(pool.bytes));
	code = ioctl(fd, RNDADDENTROPY, &pool) < 0 || ioctl(fd, RNDRESEEDCRNG) < 0 ? errno : 0;
	close(fd);
	return code;
}

/* Bytes that the driver of an entropy device and the kernel have read ahead are the same in all clones. */
static void discard_read_ahead(void)
{
	char bytes[256];
	size_t left = sizeof(bytes);
	const int fd = open("/dev/hwrng", O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;

	while (fd >= 0 && left && n > 0) {
		n = read(fd, bytes, left);
		left -= n > 0 ? (size_t)n : 0;
	}
	if (fd >= 0)
		close(fd);
}

void vagent_priv_enter_moment(const char *payload, size_t len, bool cloned)
{
	struct vagent_moment m;
	struct timespec now;
	int code;

	if (len != sizeof(m))
		vagent_init_fail("the host sent its time in %zu bytes", len);
	memcpy(&m, payload, sizeof(m));
	now = (struct timespec){ .tv_sec = (time_t)m.seconds, .tv_nsec = (long)m.nanoseconds };
	if (clock_settime(CLOCK_REALTIME, &now) < 0)
		vagent_init_fail("cannot set the clock: %s", strerror(errno));
	if (cloned)
		discard_read_ahead();
	code = reseed_kernel(m.entropy);
	if (code && cloned)
		vagent_init_fail("cannot reseed the random numbers of a clone: %s", strerror(code));
}
