/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about "trace": matched replies, problems, and the lines of both formats. */
#include <config.h>

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <virtio-devices/ids.h>

#include "../../tests/support/suite.h"
#include "trace_line.h"

#define FRONTEND VHOST_USER_SIDE_FRONTEND
#define BACKEND VHOST_USER_SIDE_BACKEND
#define V1 VHOST_USER_HDR_VERSION
#define REPLY (V1 | VHOST_USER_HDR_REPLY)
#define NEED (V1 | VHOST_USER_HDR_NEED_REPLY)

static struct exchange exchange;
static struct verdict verdict;
static struct relay_message message;
static char text[4096];

static void setup(void)
{
	memset(&exchange, 0, sizeof(exchange));
	memset(&message, 0, sizeof(message));
}

static const struct verdict *judge(enum vhost_user_side channel,
				   enum vhost_user_side from, uint32_t number,
				   uint32_t flags, const void *payload,
				   uint32_t size)
{
	message.channel = channel;
	message.from = from;
	message.time_ns += 1000;
	message.hdr = (struct vhost_user_header){ number, flags, size };
	message.payload = payload;
	message.len = size;
	exchange_judge(&exchange, &message, &verdict);
	return &verdict;
}

/* A message on the main socket without a problem. */
static void passes(enum vhost_user_side from, uint32_t number, uint32_t flags,
		   const void *payload, uint32_t size)
{
	judge(FRONTEND, from, number, flags, payload, size);
	ck_assert_msg(verdict.nproblems == 0, "%s", verdict.problems[0].msg);
}

static void fails(enum vhost_user_side from, uint32_t number, uint32_t flags,
		  const void *payload, uint32_t size, const char *why)
{
	judge(FRONTEND, from, number, flags, payload, size);
	ck_assert_uint_ge(verdict.nproblems, 1);
	ck_assert_str_eq(verdict.problems[0].msg, why);
}

static void negotiate(uint64_t protocol)
{
	const uint64_t all = UINT64_MAX;

	passes(FRONTEND, VHOST_USER_GET_FEATURES, V1, NULL, 0);
	passes(BACKEND, VHOST_USER_GET_FEATURES, REPLY, &all, 8);
	passes(FRONTEND, VHOST_USER_GET_PROTOCOL_FEATURES, V1, NULL, 0);
	passes(BACKEND, VHOST_USER_GET_PROTOCOL_FEATURES, REPLY, &protocol, 8);
	passes(FRONTEND, VHOST_USER_SET_PROTOCOL_FEATURES, V1, &protocol, 8);
}

START_TEST(reply_is_matched_with_its_request)
{
	const uint64_t word = 1;

	passes(FRONTEND, VHOST_USER_GET_FEATURES, V1, NULL, 0);
	passes(BACKEND, VHOST_USER_GET_FEATURES, REPLY, &word, 8);
	ck_assert(verdict.reply);
	ck_assert(verdict.matched);
	ck_assert_uint_eq(verdict.after_ns, 1000);
}
END_TEST

START_TEST(requests_in_flight_are_matched_in_order)
{
	const uint64_t ok = 0;
	int i;

	negotiate(VHOST_USER_PROTOCOL_BIT(REPLY_ACK));
	for (i = 0; i < 3; i++)
		passes(FRONTEND, VHOST_USER_SET_OWNER, NEED, NULL, 0);
	for (i = 0; i < 3; i++) {
		passes(BACKEND, VHOST_USER_SET_OWNER, REPLY, &ok, 8);
		ck_assert_uint_eq(verdict.after_ns, 3000);
	}
}
END_TEST

START_TEST(reply_without_request_is_a_problem)
{
	const uint64_t word = 0;

	fails(BACKEND, VHOST_USER_SET_OWNER, REPLY, &word, 8,
	      "SET_OWNER was not requested, or has been answered");
	ck_assert(!verdict.matched);
}
END_TEST

START_TEST(missing_reply_is_a_problem)
{
	const uint64_t word = 0;
	enum vhost_user_side channel;
	const char *name;

	negotiate(VHOST_USER_PROTOCOL_BIT(MQ) | VHOST_USER_PROTOCOL_BIT(STATUS));
	passes(FRONTEND, VHOST_USER_GET_QUEUE_NUM, V1, NULL, 0);
	passes(FRONTEND, VHOST_USER_GET_FEATURES, V1, NULL, 0);
	fails(BACKEND, VHOST_USER_GET_FEATURES, REPLY, &word, 8,
	      "no reply to GET_QUEUE_NUM precedes this one");
	ck_assert(!exchange_unanswered(&exchange, &channel, &name));
	passes(FRONTEND, VHOST_USER_GET_STATUS, V1, NULL, 0);
	ck_assert(exchange_unanswered(&exchange, &channel, &name));
	ck_assert_str_eq(name, "GET_STATUS");
	ck_assert(!exchange_unanswered(&exchange, &channel, &name));
}
END_TEST

START_TEST(features_that_were_not_negotiated_are_a_problem)
{
	const uint64_t word = VHOST_USER_PROTOCOL_BIT(CONFIG);

	fails(FRONTEND, VHOST_USER_GET_STATUS, V1, NULL, 0,
	      "GET_STATUS needs the protocol feature STATUS, which was not negotiated");
	fails(FRONTEND, VHOST_USER_SET_OWNER, NEED, NULL, 0,
	      "NEED_REPLY is set, but REPLY_ACK was not negotiated");
	fails(FRONTEND, VHOST_USER_SET_PROTOCOL_FEATURES, V1, &word, 8,
	      "bits 0x200 were not offered");
}
END_TEST

START_TEST(log_base_has_a_reply_only_with_its_feature)
{
	const struct vhost_user_log log = { 4096, 0 };
	enum vhost_user_side channel;
	const char *name;

	passes(FRONTEND, VHOST_USER_SET_LOG_BASE, V1, &log, sizeof(log));
	ck_assert(!exchange_unanswered(&exchange, &channel, &name));
	negotiate(VHOST_USER_PROTOCOL_BIT(LOG_SHMFD));
	passes(FRONTEND, VHOST_USER_SET_LOG_BASE, V1, &log, sizeof(log));
	ck_assert(exchange_unanswered(&exchange, &channel, &name));
}
END_TEST

START_TEST(postcopy_replies_contain_addresses)
{
	static const struct vhost_user_mem_table table = { .nregions = 0 };
	const uint64_t ok = 0;

	negotiate(VHOST_USER_PROTOCOL_BIT(PAGEFAULT));
	passes(FRONTEND, VHOST_USER_POSTCOPY_LISTEN, V1, NULL, 0);
	passes(BACKEND, VHOST_USER_POSTCOPY_LISTEN, REPLY, &ok, 8);
	passes(FRONTEND, VHOST_USER_SET_MEM_TABLE, V1, &table, 8);
	passes(BACKEND, VHOST_USER_SET_MEM_TABLE, REPLY, &table, sizeof(table));
	passes(FRONTEND, VHOST_USER_POSTCOPY_END, V1, NULL, 0);
	passes(BACKEND, VHOST_USER_POSTCOPY_END, REPLY, &ok, 8);
	passes(FRONTEND, VHOST_USER_SET_MEM_TABLE, V1, &table, 8);
}
END_TEST

START_TEST(malformed_messages_are_problems)
{
	static const unsigned char zeros[64];

	fails(FRONTEND, 999, V1, NULL, 0, "the number 999 is unknown");
	ck_assert_ptr_null(verdict.row);
	fails(FRONTEND, VHOST_USER_SET_OWNER, 2, NULL, 0,
	      "SET_OWNER request has the flags 0x2 instead of 0x1");
	fails(FRONTEND, VHOST_USER_SET_VRING_NUM, V1, zeros, 4,
	      "SET_VRING_NUM request has 4 bytes of payload, expected 8");
	message.late_fds = 2;
	fails(FRONTEND, VHOST_USER_SET_OWNER, V1, NULL, 0,
	      "2 descriptors came behind the first byte of the header");
}
END_TEST

START_TEST(pending_requests_are_bounded)
{
	unsigned int i;

	for (i = 0; i < EXCHANGE_MAX_PENDING; i++)
		passes(FRONTEND, VHOST_USER_GET_FEATURES, V1, NULL, 0);
	fails(FRONTEND, VHOST_USER_GET_FEATURES, V1, NULL, 0,
	      "64 requests have no reply");
	ck_assert_uint_eq(exchange.pending[FRONTEND].n, EXCHANGE_MAX_PENDING);
}
END_TEST

/* Any number, flags and size, from both sides on both channels. */
START_TEST(any_message_is_judged_and_shown)
{
	static unsigned char payload[RELAY_MAX_PAYLOAD];
	struct trace_line line = { .m = &message, .v = &verdict };
	unsigned int seed = (unsigned int)_i, i;
	FILE *null = fopen("/dev/null", "w");

	for (i = 0; i < 2000; i++) {
		message.nfds = 0;
		payload[(size_t)rand_r(&seed) % sizeof(payload)] = (unsigned char)rand_r(&seed);
		judge(rand_r(&seed) & 1, rand_r(&seed) & 1,
		      (uint32_t)rand_r(&seed) % 50, (uint32_t)rand_r(&seed) % 16,
		      payload, (uint32_t)rand_r(&seed) % (_i % 2 ? 64 : sizeof(payload)));
		trace_text(null, &line);
		trace_json(null, &line);
	}
	fclose(null);
}
END_TEST

/* -------------------------------------------------------------------- lines */

static const char *shown(void (*show)(FILE *, const struct trace_line *),
			 struct trace_line *line)
{
	FILE *to = fmemopen(text, sizeof(text), "w");

	line->time_ns = UINT64_C(1002003000);
	line->connection = 3;
	line->channel = message.channel;
	line->from = message.from;
	if (!line->event) {
		line->m = &message;
		line->v = &verdict;
	}
	show(to, line);
	fclose(to);
	return text;
}

START_TEST(line_has_names_values_and_problems)
{
	const struct vhost_user_vring_state state = { 0, 128 };
	struct trace_line line = { 0 };

	judge(FRONTEND, FRONTEND, VHOST_USER_SET_VRING_NUM, NEED, &state, 8);
	ck_assert_str_eq(shown(trace_text, &line),
			 "    1.002003 3 F>B  SET_VRING_NUM need-reply: index 0, num 128\n"
			 "    1.002003 3 F>B  ! NEED_REPLY is set, but REPLY_ACK was not negotiated\n");
}
END_TEST

START_TEST(reply_line_has_its_time_and_features)
{
	const uint64_t word = UINT64_C(1) << 32 | 1 << 5;
	struct trace_line line = { .device = VIRTDEV_ID_NET };

	passes(FRONTEND, VHOST_USER_GET_FEATURES, V1, NULL, 0);
	passes(BACKEND, VHOST_USER_GET_FEATURES, REPLY, &word, 8);
	ck_assert_str_eq(shown(trace_text, &line),
			 "    1.002003 3 B>F  GET_FEATURES reply +1us: features 0x100000020 VIRTIO_NET_F_MAC VIRTIO_F_VERSION_1\n");
}
END_TEST

START_TEST(events_are_lines)
{
	struct trace_line line = { .event = "connected" };

	message.channel = BACKEND;
	message.from = BACKEND;
	ck_assert_str_eq(shown(trace_text, &line), "    1.002003 3 B>>F  - connected\n");
	ck_assert_str_eq(shown(trace_json, &line),
			 "{\"time-ns\":1002003000,\"connection\":3,\"channel\":\"back-end\",\"from\":\"back-end\",\"event\":\"connected\"}\n");
}
END_TEST

START_TEST(json_has_fields_and_problems)
{
	const struct vhost_user_vring_addr addr = { 0, 0, 0x1000, 0, 0, 0 };
	struct trace_line line = { 0 };

	judge(FRONTEND, FRONTEND, VHOST_USER_SET_VRING_ADDR, V1, &addr, sizeof(addr));
	shown(trace_json, &line);
	ck_assert_ptr_nonnull(strstr(text, "\"message\":\"SET_VRING_ADDR\",\"number\":9,\"flags\":1,\"size\":40,\"reply\":false"));
	ck_assert_ptr_nonnull(strstr(text, "\"desc\":\"0x1000\""));
	ck_assert_ptr_nonnull(strstr(text, "\"problems\":[]"));
}
END_TEST

START_TEST(descriptors_are_examined)
{
	const uint64_t ring = 0;
	int fds[2] = { eventfd(0, EFD_CLOEXEC),
		       memfd_create("test", MFD_ALLOW_SEALING | MFD_CLOEXEC) };
	struct trace_line line = { 0 };

	ck_assert_int_eq(ftruncate(fds[1], 8192), 0);
	ck_assert_int_eq(fcntl(fds[1], F_ADD_SEALS, F_SEAL_SHRINK), 0);
	message.fds = fds;
	message.nfds = 2;
	judge(FRONTEND, FRONTEND, VHOST_USER_SET_VRING_KICK, V1, &ring, 8);
	line.m = &message;
	trace_examine(&line);
	ck_assert_ptr_nonnull(strstr(shown(trace_text, &line),
				     "[an eventfd; shared memory of 8192 bytes (seals shrink)]"));
	ck_assert_ptr_nonnull(strstr(shown(trace_json, &line),
				     "{\"kind\":\"shared memory\",\"size\":8192,\"seals\":[\"shrink\"]}"));
	close(fds[0]);
	close(fds[1]);
}
END_TEST

START_TEST(disks_and_network_cards_are_guessed)
{
	ck_assert_str_eq(exchange_guess_device(UINT64_C(0x175007e46)), "blk");
	ck_assert_str_eq(exchange_guess_device(UINT64_C(0x100000200)), "blk");
	ck_assert_str_eq(exchange_guess_device(UINT64_C(0x1403f8000)), "net");
	ck_assert_ptr_null(exchange_guess_device(UINT64_C(0x140000000)));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("exchange");
	TCase *tc = tcase_create("exchange");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, reply_is_matched_with_its_request);
	tcase_add_test(tc, requests_in_flight_are_matched_in_order);
	tcase_add_test(tc, reply_without_request_is_a_problem);
	tcase_add_test(tc, missing_reply_is_a_problem);
	tcase_add_test(tc, features_that_were_not_negotiated_are_a_problem);
	tcase_add_test(tc, log_base_has_a_reply_only_with_its_feature);
	tcase_add_test(tc, postcopy_replies_contain_addresses);
	tcase_add_test(tc, malformed_messages_are_problems);
	tcase_add_test(tc, pending_requests_are_bounded);
	tcase_add_loop_test(tc, any_message_is_judged_and_shown, 0, 20);
	tcase_add_test(tc, line_has_names_values_and_problems);
	tcase_add_test(tc, disks_and_network_cards_are_guessed);
	tcase_add_test(tc, reply_line_has_its_time_and_features);
	tcase_add_test(tc, events_are_lines);
	tcase_add_test(tc, json_has_fields_and_problems);
	tcase_add_test(tc, descriptors_are_examined);

	return run_suite(s);
}
