/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a stop that leaves requests in the in-flight area, with the
 * library at both ends.
 */
#include <config.h>

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-queue/features.h>
#include <virtio-queue/queue.h>
#include <vm-memory/map.h>

#include "pair_rig.h"
#include "suite.h"

#define P(name) VHOST_USER_PROTOCOL_BIT(name)
#define PARK (P(REPLY_ACK) | P(INFLIGHT_SHMFD) | P(GET_VRING_BASE_INFLIGHT) | \
	      P(GET_VRING_BASE_SKIP_DRAIN))
#define AVAIL 0x2000u
#define USED 0x3000u
#define WRITE 2u

static struct pair pair;
static struct iovec iov[4];
static struct vq_chain taken = { .iov = iov, .iov_max = 4 };
static unsigned int parks, drains;
static bool holding;

static void on_park(void *opaque, uint32_t ring)
{
	(void)opaque;
	parks++;
	if (holding)
		vq_push(vhost_user_backend_vq(pair.b, ring), &taken, 0);
	holding = false;
}

static void on_quiesce(void *opaque, uint32_t ring, bool drain, uint64_t token)
{
	(void)opaque;
	drains += drain;
	if (drain && holding) {
		vq_push(vhost_user_backend_vq(pair.b, ring), &taken, 0);
		vq_publish(vhost_user_backend_vq(pair.b, ring));
		holding = false;
	}
	vhost_user_backend_done(pair.b, token);
}

static void setup(void)
{
	parks = drains = 0;
	holding = false;
	pair_init(&pair);
	pair.back_ops.park = on_park;
	pair.back_ops.quiesce = on_quiesce;
	pair.front_config.protocol_features = PARK;
}

static void teardown(void)
{
	pair_fini(&pair);
}

static unsigned char *guest(uint64_t gpa)
{
	uint32_t hint = 0;

	return vmem_view_translate(vmem_map_view(pair.map), &hint, gpa, 64,
				   VMEM_WRITE);
}

/*
 * Offers one request of 16 bytes; the back-end pops it and does not complete
 * it.
 */
static void fetch_one(void)
{
	const struct { uint64_t addr; uint32_t len; uint16_t flags, next; } d = {
		htole64(0x8000), htole32(16), htole16(WRITE), 0
	};
	const uint16_t head = 0, idx = htole16(1);

	memcpy(guest(0x1000), &d, sizeof(d));
	memcpy(guest(AVAIL) + 4, &head, sizeof(head));
	memcpy(guest(AVAIL) + 2, &idx, sizeof(idx));
	ck_assert_int_eq(vq_pop(vhost_user_backend_vq(pair.b, 0), &taken), 1);
	holding = true;
}

static uint16_t used(void)
{
	uint16_t idx;

	memcpy(&idx, guest(USED) + 2, sizeof(idx));
	return le16toh(idx);
}

START_TEST(request_left_in_the_area_is_served_after_the_next_start)
{
	pair_run(&pair);
	fetch_one();
	ck_assert_int_eq(vhost_user_frontend_park(pair.f, NULL), 0);
	pair_settle(&pair);
	ck_assert_uint_eq(pair.stops, 1);
	ck_assert_uint_eq(pair.base, 1);
	ck_assert_uint_eq(parks, 1);
	ck_assert_uint_eq(drains, 0);
	ck_assert_uint_eq(used(), 0);
	ck_assert_int_eq(vhost_user_frontend_start(pair.f, VQ_F_VERSION_1,
						   NULL), 0);
	pair_settle(&pair);
	ck_assert_int_eq(vq_pop(vhost_user_backend_vq(pair.b, 0), &taken), 1);
	holding = true;
	ck_assert_int_eq(vhost_user_frontend_stop(pair.f, NULL), 0);
	pair_settle(&pair);
	ck_assert_uint_gt(drains, 0);
	ck_assert_uint_eq(used(), 1);
}
END_TEST

START_TEST(ring_with_requests_in_the_area_cannot_be_replaced)
{
	const struct vhost_user_ring ring = {
		.size = PAIR_SIZE, .kick_fd = -1, .call_fd = -1, .err_fd = -1,
	};
	struct vsu_error err = VSU_ERROR_INIT;

	pair_run(&pair);
	fetch_one();
	ck_assert_int_eq(vhost_user_frontend_park(pair.f, NULL), 0);
	pair_settle(&pair);
	ck_assert_int_eq(vhost_user_frontend_set_ring(pair.f, 0, &ring, &err),
			 -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "parked"));
	ck_assert_int_eq(vhost_user_frontend_reset(pair.f, NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_set_ring(pair.f, 0, &ring, NULL),
			 0);
}
END_TEST

START_TEST(ring_without_requests_can_be_parked)
{
	pair_run(&pair);
	ck_assert_int_eq(vhost_user_frontend_park(pair.f, NULL), 0);
	pair_settle(&pair);
	ck_assert_uint_eq(pair.stops, 1);
	ck_assert_uint_eq(pair.base, 0);
}
END_TEST

START_TEST(parking_requires_configuration_and_its_operation)
{
	struct vsu_error err = VSU_ERROR_INIT;

	if (_i == 0)
		pair.front_config.protocol_features = 0;
	else if (_i == 1)
		pair.front_config.protocol_features = PARK &
						      ~P(INFLIGHT_SHMFD);
	else
		pair.back_ops.park = NULL;
	pair_run(&pair);
	ck_assert_uint_eq(vhost_user_frontend_protocol_features(pair.f) &
			  (P(GET_VRING_BASE_INFLIGHT) |
			   P(GET_VRING_BASE_SKIP_DRAIN)), 0);
	ck_assert_int_eq(vhost_user_frontend_park(pair.f, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "GET_VRING_BASE_SKIP_DRAIN"));
	ck_assert_int_eq(vhost_user_frontend_state(pair.f),
			 VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vhost park");
	TCase *tc = tcase_create("park");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, request_left_in_the_area_is_served_after_the_next_start);
	tcase_add_test(tc, ring_with_requests_in_the_area_cannot_be_replaced);
	tcase_add_test(tc, ring_without_requests_can_be_parked);
	tcase_add_loop_test(tc, parking_requires_configuration_and_its_operation,
			    0, 3);
	return run_suite(s);
}
