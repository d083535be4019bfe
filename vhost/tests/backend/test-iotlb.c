/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a session behind an IOMMU. The I/O address of a ring is its user
 * address; that of a buffer is its guest address.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vhost/backend_device.h>
#include <virtio-queue/queue.h>
#include <vmm-sys-util/fd.h>

#include "../rig.h"

#define RING_BYTES	0x4000u		/* of ring 0, including its buffers */
#define RING_IOVA	(RIG_UADDR + RING_BYTES)
#define BUFFER		0x7000u		/* of ring 0 */
#define ENTRIES		64u

static struct rig r;
static int channel;
static struct iovec iov[8];
static struct vq_chain chain = { .iov = iov, .iov_max = 8 };

static void setup_with(uint32_t entries)
{
	rig_prepare(&r);
	r.config.iotlb_entries = entries;
	rig_start(&r);
	rig_negotiate(&r);
	ck_assert_uint_eq(rig_set_memory(&r), 0);
	channel = -1;
}

static void give_channel(void)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    ends), 0);
	ck_assert_uint_eq(rig_ack(&r, VHOST_USER_SET_BACKEND_REQ_FD, NULL, 0,
				  &ends[1], 1), 0);
	vsu_fd_close(&ends[1]);
	vsu_fd_close(&channel);
	channel = ends[0];
}

static void finish(void)
{
	vsu_fd_close(&channel);
	rig_fini(&r);
}

/*
 * Sends an IOTLB_MSG; returns the reply, which is sent even without NEED_REPLY.
 */
static uint64_t send_iotlb(uint8_t type, uint64_t iova, uint64_t size,
		     uint64_t uaddr, uint8_t perm)
{
	const struct vhost_user_iotlb m = {
		.iova = iova, .size = size, .user_addr = uaddr, .perm = perm,
		.type = type,
	};
	struct rig_reply reply;
	uint64_t value;

	ck_assert_uint_eq(rig_get(&r, VHOST_USER_IOTLB_MSG, &m, sizeof(m),
				  &reply), sizeof(value));
	memcpy(&value, reply.payload, sizeof(value));
	return value;
}

static uint64_t update(uint64_t iova, uint64_t gpa, uint64_t size, uint8_t perm)
{
	return send_iotlb(VHOST_USER_IOTLB_UPDATE, iova, size, RIG_UADDR + gpa,
		    perm);
}

static uint64_t invalidate(uint64_t iova, uint64_t size)
{
	return send_iotlb(VHOST_USER_IOTLB_INVALIDATE, iova, size, 0, 0);
}

static void update_ring(void)
{
	ck_assert_uint_eq(update(RING_IOVA, RING_BYTES, RING_BYTES, 3), 0);
}

/* Reads a miss from the back-end channel; false if none is waiting. */
static bool next_question(struct vhost_user_iotlb *miss)
{
	struct { struct vhost_user_header hdr; unsigned char bytes[32]; } m;
	ssize_t n;

	ck_assert_int_ge(rig_dispatch(&r), 0);
	n = recv(channel, &m, 12 + 32, MSG_DONTWAIT);
	if (n < 0)
		return false;
	ck_assert_int_eq(n, 12 + 32);
	memcpy(miss, m.bytes, sizeof(*miss));
	ck_assert_uint_eq(m.hdr.request, VHOST_USER_BACKEND_IOTLB_MSG);
	ck_assert_uint_eq(m.hdr.flags, 0x9);
	ck_assert_uint_eq(m.hdr.size, 32);
	ck_assert_uint_eq(miss->type, VHOST_USER_IOTLB_MISS);
	return true;
}

/* The I/O address of the next miss, or 0. */
static uint64_t asked(uint8_t perm)
{
	struct vhost_user_iotlb miss;

	if (!next_question(&miss))
		return 0;
	ck_assert_uint_eq(miss.perm, perm);
	return miss.iova;
}

static void answer(uint64_t value)
{
	struct { struct vhost_user_header hdr; uint32_t value[2]; } m = {
		{ VHOST_USER_BACKEND_IOTLB_MSG, 5, 8 }, { (uint32_t)value, 0 }
	};

	ck_assert_int_eq(send(channel, &m, 20, 0), 20);
	ck_assert_int_ge(rig_dispatch(&r), 0);
}

static int pop(void)
{
	return vq_pop(vhost_user_backend_vq(r.b, 0), &chain);
}

static void push(uint32_t len)
{
	vq_push(vhost_user_backend_vq(r.b, 0), &chain, len);
	vq_publish(vhost_user_backend_vq(r.b, 0));
}

/* Starts ring 0; none of its buffers is translated. */
static void run_ring(void)
{
	give_channel();
	ck_assert_uint_eq(update(RING_IOVA, RING_BYTES, 0x3000, 3), 0);
	rig_set_ring(&r, 0);
	ck_assert(r.running[0]);
	ck_assert_uint_eq(asked(3), 0);
}

/* The ring needs an address that has no entry. */
static void miss(void)
{
	ck_assert_int_eq(pop(), -EAGAIN);
	ck_assert_int_eq(vhost_user_backend_missed(r.b, 0), 0);
}

START_TEST(platform_addresses_are_offered_if_configured)
{
	setup_with(ENTRIES);
	ck_assert(rig_get_u64(&r, VHOST_USER_GET_FEATURES) &
		  VHOST_USER_F_ACCESS_PLATFORM);
	ck_assert(rig_get_u64(&r, VHOST_USER_GET_PROTOCOL_FEATURES) &
		  VHOST_USER_PROTOCOL_BIT(BACKEND_REQ));
	ck_assert(!(r.features & VHOST_USER_F_ACCESS_PLATFORM));
	finish();
	setup_with(0);
	ck_assert(!(rig_get_u64(&r, VHOST_USER_GET_FEATURES) &
		    VHOST_USER_F_ACCESS_PLATFORM));
	ck_assert_uint_ne(update(0, 0, 0x1000, 3), 0);
	finish();
}
END_TEST

START_TEST(ring_at_an_untranslated_address_starts_after_its_update)
{
	setup_with(ENTRIES);
	give_channel();
	rig_set_ring(&r, 0);
	ck_assert(!r.running[0]);
	ck_assert_uint_eq(asked(1), RING_IOVA);
	ck_assert_uint_eq(update(RING_IOVA, RING_BYTES, 0x1000, 1), 0);
	answer(0);
	ck_assert(!r.running[0]);
	ck_assert_uint_eq(asked(1), RING_IOVA + 0x1000);
	ck_assert_uint_eq(asked(1), 0);
	update_ring();
	answer(0);
	ck_assert(r.running[0]);
	ck_assert_uint_eq(asked(1), 0);
	ck_assert_uint_eq(r.nrefused, 0);
	finish();
}
END_TEST

START_TEST(ring_at_a_denied_address_waits_and_is_reported)
{
	setup_with(ENTRIES);
	give_channel();
	rig_set_ring(&r, 0);
	ck_assert_uint_eq(asked(1), RING_IOVA);
	answer(1);
	ck_assert(!r.running[0]);
	ck_assert_uint_eq(r.nrefused, 2);
	ck_assert_ptr_nonnull(strstr(r.refusal.msg, "maps no memory"));
	ck_assert_uint_eq(asked(1), 0);
	update_ring();
	ck_assert(r.running[0]);
	r.nrefused = 0;
	finish();
}
END_TEST

START_TEST(chain_waits_in_the_ring_until_its_address_is_translated)
{
	setup_with(ENTRIES);
	run_ring();
	rig_offer(&r, 0, 0);
	miss();
	ck_assert_uint_eq(asked(2), BUFFER);
	miss();
	ck_assert_uint_eq(asked(2), 0);
	ck_assert_uint_eq(r.runs[0], 1);
	ck_assert_uint_eq(update(BUFFER, BUFFER, 0x1000, 2), 0);
	ck_assert_uint_eq(r.runs[0], 2);
	answer(0);
	ck_assert_int_eq(pop(), 1);
	ck_assert_uint_eq(chain.fault.why, VQ_FAULT_NONE);
	memset(iov[0].iov_base, 7, 64);
	push(64);
	ck_assert_uint_eq(r.mem[BUFFER + 63], 7);
	ck_assert_uint_eq(r.quiesces, 0);
	finish();
}
END_TEST

START_TEST(update_before_the_reply_to_the_miss_resumes_the_ring)
{
	setup_with(ENTRIES);
	run_ring();
	rig_offer(&r, 0, 0);
	ck_assert_int_eq(pop(), -EAGAIN);
	ck_assert_uint_eq(update(BUFFER, BUFFER, 0x1000, 2), 0);
	ck_assert_uint_eq(r.runs[0], 1);
	ck_assert_int_eq(vhost_user_backend_missed(r.b, 0), 0);
	ck_assert_uint_eq(asked(2), 0);
	ck_assert_uint_eq(r.runs[0], 2);
	ck_assert_int_eq(pop(), 1);
	push(0);
	finish();
}
END_TEST

START_TEST(chain_at_a_denied_address_is_returned_as_a_fault)
{
	setup_with(ENTRIES);
	run_ring();
	rig_offer(&r, 0, 0);
	miss();
	ck_assert_uint_eq(asked(2), BUFFER);
	answer(1);
	ck_assert_uint_eq(r.runs[0], 2);
	ck_assert_int_eq(pop(), -EAGAIN);
	ck_assert_int_eq(vhost_user_backend_missed(r.b, 0), 1);
	miss();		/* the last byte of the buffer, reserved for a status */
	ck_assert_uint_eq(asked(2), BUFFER + 63);
	answer(1);
	ck_assert_int_eq(pop(), -EAGAIN);
	ck_assert_int_eq(vhost_user_backend_missed(r.b, 0), 1);
	ck_assert_int_eq(pop(), 1);
	ck_assert_uint_eq(chain.fault.why, VQ_FAULT_UNMAPPED);
	push(0);
	finish();
}
END_TEST

START_TEST(access_without_permission_is_a_fault)
{
	setup_with(ENTRIES);
	run_ring();
	ck_assert_uint_eq(update(BUFFER, BUFFER, 0x1000, 1), 0);
	rig_offer(&r, 0, 0);
	ck_assert_int_eq(pop(), 1);
	ck_assert_uint_eq(chain.fault.why, VQ_FAULT_READ_ONLY);
	push(0);
	finish();
}
END_TEST

START_TEST(ring_without_a_channel_waits_until_one_is_set)
{
	setup_with(ENTRIES);
	rig_set_ring(&r, 0);
	ck_assert(!r.running[0]);
	rig_expect_refused(&r, VHOST_USER_NO_REQUEST, 0, "cannot be requested from the front-end");
	give_channel();
	ck_assert_uint_eq(asked(1), RING_IOVA);
	give_channel();
	ck_assert_uint_eq(asked(1), RING_IOVA);
	update_ring();
	ck_assert(r.running[0]);
	finish();
}
END_TEST

static const struct {
	uint8_t type, perm;
	uint64_t iova, size, uaddr;
} bad[] = {
	{ VHOST_USER_IOTLB_UPDATE, 3, 0x1000, 0, RIG_UADDR },
	{ VHOST_USER_IOTLB_UPDATE, 3, UINT64_MAX, 2, RIG_UADDR },
	{ VHOST_USER_IOTLB_UPDATE, 3, 0x1000, 0x1000, UINT64_MAX - 1 },
	{ VHOST_USER_IOTLB_UPDATE, 3, 0x1000, UINT64_MAX, RIG_UADDR },
	{ VHOST_USER_IOTLB_UPDATE, 0, 0x1000, 0x1000, RIG_UADDR },
	{ VHOST_USER_IOTLB_UPDATE, 4, 0x1000, 0x1000, RIG_UADDR },
	{ VHOST_USER_IOTLB_UPDATE, 3, 0x1000, 0x1000, 0 },
	{ VHOST_USER_IOTLB_UPDATE, 3, 0x1000, RIG_MEMORY + 1, RIG_UADDR },
	{ VHOST_USER_IOTLB_INVALIDATE, 0, 0x1000, 0, 0 },
	{ VHOST_USER_IOTLB_MISS, 3, 0x1000, 0x1000, RIG_UADDR },
	{ VHOST_USER_IOTLB_ACCESS_FAIL, 3, 0x1000, 0x1000, RIG_UADDR },
	{ 0, 3, 0x1000, 0x1000, RIG_UADDR },
	{ 255, 3, 0x1000, 0x1000, RIG_UADDR },
};

START_TEST(b4_10_invalid_entry_is_refused_and_changes_nothing)
{
	setup_with(ENTRIES);
	run_ring();
	ck_assert_uint_ne(send_iotlb(bad[_i].type, bad[_i].iova, bad[_i].size,
			       bad[_i].uaddr, bad[_i].perm), 0);
	rig_expect_refused(&r, VHOST_USER_IOTLB_MSG, VHOST_USER_ALL_RINGS,
			   "IOTLB_MSG");
	ck_assert_uint_eq(r.quiesces, 0);
	ck_assert_int_eq(pop(), 0);
	rig_offer(&r, 0, 0);
	miss();
	ck_assert_uint_eq(asked(2), BUFFER);
	finish();
}
END_TEST

START_TEST(b4_10_number_of_entries_is_bounded)
{
	uint64_t i;

	setup_with(4);
	run_ring();
	for (i = 0; i < 1000; i++)
		ck_assert_uint_eq(update(0x100000 + 0x2000 * i,
					 0x1000 * (i % 64), 0x1000, 3), 0);
	rig_offer(&r, 0, 0);
	miss();		/* the ring's own entry was evicted, too */
	ck_assert_uint_eq(asked(1), RING_IOVA);
	update_ring();
	miss();
	ck_assert_uint_eq(asked(2), BUFFER);
	ck_assert_uint_eq(update(BUFFER, BUFFER, 0x1000, 2), 0);
	ck_assert_int_eq(pop(), 1);
	push(0);
	finish();
}
END_TEST

#define PIECES	64u
#define PAGE	UINT64_C(0x1000)
#define WIDE	(RIG_UADDR + 0x10000000)

/*
 * Regions that are contiguous in user addresses and separate in guest
 * addresses.
 */
static void add_pieces(void)
{
	struct vhost_user_mem_reg m = { 0 };
	unsigned int i;

	for (i = 0; i < PIECES; i++) {
		m.region = (struct vhost_user_mem_region){
			0x40000000 + 2 * PAGE * i, PAGE, WIDE + PAGE * i, 0
		};
		ck_assert_uint_eq(rig_ack(&r, VHOST_USER_ADD_MEM_REG, &m,
					  sizeof(m), &r.memfd, 1), 0);
	}
}

static unsigned int count_replies(void)
{
	struct rig_reply reply;
	unsigned int n = 0;

	while (rig_reply(&r, &reply))
		n++;
	return n;
}

/*
 * Inserting each of its pieces moves thousands of entries; dispatch then
 * returns.
 */
START_TEST(b4_10_costly_entry_ends_a_dispatch)
{
	const struct vhost_user_iotlb m = {
		.iova = 0x8000000000, .size = PIECES * PAGE, .user_addr = WIDE,
		.perm = 3, .type = VHOST_USER_IOTLB_UPDATE,
	};
	unsigned int i;

	setup_with(4096);
	add_pieces();
	for (i = 0; i < 2000; i++)
		ck_assert_uint_eq(update(0x100000000 + 2 * PAGE * i,
					 PAGE * (i % 64), PAGE, 3), 0);
	rig_send(&r, VHOST_USER_IOTLB_MSG, VHOST_USER_HDR_VERSION, &m,
		 sizeof(m), NULL, 0);
	for (i = 0; i < 8; i++)
		rig_send(&r, VHOST_USER_GET_QUEUE_NUM, VHOST_USER_HDR_VERSION,
			 NULL, 0, NULL, 0);
	ck_assert_int_eq(vhost_user_backend_dispatch(r.b), 1);
	ck_assert_uint_eq(count_replies(), 1);
	ck_assert_int_ge(rig_dispatch(&r), 0);
	ck_assert_uint_eq(count_replies(), 8);
	ck_assert_uint_eq(r.nrefused, 0);
	finish();
}
END_TEST

/* Answers every miss of the ring; returns how often the owner tried to pop. */
static unsigned int serve_questions(void)
{
	struct vhost_user_iotlb miss;
	unsigned int n = 0;

	for (; pop() == -EAGAIN && n < 1000; n++) {
		if (vhost_user_backend_missed(r.b, 0) == 1 ||
		    !next_question(&miss))
			continue;
		if (miss.iova >= RIG_UADDR)
			ck_assert_uint_eq(update(RING_IOVA, RING_BYTES, 0x3000,
						 3), 0);
		else
			ck_assert_uint_eq(update(BUFFER, BUFFER, 0x1000, 2),
					  0);
		answer(0);
	}
	return n;
}

START_TEST(b4_10_chain_that_needs_more_entries_than_the_table_has_is_refused)
{
	setup_with(1);
	run_ring();
	rig_offer(&r, 0, 0);
	ck_assert_uint_lt(serve_questions(), 100);
	ck_assert(chain.fault.why || vq_broken(vhost_user_backend_vq(r.b, 0)));
	ck_assert_ptr_nonnull(strstr(r.refusal.msg, "more than the 1 entries"));
	if (!vq_broken(vhost_user_backend_vq(r.b, 0)))
		push(0);
	finish();
}
END_TEST

START_TEST(b4_11_invalidation_is_acknowledged_after_chains_in_flight)
{
	const struct vhost_user_iotlb m = {
		.iova = BUFFER, .size = 0x1000,
		.type = VHOST_USER_IOTLB_INVALIDATE,
	};
	struct rig_reply reply;

	setup_with(ENTRIES);
	run_ring();
	ck_assert_uint_eq(update(BUFFER, BUFFER, 0x1000, 2), 0);
	rig_offer(&r, 0, 0);
	ck_assert_int_eq(pop(), 1);
	r.holds_answers = true;
	rig_send(&r, VHOST_USER_IOTLB_MSG, VHOST_USER_HDR_VERSION, &m,
		 sizeof(m), NULL, 0);
	rig_expect_silence(&r);
	ck_assert(r.asked_drain);
	memset(iov[0].iov_base, 9, 64);
	push(64);
	r.holds_answers = false;
	vhost_user_backend_done(r.b, r.token);
	ck_assert_int_ge(rig_dispatch(&r), 0);
	ck_assert(rig_reply(&r, &reply));
	ck_assert_uint_eq(reply.payload[0], 0);
	ck_assert_uint_eq(r.mem[BUFFER], 9);
	ck_assert_uint_eq(r.runs[0], 2);
	rig_offer(&r, 0, 1);
	miss();
	ck_assert_uint_eq(asked(2), BUFFER + 64);
	finish();
}
END_TEST

START_TEST(invalidation_of_unused_addresses_quiesces_no_ring)
{
	setup_with(ENTRIES);
	run_ring();
	ck_assert_uint_eq(update(BUFFER, BUFFER, 0x1000, 2), 0);
	ck_assert_uint_eq(invalidate(0x100000, 0x100000), 0);
	ck_assert_uint_eq(invalidate(BUFFER + 0x1000, 0x1000), 0);
	ck_assert_uint_eq(r.quiesces, 0);
	finish();
}
END_TEST

/* Chains in flight may use entries that were evicted. */
START_TEST(b4_11_invalidation_after_an_eviction_drains_rings)
{
	setup_with(2);
	run_ring();
	ck_assert_uint_eq(update(0x200000, 0, 0x1000, 3), 0);
	ck_assert_uint_eq(update(0x300000, 0, 0x1000, 3), 0);
	ck_assert_uint_eq(invalidate(BUFFER, 0x1000), 0);
	ck_assert_uint_eq(r.quiesces, 1);
	ck_assert_uint_eq(invalidate(BUFFER, 0x1000), 0);
	ck_assert_uint_eq(r.quiesces, 1);
	finish();
}
END_TEST

static const struct {
	uint64_t iova, size;
} everything[] = {
	{ 0, 0 }, { 0, UINT64_MAX }, { 1, UINT64_MAX }, { BUFFER, UINT64_MAX },
};

START_TEST(ring_with_invalidated_areas_continues_at_its_position)
{
	setup_with(ENTRIES);
	run_ring();
	ck_assert_uint_eq(update(BUFFER, BUFFER, 0x1000, 2), 0);
	rig_offer(&r, 0, 0);
	ck_assert_int_eq(pop(), 1);
	push(64);
	ck_assert_uint_eq(invalidate(everything[_i].iova, everything[_i].size),
			  0);
	ck_assert(!r.running[0]);
	ck_assert_uint_eq(asked(1), RING_IOVA);
	update_ring();
	ck_assert(r.running[0]);
	rig_offer(&r, 0, 1);
	miss();
	ck_assert_uint_eq(asked(2), BUFFER + 64);
	ck_assert_uint_eq(update(BUFFER, BUFFER, 0x1000, 2), 0);
	ck_assert_int_eq(pop(), 1);
	ck_assert_uint_eq(chain.head, 1);
	push(64);
	ck_assert_uint_eq(rig_used(&r, 0), 2);
	ck_assert_uint_eq(rig_stop_ring(&r, 0), 2);
	finish();
}
END_TEST

START_TEST(update_that_moves_an_entry_drains_first)
{
	setup_with(ENTRIES);
	run_ring();
	ck_assert_uint_eq(update(BUFFER, BUFFER, 0x1000, 2), 0);
	ck_assert_uint_eq(update(BUFFER, BUFFER, 0x800, 3), 0);
	ck_assert_uint_eq(r.quiesces, 0);
	ck_assert_uint_eq(update(BUFFER, 0x20000, 0x1000, 2), 0);
	ck_assert_uint_eq(r.quiesces, 1);
	ck_assert(r.asked_drain);
	rig_offer(&r, 0, 0);
	ck_assert_int_eq(pop(), 1);
	ck_assert_uint_eq(chain.nwritable, 1);
	memset(iov[0].iov_base, 5, 64);
	push(64);
	ck_assert_uint_eq(r.mem[0x20000], 5);
	finish();
}
END_TEST

START_TEST(entries_of_replaced_memory_are_requested_again)
{
	setup_with(ENTRIES);
	run_ring();
	ck_assert_uint_eq(rig_set_memory(&r), 0);
	ck_assert_uint_eq(rig_ack_state(&r, VHOST_USER_SET_VRING_ENABLE, 0, 0),
			  0);
	ck_assert_uint_eq(rig_stop_ring(&r, 0), 0);
	finish();
}
END_TEST

static uint64_t region_message(uint32_t request, uint64_t gpa, uint64_t size)
{
	struct vhost_user_mem_reg m = { .region = rig_region(gpa, size, 0) };
	bool add = request == VHOST_USER_ADD_MEM_REG;

	return rig_ack(&r, request, &m, sizeof(m), add ? &r.memfd : NULL, add);
}

START_TEST(added_memory_keeps_entries_and_removed_memory_drops_them)
{
	setup_with(ENTRIES);
	run_ring();
	ck_assert_uint_eq(region_message(VHOST_USER_ADD_MEM_REG, 0x40000000,
					 0x10000), 0);
	ck_assert_uint_eq(r.quiesces, 0);
	ck_assert_int_eq(pop(), 0);
	ck_assert_uint_eq(region_message(VHOST_USER_REM_MEM_REG, 0x40000000,
					 0x10000), 0);
	ck_assert(!r.running[0]);
	ck_assert_uint_eq(asked(1), RING_IOVA);
	update_ring();
	ck_assert(r.running[0]);
	ck_assert_int_eq(pop(), 0);
	finish();
}
END_TEST

/* As QEMU up to 7.2, which sends each region once per queue pair. */
START_TEST(repeated_region_keeps_entries_and_running_rings)
{
	setup_with(ENTRIES);
	run_ring();
	ck_assert_uint_eq(region_message(VHOST_USER_ADD_MEM_REG, 0x40000000,
					 0x10000), 0);
	ck_assert_uint_eq(update(BUFFER, BUFFER, 0x1000, 2), 0);
	ck_assert_uint_eq(region_message(VHOST_USER_ADD_MEM_REG, 0,
					 RIG_MEMORY), 0);
	ck_assert_uint_eq(r.quiesces, 0);
	ck_assert(r.running[0]);
	rig_offer(&r, 0, 0);
	ck_assert_int_eq(pop(), 1);
	push(64);
	ck_assert_uint_eq(rig_used(&r, 0), 1);
	/* the table has both regions, each once */
	ck_assert_uint_eq(region_message(VHOST_USER_REM_MEM_REG, 0x40000000,
					 0x10000), 0);
	ck_assert_uint_ne(region_message(VHOST_USER_REM_MEM_REG, 0x40000000,
					 0x10000), 0);
	r.nrefused = 0;
	finish();
}
END_TEST

START_TEST(reset_drops_entries_and_returns_to_user_addresses)
{
	uint64_t plain;

	setup_with(ENTRIES);
	run_ring();
	ck_assert_uint_eq(rig_ack(&r, VHOST_USER_RESET_DEVICE, NULL, 0, NULL,
				  0), 0);
	ck_assert_uint_ne(update(0, 0, 0x1000, 3), 0);
	plain = rig_get_u64(&r, VHOST_USER_GET_FEATURES) &
		~(VHOST_USER_F_ACCESS_PLATFORM | VHOST_USER_F_LOG_ALL);
	ck_assert_uint_eq(rig_ack_u64(&r, VHOST_USER_SET_FEATURES, plain), 0);
	rig_set_ring(&r, 0);
	ck_assert(r.running[0]);
	rig_offer(&r, 0, 0);
	ck_assert_int_eq(pop(), 1);
	ck_assert_uint_eq(chain.fault.why, VQ_FAULT_NONE);
	push(0);
	rig_stop_ring(&r, 0);
	plain |= VHOST_USER_F_ACCESS_PLATFORM;
	ck_assert_uint_eq(rig_ack_u64(&r, VHOST_USER_SET_FEATURES, plain), 0);
	rig_set_ring(&r, 0);
	ck_assert_uint_eq(asked(1), RING_IOVA);
	finish();
}
END_TEST

/* The ring waits for a translation, then starts without an IOMMU. */
START_TEST(reply_from_before_a_feature_change_has_no_effect)
{
	uint64_t plain;

	setup_with(ENTRIES);
	give_channel();
	rig_set_ring(&r, 0);
	ck_assert_uint_eq(asked(1), RING_IOVA);
	plain = rig_get_u64(&r, VHOST_USER_GET_FEATURES) &
		~(VHOST_USER_F_ACCESS_PLATFORM | VHOST_USER_F_LOG_ALL);
	ck_assert_uint_eq(rig_ack_u64(&r, VHOST_USER_SET_FEATURES, plain), 0);
	ck_assert(r.running[0]);
	answer(1);
	ck_assert_uint_eq(r.runs[0], 1);
	finish();
}
END_TEST

START_TEST(stopped_ring_sends_no_misses)
{
	setup_with(ENTRIES);
	run_ring();
	rig_offer(&r, 0, 0);
	miss();
	ck_assert_uint_eq(asked(2), BUFFER);
	ck_assert_uint_eq(rig_stop_ring(&r, 0), 0);
	answer(1);
	ck_assert_uint_eq(asked(2), 0);
	ck_assert_uint_eq(update(BUFFER, BUFFER, 0x1000, 2), 0);
	ck_assert_uint_eq(r.runs[0], 1);
	r.nrefused = 0;
	finish();
}
END_TEST

START_TEST(configuration_without_a_limit_of_entries_is_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int ends[2];

	rig_prepare(&r);
	r.config.iotlb_entries = 65537;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ck_assert_int_eq(vhost_user_backend_new_take_fd(ends[0], &r.config,
				&r.ops, &r, &r.b, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "65537"));
	close(ends[0]);
	close(ends[1]);
	r.config.iotlb_entries = ENTRIES;
	rig_start(&r);
	channel = -1;
	finish();
}
END_TEST

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

static void add_questions(TCase *tc)
{
	tcase_add_test(tc,
		platform_addresses_are_offered_if_configured);
	tcase_add_test(tc,
		ring_at_an_untranslated_address_starts_after_its_update);
	tcase_add_test(tc,
		ring_at_a_denied_address_waits_and_is_reported);
	tcase_add_test(tc, chain_waits_in_the_ring_until_its_address_is_translated);
	tcase_add_test(tc,
		update_before_the_reply_to_the_miss_resumes_the_ring);
	tcase_add_test(tc, chain_at_a_denied_address_is_returned_as_a_fault);
	tcase_add_test(tc, access_without_permission_is_a_fault);
	tcase_add_test(tc, ring_without_a_channel_waits_until_one_is_set);
	tcase_add_test(tc, reply_from_before_a_feature_change_has_no_effect);
	tcase_add_test(tc, stopped_ring_sends_no_misses);
}

static void add_entries(TCase *tc)
{
	tcase_add_loop_test(tc, b4_10_invalid_entry_is_refused_and_changes_nothing,
			    0, COUNT(bad));
	tcase_add_test(tc, b4_10_number_of_entries_is_bounded);
	tcase_add_test(tc, b4_10_costly_entry_ends_a_dispatch);
	tcase_add_test(tc,
		b4_10_chain_that_needs_more_entries_than_the_table_has_is_refused);
	tcase_add_test(tc,
		b4_11_invalidation_is_acknowledged_after_chains_in_flight);
	tcase_add_test(tc,
		b4_11_invalidation_after_an_eviction_drains_rings);
	tcase_add_test(tc,
		invalidation_of_unused_addresses_quiesces_no_ring);
	tcase_add_loop_test(tc,
		ring_with_invalidated_areas_continues_at_its_position, 0,
		COUNT(everything));
	tcase_add_test(tc, update_that_moves_an_entry_drains_first);
	tcase_add_test(tc,
		entries_of_replaced_memory_are_requested_again);
	tcase_add_test(tc,
		added_memory_keeps_entries_and_removed_memory_drops_them);
	tcase_add_test(tc, repeated_region_keeps_entries_and_running_rings);
	tcase_add_test(tc,
		reset_drops_entries_and_returns_to_user_addresses);
	tcase_add_test(tc, configuration_without_a_limit_of_entries_is_refused);
}

int main(void)
{
	Suite *s = suite_create("back-end iotlb");

	add_questions(rig_case(s, "questions"));
	add_entries(rig_case(s, "entries"));
	return run_suite(s);
}
