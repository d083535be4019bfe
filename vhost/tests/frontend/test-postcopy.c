/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about postcopy with a scripted back-end. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vhost/frontend_device.h>
#include <vmm-sys-util/event.h>

#include "../front_rig.h"
#include "../suite.h"

static int advised, listening, ended, connects;
static unsigned int nplaced;
static struct vhost_user_placed_region placed;
static bool had_fd, confirmed_before;
static struct vhost_user_frontend_device_ops device;

static void on_advised(void *opaque, int result, int fd)
{
	(void)opaque;
	advised = result;
	had_fd = fd >= 0;
}

static void on_listening(void *opaque, int result)
{
	(void)opaque;
	listening = result;
}

static void on_placed(void *opaque, const struct vhost_user_placed_region *r,
		      unsigned int n)
{
	(void)opaque;
	nplaced = n;
	placed = *r;
	confirmed_before = peer_count(&peer, VHOST_USER_SET_MEM_TABLE) > 1;
}

static void on_ended(void *opaque, int result)
{
	(void)opaque;
	ended = result;
}

static void setup_postcopy(void)
{
	setup();
	advised = listening = ended = 1;
	nplaced = 0;
	connects = 0;
	device = (struct vhost_user_frontend_device_ops){
		.size = sizeof(device),
		.postcopy_advised = on_advised,
		.postcopy_listening = on_listening,
		.postcopy_placed = on_placed,
		.postcopy_ended = on_ended,
	};
	front_ops.device = &device;
	peer.protocol |= VHOST_USER_PROTOCOL_BIT(PAGEFAULT);
}

static void teardown_postcopy(void)
{
	front_ops.device = NULL;
	front_ops.connect = NULL;
	teardown();
}

static void listen_now(void)
{
	become_ready();
	ck_assert_int_eq(vhost_user_frontend_postcopy_listen(fe, NULL), 0);
	dispatch_both();
	ck_assert_int_eq(listening, 0);
}

static void run_listening(void)
{
	listen_now();
	peer.extra = vsu_event_new();
	grow_map(MIB, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	grow_map(0, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	describe_rings(NRINGS);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL), 0);
	dispatch_both();
}

START_TEST(table_is_confirmed_after_its_addresses_are_reported)
{
	unsigned int i;

	run_listening();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(nplaced, 2);
	ck_assert_uint_eq(placed.gpa, 0);
	ck_assert_uint_eq(placed.size, MIB);
	ck_assert_uint_eq(placed.address, PEER_BASE);
	ck_assert(!confirmed_before);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_MEM_TABLE), 2);
	i = peer_first(&peer, VHOST_USER_SET_MEM_TABLE);
	ck_assert_uint_eq(peer.flags[i], VHOST_USER_HDR_VERSION);
	ck_assert_uint_eq(peer.log[i + 1], VHOST_USER_SET_MEM_TABLE);
	ck_assert_uint_eq(peer.flags[i + 1], VHOST_USER_HDR_VERSION);
}
END_TEST

START_TEST(changed_memory_is_confirmed_too)
{
	run_listening();
	grow_map(4 * MIB, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_postcopy_end(fe, NULL), -EBUSY);
	dispatch_both();
	ck_assert_uint_eq(notified.memory, 1);
	ck_assert_int_eq(notified.memory_code, 0);
	ck_assert_uint_eq(nplaced, 3);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_MEM_TABLE), 4);
	ck_assert_int_eq(vhost_user_frontend_postcopy_end(fe, NULL), 0);
	dispatch_both();
	ck_assert_int_eq(ended, 0);
	grow_map(6 * MIB, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	dispatch_both();
	ck_assert_uint_eq(notified.memory, 2);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_MEM_TABLE), 5);
	ck_assert_uint_eq(nplaced, 3);
}
END_TEST

/* A u64 payload whose first four bytes are this 32-bit number. */
static uint64_t number_first(uint32_t number)
{
	const uint32_t words[2] = { number, 0 };
	uint64_t value;

	memcpy(&value, words, sizeof(value));
	return value;
}

START_TEST(c1_04_reply_that_differs_from_the_table_ends_the_session)
{
	static const struct {
		enum peer_deviation how;
		uint32_t at;
		uint64_t value;
		const char *words;
	} bad[] = {
		{ PEER_VALUE, 0, 1, "announces 1 regions" },
		{ PEER_VALUE, 8, 0x1000, "which were not sent" },
		{ PEER_VALUE, 16, 2 * MIB, "which were not sent" },
		{ PEER_VALUE, 24, UINT64_MAX - 1, "wrap" },
		{ PEER_SHORT, 0, 0, "payload" },
		{ PEER_WITH_FD, 0, 0, "descriptors" },
		{ PEER_EMPTY, 0, 0, "refused SET_MEM_TABLE" },
	};

	peer.value_at = bad[_i].at;
	peer.value = bad[_i].at ? bad[_i].value :
				  number_first((uint32_t)bad[_i].value);
	deviate(bad[_i].how, VHOST_USER_SET_MEM_TABLE);
	run_listening();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_DEAD);
	ck_assert_msg(strstr(notified.err.msg, bad[_i].words), "%s", notified.err.msg);
	ck_assert_uint_eq(nplaced, 0);
}
END_TEST

START_TEST(advice_requires_a_userfaultfd)
{
	if (_i)
		deviate(PEER_WITH_FD, VHOST_USER_POSTCOPY_ADVISE);
	become_ready();
	peer.extra = vsu_event_new();
	ck_assert_int_eq(vhost_user_frontend_postcopy_advise(fe, NULL), 0);
	dispatch_both();
	ck_assert_int_eq(advised, _i ? 0 : -EREMOTEIO);
	ck_assert(had_fd == (_i != 0));
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
}
END_TEST

START_TEST(refusal_is_reported_by_the_reply)
{
	deviate(PEER_REFUSE, VHOST_USER_POSTCOPY_LISTEN);
	become_ready();
	ck_assert_int_eq(vhost_user_frontend_postcopy_listen(fe, NULL), 0);
	dispatch_both();
	ck_assert_int_eq(listening, -EREMOTEIO);
	ck_assert_uint_eq(notified.refused, 0);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
}
END_TEST

static int on_connect(void *opaque, struct vsu_error *err)
{
	(void)opaque;
	connects++;
	return vsu_error_set(err, -ECONNREFUSED, "nobody");
}

/* Another back-end would read zeros where pages are missing. */
START_TEST(back_end_lost_while_listening_is_not_reconnected)
{
	front_ops.connect = on_connect;
	listen_now();
	peer_fini(&peer);
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_DEAD);
	ck_assert_uint_eq(notified.failed, 1);
	ck_assert_int_eq(connects, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vhost front-end postcopy");
	TCase *tc = tcase_create("postcopy");

	tcase_add_checked_fixture(tc, setup_postcopy, teardown_postcopy);
	suite_add_tcase(s, tc);
	tcase_add_test(tc, table_is_confirmed_after_its_addresses_are_reported);
	tcase_add_test(tc, changed_memory_is_confirmed_too);
	tcase_add_loop_test(tc, c1_04_reply_that_differs_from_the_table_ends_the_session,
			    0, 7);
	tcase_add_loop_test(tc, advice_requires_a_userfaultfd, 0, 2);
	tcase_add_test(tc, refusal_is_reported_by_the_reply);
	tcase_add_test(tc, back_end_lost_while_listening_is_not_reconnected);
	return run_suite(s);
}
