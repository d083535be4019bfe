/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the in-flight area: which areas are accepted, and that a new
 * back-end continues the requests that its predecessor did not complete.
 */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "../rig.h"

static struct rig rig;

/*
 * A split ring of RIG_SIZE entries: a 16-byte header and 16 bytes per entry,
 * rounded up to 64.
 */
#define PART 320u
/* The library creates areas for at least 1024 entries per ring. */
#define PART_MADE 16448u

/* Requests an area; returns its descriptor, or -1 if refused. */
static int get_area(struct rig *r, uint16_t rings, uint16_t entries,
		    struct vhost_user_inflight *out)
{
	const struct vhost_user_inflight ask = {
		.num_queues = rings, .queue_size = entries,
	};
	char room[CMSG_SPACE(sizeof(int))]
		__attribute__((aligned(sizeof(size_t))));
	struct vhost_user_header hdr;
	struct iovec iov[] = { { &hdr, sizeof(hdr) }, { out, sizeof(*out) } };
	struct msghdr msg = {
		.msg_iov = iov, .msg_iovlen = 2,
		.msg_control = room, .msg_controllen = sizeof(room),
	};
	int fd = -1;

	rig_send(r, VHOST_USER_GET_INFLIGHT_FD, 1, &ask, sizeof(ask), NULL, 0);
	ck_assert_int_ge(rig_dispatch(r), 0);
	ck_assert_int_ge(recvmsg(r->sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC),
			 sizeof(hdr));
	ck_assert_uint_eq(hdr.flags, 5);
	if (!CMSG_FIRSTHDR(&msg))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	ck_assert_uint_eq(hdr.size, sizeof(*out));
	return fd;
}

static uint64_t set_area(struct rig *r, const struct vhost_user_inflight *in,
			 int fd)
{
	return rig_ack(r, VHOST_USER_SET_INFLIGHT_FD, in, sizeof(*in), &fd, 1);
}

/* A session with memory and an area for two rings. */
static int init(struct rig *r, struct vhost_user_inflight *in)
{
	int fd;

	rig_init(r);
	rig_negotiate(r);
	ck_assert_uint_eq(rig_set_memory(r), 0);
	fd = get_area(r, 2, RIG_SIZE, in);
	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(area_has_the_size_of_its_layout_and_is_zeroed)
{
	struct vhost_user_inflight in;
	unsigned char *bytes;
	unsigned int i;
	int fd = init(&rig, &in);

	ck_assert_uint_eq(in.mmap_size, 2 * PART_MADE);
	ck_assert_uint_eq(in.mmap_offset, 0);
	ck_assert_uint_eq(in.num_queues, 2);
	ck_assert_uint_eq(in.queue_size, RIG_SIZE);
	bytes = mmap(NULL, in.mmap_size, PROT_READ, MAP_SHARED, fd, 0);
	ck_assert(bytes != MAP_FAILED);
	for (i = 0; i < in.mmap_size; i++)
		ck_assert_uint_eq(bytes[i], 0);
	munmap(bytes, in.mmap_size);
	/* sealed: neither side can truncate the area under the other */
	ck_assert_int_ne(ftruncate(fd, 0), 0);
	vsu_fd_close(&fd);
}
END_TEST

/* Pops two requests and completes only the second. */
static void take_two_and_finish_the_second(struct rig *r)
{
	struct vq *q = vhost_user_backend_vq(r->b, 0);
	struct iovec iov[2][4];
	struct vq_chain chains[2] = {
		{ .iov = iov[0], .iov_max = 4 }, { .iov = iov[1], .iov_max = 4 }
	};

	rig_offer(r, 0, 3);
	rig_offer(r, 0, 5);
	ck_assert_int_eq(vq_pop(q, &chains[0]), 1);
	ck_assert_int_eq(vq_pop(q, &chains[1]), 1);
	vq_chain_written(q, &chains[1], 0, 64);
	vq_push(q, &chains[1], 64);
	vq_publish(q);
}

/* Replaces the session; guest memory is kept. */
static void next_session(struct rig *r)
{
	unsigned int i;

	vsu_fd_close(&r->sock);
	rig_dispatch(r);
	ck_assert_ptr_null(r->b);
	r->gones = 0;
	for (i = 0; i < RIG_RINGS; i++)
		r->running[i] = false;
	rig_start(r);
	rig_negotiate(r);
	ck_assert_uint_eq(rig_set_memory(r), 0);
}

START_TEST(next_back_end_continues_incomplete_requests)
{
	struct vhost_user_inflight in;
	int fd = init(&rig, &in);

	ck_assert_uint_eq(set_area(&rig, &in, fd), 0);
	rig_set_ring(&rig, 0);
	take_two_and_finish_the_second(&rig);
	next_session(&rig);
	ck_assert_uint_eq(set_area(&rig, &in, fd), 0);
	rig_set_ring(&rig, 0);
	ck_assert_uint_eq(rig_serve(&rig, 0), 1);
	ck_assert_uint_eq(rig_used(&rig, 0), 2);
	rig_offer(&rig, 0, 6);
	ck_assert_uint_eq(rig_serve(&rig, 0), 1);
	ck_assert_uint_eq(rig_used(&rig, 0), 3);
	vsu_fd_close(&fd);
}
END_TEST

/* QEMU 10 requests areas of 128 entries for rings of 1024. */
START_TEST(ring_larger_than_the_requested_area_is_recorded)
{
	struct vhost_user_inflight in;
	int fd = init(&rig, &in);

	in.queue_size = RIG_SIZE / 2;
	ck_assert_uint_eq(set_area(&rig, &in, fd), 0);
	rig_set_ring(&rig, 1);
	rig_set_ring(&rig, 0);
	take_two_and_finish_the_second(&rig);
	next_session(&rig);
	ck_assert_uint_eq(set_area(&rig, &in, fd), 0);
	rig_set_ring(&rig, 1);
	rig_set_ring(&rig, 0);
	ck_assert_uint_eq(rig_serve(&rig, 1), 0);
	ck_assert_uint_eq(rig_serve(&rig, 0), 1);
	ck_assert_uint_eq(rig_used(&rig, 0), 2);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(ring_without_an_area_starts_at_its_base)
{
	struct vhost_user_inflight in;
	int fd = init(&rig, &in);

	ck_assert_uint_eq(set_area(&rig, &in, fd), 0);
	rig_set_ring(&rig, 0);
	take_two_and_finish_the_second(&rig);
	next_session(&rig);
	/*
	 * its base is the used index, which does not count the unfinished
	 * request
	 */
	rig_set_ring(&rig, 0);
	ck_assert_uint_eq(rig_serve(&rig, 0), 1);
	vsu_fd_close(&fd);
}
END_TEST

/* The new ring begins at 0; the old area would continue at 2. */
START_TEST(b4_09_reset_drops_the_area)
{
	struct vhost_user_inflight in;
	int fd = init(&rig, &in);

	ck_assert_uint_eq(set_area(&rig, &in, fd), 0);
	rig_set_ring(&rig, 0);
	rig_offer(&rig, 0, 3);
	rig_offer(&rig, 0, 5);
	ck_assert_uint_eq(rig_serve(&rig, 0), 2);
	ck_assert_uint_eq(rig_ack(&rig, VHOST_USER_RESET_DEVICE, NULL, 0, NULL,
				  0), 0);
	memset(rig.mem, 0, RIG_MEMORY);
	rig_negotiate(&rig);
	rig_set_ring(&rig, 0);
	rig_offer(&rig, 0, 1);
	ck_assert_uint_eq(rig_serve(&rig, 0), 1);
	ck_assert_uint_eq(rig_used(&rig, 0), 1);
	vsu_fd_close(&fd);
}
END_TEST

/* ---------------------------------------------- the room for a device's state */

#define KEPT 100u

static unsigned char *kept;
static unsigned int kept_calls;

static void on_kept(void *opaque, void *bytes, size_t len)
{
	(void)opaque;
	kept = bytes;
	kept_calls++;
	ck_assert_uint_eq(len, bytes ? KEPT : 0);
}

static int start_kept(struct rig *r, struct vhost_user_inflight *in)
{
	int fd;

	kept = NULL;
	kept_calls = 0;
	r->ops.kept = on_kept;
	r->config.kept_size = KEPT;
	rig_start(r);
	rig_negotiate(r);
	ck_assert_uint_eq(rig_set_memory(r), 0);
	fd = get_area(r, 2, RIG_SIZE, in);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static int init_kept(struct rig *r, struct vhost_user_inflight *in)
{
	rig_prepare(r);
	return start_kept(r, in);
}

START_TEST(bytes_behind_the_area_reach_the_next_back_end)
{
	struct vhost_user_inflight in;
	int fd = init_kept(&rig, &in);

	ck_assert_uint_eq(in.mmap_size, 2 * PART_MADE);
	ck_assert_uint_eq(kept_calls, 0);
	ck_assert_uint_eq(set_area(&rig, &in, fd), 0);
	ck_assert_ptr_nonnull(kept);
	ck_assert_uint_eq(kept[0], 0);
	memset(kept, 0x77, KEPT);
	next_session(&rig);
	kept = NULL;
	ck_assert_uint_eq(set_area(&rig, &in, fd), 0);
	ck_assert_uint_eq(kept[0], 0x77);
	ck_assert_uint_eq(kept[KEPT - 1], 0x77);
	vsu_fd_close(&fd);
}
END_TEST

/* An earlier version, or another program, makes an area without room for a state. */
START_TEST(b4_23_area_without_a_room_has_no_state)
{
	struct vhost_user_inflight in;
	int fd = init_kept(&rig, &in), other = memfd_create("area", MFD_CLOEXEC);

	/* exact, one byte short of a room, and a room without its mark */
	ck_assert_int_eq(ftruncate(other, (off_t)(((in.mmap_size + 4095) & ~UINT64_C(4095)) +
				   (_i ? 64 + KEPT - (_i == 1) : 0))), 0);
	ck_assert_uint_eq(set_area(&rig, &in, other), 0);
	ck_assert_uint_eq(kept_calls, 0);
	rig_set_ring(&rig, 0);
	take_two_and_finish_the_second(&rig);
	vsu_fd_close(&fd);
	vsu_fd_close(&other);
}
END_TEST

START_TEST(a3_17_reset_clears_the_room)
{
	struct vhost_user_inflight in;
	int fd = init_kept(&rig, &in);

	ck_assert_uint_eq(set_area(&rig, &in, fd), 0);
	memset(kept, 0x77, KEPT);
	ck_assert_uint_eq(rig_ack(&rig, VHOST_USER_RESET_DEVICE, NULL, 0, NULL, 0), 0);
	ck_assert_ptr_null(kept);
	ck_assert_uint_eq(kept_calls, 2);
	ck_assert_uint_eq(set_area(&rig, &in, fd), 0);
	ck_assert_uint_eq(kept[KEPT - 1], 0);
	vsu_fd_close(&fd);
}
END_TEST

static void (*gone)(void *opaque, const struct vsu_error *err);

static void on_gone(void *opaque, const struct vsu_error *err)
{
	ck_assert_ptr_null(kept);
	ck_assert_uint_eq(kept_calls, 2);
	gone(opaque, err);
}

START_TEST(end_of_a_session_takes_the_room_back)
{
	struct vhost_user_inflight in;
	int fd;

	rig_prepare(&rig);
	gone = rig.ops.gone;
	rig.ops.gone = on_gone;
	fd = start_kept(&rig, &in);
	ck_assert_uint_eq(set_area(&rig, &in, fd), 0);
	ck_assert_ptr_nonnull(kept);
	vsu_fd_close(&fd);
}
END_TEST

static void on_park(void *opaque, uint32_t ring)
{
	(void)opaque;
	(void)ring;
	ck_abort_msg("park was called without an in-flight area");
}

/* Without an area, requests in flight would be lost. */
START_TEST(b4_22_skip_drain_without_an_area_drains)
{
	const struct vhost_user_vring_state ask = { 0, 0 };
	struct rig_reply reply;

	rig_prepare(&rig);
	rig.ops.park = on_park;
	rig_start(&rig);
	rig_up(&rig);
	rig.asked_drain = false;
	ck_assert_uint_eq(rig_get(&rig, VHOST_USER_GET_VRING_BASE_SKIP_DRAIN,
				  &ask, sizeof(ask), &reply), sizeof(ask));
	ck_assert(rig.asked_drain);
}
END_TEST

static const struct { uint16_t rings, entries; } bad_asks[] = {
	{ 0, RIG_SIZE }, { RIG_RINGS + 1, RIG_SIZE }, { UINT16_MAX, UINT16_MAX },
	{ 1, 0 }, { 1, 1025 },
};

START_TEST(b4_05_area_of_invalid_size_is_refused)
{
	struct vhost_user_inflight in;

	rig_init(&rig);
	rig_negotiate(&rig);
	ck_assert_int_eq(get_area(&rig, bad_asks[_i].rings, bad_asks[_i].entries,
				  &in), -1);
	rig_expect_refused(&rig, VHOST_USER_GET_INFLIGHT_FD,
			   VHOST_USER_ALL_RINGS, "GET_INFLIGHT_FD");
}
END_TEST

START_TEST(b4_05_repeated_requests_for_an_area_leak_nothing)
{
	struct vhost_user_inflight in;
	int i, fd, before;

	rig_init(&rig);
	rig_negotiate(&rig);
	before = vsu_fd_count();
	for (i = 0; i < 100; i++) {
		fd = get_area(&rig, 1, RIG_SIZE, &in);
		ck_assert_int_ge(fd, 0);
		vsu_fd_close(&fd);
	}
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

START_TEST(b4_06_area_for_too_many_rings_is_refused)
{
	struct vhost_user_inflight in;
	int fd = init(&rig, &in);

	in.num_queues = RIG_RINGS + 1;
	ck_assert_uint_ne(set_area(&rig, &in, fd), 0);
	rig_expect_refused(&rig, VHOST_USER_SET_INFLIGHT_FD,
			   VHOST_USER_ALL_RINGS, "the device has 3");
	vsu_fd_close(&fd);
}
END_TEST

static const struct { int64_t size, offset; } bad_areas[] = {
	{ 2 * PART - 1, 0 }, { 0, 0 }, { INT64_MAX, INT64_MAX },
	{ -1, 4096 }, { 2 * PART, 4 }, { 2 * PART_MADE, 4096 }, { 1 << 20, 0 },
};

START_TEST(b4_07_area_of_invalid_size_or_offset_is_refused)
{
	struct vhost_user_inflight in;
	int fd = init(&rig, &in);

	in.mmap_size = (uint64_t)bad_areas[_i].size;
	in.mmap_offset = (uint64_t)bad_areas[_i].offset;
	ck_assert_uint_ne(set_area(&rig, &in, fd), 0);
	rig_expect_refused(&rig, VHOST_USER_SET_INFLIGHT_FD,
			   VHOST_USER_ALL_RINGS, "SET_INFLIGHT_FD");
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(b4_07_area_that_is_not_a_file_is_refused)
{
	struct vhost_user_inflight in;
	int fd = init(&rig, &in), event = eventfd(0, EFD_CLOEXEC);

	ck_assert_uint_ne(set_area(&rig, &in, event), 0);
	rig_expect_refused(&rig, VHOST_USER_SET_INFLIGHT_FD,
			   VHOST_USER_ALL_RINGS, "mapped");
	vsu_fd_close(&event);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(area_of_a_running_ring_cannot_be_replaced)
{
	struct vhost_user_inflight in;
	int fd = init(&rig, &in);

	rig_set_ring(&rig, 0);
	ck_assert_uint_ne(set_area(&rig, &in, fd), 0);
	rig_expect_refused(&rig, VHOST_USER_SET_INFLIGHT_FD,
			   VHOST_USER_ALL_RINGS, "started");
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(b4_08_ring_waits_while_its_area_is_invalid)
{
	struct vhost_user_inflight in;
	int fd = init(&rig, &in);
	uint16_t version = 99;

	ck_assert_int_eq(pwrite(fd, &version, 2, 8), 2);
	ck_assert_uint_eq(set_area(&rig, &in, fd), 0);
	ck_assert_uint_eq(rig_ack_state(&rig, VHOST_USER_SET_VRING_NUM, 0,
					RIG_SIZE), 0);
	rig_set_ring(&rig, 1);	/* its part of the area is valid */
	ck_assert(rig.running[1]);
	rig_set_ring(&rig, 0);
	ck_assert(!rig.running[0]);
	rig_expect_refused(&rig, VHOST_USER_NO_REQUEST, 0, "waits");
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(b4_08_ring_larger_than_its_part_of_the_area_waits)
{
	struct vhost_user_inflight in;
	int fd = init(&rig, &in);

	in.queue_size = RIG_SIZE / 2;
	in.mmap_size = 2 * PART - 1;
	ck_assert_uint_eq(set_area(&rig, &in, fd), 0);
	rig_set_ring(&rig, 0);
	ck_assert(!rig.running[0]);
	rig_expect_refused(&rig, VHOST_USER_NO_REQUEST, 0, "too few for 16");
	vsu_fd_close(&fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vhost back-end in flight");
	TCase *tc = rig_case_of(s, "inflight", &rig);

	tcase_add_test(tc, area_has_the_size_of_its_layout_and_is_zeroed);
	tcase_add_test(tc, next_back_end_continues_incomplete_requests);
	tcase_add_test(tc, ring_larger_than_the_requested_area_is_recorded);
	tcase_add_test(tc, ring_without_an_area_starts_at_its_base);
	tcase_add_test(tc, bytes_behind_the_area_reach_the_next_back_end);
	tcase_add_loop_test(tc, b4_23_area_without_a_room_has_no_state, 0, 3);
	tcase_add_test(tc, a3_17_reset_clears_the_room);
	tcase_add_test(tc, end_of_a_session_takes_the_room_back);
	tcase_add_test(tc, b4_22_skip_drain_without_an_area_drains);
	tcase_add_test(tc, b4_09_reset_drops_the_area);
	tcase_add_loop_test(tc, b4_05_area_of_invalid_size_is_refused, 0,
			    (int)(sizeof(bad_asks) / sizeof(bad_asks[0])));
	tcase_add_test(tc, b4_05_repeated_requests_for_an_area_leak_nothing);
	tcase_add_test(tc, b4_06_area_for_too_many_rings_is_refused);
	tcase_add_loop_test(tc, b4_07_area_of_invalid_size_or_offset_is_refused,
			    0, (int)(sizeof(bad_areas) / sizeof(bad_areas[0])));
	tcase_add_test(tc, b4_07_area_that_is_not_a_file_is_refused);
	tcase_add_test(tc, area_of_a_running_ring_cannot_be_replaced);
	tcase_add_test(tc, b4_08_ring_waits_while_its_area_is_invalid);
	tcase_add_test(tc, b4_08_ring_larger_than_its_part_of_the_area_waits);
	return run_suite(s);
}
