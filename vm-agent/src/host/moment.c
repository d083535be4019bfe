/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The time and random bytes that a guest begins with. */
#include <config.h>

#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "host/moment.h"

/* The clock is read as late as possible. */
int vagent_priv_send_moment(struct vagent_priv_channel *c)
{
	struct vagent_moment m = { .reserved = 0 };
	struct timespec now;

	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return -errno;
	m.seconds = (uint64_t)now.tv_sec;
	m.nanoseconds = (uint32_t)now.tv_nsec;
	if (getrandom(m.entropy, sizeof(m.entropy), 0) != (ssize_t)sizeof(m.entropy))
		return -EIO;
	return vagent_priv_channel_send(c, VAGENT_MOMENT, &m, sizeof(m));
}
