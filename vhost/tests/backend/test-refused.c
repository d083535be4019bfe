/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about refusals: a ring never runs with a refused value, and the owner
 * receives every refusal, even if the front-end requested no acknowledgement.
 */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "../rig.h"

static struct rig rig;

/* Sends without NEED_REPLY, as existing front-ends do. */
static void send_no_ack(struct rig *r, uint32_t request, const void *payload,
		 uint32_t size, const int *fds, unsigned int nfds)
{
	rig_send(r, request, VHOST_USER_HDR_VERSION, payload, size, fds, nfds);
	rig_expect_silence(r);
}

static void send_state(struct rig *r, uint32_t request, uint32_t num)
{
	const struct vhost_user_vring_state s = { 0, num };

	send_no_ack(r, request, &s, sizeof(s), NULL, 0);
}

static void send_addr(struct rig *r, uint64_t more)
{
	struct vhost_user_vring_addr addr = rig_addr(0);

	addr.used += more;
	send_no_ack(r, VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr), NULL, 0);
}

static void kick_and_enable(struct rig *r)
{
	const uint64_t polled = VHOST_USER_VRING_NOFD;

	send_no_ack(r, VHOST_USER_SET_VRING_KICK, &polled, sizeof(polled), NULL, 0);
	send_state(r, VHOST_USER_SET_VRING_ENABLE, 1);
}

/* Ring 0 ran and was stopped. */
static void run_and_stop(struct rig *r)
{
	rig_init(r);
	rig_up(r);
	rig_stop_ring(r, 0);
	r->nrefused = 0;
}

START_TEST(b3_20_ring_waits_after_a_refused_size)
{
	static const uint32_t wrong[] = { 0, 3, 2048, 65535 };

	run_and_stop(&rig);
	send_state(&rig, VHOST_USER_SET_VRING_NUM, wrong[_i]);
	rig_expect_refused(&rig, VHOST_USER_SET_VRING_NUM, 0, "SET_VRING_NUM");
	send_state(&rig, VHOST_USER_SET_VRING_BASE, 0);
	send_addr(&rig, 0);
	rig_expect_refused(&rig, VHOST_USER_SET_VRING_ADDR, 0, "size");
	kick_and_enable(&rig);
	ck_assert(!rig.running[0]);
	rig_expect_refused(&rig, VHOST_USER_NO_REQUEST, 0, "SET_VRING_NUM");
	/* the valid size, and addresses that are checked against it */
	send_state(&rig, VHOST_USER_SET_VRING_NUM, RIG_SIZE);
	ck_assert(!rig.running[0]);
	send_addr(&rig, 0);
	ck_assert(rig.running[0]);
	ck_assert_uint_eq(rig.nrefused, 0);
	rig_offer(&rig, 0, 0);
	ck_assert_uint_eq(rig_serve(&rig, 0), 1);
}
END_TEST

/* A number of 64 bits as two of a payload. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define WIDE(number) number, 0
#else
#define WIDE(number) 0, number
#endif

/* For owners that react to a rule and not to its sentence. */
static const struct {
	uint32_t request, size;
	uint32_t payload[10];
	uint64_t got, limit;
} rules[] = {
	{ VHOST_USER_SET_VRING_NUM, 8, { 0, 2048 }, 2048, 1024 },
	{ VHOST_USER_SET_VRING_BASE, 8, { RIG_RINGS, 0 }, RIG_RINGS, RIG_RINGS },
	{ VHOST_USER_SET_VRING_CALL, 8, { WIDE((RIG_RINGS + 4) | VHOST_USER_VRING_NOFD) }, RIG_RINGS + 4,
	  RIG_RINGS },
	{ VHOST_USER_SET_VRING_ENABLE, 4, { 0 }, 4, 8 },
	{ VHOST_USER_SET_MEM_TABLE, 40, { 3 }, 3, 40 },
};

START_TEST(refusal_has_the_numbers_of_its_rule)
{
	rig_init(&rig);
	rig_negotiate(&rig);
	rig.nrefused = 0;
	rig_send(&rig, rules[_i].request, VHOST_USER_HDR_VERSION, rules[_i].payload,
		 rules[_i].size, NULL, 0);
	rig_dispatch(&rig);
	ck_assert_uint_eq(rig.nrefused, 1);
	ck_assert_uint_eq(rig.refused_request, rules[_i].request);
	ck_assert_int_eq(rig.refusal.code, -EBADMSG);
	ck_assert_uint_eq(rig.refusal.arg, rules[_i].request);
	ck_assert_uint_eq(rig.refusal.got, rules[_i].got);
	ck_assert_uint_eq(rig.refusal.limit, rules[_i].limit);
}
END_TEST

START_TEST(b3_20_ring_waits_after_refused_addresses)
{
	run_and_stop(&rig);
	send_state(&rig, VHOST_USER_SET_VRING_NUM, RIG_SIZE);
	send_addr(&rig, RIG_MEMORY);
	rig_expect_refused(&rig, VHOST_USER_SET_VRING_ADDR, 0, "not in a memory region");
	kick_and_enable(&rig);
	ck_assert(!rig.running[0]);
	rig_expect_refused(&rig, VHOST_USER_NO_REQUEST, 0, "SET_VRING_ADDR");
	send_addr(&rig, 0);
	ck_assert(rig.running[0]);
}
END_TEST

START_TEST(b3_20_ring_waits_after_a_refused_base)
{
	run_and_stop(&rig);
	send_state(&rig, VHOST_USER_SET_VRING_BASE, 0x10000);
	rig_expect_refused(&rig, VHOST_USER_SET_VRING_BASE, 0, "SET_VRING_BASE");
	kick_and_enable(&rig);
	ck_assert(!rig.running[0]);
	rig_expect_refused(&rig, VHOST_USER_NO_REQUEST, 0, "SET_VRING_BASE");
	send_state(&rig, VHOST_USER_SET_VRING_BASE, 0);
	ck_assert(rig.running[0]);
}
END_TEST

START_TEST(reset_clears_refusals)
{
	run_and_stop(&rig);
	send_state(&rig, VHOST_USER_SET_VRING_BASE, 0x10000);
	ck_assert_uint_eq(rig_ack(&rig, VHOST_USER_RESET_DEVICE, NULL, 0, NULL,
				  0), 0);
	rig_negotiate(&rig);
	send_state(&rig, VHOST_USER_SET_VRING_NUM, RIG_SIZE);
	send_addr(&rig, 0);
	kick_and_enable(&rig);
	ck_assert(rig.running[0]);
}
END_TEST

START_TEST(refusals_do_not_stop_a_running_ring)
{
	rig_init(&rig);
	rig_up(&rig);
	send_state(&rig, VHOST_USER_SET_VRING_NUM, 3);
	send_addr(&rig, RIG_MEMORY);
	send_state(&rig, VHOST_USER_SET_VRING_BASE, 0x10000);
	ck_assert_uint_eq(rig.nrefused, 3);
	ck_assert(rig.running[0]);
	rig_offer(&rig, 0, 0);
	ck_assert_uint_eq(rig_serve(&rig, 0), 1);
}
END_TEST

/* what is reported to the owner */

START_TEST(b1_31_refusal_is_reported_with_message_and_ring)
{
	struct vhost_user_mem_table none = { 0 };
	uint64_t word = VHOST_USER_VRING_NOFD;

	rig_init(&rig);
	rig_negotiate(&rig);
	ck_assert_uint_eq(rig.nrefused, 0);
	send_no_ack(&rig, VHOST_USER_SET_MEM_TABLE, &none, 8, NULL, 0);
	rig_expect_refused(&rig, VHOST_USER_SET_MEM_TABLE, VHOST_USER_ALL_RINGS,
			   "SET_MEM_TABLE");
	send_no_ack(&rig, VHOST_USER_SET_VRING_KICK, &word, 4, NULL, 0);
	rig_expect_refused(&rig, VHOST_USER_SET_VRING_KICK, VHOST_USER_ALL_RINGS,
			   "4 bytes");
	word |= RIG_RINGS;
	send_no_ack(&rig, VHOST_USER_SET_VRING_CALL, &word, 8, NULL, 0);
	rig_expect_refused(&rig, VHOST_USER_SET_VRING_CALL, VHOST_USER_ALL_RINGS,
			   "names ring 3");
	word = 2 | VHOST_USER_VRING_NOFD;
	send_no_ack(&rig, VHOST_USER_SET_VRING_CALL, &word, 8, &rig.memfd, 1);
	rig_expect_refused(&rig, VHOST_USER_SET_VRING_CALL, 2, "descriptors");
	send_no_ack(&rig, 77, NULL, 0, NULL, 0);
	rig_expect_refused(&rig, 77, VHOST_USER_ALL_RINGS, "request 77");
	send_no_ack(&rig, VHOST_USER_SEND_RARP, &word, 8, NULL, 0);
	rig_expect_refused(&rig, VHOST_USER_SEND_RARP, VHOST_USER_ALL_RINGS,
			   "SEND_RARP needs the protocol feature RARP");
}
END_TEST

START_TEST(b1_31_error_of_a_lower_library_is_prefixed_with_the_message)
{
	struct vhost_user_mem_table t = {
		.nregions = 1, .regions = { rig_region(0, RIG_MEMORY * 2, 0) },
	};

	rig_init(&rig);
	rig_negotiate(&rig);
	send_no_ack(&rig, VHOST_USER_SET_MEM_TABLE, &t, 8 + 32, &rig.memfd, 1);
	rig_expect_refused(&rig, VHOST_USER_SET_MEM_TABLE, VHOST_USER_ALL_RINGS,
			   "SET_MEM_TABLE: ");
}
END_TEST

START_TEST(b1_31_refusal_by_the_device_is_reported)
{
	rig_init(&rig);
	rig_negotiate(&rig);
	rig.refuses = -EIO;
	ck_assert_uint_ne(rig_ack_u64(&rig, VHOST_USER_SET_FEATURES,
				      VQ_F_VERSION_1 |
				      VHOST_USER_F_PROTOCOL_FEATURES), 0);
	rig_expect_refused(&rig, VHOST_USER_SET_FEATURES, VHOST_USER_ALL_RINGS,
			   "the device refuses");
}
END_TEST

START_TEST(b1_32_refusal_of_unshared_memory_names_the_remedy)
{
	rig_init(&rig);
	rig_negotiate(&rig);
	send_state(&rig, VHOST_USER_SET_VRING_NUM, RIG_SIZE);
	send_addr(&rig, 0);
	rig_expect_refused(&rig, VHOST_USER_SET_VRING_ADDR, 0, "share=on");
	kick_and_enable(&rig);
	ck_assert(!rig.running[0]);
	ck_assert_uint_eq(rig.nrefused, 1);
}
END_TEST

START_TEST(b1_32_waiting_ring_is_reported_once_per_cause)
{
	rig_init(&rig);
	kick_and_enable(&rig);
	rig_expect_refused(&rig, VHOST_USER_NO_REQUEST, 0, "SET_FEATURES");
	rig_negotiate(&rig);
	rig_expect_refused(&rig, VHOST_USER_NO_REQUEST, 0, "SET_VRING_NUM");
	ck_assert_uint_eq(rig_set_memory(&rig), 0);
	ck_assert_uint_eq(rig.nrefused, 0);
	send_state(&rig, VHOST_USER_SET_VRING_NUM, RIG_SIZE);
	rig_expect_refused(&rig, VHOST_USER_NO_REQUEST, 0, "SET_VRING_ADDR");
	send_state(&rig, VHOST_USER_SET_VRING_NUM, 2 * RIG_SIZE);
	ck_assert_uint_eq(rig.nrefused, 0);
	send_addr(&rig, 0);
	ck_assert(rig.running[0]);
	ck_assert_uint_eq(rig.nrefused, 0);
}
END_TEST

START_TEST(b1_32_ring_whose_memory_is_removed_is_reported)
{
	struct vhost_user_mem_reg reg = { .region = rig_region(0, RIG_MEMORY, 0) };

	rig_init(&rig);
	rig_up(&rig);
	rig_stop_ring(&rig, 1);
	ck_assert_uint_eq(rig_ack(&rig, VHOST_USER_REM_MEM_REG, &reg, sizeof(reg),
				  NULL, 0), 0);
	ck_assert(!rig.running[0]);
	rig_expect_refused(&rig, VHOST_USER_NO_REQUEST, 0, "share=on");
	ck_assert_uint_eq(rig_set_memory(&rig), 0);
	ck_assert(rig.running[0]);
	ck_assert_uint_eq(rig.nrefused, 0);
}
END_TEST

/* the descriptor of a session */

START_TEST(b1_33_all_requests_of_one_read_are_answered)
{
	static const struct vhost_user_header get = {
		VHOST_USER_GET_FEATURES, VHOST_USER_HDR_VERSION, 0
	};
	struct vhost_user_header all[500];
	struct rig_reply reply;
	int i;

	rig_init(&rig);
	for (i = 0; i < 500; i++)
		all[i] = get;
	rig_send_raw(&rig, all, sizeof(all), NULL, 0);
	rig_poll(&rig);
	for (i = 0; i < 500; i++)
		ck_assert_msg(rig_reply(&rig, &reply), "%d replies", i);
	ck_assert(!rig_reply(&rig, &reply));
}
END_TEST

/* The owner answers while further messages wait inside the session. */
START_TEST(b1_33_messages_behind_a_waiting_one_are_handled)
{
	struct {
		struct vhost_user_header stop;
		struct vhost_user_vring_state ring;
		struct vhost_user_header get[100];
	} all = { { VHOST_USER_GET_VRING_BASE, 1, 8 }, { 0, 0 }, { { 0, 0, 0 } } };
	struct rig_reply reply;
	int i;

	rig_init(&rig);
	rig_up(&rig);
	for (i = 0; i < 100; i++)
		all.get[i] = (struct vhost_user_header){
			VHOST_USER_GET_FEATURES, 1, 0
		};
	rig.holds_answers = true;
	rig_send_raw(&rig, &all, sizeof(all), NULL, 0);
	rig_poll(&rig);
	ck_assert(!rig_reply(&rig, &reply));
	vhost_user_backend_done(rig.b, rig.token);
	rig_poll(&rig);
	for (i = 0; i < 101; i++)
		ck_assert_msg(rig_reply(&rig, &reply), "%d replies", i);
	rig.holds_answers = false;
}
END_TEST

START_TEST(b1_34_requests_before_a_shutdown_are_answered)
{
	struct rig_reply reply;
	int i;

	rig_init(&rig);
	for (i = 0; i < 40; i++)
		rig_send(&rig, VHOST_USER_GET_FEATURES, VHOST_USER_HDR_VERSION,
			 NULL, 0, NULL, 0);
	ck_assert_int_eq(shutdown(rig.sock, SHUT_WR), 0);
	rig_expect_gone(&rig, -ECONNRESET);
	for (i = 0; i < 40; i++)
		ck_assert_msg(rig_reply(&rig, &reply), "%d replies", i);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("backend-refused");
	TCase *tc = rig_case_of(s, "refused", &rig);

	tcase_add_loop_test(tc, b3_20_ring_waits_after_a_refused_size,
			    0, 4);
	tcase_add_loop_test(tc, refusal_has_the_numbers_of_its_rule, 0,
			    sizeof(rules) / sizeof(rules[0]));
	tcase_add_test(tc, b3_20_ring_waits_after_refused_addresses);
	tcase_add_test(tc, b3_20_ring_waits_after_a_refused_base);
	tcase_add_test(tc, reset_clears_refusals);
	tcase_add_test(tc, refusals_do_not_stop_a_running_ring);
	tcase_add_test(tc, b1_31_refusal_is_reported_with_message_and_ring);
	tcase_add_test(tc, b1_31_error_of_a_lower_library_is_prefixed_with_the_message);
	tcase_add_test(tc, b1_31_refusal_by_the_device_is_reported);
	tcase_add_test(tc, b1_32_refusal_of_unshared_memory_names_the_remedy);
	tcase_add_test(tc, b1_32_waiting_ring_is_reported_once_per_cause);
	tcase_add_test(tc, b1_32_ring_whose_memory_is_removed_is_reported);
	tcase_add_test(tc, b1_33_all_requests_of_one_read_are_answered);
	tcase_add_test(tc, b1_33_messages_behind_a_waiting_one_are_handled);
	tcase_add_test(tc, b1_34_requests_before_a_shutdown_are_answered);
	return run_suite(s);
}
