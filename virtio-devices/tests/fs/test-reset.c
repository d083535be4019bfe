/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the reset of a file system device, under a clock that the test moves. */
#include <config.h>

#include <check.h>
#include <dirent.h>

#include <virtio-queue/turn.h>
#include <vmm-sys-util/event.h>

#include "../suite.h"
#include "fs-rig.h"

/* Inodes that a turn can drop: each check of the clock takes a quarter of it. */
#define OF_TURN 4u
#define FILES 50u

static uint64_t now_ns;
/* Marked as used: with LTO, gcc does not know that the linker will refer to it. */
uint64_t __attribute__((used)) __wrap_vsu_now_ns(void);
uint64_t __wrap_vsu_now_ns(void)
{
	return now_ns += VQ_TURN_NS / OF_TURN;
}

static struct fs_rig r;

static unsigned int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void setup(void)
{
	fs_rig_init(&r);
	ck_assert_int_eq(fs_rig_lookup_new(&r, FILES), 0);
	virtdev_queue_stop(r.dev, r.queue);
}

static void teardown(void)
{
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, NULL), 0);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
	ck_assert_int_eq(fs_rig_getattr(&r, FUSE_ROOT_ID), 0);
	fs_rig_fini(&r);
}

START_TEST(a_turn_of_a_reset_closes_a_few_inodes)
{
	unsigned int before = count_fds(), after, turns = 1;
	const unsigned int all = before;

	for (; virtdev_reset_turn(r.dev); turns++) {
		after = count_fds();
		ck_assert_uint_lt(after, before);
		ck_assert_uint_le(before - after, OF_TURN);
		before = after;
	}
	ck_assert_uint_ge(turns, FILES / OF_TURN);
	ck_assert_uint_eq(count_fds(), all - FILES);
	virtdev_reset(r.dev);
	ck_assert_uint_eq(count_fds(), all - FILES);
}
END_TEST

START_TEST(a_reset_finishes_what_its_turns_began)
{
	const unsigned int all = count_fds();

	ck_assert_int_eq(virtdev_reset_turn(r.dev), 1);
	virtdev_reset(r.dev);
	ck_assert_uint_eq(count_fds(), all - FILES);
	ck_assert_int_eq(virtdev_reset_turn(r.dev), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs reset");
	TCase *tc = tcase_create("reset");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_turn_of_a_reset_closes_a_few_inodes);
	tcase_add_test(tc, a_reset_finishes_what_its_turns_began);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
