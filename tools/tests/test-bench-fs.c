/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the requests of "bench" for a file system, also with replies of a hostile one. */
#include <config.h>

#include <check.h>
#include <linux/fuse.h>

#include <virtio-devices/fs.h>

#include "../../tests/support/suite.h"
#include "plant.h"

#define REQUESTS 1u
#define OUT_HEADER sizeof(struct fuse_out_header)

/* The folder of the image is shared. */
static int make_fs(struct virtdev **out)
{
	const struct virtdev_fs_config config = {
		.size = sizeof(config), .path = folder, .tag = "shared", .queues = 2,
	};

	return virtdev_fs_new(&config, out, &err);
}

static const struct bench_request *request_of(const char *name)
{
	const struct bench_request *r = bench_fs.requests;

	while (strcmp(r->name, name) != 0)
		r++;
	return r;
}

static void fs_setup(void)
{
	bench_setup();
	make_device = make_fs;
	load.request = request_of("read");
	load.file = "image";
}

START_TEST(each_slot_of_each_queue_completes_each_request)
{
	static const char *const names[] = { "getattr", "lookup", "read", "readdir" };

	load.request = request_of(names[_i]);
	load.queues = 2;
	load.depth = 4;
	ck_assert_msg(run(&bench_fs) == VSU_EXIT_OK, "%s", err.msg);
	ck_assert_uint_ge(stats.requests, 8);
}
END_TEST

START_TEST(a_file_that_is_missing_is_named_by_its_error)
{
	load.file = "none";
	run_fails(&bench_fs, VSU_EXIT_FAIL, "No such file");
}
END_TEST

START_TEST(a_path_is_no_name)
{
	load.file = "../image";
	ck_assert_int_eq(run(&bench_fs), VSU_EXIT_DATA);
	ck_assert_ptr_nonnull(strstr(err.msg, "--file: '../image'"));
}
END_TEST

START_TEST(a_file_shorter_than_a_request_is_refused)
{
	load.size = SIZE + 512;
	ck_assert_int_eq(run(&bench_fs), VSU_EXIT_DATA);
	ck_assert_ptr_nonnull(strstr(err.msg, "1048576 bytes, fewer"));
}
END_TEST

START_TEST(queues_that_the_device_lacks_are_refused_with_the_remedy)
{
	load.queues = 3;
	run_fails(&bench_fs, VSU_EXIT_HOST, "lower --depth or --queues");
}
END_TEST

START_TEST(a_back_end_that_stops_is_given_up)
{
	late_ms = 1;
	kick_signal = SIGSTOP;
	run_fails(&bench_fs, VSU_EXIT_HOST, "1 requests did not complete within 1ms");
}
END_TEST

/* A reply, as differences from that of an empty file. */
struct reply {
	uint32_t written, len;
	int32_t error;
	uint64_t unique;
	enum vsu_exit status;
	const char *text;
};

#define VALID ((uint32_t)OUT_HEADER + BLOCK)

static const struct reply replies[] = {
	{ VALID, VALID, 0, 0, VSU_EXIT_OK, "" },
	{ 8, 8, 0, 0, VSU_EXIT_HOST, "8 bytes written" },
	{ VALID, 8, 0, 0, VSU_EXIT_HOST, "length 8" },
	{ 8, VALID, 0, 0, VSU_EXIT_HOST, "8 bytes written" },
	{ VALID + 1, VALID + 1, 0, 0, VSU_EXIT_HOST, "is invalid" },
	{ UINT32_MAX, UINT32_MAX, 0, 0, VSU_EXIT_HOST, "is invalid" },
	{ VALID, VALID, 0, 1, VSU_EXIT_HOST, "number" },
	{ OUT_HEADER, OUT_HEADER, -EIO, 0, VSU_EXIT_FAIL, "Input/output error" },
	{ OUT_HEADER + 10, OUT_HEADER + 10, 0, 0, VSU_EXIT_FAIL, "has 10 bytes, fewer than 4096" },
	{ VALID, VALID, INT32_MIN, 0, VSU_EXIT_FAIL, "FUSE request READ" },
};

static const struct reply *reply;

/* The chain of the request is an indirect table: headers and payloads. */
static void plant_reply(struct queues *q)
{
	const uint16_t head = last_head(q, REQUESTS);
	uint64_t table, in, out;
	struct fuse_in_header request;
	struct fuse_out_header header = { .len = reply->len, .error = reply->error };

	memcpy(&table, AT(vq_driver_desc_gpa(q->rings[REQUESTS].driver)) + 16 * head, sizeof(table));
	memcpy(&in, AT(table), sizeof(in));
	memcpy(&out, AT(table) + 32, sizeof(out));
	memcpy(&request, AT(in), sizeof(request));
	header.unique = request.unique + reply->unique;
	memcpy(AT(out), &header, sizeof(header));
	use(q, REQUESTS, head, reply->written);
}

START_TEST(a_reply_is_judged)
{
	reply = &replies[_i];
	plant = plant_reply;
	kick_signal = SIGSTOP;
	load.ms = 0;
	load.timeout_ms = 2000;
	if (reply->status != VSU_EXIT_OK)
		run_fails(&bench_fs, reply->status, reply->text);
	else
		ck_assert_int_eq(run(&bench_fs), VSU_EXIT_OK);
}
END_TEST

static void plant_other_ring(struct queues *q)
{
	use(q, 0, 0, VALID);
}

START_TEST(a_reply_in_the_queue_for_forget_ends_the_load)
{
	plant = plant_other_ring;
	kick_signal = SIGSTOP;
	load.timeout_ms = 2000;
	run_fails(&bench_fs, VSU_EXIT_HOST, "its ring");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bench-fs");
	TCase *tc = tcase_create("bench-fs");

	tcase_add_checked_fixture(tc, fs_setup, bench_teardown);
	tcase_add_loop_test(tc, each_slot_of_each_queue_completes_each_request, 0, 4);
	tcase_add_test(tc, a_file_that_is_missing_is_named_by_its_error);
	tcase_add_test(tc, a_path_is_no_name);
	tcase_add_test(tc, a_file_shorter_than_a_request_is_refused);
	tcase_add_test(tc, queues_that_the_device_lacks_are_refused_with_the_remedy);
	tcase_add_test(tc, a_back_end_that_stops_is_given_up);
	tcase_add_loop_test(tc, a_reply_is_judged, 0, sizeof(replies) / sizeof(replies[0]));
	tcase_add_test(tc, a_reply_in_the_queue_for_forget_ends_the_load);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
