/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The closer of the programs, for an owner of devices. */
#ifndef VMM_TESTS_CLOSER_H
#define VMM_TESTS_CLOSER_H

#include "closer.h"
#include "log/closer.h"

static inline struct vsu_closer *tests_closer_get(void *opaque, struct vsu_error *err)
{
	(void)opaque;
	return prog_closer_start(err) < 0 ? NULL : prog_closer();
}

static const struct vmm_closer tests_closer = { .get = tests_closer_get };

#endif
