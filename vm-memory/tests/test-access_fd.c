/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about guest memory and descriptors, and about compare-exchange. */
#include <config.h>

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include <vm-memory/access.h>

#include "util.h"

static struct vmem_map *map;	/* that of make_map(): 0-0x7ff, 0x1000-0x13ff */
static const struct vmem_view *view;

static void setup(void)
{
	map = make_map();
	view = vmem_map_view(map);
	signal(SIGPIPE, SIG_IGN);
}

static void teardown(void)
{
	vmem_map_unref(map);
}

static unsigned char at(uint64_t gpa)
{
	unsigned char byte = 0;

	ck_assert_int_eq(vmem_read_exact(view, gpa, &byte, 1), 0);
	return byte;
}

START_TEST(file_is_read_across_regions)
{
	int fd = make_memfd(0x2000);

	ck_assert_int_eq(vmem_pread_from_fd(view, 0x3f0, 0x20, fd, 0x1230),
			 0x20);
	ck_assert_uint_eq(at(0x3f0), pattern(0x1230));
	ck_assert_uint_eq(at(0x40f), pattern(0x124f));
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 0);
	close(fd);
}
END_TEST

START_TEST(file_is_written_across_regions)
{
	int fd = make_memfd(0);
	unsigned char buf[0x20];

	lseek(fd, 100, SEEK_SET);
	ck_assert_int_eq(vmem_write_to_fd(view, 0x3f0, 0x20, fd), 0x20);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 100 + 0x20);
	ck_assert_int_eq(pread(fd, buf, 0x20, 100), 0x20);
	ck_assert_uint_eq(buf[0], pattern(0x3f0));
	ck_assert_uint_eq(buf[0x1f], pattern(0xf));
	close(fd);
}
END_TEST

START_TEST(end_of_file_and_holes_shorten_the_count)
{
	int fd = make_memfd(0x100);

	ck_assert_int_eq(vmem_pread_from_fd(view, 0, 0x200, fd, 0x80), 0x80);
	ck_assert_int_eq(vmem_pread_from_fd(view, 0, 0x200, fd, 0x100), 0);
	ck_assert_int_eq(vmem_pread_from_fd(view, 0x7f0, 0x100, fd, 0), 0x10);
	ck_assert_int_eq(vmem_pread_from_fd(view, 0x800, 1, fd, 0), -EFAULT);
	ck_assert_int_eq(vmem_write_to_fd(view, 0x7f0, 0x100, fd), 0x10);
	ck_assert_int_eq(vmem_write_to_fd(view, 0xfff, 1, fd), -EFAULT);
	ck_assert_int_eq(vmem_pread_from_fd(view, 0x800, 0, fd, 0), 0);
	close(fd);
}
END_TEST

START_TEST(errors_of_the_descriptor_are_returned)
{
	int fd = make_memfd(0x100), ends[2];

	ck_assert_int_eq(vmem_pread_from_fd(view, 0, 8, -1, 0), -EBADF);
	ck_assert_int_eq(vmem_pread_from_fd(view, 0, 8, fd, UINT64_MAX),
			 -EINVAL);
	ck_assert_int_eq(vmem_pread_from_fd(view, 0, 8, fd, INT64_MAX), -EINVAL);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
				    SOCK_CLOEXEC, 0, ends), 0);
	ck_assert_int_eq(vmem_pread_from_fd(view, 0, 8, ends[0], 0), -ESPIPE);
	close(ends[1]);
	ck_assert_int_eq(vmem_write_to_fd(view, 0, 8, ends[0]), -EPIPE);
	close(ends[0]);
	close(fd);
}
END_TEST

/*
 * A pipe accepts less than the whole write; the rest follows. The reader
 * interrupts the writer repeatedly.
 */
struct drain {
	int fd;
	pthread_t writer;
	uint64_t sum;
};

static void *drain(void *opaque)
{
	struct drain *d = opaque;
	unsigned char buf[1000];
	unsigned int i = 0;
	ssize_t n;

	while ((n = read(d->fd, buf, sizeof(buf))) > 0) {
		d->sum += (uint64_t)n;
		if (++i % 50 == 0)
			pthread_kill(d->writer, SIGUSR1);
	}
	return NULL;
}

static void on_signal(int sig)
{
	(void)sig;
}

START_TEST(short_and_interrupted_writes_are_continued)
{
	struct vmem_region *r = make_region(0, 512 * KIB, 0);
	struct sigaction sa = { .sa_handler = on_signal };
	struct drain d = { -1, pthread_self(), 0 };
	struct vmem_map *m;
	pthread_t thread;
	int ends[2];

	ck_assert_int_eq(vmem_map_from_regions(&r, 1, &m, NULL), 0);
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	d.fd = ends[0];
	ck_assert_int_eq(sigaction(SIGUSR1, &sa, NULL), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, drain, &d), 0);
	ck_assert_int_eq(vmem_write_to_fd(vmem_map_view(m), 0, 512 * KIB,
					  ends[1]), 512 * KIB);
	close(ends[1]);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(d.sum, 512 * KIB);
	close(ends[0]);
	vmem_region_unref(r);
	vmem_map_unref(m);
}
END_TEST

START_TEST(reading_marks_what_was_stored_and_all_of_it_on_failure)
{
	struct vmem_block *block = make_block(64 * KIB);
	struct vmem_region_desc d = { block, 0, 0, 64 * KIB, 0, 12 };
	struct vmem_region *r;
	struct vmem_map *m;
	uint64_t bits = 0;
	int fd = make_memfd(0x1001);

	ck_assert_int_eq(vmem_region_new(&d, &r, NULL), 0);
	vmem_dirty_enable(vmem_region_dirty(r));
	ck_assert_int_eq(vmem_map_from_regions(&r, 1, &m, NULL), 0);
	lseek(fd, 0, SEEK_END);
	ck_assert_int_eq(vmem_write_to_fd(vmem_map_view(m), 0, 0x3000, fd), 0x3000);
	ck_assert_uint_eq(vmem_dirty_harvest(vmem_region_dirty(r), &bits), 0);
	ck_assert_int_eq(vmem_pread_from_fd(vmem_map_view(m), 0x3000, 0x1001, fd, 0), 0x1001);
	vmem_dirty_harvest(vmem_region_dirty(r), &bits);
	ck_assert_uint_eq(bits, 0x18);
	bits = 0;
	ck_assert_int_lt(vmem_pread_from_fd(vmem_map_view(m), 0, 0x2000, -1, 0), 0);
	vmem_dirty_harvest(vmem_region_dirty(r), &bits);
	ck_assert_uint_eq(bits, 0x3);
	vmem_region_unref(r);
	vmem_block_unref(block);
	vmem_map_unref(m);
	close(fd);
}
END_TEST

START_TEST(inline_values_of_any_alignment_and_across_regions)
{
	uint32_t hint = 12345, v32 = 0;
	uint64_t v64 = 0, gpa;
	uint16_t v16 = 0;
	uint8_t v8 = 0;

	for (gpa = 0x3f8; gpa < 0x408; gpa++) {
		ck_assert_int_eq(vmem_put_u64(view, &hint, gpa,
					      0x1122334455667788 + gpa), 0);
		ck_assert_int_eq(vmem_get_u64(view, &hint, gpa, &v64), 0);
		ck_assert_uint_eq(v64, 0x1122334455667788 + gpa);
		ck_assert_int_eq(vmem_put_u32(view, &hint, gpa, 0x99), 0);
		ck_assert_int_eq(vmem_get_u32(view, &hint, gpa, &v32), 0);
		ck_assert_uint_eq(v32, 0x99);
	}
	ck_assert_int_eq(vmem_put_u16(view, &hint, 0x3ff, 0xabcd), 0);
	ck_assert_int_eq(vmem_get_u16(view, &hint, 0x3ff, &v16), 0);
	ck_assert_uint_eq(v16, 0xabcd);
	ck_assert_int_eq(vmem_put_u8(view, &hint, 0x7ff, 0xab), 0);
	ck_assert_int_eq(vmem_get_u8(view, &hint, 0x7ff, &v8), 0);
	ck_assert_uint_eq(v8, 0xab);
	ck_assert_int_eq(vmem_get_u16(view, &hint, 0x7ff, &v16), -EFAULT);
	ck_assert_int_eq(vmem_put_u8(view, &hint, 0x800, 1), -EFAULT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("access_fd");
	TCase *tc = tcase_create("access_fd");

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, file_is_read_across_regions);
	tcase_add_test(tc, file_is_written_across_regions);
	tcase_add_test(tc, end_of_file_and_holes_shorten_the_count);
	tcase_add_test(tc, errors_of_the_descriptor_are_returned);
	tcase_add_test(tc, short_and_interrupted_writes_are_continued);
	tcase_add_test(tc,
		       reading_marks_what_was_stored_and_all_of_it_on_failure);
	tcase_add_test(tc, inline_values_of_any_alignment_and_across_regions);
	return run_suite(s);
}
