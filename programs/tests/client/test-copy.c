/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about copies to and from a disk: ranges, streams, and back-ends that fail,
 * which calls of the driver simulate.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "../../../tests/support/suite.h"
#include "client/copy.h"
#include "client/disk.h"
#include "rig.h"

static char input[64], output[64];
static unsigned char data[SIZE], got[SIZE];
static struct copy_args args;

/* ----------------------------------------------------------------- failures */

static int collect_failure;	/* of each call */
static uint32_t collected, fail_at;
static uint8_t fail_status;	/* of the request that is collected as fail_at-th */
static int kick_signal;		/* to the server, before each notification */
static bool calls_always;	/* without a completion */

static uint64_t more_bytes;	/* by which the disk seems to be larger */

enum vsu_exit __real_disk_open(struct disk *d, const char *socket, uint32_t queue,
			       uint32_t nqueues, uint32_t nslots, struct vsu_error *e);
enum vsu_exit __wrap_disk_open(struct disk *d, const char *socket, uint32_t queue,
			       uint32_t nqueues, uint32_t nslots, struct vsu_error *e);
enum vsu_exit __wrap_disk_open(struct disk *d, const char *socket, uint32_t queue,
			       uint32_t nqueues, uint32_t nslots, struct vsu_error *e)
{
	const enum vsu_exit status = __real_disk_open(d, socket, queue, nqueues, nslots, e);

	d->size += more_bytes;
	return status;
}

int __real_queues_collect(struct queues *q, struct queues_used *used);
int __wrap_queues_collect(struct queues *q, struct queues_used *used);
int __wrap_queues_collect(struct queues *q, struct queues_used *used)
{
	return collect_failure ? collect_failure : __real_queues_collect(q, used);
}

uint8_t __real_disk_status(struct disk *d, uint32_t slot);
uint8_t __wrap_disk_status(struct disk *d, uint32_t slot);
uint8_t __wrap_disk_status(struct disk *d, uint32_t slot)
{
	return ++collected == fail_at ? fail_status : __real_disk_status(d, slot);
}

/* A file that is always readable takes the place of the driver's eventfd. */
static void call_always(const struct queues *q)
{
	int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(dup3(fd, q->call_fd, O_CLOEXEC), q->call_fd);
	close(fd);
}

void __real_queues_kick(struct queues *q);
void __wrap_queues_kick(struct queues *q);
void __wrap_queues_kick(struct queues *q)
{
	siginfo_t info;

	if (calls_always)
		call_always(q);
	if (kick_signal) {
		ck_assert_int_eq(kill(server, kick_signal), 0);
		ck_assert_int_eq(waitid(P_PID, (id_t)server, &info,
					WSTOPPED | WEXITED | WNOWAIT), 0);
	}
	__real_queues_kick(q);
}

/* ------------------------------------------------------------------- the rig */

static void copy_setup(void)
{
	uint32_t i;

	setup();
	snprintf(input, sizeof(input), "%s/input", folder);
	snprintf(output, sizeof(output), "%s/output", folder);
	args = (struct copy_args){
		.socket = path, .depth = 4, .length = COPY_ALL,
	};
	for (i = 0; i < SIZE; i++)
		data[i] = (unsigned char)(i % 251);
	collect_failure = kick_signal = 0;
	calls_always = false;
	more_bytes = 0;
	collected = fail_at = 0;
}

static void copy_teardown(void)
{
	if (server > 0)
		kill(server, SIGCONT);
	unlink(input);
	unlink(output);
	teardown();
}

static void input_has(uint32_t len)
{
	int fd = open(input, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, len), (ssize_t)len);
	close(fd);
}

/* Standard input: a pipe with len bytes and its end. */
static void stream_has(uint32_t len)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(write(ends[1], data, len), (ssize_t)len);
	close(ends[1]);
	ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
	close(ends[0]);
}

static enum vsu_exit copy(bool writing, const char *file)
{
	enum vsu_exit status;

	args.file = file;
	do
		status = writing ? copy_to_disk(&args, &err) :
				   copy_from_disk(&args, &err);
	while (status != VSU_EXIT_OK && server_starts());
	return status;
}

/* The copy fails with that status and a message that has the text. */
static void copy_fails(bool writing, const char *file, enum vsu_exit expected,
		       const char *text)
{
	ck_assert_int_eq(copy(writing, file), expected);
	ck_assert_msg(strstr(err.msg, text) != NULL, "%s", err.msg);
}

static uint32_t content_of(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	ck_assert_int_ge(fd, 0);
	n = vsu_fd_read_full(fd, got, sizeof(got));
	close(fd);
	ck_assert_int_ge(n, 0);
	return (uint32_t)n;
}

static bool exists(const char *file) { return access(file, F_OK) == 0; }

/* ---------------------------------------------------------------- the claims */

START_TEST(file_is_written_at_its_offset_and_read_again)
{
	const uint32_t len = 73 * BLOCK;

	server_start();
	input_has(len);
	args.offset = 2 * BLOCK;
	ck_assert_int_eq(copy(true, input), VSU_EXIT_OK);
	ck_assert_uint_eq(content_of(image), SIZE);
	ck_assert_mem_eq(got + 2 * BLOCK, data, len);
	ck_assert_uint_eq(got[2 * BLOCK - 1] + got[2 * BLOCK + len], 0);
	args.length = len;
	ck_assert_int_eq(copy(false, output), VSU_EXIT_OK);
	ck_assert_uint_eq(content_of(output), len);
	ck_assert_mem_eq(got, data, len);
}
END_TEST

START_TEST(rest_of_the_disk_is_read_without_a_length)
{
	server_start();
	args.offset = SIZE - 3 * BLOCK;
	ck_assert_int_eq(copy(false, output), VSU_EXIT_OK);
	ck_assert_uint_eq(content_of(output), 3 * BLOCK);
	args.offset = SIZE;
	ck_assert_int_eq(copy(false, output), VSU_EXIT_OK);
	ck_assert_uint_eq(content_of(output), 0);
}
END_TEST

START_TEST(stream_is_written_to_its_end)
{
	server_start();
	stream_has(3 * BLOCK);
	args.offset = SIZE - 3 * BLOCK;
	ck_assert_int_eq(copy(true, "-"), VSU_EXIT_OK);
	content_of(image);
	ck_assert_mem_eq(got + SIZE - 3 * BLOCK, data, 3 * BLOCK);
}
END_TEST

static const struct {
	uint32_t has;
	uint64_t offset, length;
	const char *message;
} streams[] = {
	{ 2 * BLOCK, SIZE - BLOCK, COPY_ALL, "is longer than what the disk" },
	{ BLOCK + 1, 0, COPY_ALL, "'standard input' has 4097 bytes, which is not a multiple of 4096" },
	{ BLOCK, 0, 2 * BLOCK, "ended after 4096 of 8192 bytes" },
	{ 0, 0, BLOCK, "ended after 0 of 4096 bytes" },
	{ BLOCK, SIZE + BLOCK, COPY_ALL, "exceed the disk" },
};

START_TEST(stream_of_an_unfit_length_is_refused)
{
	server_start();
	stream_has(streams[_i].has);
	args.offset = streams[_i].offset;
	args.length = streams[_i].length;
	copy_fails(true, "-", VSU_EXIT_DATA, streams[_i].message);
}
END_TEST

static const struct {
	bool writing;
	uint64_t offset, length;
	const char *message;
} ranges[] = {
	{ false, 1, COPY_ALL, "option --offset: 1 is not a multiple of 4096" },
	{ false, 0, 512, "option --length: 512 is not a multiple of 4096" },
	{ false, BLOCK, SIZE, "exceed the disk" },
	{ false, UINT64_MAX - BLOCK + 1, BLOCK, "exceed the disk" },
	{ true, SIZE - BLOCK, 2 * BLOCK, "exceed the disk" },
	{ true, 0, COPY_ALL, "has 5000 bytes, which is not a multiple of 4096" },
	{ true, 0, 2 * BLOCK, "has 5000 bytes, 8k were requested" },
};

START_TEST(unfit_range_is_refused_before_a_file_is_created)
{
	server_start();
	input_has(5000);
	args.offset = ranges[_i].offset;
	args.length = ranges[_i].length;
	copy_fails(ranges[_i].writing, ranges[_i].writing ? input : output,
		   VSU_EXIT_DATA, ranges[_i].message);
	ck_assert(!exists(output));
}
END_TEST

START_TEST(disk_that_ends_within_a_block_is_read_up_to_it)
{
	server_start();
	more_bytes = 512;
	args.offset = BLOCK;
	copy_fails(false, output, VSU_EXIT_DATA,
		   "has 1049088 bytes, which is not a multiple of its block size of 4096; give --length=1044480");
	ck_assert_msg(strstr(err.msg, path) != NULL, "%s", err.msg);
	ck_assert(!exists(output));
	args.length = SIZE - BLOCK;
	ck_assert_int_eq(copy(false, output), VSU_EXIT_OK);
	ck_assert_uint_eq(content_of(output), SIZE - BLOCK);
}
END_TEST

START_TEST(read_only_disk_is_read_and_not_written)
{
	read_only = true;
	server_start();
	input_has(BLOCK);
	copy_fails(true, input, VSU_EXIT_DATA, "is read-only");
	ck_assert_int_eq(copy(false, output), VSU_EXIT_OK);
	ck_assert_uint_eq(content_of(output), SIZE);
}
END_TEST

START_TEST(failed_request_ends_the_copy_and_removes_a_created_file)
{
	server_start();
	fail_at = 1;
	fail_status = VIRTDEV_BLK_S_IOERR;
	copy_fails(false, output, VSU_EXIT_FAIL, "could not read");
	ck_assert_msg(strstr(err.msg, "at offset 0 (status 1)") != NULL, "%s", err.msg);
	ck_assert(!exists(output));
	input_has(BLOCK);
	collected = 0;
	copy_fails(false, input, VSU_EXIT_FAIL, "could not read");
	ck_assert(exists(input));
}
END_TEST

/* The second status is that of the flush. */
START_TEST(write_is_not_reported_before_a_flush_succeeds)
{
	server_start();
	input_has(BLOCK);
	fail_at = 2;
	fail_status = VIRTDEV_BLK_S_UNSUPP;
	copy_fails(true, input, VSU_EXIT_FAIL, "request to flush as unsupported");
	collected = 0;
	fail_status = 0xee;
	copy_fails(true, input, VSU_EXIT_FAIL, "could not flush 0 bytes at offset 0 (status 238)");
}
END_TEST

START_TEST(broken_ring_ends_the_copy)
{
	server_start();
	input_has(BLOCK);
	collect_failure = -EBADMSG;
	copy_fails(_i, _i ? input : output, VSU_EXIT_HOST,
		   "returned a used entry that matches no request");
	ck_assert(!exists(output));
}
END_TEST

START_TEST(back_end_that_ends_during_a_copy_is_named)
{
	server_start();
	input_has(BLOCK);
	kick_signal = SIGKILL;
	copy_fails(_i, _i ? input : output, VSU_EXIT_HOST, path);
	ck_assert(!exists(output));
}
END_TEST

START_TEST(unresponsive_back_end_ends_the_copy_after_the_timeout)
{
	server_start();
	input_has(BLOCK);
	kick_signal = SIGSTOP;
	args.timeout_ms = 1000;
	copy_fails(_i, _i ? input : output, VSU_EXIT_HOST,
		   "no request completed within 1s");
	ck_assert(!exists(output));
}
END_TEST

START_TEST(calls_without_completions_do_not_lengthen_the_timeout)
{
	server_start();
	calls_always = true;
	kick_signal = SIGSTOP;
	args.timeout_ms = 1;
	copy_fails(false, output, VSU_EXIT_HOST, "no request completed within 1ms");
}
END_TEST

START_TEST(full_output_is_named_and_kept)
{
	server_start();
	copy_fails(false, "/dev/full", VSU_EXIT_INPUT, "cannot write '/dev/full'");
	ck_assert(exists("/dev/full"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("blk-copy");
	TCase *tc = tcase_create("blk-copy");

	tcase_add_checked_fixture(tc, copy_setup, copy_teardown);
	tcase_add_test(tc, file_is_written_at_its_offset_and_read_again);
	tcase_add_test(tc, rest_of_the_disk_is_read_without_a_length);
	tcase_add_test(tc, stream_is_written_to_its_end);
	tcase_add_loop_test(tc, stream_of_an_unfit_length_is_refused,
			    0, sizeof(streams) / sizeof(*streams));
	tcase_add_loop_test(tc, unfit_range_is_refused_before_a_file_is_created,
			    0, sizeof(ranges) / sizeof(*ranges));
	tcase_add_test(tc, disk_that_ends_within_a_block_is_read_up_to_it);
	tcase_add_test(tc, read_only_disk_is_read_and_not_written);
	tcase_add_test(tc, failed_request_ends_the_copy_and_removes_a_created_file);
	tcase_add_test(tc, write_is_not_reported_before_a_flush_succeeds);
	tcase_add_loop_test(tc, broken_ring_ends_the_copy, 0, 2);
	tcase_add_loop_test(tc, back_end_that_ends_during_a_copy_is_named, 0, 2);
	tcase_add_loop_test(tc, unresponsive_back_end_ends_the_copy_after_the_timeout, 0, 2);
	tcase_add_test(tc, calls_without_completions_do_not_lengthen_the_timeout);
	tcase_add_test(tc, full_output_is_named_and_kept);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
