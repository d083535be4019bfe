/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the ring of an io_uring disk after an attacker has taken over
 * the process: the attacker maps the ring by its descriptor and submits any
 * operation.
 */
#define _GNU_SOURCE
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../image.h"
#include "../suite.h"

#ifdef HAVE_LIBURING

#include <liburing.h>

#define DEPTH 8

static struct test_disk disk;
static struct io_uring ring;

/*
 * A ring of the same size has the same layout. dup3() replaces its descriptor
 * by the disk's, because liburing stores the number in more than one member.
 */
static void map_ring(int fd)
{
	struct io_uring_params params = { .flags = 0 };
	struct io_uring mapped;

	ck_assert_int_eq(io_uring_queue_init_params(DEPTH, &ring, &params), 0);
	ck_assert_int_eq(io_uring_queue_mmap(fd, &params, &mapped), 0);
	ck_assert_int_ge(dup3(fd, ring.ring_fd, O_CLOEXEC), 0);
	ring.sq = mapped.sq;
	ring.cq = mapped.cq;
}

static void setup(void)
{
	folder_init("/tmp");
	image_make("image", 1 << 20);
	test_disk_init(&disk, "image", VIRTDEV_DISK_ENGINE_IO_URING, DEPTH);
	map_ring(disk.disk->ops.channel_fd(disk.disk->self, disk.channel));
}

static void teardown(void)
{
	test_disk_fini(&disk);
	folder_fini();
}

static int outcome(void)
{
	struct io_uring_cqe *cqe;
	int result;

	ck_assert_int_eq(io_uring_submit(&ring), 1);
	ck_assert_int_eq(io_uring_wait_cqe(&ring, &cqe), 0);
	result = cqe->res;
	io_uring_cqe_seen(&ring, cqe);
	return result;
}

static void prepare_open(struct io_uring_sqe *sqe)
{
	io_uring_prep_openat(sqe, AT_FDCWD, "/etc/passwd", O_RDONLY, 0);
}

/* The restriction of the ring is checked before any other argument. */
static void prepare_connect(struct io_uring_sqe *sqe)
{
	static const struct sockaddr nowhere = { .sa_family = AF_UNSPEC };

	io_uring_prep_connect(sqe, -1, &nowhere, sizeof(nowhere));
}

static void prepare_send(struct io_uring_sqe *sqe)
{
	io_uring_prep_send(sqe, -1, "", 1, 0);
}

static void prepare_linked_read(struct io_uring_sqe *sqe)
{
	static char byte;

	io_uring_prep_read(sqe, -1, &byte, 1, 0);
	io_uring_sqe_set_flags(sqe, IOSQE_IO_LINK);
}

static void (*const refused[])(struct io_uring_sqe *) = {
	prepare_open, prepare_connect, prepare_send, prepare_linked_read,
};

START_TEST(ring_of_a_disk_refuses_other_operations)
{
	refused[_i](io_uring_get_sqe(&ring));
	ck_assert_int_eq(outcome(), -EACCES);
}
END_TEST

START_TEST(ring_of_a_disk_permits_reads)
{
	static char byte;

	io_uring_prep_read(io_uring_get_sqe(&ring), -1, &byte, 1, 0);
	ck_assert_int_eq(outcome(), -EBADF);
}
END_TEST

START_TEST(ring_of_a_disk_accepts_no_registration)
{
	const int fd = -1;

	ck_assert_int_eq(io_uring_register_files(&ring, &fd, 1), -EACCES);
}
END_TEST

/* The file is open when the ring's descriptor is missing. */
START_TEST(lack_of_descriptors_is_not_taken_for_a_host_without_io_uring)
{
	const int next = fcntl(disk.disk->ops.channel_fd(disk.disk->self, disk.channel), F_DUPFD, 0);
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev_disk *other = NULL;
	struct rlimit limit, before;

	ck_assert_int_eq(close(next), 0);
	image_make("other", 4096);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = (rlim_t)next + 1;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_int_eq(disk_open("other", true, VIRTDEV_DISK_ENGINE_IO_URING, &other, &err), -EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "cannot set up io_uring"));
}
END_TEST

static void add_ring(TCase *tc)
{
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, ring_of_a_disk_refuses_other_operations,
			    0, sizeof(refused) / sizeof(*refused));
	tcase_add_test(tc, ring_of_a_disk_permits_reads);
	tcase_add_test(tc, ring_of_a_disk_accepts_no_registration);
	tcase_add_test(tc, lack_of_descriptors_is_not_taken_for_a_host_without_io_uring);
}

#else

static void add_ring(TCase *tc)
{
	(void)tc;
}

#endif

int main(void)
{
	Suite *s = suite_create("uring");
	TCase *tc = tcase_create("uring");

	suite_add_tcase(s, tc);
	if (engine_works(VIRTDEV_DISK_ENGINE_IO_URING))
		add_ring(tc);
	else
		puts("# skipped: io_uring is not supported by this build or host");
	fflush(stdout);
	return run_suite(s);
}
