/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A loop of a test, and its turns. */
#ifndef VMM_TESTS_TURNS_H
#define VMM_TESTS_TURNS_H

#include <check.h>
#include <poll.h>

#include <vmm-sys-util/loop.h>

static inline struct vsu_loop *loop_begin(void)
{
	struct vsu_loop *loop;

	ck_assert_int_eq(vsu_loop_new(&loop, NULL), 0);
	return loop;
}

/* Waits until there is something to do, and takes one turn. */
static inline void loop_once(struct vsu_loop *loop)
{
	struct pollfd look = { .fd = vsu_loop_fd(loop), .events = POLLIN };

	ck_assert_int_eq(poll(&look, 1, -1), 1);
	vsu_loop_dispatch(loop);
}

#endif
