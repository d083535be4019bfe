/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about examples/vhost-user-i2c, made by a driver of it. */
#include <config.h>

#include <check.h>
#include <poll.h>
#include <string.h>

#include <virtio-queue/features.h>
#include <vm-memory/access.h>
#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/event.h>

#include "echo_client.h"
#include "example.h"
#include "suite.h"

#define CHIP 0x50u
#define FAIL_NEXT 1u
#define REQUEST UINT64_C(0x10000)	/* guest addresses */
#define WRITTEN UINT64_C(0x10100)
#define READ UINT64_C(0x10200)
#define STATUS UINT64_C(0x10300)

struct request {
	struct vsu_le16 addr, padding;
	struct vsu_le32 flags;
};

static struct echo_client client;

static void drive(void)
{
	echo_client_init(&client, example_connect(), 1, VQ_F_VERSION_1);
	ck_assert(echo_client_wait(&client, &client.ready));
	ck_assert(echo_client_start(&client));
}

static void begin(void)
{
	example_launch();
	drive();
}

static void end(void)
{
	echo_client_fini(&client);
	example_end();
}

/* One request with nout and nin bytes at WRITTEN and READ. Returns its status. */
static uint8_t transfer(unsigned int addr, uint32_t flags, uint32_t nout, uint32_t nin)
{
	const struct request request = { vsu_le16_make((uint16_t)(addr << 1)), vsu_le16_make(0),
					 vsu_le32_make(flags) };
	const struct vmem_view *view = vmem_map_view(client.map);
	struct echo_ring *ring = &client.rings[0];
	struct pollfd call = { .fd = ring->call_fd, .events = POLLIN };
	struct vq_buffer buffers[4] = { { REQUEST, sizeof(request), 0 } };
	unsigned int n = 1;
	uint64_t cookie;
	uint32_t written;
	uint8_t status = 0xff;

	if (nout)
		buffers[n++] = (struct vq_buffer){ WRITTEN, nout, 0 };
	if (nin)
		buffers[n++] = (struct vq_buffer){ READ, nin, 1 };
	buffers[n++] = (struct vq_buffer){ STATUS, 1, 1 };
	ck_assert_int_eq(vmem_write_exact(view, REQUEST, &request, sizeof(request)), 0);
	ck_assert_int_eq(vq_driver_add(ring->driver, buffers, n, 0), 0);
	if (vq_driver_publish(ring->driver))
		vsu_event_signal(ring->kick_fd);
	while (vq_driver_collect(ring->driver, &cookie, &written) == 0) {
		poll(&call, 1, -1);
		vsu_event_drain(ring->call_fd, NULL);
	}
	ck_assert_uint_eq(written, nin + 1);
	ck_assert_int_eq(vmem_read_exact(view, STATUS, &status, 1), 0);
	return status;
}

static void expect_read(const void *bytes, uint32_t n)
{
	unsigned char got[64];

	ck_assert_int_eq(vmem_read_exact(vmem_map_view(client.map), READ, got, n), 0);
	ck_assert_mem_eq(got, bytes, n);
}

static void prepare(const void *bytes, uint32_t n)
{
	ck_assert_int_eq(vmem_write_exact(vmem_map_view(client.map), WRITTEN, bytes, n), 0);
}

START_TEST(the_chip_keeps_what_is_written)
{
	prepare("\x10" "hello", 6);
	ck_assert_uint_eq(transfer(CHIP, 0, 6, 0), 0);
	ck_assert_uint_eq(transfer(CHIP, 0, 1, 5), 0);
	expect_read("hello", 5);
}
END_TEST

START_TEST(a_read_continues_and_the_position_wraps)
{
	prepare("\xfe" "abcd", 5);
	ck_assert_uint_eq(transfer(CHIP, 0, 5, 0), 0);
	ck_assert_uint_eq(transfer(CHIP, 0, 1, 2), 0);
	ck_assert_uint_eq(transfer(CHIP, 0, 0, 2), 0);
	expect_read("cd", 2);
}
END_TEST

START_TEST(an_address_without_a_chip_does_not_answer)
{
	ck_assert_uint_eq(transfer(CHIP + 1, 0, 1, 4), 1);
	expect_read("\0\0\0\0", 4);
	ck_assert_uint_eq(transfer(CHIP, 0, 0, 0), 0);
}
END_TEST

START_TEST(requests_that_depend_on_a_failed_one_fail)
{
	ck_assert_uint_eq(transfer(CHIP + 1, FAIL_NEXT, 0, 0), 1);
	ck_assert_uint_eq(transfer(CHIP, FAIL_NEXT, 0, 1), 1);
	ck_assert_uint_eq(transfer(CHIP, 0, 0, 1), 1);
	ck_assert_uint_eq(transfer(CHIP, 0, 0, 1), 0);
}
END_TEST

START_TEST(the_next_driver_does_not_depend_on_a_failed_request)
{
	ck_assert_uint_eq(transfer(CHIP + 1, FAIL_NEXT, 0, 0), 1);
	echo_client_fini(&client);
	drive();
	ck_assert_uint_eq(transfer(CHIP, 0, 0, 1), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("i2c-example");
	TCase *tc = tcase_create("i2c-example");

	if (!example_find("vhost-user-i2c"))
		return 0;
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, the_chip_keeps_what_is_written);
	tcase_add_test(tc, a_read_continues_and_the_position_wraps);
	tcase_add_test(tc, an_address_without_a_chip_does_not_answer);
	tcase_add_test(tc, requests_that_depend_on_a_failed_one_fail);
	tcase_add_test(tc, the_next_driver_does_not_depend_on_a_failed_request);
	return run_suite(s);
}
