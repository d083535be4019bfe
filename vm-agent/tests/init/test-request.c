/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the request that an agent receives: its records, and what it rejects. */
#define _GNU_SOURCE
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../suite.h"
#include "rig.h"

static struct agent_request r;
static char *text;

#define READ(literal) do {							\
	text = malloc(sizeof(literal));						\
	memcpy(text, literal, sizeof(literal));					\
	vagent_priv_read_request(&r, text, sizeof(literal));				\
} while (0)

static void teardown(void)
{
	agent_rig_end();
	free(r.argv);
	free(r.envp);
	free(r.presets);
	free(text);
	text = NULL;
	memset(&r, 0, sizeof(r));
}

static void read_request(char *records, size_t len)
{
	vagent_priv_read_request(&r, records, len);
	vagent_priv_send(VAGENT_SERVES, NULL, 0);
}

START_TEST(words_are_in_their_order)
{
	READ("EX=1\0Als\0A\0EY=\0A-l");
	ck_assert_str_eq(r.argv[0], "ls");
	ck_assert_str_eq(r.argv[1], "");
	ck_assert_str_eq(r.argv[2], "-l");
	ck_assert_ptr_null(r.argv[3]);
	ck_assert_str_eq(r.envp[0], "X=1");
	ck_assert_str_eq(r.envp[1], "Y=");
	ck_assert_ptr_null(r.envp[2]);
}
END_TEST

START_TEST(absent_records_have_presets)
{
	READ("Atrue");
	ck_assert_ptr_null(r.envp[0]);
	ck_assert_ptr_null(r.cwd);
	ck_assert_ptr_null(r.network);
	ck_assert_str_eq(r.hostname, "cvmm");
	ck_assert(!r.writable_root && !r.image);
	ck_assert(!r.terminal);
	ck_assert_uint_eq(r.nfolders, 0);
}
END_TEST

START_TEST(other_records_are_read)
{
	READ("Atrue\0Hhost\0C/srv\0Rrw\0I\0T24x80\0Da:ro:/a\0Dbcd:rw:/b/c\0Zunknown\0N192.0.2.2/24 - -");
	ck_assert_str_eq(r.cwd, "/srv");
	ck_assert_str_eq(r.hostname, "host");
	ck_assert(r.writable_root && r.image);
	ck_assert(r.terminal);
	ck_assert_uint_eq(r.rows, 24);
	ck_assert_uint_eq(r.columns, 80);
	ck_assert_uint_eq(r.nfolders, 2);
	ck_assert_str_eq(r.network, "192.0.2.2/24 - -");
	ck_assert_str_eq(r.folders[0], "a:ro:/a");
	ck_assert_str_eq(r.folders[1], "bcd:rw:/b/c");
}
END_TEST

START_TEST(root_is_writable_only_if_requested)
{
	READ("Atrue\0Rro");
	ck_assert(!r.writable_root);
}
END_TEST

static const struct { const char *records; size_t len; const char *why; } rejected[] = {
#define ROW(literal, why) { literal, sizeof(literal) - 1, why }
	ROW("EX=1\0C/", "the host requested no command"),
	ROW("Atrue\0Da", "the host requested an invalid folder: a"),
	ROW("Atrue\0Da:ro:", "the host requested an invalid folder: a:ro:"),
	ROW("Atrue\0Da:r:/abc", "the host requested an invalid folder: a:r:/abc"),
	ROW("Atrue\0Da:ro:b/c", "the host requested an invalid folder: a:ro:b/c"),
#undef ROW
};

START_TEST(invalid_request_is_rejected)
{
	agent_rig_start(read_request, rejected[_i].records, rejected[_i].len);
	ck_assert_str_eq(agent_failed(), rejected[_i].why);
}
END_TEST

/* One more than the maximum is rejected. */
START_TEST(folders_have_a_maximum)
{
	char records[1024] = "Atrue";
	size_t at = 6;
	int i;

	for (i = 0; i < AGENT_MAX_FOLDERS + _i; i++)
		at += (size_t)snprintf(records + at, sizeof(records) - at, "D%d:ro:/%d", i, i) + 1;
	agent_rig_start(read_request, records, at);
	if (_i)
		ck_assert_str_eq(agent_failed(),
				 "the host requested an invalid folder: 32:ro:/32");
	else
		agent_sent(VAGENT_SERVES);
}
END_TEST

/* Records of the maximum, after the members of PREPARE. */
#define MAX_PAYLOAD (sizeof(struct vagent_prepare) + VAGENT_MAX_REQUEST)

static void receive_one(char *records, size_t len)
{
	struct vagent_header h;
	char *payload = vagent_priv_receive(&h);

	(void)records;
	(void)len;
	if (h.type == VAGENT_PREPARE && h.len == MAX_PAYLOAD && !payload[h.len])
		vagent_priv_send(VAGENT_SERVES, NULL, 0);
}

/* The maximum is received, and one byte more ends the guest. */
START_TEST(messages_have_a_maximum)
{
	static char bytes[MAX_PAYLOAD];
	const struct vagent_header long_one = { VAGENT_PREPARE, MAX_PAYLOAD + 1 };

	memset(bytes, 'x', sizeof(bytes));
	agent_starts(receive_one, "");
	if (_i) {
		host_writes(VAGENT_CONTROL, &long_one, sizeof(long_one));
		ck_assert_str_eq(agent_failed(), "the host sent a message of 2097161 bytes");
	} else {
		host_sends(VAGENT_PREPARE, bytes, sizeof(bytes));
		agent_sent(VAGENT_SERVES);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("agent");
	TCase *tc = tcase_create("request");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, words_are_in_their_order);
	tcase_add_test(tc, absent_records_have_presets);
	tcase_add_test(tc, other_records_are_read);
	tcase_add_test(tc, root_is_writable_only_if_requested);
	tcase_add_loop_test(tc, invalid_request_is_rejected, 0, sizeof(rejected) / sizeof(rejected[0]));
	tcase_add_loop_test(tc, folders_have_a_maximum, 0, 2);
	tcase_add_loop_test(tc, messages_have_a_maximum, 0, 2);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
