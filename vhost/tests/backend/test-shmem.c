/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the back-end's shared memory regions and its requests. */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vhost/shmem.h>
#include <vmm-sys-util/fd.h>

#include "../channel_rig.h"

static int map(struct channel_rig *f, uint8_t shmid, uint64_t offset, uint64_t cookie)
{
	struct vhost_user_shmem_request q = {
		.offset = offset, .len = 16 * CHANNEL_PAGE, .fd_offset = 16 * CHANNEL_PAGE,
		.fd = f->r.memfd, .shmid = shmid, .writable = true,
	};

	return vhost_user_backend_shmem_map(f->r.b, &q, cookie, NULL);
}

static int unmap(struct channel_rig *f, uint8_t shmid, uint64_t offset,
		 uint64_t cookie)
{
	struct vhost_user_shmem_request q = {
		.offset = offset, .len = 16 * CHANNEL_PAGE, .fd = -1, .shmid = shmid,
	};

	return vhost_user_backend_shmem_unmap(f->r.b, &q, cookie, NULL);
}

static struct channel_rig channel;

/* Some tests make none, or one of their own. */
static void end(void)
{
	if (channel.r.mem)
		channel_fini(&channel);
	memset(&channel, 0, sizeof(channel));
}

START_TEST(regions_are_announced_by_id)
{
	struct vhost_user_shmem_config c;
	struct rig_reply answer;

	channel_prepare(&channel);
	rig_start(&channel.r);
	rig_negotiate(&channel.r);
	ck_assert_uint_eq(rig_get(&channel.r, VHOST_USER_GET_SHMEM_CONFIG, NULL, 0,
				  &answer), sizeof(c));
	memcpy(&c, answer.payload, sizeof(c));
	ck_assert_uint_eq(c.nregions, 2);
	ck_assert_uint_eq(c.padding, 0);
	ck_assert_mem_eq(c.sizes, channel_sizes, sizeof(channel_sizes));
	ck_assert_uint_eq(c.sizes[255], 0);
}
END_TEST

START_TEST(feature_is_offered_only_with_regions_and_a_result_callback)
{
	uint64_t bits = VHOST_USER_PROTOCOL_BIT(SHMEM) |
			VHOST_USER_PROTOCOL_BIT(BACKEND_SEND_FD);

	channel_prepare(&channel);
	if (_i == 1)
		channel.r.config.nshmem = 0;
	if (_i == 2)
		channel.r.ops.shmem_result = NULL;
	rig_start(&channel.r);
	ck_assert_uint_eq(rig_get_u64(&channel.r, VHOST_USER_GET_PROTOCOL_FEATURES) &
			  bits, _i ? 0 : bits);
}
END_TEST

START_TEST(sizes_must_be_whole_pages)
{
	static const uint64_t odd[1] = { CHANNEL_PAGE + 1 };
	struct vhost_user_backend *b;
	struct vsu_error err;

	channel_init(&channel);
	channel.r.config.shmem_sizes = odd;
	channel.r.config.nshmem = 1;
	ck_assert_int_eq(vhost_user_backend_new_take_fd(channel.channel, &channel.r.config,
				&channel.r.ops, &channel.r, &b, &err), -EINVAL);
	channel.r.config.nshmem = 257;
	ck_assert_int_eq(vhost_user_backend_new_take_fd(channel.channel, &channel.r.config,
				&channel.r.ops, &channel.r, &b, &err), -EINVAL);
}
END_TEST

START_TEST(map_and_unmap_are_sent_and_answered)
{
	struct channel_request a;

	channel_init(&channel);
	ck_assert_int_eq(map(&channel, 3, 16 * CHANNEL_PAGE, 77), 0);
	ck_assert(channel_next(&channel, &a));
	ck_assert_uint_eq(a.hdr.request, VHOST_USER_BACKEND_SHMEM_MAP);
	ck_assert_uint_eq(a.hdr.flags, 9);
	ck_assert_uint_eq(a.m.shmid, 3);
	ck_assert_uint_eq(a.m.shm_offset, 16 * CHANNEL_PAGE);
	ck_assert_uint_eq(a.m.fd_offset, 16 * CHANNEL_PAGE);
	ck_assert_uint_eq(a.m.len, 16 * CHANNEL_PAGE);
	ck_assert_uint_eq(a.m.flags, VHOST_USER_SHMEM_RW);
	ck_assert_int_ge(a.fd, 0);
	vsu_fd_close(&a.fd);
	ck_assert_uint_eq(channel.r.nresults, 0);
	channel_reply(&channel, VHOST_USER_BACKEND_SHMEM_MAP, 0);
	ck_assert_int_eq(unmap(&channel, 3, 16 * CHANNEL_PAGE, 78), 0);
	ck_assert(channel_next(&channel, &a));
	ck_assert_uint_eq(a.hdr.request, VHOST_USER_BACKEND_SHMEM_UNMAP);
	ck_assert_int_eq(a.fd, -1);
	channel_reply(&channel, VHOST_USER_BACKEND_SHMEM_UNMAP, 1);
	ck_assert_uint_eq(channel.r.nresults, 2);
	ck_assert_uint_eq(channel.r.cookies[0], 77);
	ck_assert_int_eq(channel.r.results[0], 0);
	ck_assert_uint_eq(channel.r.cookies[1], 78);
	ck_assert_int_eq(channel.r.results[1], -EREMOTEIO);
}
END_TEST

START_TEST(unanswered_requests_are_limited_and_completed_in_order)
{
	struct channel_request a;
	unsigned int i;

	channel_init(&channel);
	for (i = 0; i < 64; i++)
		ck_assert_int_eq(unmap(&channel, 0, 0, i), 0);
	ck_assert_int_eq(unmap(&channel, 0, 0, 64), -EAGAIN);
	for (i = 0; i < 64; i++) {
		ck_assert(channel_next(&channel, &a));
		channel_reply(&channel, VHOST_USER_BACKEND_SHMEM_UNMAP, i & 1);
		ck_assert_uint_eq(channel.r.cookies[i], i);
		ck_assert_int_eq(channel.r.results[i], i & 1 ? -EREMOTEIO : 0);
	}
	ck_assert_int_eq(unmap(&channel, 0, 0, 64), 0);
}
END_TEST

/* Exactly n requests are in the socket, with these offsets. */
static void expect_offsets(struct channel_rig *f, const uint64_t *offsets,
			   unsigned int n)
{
	struct channel_request a;
	unsigned int i;

	for (i = 0; i < n; i++) {
		ck_assert(channel_next(f, &a));
		ck_assert_uint_eq(a.m.shm_offset, offsets[i] * CHANNEL_PAGE);
		vsu_fd_close(&a.fd);
	}
	ck_assert(!channel_next(f, &a));
}

START_TEST(held_unmaps_are_sent_together)
{
	static const uint64_t expected[] = { 0, 1, 2 };
	unsigned int i;

	channel_init(&channel);
	vhost_user_backend_shmem_hold(channel.r.b);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(unmap(&channel, 0, i * CHANNEL_PAGE, i), 0);
	expect_offsets(&channel, expected, 0);
	vhost_user_backend_shmem_release(channel.r.b);
	expect_offsets(&channel, expected, 3);
	ck_assert_int_eq(unmap(&channel, 0, 0, 3), 0);
	expect_offsets(&channel, expected, 1);
}
END_TEST

START_TEST(dispatch_map_and_stop_send_held_unmaps)
{
	static const uint64_t expected[] = { 0, 16, 32, 48 };

	channel_init(&channel);
	vhost_user_backend_shmem_hold(channel.r.b);
	ck_assert_int_eq(unmap(&channel, 0, 0, 1), 0);
	ck_assert_int_ge(rig_dispatch(&channel.r), 0);
	expect_offsets(&channel, expected, 1);
	ck_assert_int_eq(unmap(&channel, 0, 16 * CHANNEL_PAGE, 2), 0);
	ck_assert_int_eq(map(&channel, 0, 32 * CHANNEL_PAGE, 3), 0);
	expect_offsets(&channel, expected + 1, 2);
	ck_assert_int_eq(unmap(&channel, 0, 48 * CHANNEL_PAGE, 4), 0);
	rig_stop_ring(&channel.r, 0);
	rig_stop_ring(&channel.r, 1);
	expect_offsets(&channel, expected + 3, 1);
	ck_assert_uint_eq(channel.r.nresults, 4);
}
END_TEST

START_TEST(requests_are_refused_while_all_rings_are_stopped)
{
	struct channel_request a;

	channel_init(&channel);
	rig_stop_ring(&channel.r, 0);
	ck_assert_int_eq(map(&channel, 0, 0, 1), 0);
	ck_assert(channel_next(&channel, &a));
	vsu_fd_close(&a.fd);
	rig_stop_ring(&channel.r, 1);
	ck_assert_int_eq(channel.r.results[0], -ECANCELED);
	ck_assert_int_eq(map(&channel, 0, 0, 2), -EPROTO);
	ck_assert(!channel_next(&channel, &a));
}
END_TEST

/* A reply to a request from before the stop does not match a later request. */
START_TEST(reply_after_a_stop_matches_no_later_request)
{
	struct channel_request a;

	channel_init(&channel);
	ck_assert_int_eq(map(&channel, 0, 0, 1), 0);
	rig_stop_ring(&channel.r, 0);
	rig_stop_ring(&channel.r, 1);
	ck_assert_uint_eq(channel.r.nresults, 1);
	rig_set_ring(&channel.r, 0);
	ck_assert_int_eq(map(&channel, 0, CHANNEL_REGION / 2, 2), 0);
	channel_reply(&channel, VHOST_USER_BACKEND_SHMEM_MAP, 1);
	ck_assert_uint_eq(channel.r.nresults, 1);
	channel_reply(&channel, VHOST_USER_BACKEND_SHMEM_MAP, 0);
	ck_assert_uint_eq(channel.r.nresults, 2);
	ck_assert_uint_eq(channel.r.cookies[1], 2);
	ck_assert_int_eq(channel.r.results[1], 0);
	while (channel_next(&channel, &a))
		vsu_fd_close(&a.fd);
}
END_TEST

START_TEST(requests_outside_a_region_or_unaligned_are_refused)
{
	struct vhost_user_shmem_request q = { .len = 16 * CHANNEL_PAGE, .fd = -1 };
	struct channel_request a;

	channel_init(&channel);
	ck_assert_int_eq(map(&channel, 1, 0, 1), -EINVAL);
	ck_assert_int_eq(map(&channel, 255, 0, 1), -EINVAL);
	ck_assert_int_eq(map(&channel, 0, CHANNEL_REGION, 1), -EINVAL);
	ck_assert_int_eq(map(&channel, 0, UINT64_MAX - CHANNEL_PAGE + 1, 1), -EINVAL);
	ck_assert_int_eq(map(&channel, 0, 5, 1), -EINVAL);
	ck_assert_int_eq(vhost_user_backend_shmem_map(channel.r.b, &q, 1, NULL),
			 -EINVAL);
	q.len = 0;
	ck_assert_int_eq(vhost_user_backend_shmem_unmap(channel.r.b, &q, 1, NULL),
			 -EINVAL);
	ck_assert(!channel_next(&channel, &a));
}
END_TEST

START_TEST(requests_without_the_feature_are_refused)
{
	channel_init(&channel);
	ck_assert_uint_eq(rig_ack_u64(&channel.r, VHOST_USER_SET_PROTOCOL_FEATURES,
				      VHOST_USER_PROTOCOL_BIT(REPLY_ACK)), 0);
	ck_assert_int_eq(map(&channel, 0, 0, 1), -EOPNOTSUPP);
}
END_TEST

START_TEST(wrong_reply_closes_the_channel_and_cancels_requests)
{
	struct channel_request a;

	channel_init(&channel);
	ck_assert_int_eq(map(&channel, 0, 0, 1), 0);
	ck_assert_int_eq(map(&channel, 0, CHANNEL_REGION / 2, 2), 0);
	ck_assert(channel_next(&channel, &a));
	vsu_fd_close(&a.fd);
	channel_reply(&channel, VHOST_USER_BACKEND_SHMEM_UNMAP, 0);
	ck_assert_uint_eq(channel.r.nresults, 2);
	ck_assert_int_eq(channel.r.results[0], -ECANCELED);
	ck_assert_int_eq(channel.r.results[1], -ECANCELED);
	ck_assert_int_eq(map(&channel, 0, 0, 3), -EOPNOTSUPP);
	ck_assert(channel.r.running[0]);
	channel_renew(&channel);
	ck_assert_int_eq(map(&channel, 0, 0, 4), 0);
	ck_assert(channel_next(&channel, &a));
	vsu_fd_close(&a.fd);
	channel_reply(&channel, VHOST_USER_BACKEND_SHMEM_MAP, 0);
	ck_assert_int_eq(channel.r.results[2], 0);
}
END_TEST

START_TEST(end_of_the_session_cancels_requests)
{
	channel_init(&channel);
	ck_assert_int_eq(map(&channel, 0, 0, 9), 0);
	vsu_fd_close(&channel.r.sock);
	rig_expect_gone(&channel.r, -ECONNRESET);
	ck_assert_uint_eq(channel.r.nresults, 1);
	ck_assert_uint_eq(channel.r.cookies[0], 9);
	ck_assert_int_eq(channel.r.results[0], -ECANCELED);
}
END_TEST

/* By then both sockets are readable. */
START_TEST(reply_before_a_hang_up_is_reported)
{
	const struct { struct vhost_user_header hdr; uint32_t value[2]; } m = {
		{ VHOST_USER_BACKEND_SHMEM_MAP, 5, 8 }, { 0, 0 }
	};

	channel_init(&channel);
	ck_assert_int_eq(map(&channel, 0, 0, 9), 0);
	ck_assert_int_eq(map(&channel, 0, CHANNEL_REGION / 2, 10), 0);
	ck_assert_int_eq(send(channel.channel, &m, 20, 0), 20);
	vsu_fd_close(&channel.channel);
	vsu_fd_close(&channel.r.sock);
	rig_expect_gone(&channel.r, -ECONNRESET);
	ck_assert_uint_eq(channel.r.nresults, 2);
	ck_assert_int_eq(channel.r.results[0], 0);
	ck_assert_int_eq(channel.r.results[1], -ECANCELED);
}
END_TEST

/* The front-end does not reply, and the main channel is still served. */
START_TEST(unanswered_request_does_not_block_the_main_channel)
{
	channel_init(&channel);
	ck_assert_int_eq(map(&channel, 0, 0, 9), 0);
	ck_assert_uint_eq(rig_get_u64(&channel.r, VHOST_USER_GET_QUEUE_NUM),
			  RIG_RINGS);
	ck_assert_uint_eq(channel.r.nresults, 0);
}
END_TEST

START_TEST(full_channel_returns_eagain)
{
	int rc = 0, small = 1;
	unsigned int n;
	struct channel_request a;

	channel_init(&channel);
	setsockopt(channel.channel, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	for (n = 0; rc == 0; n++)
		rc = map(&channel, 0, 0, n);
	ck_assert_int_eq(rc, -EAGAIN);
	ck_assert_uint_ge(n, 16);
	while (channel_next(&channel, &a))
		vsu_fd_close(&a.fd);
}
END_TEST

/* requests of other threads, and front-ends that do not reply */

static int post(struct channel_rig *f, bool map, uint64_t offset, uint64_t cookie)
{
	struct vhost_user_shmem_request q = {
		.offset = offset, .len = 16 * CHANNEL_PAGE,
		.fd = map ? f->r.memfd : -1, .writable = true,
	};

	return vhost_user_backend_shmem_post(f->r.b, map, &q, cookie);
}

static void *post_three(void *opaque)
{
	struct channel_rig *f = opaque;

	ck_assert_int_eq(post(f, true, 0, 1), 0);
	ck_assert_int_eq(post(f, false, 0, 2), 0);
	/* not a multiple of the page size */
	ck_assert_int_eq(post(f, true, CHANNEL_PAGE / 2, 3), 0);
	return NULL;
}

START_TEST(request_of_another_thread_is_sent_by_the_session)
{
	pthread_t thread;
	struct channel_request a;

	channel_init(&channel);
	channel.r.nrefused = 0;
	ck_assert_int_eq(pthread_create(&thread, NULL, post_three, &channel), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert(!channel_next(&channel, &a));
	rig_poll(&channel.r);
	ck_assert(channel_next(&channel, &a));
	ck_assert_uint_eq(a.hdr.request, VHOST_USER_BACKEND_SHMEM_MAP);
	ck_assert_uint_eq(a.hdr.flags, VHOST_USER_HDR_VERSION |
			  VHOST_USER_HDR_NEED_REPLY);
	vsu_fd_close(&a.fd);
	ck_assert(channel_next(&channel, &a));
	ck_assert_uint_eq(a.hdr.request, VHOST_USER_BACKEND_SHMEM_UNMAP);
	ck_assert(!channel_next(&channel, &a));
	rig_expect_refused(&channel.r, VHOST_USER_NO_REQUEST, VHOST_USER_ALL_RINGS,
			   "whole pages");
	ck_assert_uint_eq(channel.r.nresults, 1);
	ck_assert_uint_eq(channel.r.cookies[0], 3);
	ck_assert_int_eq(channel.r.results[0], -EINVAL);
	channel_reply(&channel, VHOST_USER_BACKEND_SHMEM_MAP, 0);
	channel_reply(&channel, VHOST_USER_BACKEND_SHMEM_UNMAP, 1);
	ck_assert_uint_eq(channel.r.nresults, 3);
	ck_assert_int_eq(channel.r.results[1], 0);
	ck_assert_uint_eq(channel.r.cookies[2], 2);
	ck_assert_int_eq(channel.r.results[2], -EREMOTEIO);
}
END_TEST

/* 64 requests are sent, 64 more are queued, and the next one is refused. */
START_TEST(requests_of_other_threads_are_limited)
{
	struct channel_rig f;
	struct channel_request a;
	uint64_t i;

	channel_init(&f);
	for (i = 0; i < 64; i++)
		ck_assert_int_eq(post(&f, false, 0, i), 0);
	rig_poll(&f.r);
	for (i = 0; i < 64; i++)
		ck_assert_int_eq(post(&f, false, 0, 64 + i), 0);
	ck_assert_int_eq(post(&f, true, 0, 128), -EAGAIN);
	rig_poll(&f.r);
	for (i = 0; i < 64; i++)
		ck_assert(channel_next(&f, &a));
	ck_assert(!channel_next(&f, &a));
	channel_reply(&f, VHOST_USER_BACKEND_SHMEM_UNMAP, 0);
	ck_assert(channel_next(&f, &a));
	ck_assert(!channel_next(&f, &a));
	ck_assert_uint_eq(f.r.nresults, 1);
	vsu_fd_close(&f.channel);
	channel_fini(&f);
	ck_assert_uint_eq(f.r.nresults, 128);
	ck_assert_int_eq(f.r.results[127], -ECANCELED);
}
END_TEST

/* More messages than one dispatch handles, read from the socket at once. */
START_TEST(messages_are_served_while_a_reply_is_pending)
{
	struct vhost_user_header ask[100];
	struct rig_reply reply;
	struct channel_request a;
	unsigned int i;

	channel_init(&channel);
	ck_assert_int_eq(post(&channel, false, 0, 1), 0);
	rig_poll(&channel.r);
	ck_assert(channel_next(&channel, &a));
	for (i = 0; i < 100; i++)
		ask[i] = (struct vhost_user_header){
			VHOST_USER_GET_FEATURES, VHOST_USER_HDR_VERSION, 0
		};
	rig_send_raw(&channel.r, ask, sizeof(ask), NULL, 0);
	rig_poll(&channel.r);
	for (i = 0; i < 100; i++)
		ck_assert(rig_reply(&channel.r, &reply));
	ck_assert_uint_eq(channel.r.nresults, 0);
	channel_reply(&channel, VHOST_USER_BACKEND_SHMEM_UNMAP, 0);
	ck_assert_uint_eq(channel.r.nresults, 1);
}
END_TEST

START_TEST(end_of_the_session_cancels_requests_of_other_threads)
{
	channel_init(&channel);
	ck_assert_int_eq(post(&channel, true, 0, 7), 0);
	vhost_user_backend_close(channel.r.b);
	ck_assert_uint_eq(channel.r.nresults, 1);
	ck_assert_uint_eq(channel.r.cookies[0], 7);
	ck_assert_int_eq(channel.r.results[0], -ECANCELED);
}
END_TEST

/* A ring may wait for the result before it is drained. */
START_TEST(end_of_the_session_cancels_requests_before_rings_are_drained)
{
	channel_init(&channel);
	channel.r.holds_answers = true;
	ck_assert_int_eq(post(&channel, true, 0, 7), 0);
	vhost_user_backend_close(channel.r.b);
	ck_assert_uint_eq(channel.r.quiesces, 1);
	ck_assert_uint_eq(channel.r.gones, 0);
	ck_assert_uint_eq(channel.r.nresults, 1);
	ck_assert_int_eq(channel.r.results[0], -ECANCELED);
	vhost_user_backend_done(channel.r.b, channel.r.token);
	rig_poll(&channel.r);
	ck_assert_uint_eq(channel.r.gones, 1);
}
END_TEST

START_TEST(requests_without_reply_ack_complete_when_sent)
{
	struct channel_request a;

	channel_init(&channel);
	channel_end_acknowledgements(&channel);
	ck_assert_int_eq(map(&channel, 0, 0, 1), 1);
	ck_assert(channel_next(&channel, &a));
	ck_assert_uint_eq(a.hdr.flags, VHOST_USER_HDR_VERSION);
	vsu_fd_close(&a.fd);
	ck_assert_uint_eq(channel.r.nresults, 0);
	ck_assert_int_eq(post(&channel, false, 0, 2), 0);
	rig_poll(&channel.r);
	ck_assert(channel_next(&channel, &a));
	ck_assert_uint_eq(channel.r.nresults, 1);
	ck_assert_int_eq(channel.r.results[0], 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("backend-shmem");
	TCase *tc = rig_case(s, "shmem");

	tcase_add_checked_fixture(tc, NULL, end);
	tcase_add_test(tc, regions_are_announced_by_id);
	tcase_add_loop_test(tc, feature_is_offered_only_with_regions_and_a_result_callback,
			    0, 3);
	tcase_add_test(tc, sizes_must_be_whole_pages);
	tcase_add_test(tc, map_and_unmap_are_sent_and_answered);
	tcase_add_test(tc, unanswered_requests_are_limited_and_completed_in_order);
	tcase_add_test(tc, held_unmaps_are_sent_together);
	tcase_add_test(tc, dispatch_map_and_stop_send_held_unmaps);
	tcase_add_test(tc, requests_are_refused_while_all_rings_are_stopped);
	tcase_add_test(tc, reply_after_a_stop_matches_no_later_request);
	tcase_add_test(tc, requests_outside_a_region_or_unaligned_are_refused);
	tcase_add_test(tc, requests_without_the_feature_are_refused);
	tcase_add_test(tc, wrong_reply_closes_the_channel_and_cancels_requests);
	tcase_add_test(tc, end_of_the_session_cancels_requests);
	tcase_add_test(tc, reply_before_a_hang_up_is_reported);
	tcase_add_test(tc, unanswered_request_does_not_block_the_main_channel);
	tcase_add_test(tc, full_channel_returns_eagain);
	tcase_add_test(tc, request_of_another_thread_is_sent_by_the_session);
	tcase_add_test(tc, requests_of_other_threads_are_limited);
	tcase_add_test(tc, messages_are_served_while_a_reply_is_pending);
	tcase_add_test(tc, end_of_the_session_cancels_requests_of_other_threads);
	tcase_add_test(tc, end_of_the_session_cancels_requests_before_rings_are_drained);
	tcase_add_test(tc, requests_without_reply_ack_complete_when_sent);
	return run_suite(s);
}
