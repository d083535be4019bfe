/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a device behind an IOMMU, with the library at both ends. */
#include <config.h>

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <vhost/backend_device.h>
#include <virtio-queue/features.h>
#include <virtio-queue/queue.h>
#include <vm-memory/iotlb.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/sock.h>

#include "pair_rig.h"
#include "suite.h"

#define IOVA UINT64_C(0x7000000000)	/* I/O address of guest address 0 */
#define BUFFER 0x8000u
#define PLATFORM (VQ_F_VERSION_1 | VQ_F_ACCESS_PLATFORM)

static struct pair pair;
static struct iovec iov[4];
static struct vq_chain chain = { .iov = iov, .iov_max = 4 };
static unsigned int misses, dones;
static uint64_t denied;		/* guest address of a page without an entry */
static bool pushes;		/* answer with the entry inside the callback */
static int result;
static uint64_t features;	/* of the start with I/O addresses */

static struct vmem_iotlb_entry page_of(uint64_t iova)
{
	return (struct vmem_iotlb_entry){
		.iova = iova & ~UINT64_C(0xfff), .len = 0x1000,
		.gpa = (iova - IOVA) & ~UINT64_C(0xfff),
		.perm = VMEM_READ | VMEM_WRITE,
	};
}

static int on_miss(void *opaque, uint64_t iova, uint32_t access)
{
	const struct vmem_iotlb_entry e = page_of(iova);

	(void)opaque;
	ck_assert_uint_ne(access, 0);
	misses++;
	if (denied && e.gpa == denied)
		return -EFAULT;
	return pushes ? vhost_user_frontend_iotlb_update(pair.f, &e, NULL) : 0;
}

static void on_done(void *opaque, int code)
{
	(void)opaque;
	dones++;
	result = code;
}

static void setup(void)
{
	misses = dones = 0;
	denied = 0;
	pushes = true;
	features = PLATFORM;
	pair_init(&pair);
	pair.device_ops.iotlb_miss = on_miss;
	pair.device_ops.iotlb_done = on_done;
	pair.back_config.iotlb_entries = 64;
	pair.back_config.features |= VQ_F_ACCESS_PLATFORM;
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
 * Starts with guest addresses to create memory, then again with I/O addresses.
 */
static void run(void)
{
	const struct vhost_user_ring ring = {
		.size = PAIR_SIZE, .desc_gpa = IOVA + 0x1000,
		.driver_gpa = IOVA + 0x2000, .device_gpa = IOVA + 0x3000,
		.kick_fd = pair.kick, .call_fd = pair.call, .err_fd = pair.err,
	};

	pair_run(&pair);
	ck_assert_int_eq(vhost_user_frontend_stop(pair.f, NULL), 0);
	pair_settle(&pair);
	ck_assert_int_eq(vhost_user_frontend_set_ring(pair.f, 0, &ring, NULL),
			 0);
	ck_assert_int_eq(vhost_user_frontend_start(pair.f, features, NULL), 0);
	pair_settle(&pair);
	ck_assert_int_eq(vhost_user_frontend_state(pair.f),
			 VHOST_USER_FRONTEND_RUNNING);
}

/* A descriptor at gpa, of len bytes from guest address to on. */
static void put_desc(uint64_t gpa, uint64_t to, uint32_t len, uint16_t flags,
		     uint16_t next)
{
	const struct { uint64_t addr; uint32_t len; uint16_t flags, next; } d = {
		htole64(IOVA + to), htole32(len), htole16(flags), htole16(next)
	};

	memcpy(guest(gpa), &d, sizeof(d));
}

/* The chain that begins with descriptor 0 is the n-th. */
static void offer_chain(uint16_t n)
{
	const uint16_t head = 0, idx = htole16(n);

	memcpy(guest(0x2000) + 4 + 2 * (n - 1), &head, sizeof(head));
	memcpy(guest(0x2000) + 2, &idx, sizeof(idx));
}

static void offer(uint16_t n)
{
	put_desc(0x1000, BUFFER, 16, 2, 0);
	offer_chain(n);
}

/* The back-end's owner: pops again whenever the library requests it. */
static int pop(void)
{
	struct vq *q = vhost_user_backend_vq(pair.b, 0);
	unsigned int looks;
	int rc = -EAGAIN;

	for (looks = 0; rc == -EAGAIN && looks < 100; looks++) {
		rc = vq_pop(q, &chain);
		if (rc == -EAGAIN &&
		    vhost_user_backend_missed(pair.b, 0) == 0)
			pair_settle(&pair);
	}
	return rc;
}

static void push(void)
{
	vq_push(vhost_user_backend_vq(pair.b, 0), &chain, 16);
	vq_publish(vhost_user_backend_vq(pair.b, 0));
}

START_TEST(ring_and_buffers_are_translated_on_demand)
{
	run();
	ck_assert_uint_eq(pair.runs, 2);
	ck_assert_uint_eq(misses, 3);
	offer(1);
	ck_assert_int_eq(pop(), 1);
	ck_assert_uint_eq(chain.fault.why, VQ_FAULT_NONE);
	memset(iov[0].iov_base, 0x5a, 16);
	push();
	ck_assert_uint_eq(*guest(BUFFER + 15), 0x5a);
	ck_assert_uint_eq(misses, 4);
	ck_assert_uint_eq(dones, 4);
	ck_assert_int_eq(result, 0);
}
END_TEST

START_TEST(denied_address_is_a_fault)
{
	denied = BUFFER;
	run();
	offer(1);
	ck_assert_int_eq(pop(), 1);
	ck_assert_uint_eq(chain.fault.why, VQ_FAULT_UNMAPPED);
	push();
}
END_TEST

START_TEST(table_over_two_pages_is_translated_page_by_page)
{
	const uint64_t table = 0xaff0;

	pair.back_config.features |= VQ_F_INDIRECT_DESC;
	features |= VQ_F_INDIRECT_DESC;
	run();
	put_desc(0x1000, table, 32, 4, 0);
	put_desc(table, BUFFER, 16, 3, 1);
	put_desc(table + 16, BUFFER, 8, 2, 0);
	offer_chain(1);
	ck_assert_int_eq(pop(), 1);
	ck_assert_uint_eq(chain.fault.why, VQ_FAULT_NONE);
	ck_assert_uint_eq(chain.writable_len, 24);
	push();
	ck_assert_uint_eq(misses, 6);
}
END_TEST

START_TEST(entry_may_be_sent_after_the_reply_to_the_miss)
{
	struct vmem_iotlb_entry e = page_of(IOVA + BUFFER);

	run();
	pushes = false;
	offer(1);
	ck_assert_int_eq(pop(), -EAGAIN);
	ck_assert_uint_eq(misses, 4);
	ck_assert_int_eq(vhost_user_frontend_iotlb_update(pair.f, &e, NULL), 0);
	pair_settle(&pair);
	ck_assert_uint_eq(pair.runs, 3);
	ck_assert_int_eq(pop(), 1);
	push();
}
END_TEST

START_TEST(invalidated_entry_is_requested_again)
{
	run();
	offer(1);
	ck_assert_int_eq(pop(), 1);
	push();
	ck_assert_int_eq(vhost_user_frontend_iotlb_invalidate(pair.f,
				IOVA + BUFFER, 0x1000, NULL), 0);
	pair_settle(&pair);
	ck_assert_uint_eq(dones, 5);
	ck_assert_int_eq(result, 0);
	offer(2);
	ck_assert_int_eq(pop(), 1);
	push();
	ck_assert_uint_eq(misses, 5);
}
END_TEST

START_TEST(invalid_entries_are_refused)
{
	struct vmem_iotlb_entry e = page_of(IOVA);

	run();
	e.gpa = PAIR_MEMORY;
	ck_assert_int_eq(vhost_user_frontend_iotlb_update(pair.f, &e, NULL),
			 -EFAULT);
	e = page_of(IOVA);
	e.len = 0;
	ck_assert_int_eq(vhost_user_frontend_iotlb_update(pair.f, &e, NULL),
			 -EINVAL);
	e = page_of(IOVA);
	e.perm = 0;
	ck_assert_int_eq(vhost_user_frontend_iotlb_update(pair.f, &e, NULL),
			 -EINVAL);
	ck_assert_int_eq(vhost_user_frontend_iotlb_invalidate(pair.f, 2,
				UINT64_MAX, NULL), -EINVAL);
	ck_assert_int_eq(vhost_user_frontend_stop(pair.f, NULL), 0);
	pair_settle(&pair);
	e = page_of(IOVA);
	ck_assert_int_eq(vhost_user_frontend_iotlb_update(pair.f, &e, NULL),
			 -EPROTO);
}
END_TEST

START_TEST(platform_addresses_require_a_miss_callback)
{
	pair.device_ops.iotlb_miss = NULL;
	pair_run(&pair);
	ck_assert_int_eq(vhost_user_frontend_stop(pair.f, NULL), 0);
	pair_settle(&pair);
	ck_assert_int_eq(vhost_user_frontend_start(pair.f, PLATFORM, NULL),
			 -EOPNOTSUPP);
}
END_TEST

/* ------------------------------------------------------------------- return */

static unsigned int backs, losses;

/* Connects a new back-end, whose IOTLB is empty. */
static int on_connect(void *opaque, struct vsu_error *err)
{
	struct pair *p = opaque;
	int ends[2];

	if (p->b)
		return vsu_error_set(err, -ECONNREFUSED, "not yet");
	ck_assert_int_eq(vsu_sock_pair(ends), 0);
	ck_assert_int_eq(vhost_user_backend_new_take_fd(ends[0],
				&p->back_config, &p->back_ops, p, &p->b,
				NULL), 0);
	return ends[1];
}

static void on_back(void *opaque, bool rings_lost)
{
	(void)opaque;
	backs++;
	losses += rings_lost;
}

/* From the second attempt on there is a pause before it, however short. */
static void wait_for_next_attempt(void)
{
	struct pollfd p = { vhost_user_frontend_fd(pair.f), POLLIN, 0 };

	while (vhost_user_frontend_state(pair.f) == VHOST_USER_FRONTEND_AWAY) {
		ck_assert_int_eq(poll(&p, 1, 10000), 1);
		pair_settle(&pair);
	}
}

static void lose_back_end(void)
{
	vhost_user_backend_close(pair.b);
	ck_assert_ptr_null(pair.b);
	pair_settle(&pair);
	wait_for_next_attempt();
	ck_assert_int_eq(vhost_user_frontend_state(pair.f),
			 VHOST_USER_FRONTEND_RUNNING);
}

static void run_with_return(void)
{
	backs = losses = 0;
	pair.front_ops.connect = on_connect;
	pair.front_ops.back = on_back;
	pair.front_config.reconnect_ns = 1;
	run();
}

/* The back-end is lost before it receives the answer to its miss. */
START_TEST(c1_16_chain_waiting_for_translation_is_served_by_the_next_back_end)
{
	unsigned int round, before;

	run_with_return();
	for (round = 1; round <= 10; round++) {
		pushes = false;
		ck_assert_int_eq(vhost_user_frontend_iotlb_invalidate(pair.f,
					IOVA + BUFFER, 0x1000, NULL), 0);
		pair_settle(&pair);
		offer((uint16_t)round);
		ck_assert_int_eq(pop(), -EAGAIN);
		pushes = true;
		before = misses;
		lose_back_end();
		ck_assert_uint_eq(backs, round);
		ck_assert_uint_eq(misses - before, 3);
		ck_assert_int_eq(pop(), 1);
		ck_assert_uint_eq(chain.fault.why, VQ_FAULT_NONE);
		memset(iov[0].iov_base, (int)round, 16);
		push();
		ck_assert_uint_eq(*guest(BUFFER + 15), round);
	}
	ck_assert_uint_eq(losses, 0);
	ck_assert_int_eq(vhost_user_frontend_stop(pair.f, NULL), 0);
	pair_settle(&pair);
	ck_assert_uint_eq(pair.base, 10);
}
END_TEST

/* The back-end is lost while it waits for translations of the ring's areas. */
START_TEST(c1_16_ring_waiting_for_translation_is_started_by_the_next_back_end)
{
	run_with_return();
	pushes = false;
	ck_assert_int_eq(vhost_user_frontend_iotlb_invalidate(pair.f, IOVA,
				PAIR_MEMORY, NULL), 0);
	pair_settle(&pair);
	ck_assert_uint_eq(pair.runs, 2);
	pushes = true;
	lose_back_end();
	ck_assert_uint_eq(pair.runs, 3);
	offer(1);
	ck_assert_int_eq(pop(), 1);
	push();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("iotlb");
	Suite *s = suite_create("iotlb");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, ring_and_buffers_are_translated_on_demand);
	tcase_add_test(tc, denied_address_is_a_fault);
	tcase_add_test(tc, table_over_two_pages_is_translated_page_by_page);
	tcase_add_test(tc, entry_may_be_sent_after_the_reply_to_the_miss);
	tcase_add_test(tc, invalidated_entry_is_requested_again);
	tcase_add_test(tc, invalid_entries_are_refused);
	tcase_add_test(tc, platform_addresses_require_a_miss_callback);
	tcase_add_test(tc, c1_16_chain_waiting_for_translation_is_served_by_the_next_back_end);
	tcase_add_test(tc, c1_16_ring_waiting_for_translation_is_started_by_the_next_back_end);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
