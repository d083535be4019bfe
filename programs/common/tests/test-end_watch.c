/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the limit for the end of a machine, and the process that ends without it. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>

#include "util.h"
#include "common/end_watch.h"
#include "common/life.h"
#include "common/machine_loop.h"

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

static int on_abandon(void *opaque, int status, struct vsu_error *err)
{
	(void)opaque;
	vsu_error_clear(err);
	return status == VSU_EXIT_INTERNAL ? 5 : 6;
}

static const struct vmm_beside without = { .fd = -1 }, with = { .fd = -1, .abandon = on_abandon };
static const struct {
	const struct vmm_beside *beside;
	int status;
} tasks[] = { { NULL, VSU_EXIT_INTERNAL }, { &without, VSU_EXIT_INTERNAL }, { &with, 5 } };

START_TEST(process_without_its_machine_has_the_status_of_a_task)
{
	static const struct vsu_error why = { .code = -EIO, .msg = "devices wait" };
	static struct vmm_program_options options;
	struct cvmm_host owner;
	pid_t child;
	int how;

	child = fork();
	ck_assert_int_ge(child, 0);
	if (!child) {
		vmm_life_prepare(&options, NULL, tasks[_i].beside, &owner);
		owner.stuck(owner.opaque, VSU_EXIT_INTERNAL, &why);
		_exit(99);
	}
	ck_assert_int_eq(waitpid(child, &how, 0), child);
	ck_assert(WIFEXITED(how));
	ck_assert_int_eq(WEXITSTATUS(how), tasks[_i].status);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("machine");
	TCase *tc = tcase_create("end_watch");

	tcase_add_test(tc, e1_42_end_that_a_thread_blocks_is_limited);
	tcase_add_test(tc, end_in_time_is_not_reported);
	tcase_add_loop_test(tc, process_without_its_machine_has_the_status_of_a_task, 0, COUNT(tasks));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
