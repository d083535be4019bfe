/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The time and random bytes that a guest begins with, and those after a pause. */
#include <config.h>

#include <errno.h>
#include <sys/random.h>
#include <time.h>

#include "host/guest_private.h"
#include "host/moment.h"

/* The clock is read as late as possible. */
static int read_moment(struct vagent_moment *m)
{
	struct timespec now;

	*m = (struct vagent_moment){ .reserved = 0 };
	if (getrandom(m->entropy, sizeof(m->entropy), 0) != (ssize_t)sizeof(m->entropy))
		return -EIO;
	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return -errno;
	m->seconds = (uint64_t)now.tv_sec;
	m->nanoseconds = (uint32_t)now.tv_nsec;
	return 0;
}

int vagent_priv_send_moment(struct vagent_priv_channel *c)
{
	struct vagent_moment m;
	const int rc = read_moment(&m);

	return rc < 0 ? rc : vagent_priv_channel_send(c, VAGENT_MOMENT, &m, sizeof(m));
}

int vagent_guest_set_clock(struct vagent_guest *g, struct vsu_error *err)
{
	struct vagent_moment m;
	int rc = vagent_priv_check_ready(g, err);

	if (rc < 0)
		return rc;
	rc = read_moment(&m);
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot read the host's clock and random bytes");
	return vagent_priv_request(g, VAGENT_MOMENT, &m, sizeof(m), NULL, err);
}
