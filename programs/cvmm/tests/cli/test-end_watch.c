/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the limit for the end of a machine. */
#include <config.h>

#include <poll.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "util.h"
#include "cli/end_watch.h"

static int reported;	/* eventfd */

static void on_stuck(void *opaque)
{
	(void)opaque;
	vsu_event_signal(reported);
}

static bool is_reported(int ms)
{
	struct pollfd p = { .fd = reported, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

static void start(struct vmm_end_watch *w, int ms)
{
	reported = vsu_event_new();
	*w = (struct vmm_end_watch){ .stuck = on_stuck, .patience_ms = ms };
	vmm_end_watch_start(w);
	ck_assert(w->started);
}

START_TEST(e1_42_end_that_a_thread_blocks_is_limited)
{
	struct vmm_end_watch w;

	start(&w, 1);
	ck_assert(is_reported(-1));
	vmm_end_watch_stop(&w);
	vsu_fd_close(&reported);
}
END_TEST

START_TEST(end_in_time_is_not_reported)
{
	struct vmm_end_watch w;

	start(&w, 60000);
	vmm_end_watch_stop(&w);
	ck_assert(!is_reported(0));
	vsu_fd_close(&reported);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("machine");
	TCase *tc = tcase_create("end_watch");

	tcase_add_test(tc, e1_42_end_that_a_thread_blocks_is_limited);
	tcase_add_test(tc, end_in_time_is_not_reported);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
