/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about host notifiers, with the library at both ends. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vhost/backend_device.h>
#include <vmm-sys-util/fd.h>

#include "pair_rig.h"
#include "suite.h"

static struct pair pair;
static unsigned int notifiers, answers;
static uint64_t page, at;
static uint32_t of_ring;
static int file, result;
static bool with_fd;

static int on_notifier(void *opaque, uint32_t ring, int fd, uint64_t offset)
{
	void *mapped;

	(void)opaque;
	notifiers++;
	of_ring = ring;
	with_fd = fd >= 0;
	at = offset;
	if (fd < 0)
		return 0;
	mapped = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		      (off_t)offset);
	if (mapped == MAP_FAILED)
		return -errno;
	*(unsigned char *)mapped = 0x5a;
	munmap(mapped, page);
	return 0;
}

static void on_answered(void *opaque, uint64_t cookie, int code, int fd)
{
	(void)opaque;
	(void)cookie;
	ck_assert_int_eq(fd, -1);
	answers++;
	result = code;
}

static void setup(void)
{
	notifiers = answers = 0;
	page = (uint64_t)sysconf(_SC_PAGESIZE);
	pair_init(&pair);
	pair.back_ops.answered = on_answered;
	pair.device_ops.host_notifier = on_notifier;
	file = memfd_create("doorbells", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(file, (off_t)(2 * page)), 0);
}

static void teardown(void)
{
	vsu_fd_close(&file);
	pair_fini(&pair);
}

static void ask(int fd, uint64_t offset)
{
	answers = 0;
	ck_assert_int_eq(vhost_user_backend_host_notifier(pair.b, 0, fd, offset,
							  1, NULL), 0);
	pair_settle(&pair);
	ck_assert_uint_eq(answers, 1);
}

START_TEST(page_is_mapped_and_unmapped_by_the_owner)
{
	unsigned char byte = 0;

	pair_run(&pair);
	ask(file, page);
	ck_assert_int_eq(result, 0);
	ck_assert(with_fd);
	ck_assert_uint_eq(of_ring, 0);
	ck_assert_uint_eq(at, page);
	ck_assert_int_eq(pread(file, &byte, 1, (off_t)page), 1);
	ck_assert_uint_eq(byte, 0x5a);
	ask(-1, 0);
	ck_assert_int_eq(result, 0);
	ck_assert(!with_fd);
	ck_assert_uint_eq(notifiers, 2);
}
END_TEST

START_TEST(c2_29_page_beyond_its_file_or_of_an_eventfd_is_refused)
{
	pair_run(&pair);
	if (_i)
		ask(pair.kick, 0);	/* an eventfd cannot be mapped */
	else
		ask(file, 2 * page);
	ck_assert_int_eq(result, -EREMOTEIO);
	ck_assert_uint_eq(notifiers, 0);
	ck_assert_uint_eq(pair.front_refused, 1);
	ck_assert_int_eq(vhost_user_frontend_state(pair.f),
			 VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

START_TEST(c2_29_repeated_notifiers_leak_nothing)
{
	unsigned int i;
	int fds;

	pair_run(&pair);
	fds = vsu_fd_count();
	for (i = 0; i < 1000; i++)
		ask(file, 0);
	ck_assert_int_eq(vsu_fd_count(), fds);
	ck_assert_uint_eq(notifiers, 1000);
}
END_TEST

START_TEST(notifier_of_unknown_ring_or_partial_page_is_not_sent)
{
	pair_run(&pair);
	ck_assert_int_eq(vhost_user_backend_host_notifier(pair.b, 1, file, 0, 1,
							  NULL), -EINVAL);
	ck_assert_int_eq(vhost_user_backend_host_notifier(pair.b, 0, file, 1, 1,
							  NULL), -EINVAL);
}
END_TEST

START_TEST(notifiers_require_their_operations)
{
	if (_i)
		pair.device_ops.host_notifier = NULL;
	else
		pair.back_ops.answered = NULL;
	pair_run(&pair);
	ck_assert_uint_eq(vhost_user_frontend_protocol_features(pair.f) &
			  VHOST_USER_PROTOCOL_BIT(HOST_NOTIFIER), 0);
	ck_assert_int_eq(vhost_user_backend_host_notifier(pair.b, 0, file, 0, 1,
							  NULL), -EOPNOTSUPP);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vhost notifiers");
	TCase *tc = tcase_create("notifiers");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, page_is_mapped_and_unmapped_by_the_owner);
	tcase_add_loop_test(tc, c2_29_page_beyond_its_file_or_of_an_eventfd_is_refused,
			    0, 2);
	tcase_add_test(tc, c2_29_repeated_notifiers_leak_nothing);
	tcase_add_test(tc, notifier_of_unknown_ring_or_partial_page_is_not_sent);
	tcase_add_loop_test(tc, notifiers_require_their_operations,
			    0, 2);
	return run_suite(s);
}
