/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the tool's block driver, on a disk that a process of the test serves. */
#include <config.h>

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include <virtio-devices/ids.h>

#include "../../../tests/support/suite.h"
#include "client/disk.h"
#include "rig.h"

static struct disk d;

static void read_zeros(void *self, uint32_t off, void *buf, uint32_t len)
{
	(void)self;
	(void)off;
	memset(buf, 0, len);
}

/* A device of no project: its configuration contradicts its queue. */
static int make_without_queues(struct virtdev **out)
{
	static const struct virtdev_ops ops = { .size = sizeof(ops), .name = "blk", .config_read = read_zeros };
	const struct virtdev_info info = {
		.id = VIRTDEV_ID_BLOCK, .nqueues = 1, .queue_size_max = 8,
		.config_size = VIRTDEV_BLK_SPACE_SIZE, .features = VQ_F_VERSION_1 | VIRTDEV_BLK_F_MQ,
	};

	return virtdev_new(&ops, &info, image, out, &err);
}

/* A server that has not yet made its socket is asked again. */
static enum vsu_exit open_queues(uint32_t queue, uint32_t nqueues, uint32_t nslots)
{
	enum vsu_exit status;

	do
		status = disk_open(&d, path, queue, nqueues, nslots, &err);
	while (status != VSU_EXIT_OK && server_starts());
	return status;
}

static enum vsu_exit open_disk(uint32_t queue, uint32_t nslots)
{
	return open_queues(queue, 1, nslots);
}

static void serve_and_open(void)
{
	server_start();
	ck_assert_int_eq(open_disk(1, 4), VSU_EXIT_OK);
}

/* Waits for one request, and returns its status. */
static uint8_t complete(uint32_t expected)
{
	struct pollfd p = { .fd = d.q.call_fd, .events = POLLIN };
	struct queues_used used;
	bool late;
	int rc;

	queues_kick(&d.q);
	while (!(rc = queues_collect(&d.q, &used)))
		if (!queues_want_call(&d.q))
			ck_assert_int_eq(client_poll(&d.q.client, &p, 1, 30000,
						     &late, &err), VSU_EXIT_OK);
	ck_assert_int_eq(rc, 1);
	ck_assert_uint_eq(used.cookie, expected);
	return disk_status(&d, expected);
}

static void request(uint32_t slot, enum virtdev_blk_type type, uint64_t at,
		    uint32_t len)
{
	ck_assert_int_eq(disk_submit(&d, slot, type, at, len, &err), VSU_EXIT_OK);
}

START_TEST(a_disk_has_the_size_and_blocks_of_its_back_end)
{
	serve_and_open();
	ck_assert_uint_eq(d.size, SIZE);
	ck_assert_uint_eq(d.block, BLOCK);
	ck_assert_uint_eq(d.q.first, 1);
	ck_assert_uint_ge(d.chunk, BLOCK);
	queues_close(&d.q, true);
}
END_TEST

/* Others do not go around the page cache of a back-end. */
START_TEST(buffers_begin_with_pages)
{
	uint32_t slot;

	serve_and_open();
	for (slot = 0; slot < 3; slot++)
		ck_assert_uint_eq((uintptr_t)disk_buffer(&d, slot) % 4096, 0);
	queues_close(&d.q, true);
}
END_TEST

START_TEST(what_is_written_is_read_and_in_the_image)
{
	unsigned char block[BLOCK];
	int fd = open(image, O_RDONLY | O_CLOEXEC);

	serve_and_open();
	memset(disk_buffer(&d, 2), 0x5a, BLOCK);
	request(2, VIRTDEV_BLK_T_OUT, 3 * BLOCK, BLOCK);
	ck_assert_uint_eq(complete(2), VIRTDEV_BLK_S_OK);
	request(0, VIRTDEV_BLK_T_FLUSH, 0, 0);
	ck_assert_uint_eq(complete(0), VIRTDEV_BLK_S_OK);
	request(1, VIRTDEV_BLK_T_IN, 3 * BLOCK, BLOCK);
	ck_assert_uint_eq(complete(1), VIRTDEV_BLK_S_OK);
	ck_assert_int_eq(memcmp(disk_buffer(&d, 1), disk_buffer(&d, 2), BLOCK), 0);
	ck_assert_int_eq(pread(fd, block, BLOCK, 3 * BLOCK), BLOCK);
	ck_assert_int_eq(memcmp(block, disk_buffer(&d, 1), BLOCK), 0);
	close(fd);
	queues_close(&d.q, true);
}
END_TEST

START_TEST(requests_beyond_the_end_and_writes_to_a_read_only_disk_fail)
{
	read_only = true;
	serve_and_open();
	request(0, VIRTDEV_BLK_T_IN, SIZE, BLOCK);
	ck_assert_uint_eq(complete(0), VIRTDEV_BLK_S_IOERR);
	request(0, VIRTDEV_BLK_T_OUT, 0, BLOCK);
	ck_assert_uint_ne(complete(0), VIRTDEV_BLK_S_OK);
	queues_close(&d.q, true);
}
END_TEST

START_TEST(a_queue_that_the_disk_lacks_is_refused)
{
	server_start();
	ck_assert_int_eq(open_disk(2, 4), VSU_EXIT_DATA);
	ck_assert_ptr_nonnull(strstr(err.msg, "--queue: 2"));
}
END_TEST

START_TEST(each_of_two_queues_completes_the_requests_of_its_slots)
{
	uint32_t slot;

	server_start();
	ck_assert_int_eq(open_queues(0, 2, 4), VSU_EXIT_OK);
	for (slot = 0; slot < 2 * d.nslots; slot++) {
		request(slot, VIRTDEV_BLK_T_IN, 0, BLOCK);
		ck_assert_uint_eq(complete(slot), VIRTDEV_BLK_S_OK);
	}
	queues_close(&d.q, true);
}
END_TEST

START_TEST(a_disk_without_queues_is_refused)
{
	make_device = make_without_queues;
	server_start();
	ck_assert_int_eq(open_disk(0, 4), VSU_EXIT_HOST);
	ck_assert_ptr_nonnull(strstr(err.msg, path));
	ck_assert_ptr_nonnull(strstr(err.msg, "claims to have no queue"));
}
END_TEST

START_TEST(a_back_end_that_ends_is_named)
{
	struct pollfd p = { .events = POLLIN };
	enum vsu_exit status;
	bool late;

	serve_and_open();
	p.fd = d.q.call_fd;
	ck_assert_int_eq(kill(server, SIGKILL), 0);
	do
		status = client_poll(&d.q.client, &p, 1, 30000, &late, &err);
	while (status == VSU_EXIT_OK);
	ck_assert_int_eq(status, VSU_EXIT_HOST);
	ck_assert_ptr_nonnull(strstr(err.msg, path));
	queues_close(&d.q, false);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("disk");
	TCase *tc = tcase_create("disk");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_disk_has_the_size_and_blocks_of_its_back_end);
	tcase_add_test(tc, buffers_begin_with_pages);
	tcase_add_test(tc, what_is_written_is_read_and_in_the_image);
	tcase_add_test(tc, requests_beyond_the_end_and_writes_to_a_read_only_disk_fail);
	tcase_add_test(tc, a_queue_that_the_disk_lacks_is_refused);
	tcase_add_test(tc, each_of_two_queues_completes_the_requests_of_its_slots);
	tcase_add_test(tc, a_disk_without_queues_is_refused);
	tcase_add_test(tc, a_back_end_that_ends_is_named);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
