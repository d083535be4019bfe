/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The ring of a test, which the fixture of its test case frees. */
#ifndef VIRTIO_QUEUE_TESTS_RING_H
#define VIRTIO_QUEUE_TESTS_RING_H

#include "util.h"

static struct rig rig;

/* Some tests set up no ring, or one of their own. */
static inline void rig_end(void)
{
	if (rig.q)
		rig_fini(&rig);
	memset(&rig, 0, sizeof(rig));
}

static inline TCase *rig_case(const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, NULL, rig_end);
	return tc;
}

#endif
