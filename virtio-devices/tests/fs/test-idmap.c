/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about ID rules, single and random ones. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "fs/device/idmap.h"

static struct fs_idmap map;

static void setup(void)
{
	memset(&map, 0, sizeof(map));
}

static int add(const char *rule)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = virtdev_priv_fs_idmap_add(&map, rule, &err);

	ck_assert(rc == 0 || strstr(err.msg, rule));
	return rc;
}

/* The host ID, or a negative errno. */
static int64_t to_host(uint32_t id)
{
	uint32_t host;
	int rc = virtdev_priv_fs_idmap_to_host(&map, id, &host);

	return rc < 0 ? rc : (int64_t)host;
}

static uint32_t to_guest(uint32_t id)
{
	return virtdev_priv_fs_idmap_to_guest(&map, id);
}

START_TEST(ids_without_a_rule_are_unchanged)
{
	ck_assert_int_eq(to_host(0), 0);
	ck_assert_int_eq(to_host(UINT32_MAX - 1), UINT32_MAX - 1);
	ck_assert_uint_eq(to_guest(1000), 1000);
	ck_assert_int_eq(to_host(UINT32_MAX), -EINVAL);
}
END_TEST

START_TEST(rule_applies_only_to_its_range)
{
	ck_assert_int_eq(add("guest:1000:2000:10"), 0);
	ck_assert_int_eq(to_host(999), 999);
	ck_assert_int_eq(to_host(1000), 2000);
	ck_assert_int_eq(to_host(1009), 2009);
	ck_assert_int_eq(to_host(1010), 1010);
	ck_assert_uint_eq(to_guest(2000), 2000);
	ck_assert_int_eq(add("host:2000:3000:1"), 0);
	ck_assert_uint_eq(to_guest(2000), 3000);
	ck_assert_uint_eq(to_guest(2001), 2001);
}
END_TEST

START_TEST(map_translates_in_both_directions)
{
	ck_assert_int_eq(add("map:0:100000:65536"), 0);
	ck_assert_int_eq(to_host(0), 100000);
	ck_assert_int_eq(to_host(65535), 165535);
	ck_assert_uint_eq(to_guest(165535), 65535);
	ck_assert_uint_eq(to_guest(0), 0);
}
END_TEST

START_TEST(rules_squash_and_refuse_ids)
{
	ck_assert_int_eq(add("squash-guest:0:1000:100"), 0);
	ck_assert_int_eq(add("forbid-guest:100:4294967196"), 0);
	ck_assert_int_eq(add("squash-host:0:65534:1000"), 0);
	ck_assert_int_eq(to_host(0), 1000);
	ck_assert_int_eq(to_host(99), 1000);
	ck_assert_int_eq(to_host(100), -EPERM);
	ck_assert_int_eq(to_host(UINT32_MAX), -EPERM);
	ck_assert_uint_eq(to_guest(999), 65534);
	ck_assert_uint_eq(to_guest(1000), 1000);
}
END_TEST

START_TEST(malformed_rules_are_refused_by_name)
{
	static const char *const rules[] = {
		"", ":", "map", "map:", "map:1", "map:1:2", "map:1:2:",
		"map:1:2:3:", "map:1:2:3:4", "maps:1:2:3", "ma:1:2:3",
		"map:-1:2:3", "map: 1:2:3", "map:1:2:3 ", "map:x:2:3",
		"map::2:3", "map:1:2:0", "forbid-guest:1:0", "forbid-guest:1",
		"forbid-guest:1:2:3", "map:4294967295:0:1",
		"map:0:4294967295:1", "map:0:4294967294:2",
		"map:4294967294:0:2", "map:0:0:4294967296",
		"squash-guest:0:4294967295:1", "forbid-guest:1:4294967296",
		"map:18446744073709551616:0:1", "1:2:3", "forbid-host:1:2",
		"guest:1:2:000000000000000000000000000000000000000000000001",
	};
	size_t i;

	for_rows(i, sizeof(rules) / sizeof(*rules))
		ck_assert_int_eq(add(rules[i]), -EINVAL);
	ck_assert_uint_eq(map.to_host.n + map.to_guest.n, 0);
	ck_assert_int_eq(add("squash-guest:0:4294967294:4294967295"), 0);
}
END_TEST

START_TEST(overlapping_rules_are_refused)
{
	ck_assert_int_eq(add("map:1000:1000:2"), 0);
	ck_assert_int_eq(add("forbid-guest:1001:1999"), -EINVAL);
	ck_assert_int_eq(add("forbid-guest:0:1001"), -EINVAL);
	ck_assert_int_eq(add("squash-host:0:0:4294967294"), -EINVAL);
	ck_assert_int_eq(add("forbid-guest:0:1000"), 0);
	ck_assert_int_eq(add("forbid-guest:1002:1"), 0);
	ck_assert_int_eq(add("host:1002:5:1"), 0);
}
END_TEST

START_TEST(number_of_rules_is_limited)
{
	char rule[64];
	uint32_t i;

	for (i = 0; i < FS_IDMAP_RULES; i++) {
		snprintf(rule, sizeof(rule), "guest:%" PRIu32 ":7:1", i);
		ck_assert_int_eq(add(rule), 0);
	}
	ck_assert_int_eq(add("guest:99:7:1"), -ENOSPC);
	ck_assert_int_eq(add("host:99:7:1"), 0);
}
END_TEST

START_TEST(configuration_with_too_many_rules_is_refused)
{
	char texts[VIRTDEV_FS_RULES_MAX + 1][32];
	const char *rules[VIRTDEV_FS_RULES_MAX + 1];
	struct virtdev_fs_config c = {
		.size = sizeof(c), .path = "/", .tag = "test",
		.uid_rules = rules, .gid_rules = rules,
		.nuid_rules = _i ? 0 : VIRTDEV_FS_RULES_MAX + 1,
		.ngid_rules = _i ? VIRTDEV_FS_RULES_MAX + 1 : 0,
	};
	struct vsu_error err = VSU_ERROR_INIT;
	uint32_t i;

	for (i = 0; i <= VIRTDEV_FS_RULES_MAX; i++) {
		snprintf(texts[i], sizeof(texts[i]), "guest:%" PRIu32 ":7:1", i);
		rules[i] = texts[i];
	}
	ck_assert_int_eq(virtdev_fs_config_check(&c, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "at most 16 of each"));
}
END_TEST

/* ------------------------------------------------------------------ at random */

#define IDS 48u
#define NO_RULE (-2)

/* Model: the translation of each ID, or NO_RULE or -EPERM. */
static int64_t hosts[IDS], guests[IDS];

static const char *const names[] = {
	"guest", "host", "map", "squash-guest", "squash-host", "forbid-guest",
};
enum { GUEST, HOST, MAP, SQUASH_GUEST, SQUASH_HOST, FORBID, NAMES };

static bool slow_add(int64_t *ids, uint32_t from, int64_t to, uint32_t count,
		     bool one_by_one)
{
	uint32_t i;

	for (i = 0; i < count; i++)
		if (ids[from + i] != NO_RULE)
			return false;
	for (i = 0; i < count; i++)
		ids[from + i] = to + (one_by_one ? i : 0);
	return true;
}

static bool slow_rule(long kind, uint32_t from, uint32_t to, uint32_t count)
{
	switch (kind) {
	case HOST:
	case SQUASH_HOST:
		return slow_add(guests, from, to, count, kind == HOST);
	case FORBID:
		return slow_add(hosts, from, -EPERM, count, false);
	case MAP:
		return slow_add(hosts, from, to, count, true) &&
		       slow_add(guests, to, from, count, true);
	default:
		return slow_add(hosts, from, to, count, kind == GUEST);
	}
}

static void random_rule(void)
{
	const long kind = random() % NAMES;
	const uint32_t from = (uint32_t)random() % (IDS - 8);
	const uint32_t to = (uint32_t)random() % (IDS - 8);
	const uint32_t count = 1 + (uint32_t)random() % 8;
	const struct fs_idmap before = map;
	int64_t old_hosts[IDS], old_guests[IDS];
	char rule[64];

	if (kind == FORBID)
		snprintf(rule, sizeof(rule), "%s:%" PRIu32 ":%" PRIu32,
			 names[kind], from, count);
	else
		snprintf(rule, sizeof(rule), "%s:%" PRIu32 ":%" PRIu32 ":%" PRIu32,
			 names[kind], from, to, count);
	memcpy(old_hosts, hosts, sizeof(hosts));
	memcpy(old_guests, guests, sizeof(guests));
	if (slow_rule(kind, from, to, count)) {
		ck_assert_int_eq(add(rule), 0);
		return;
	}
	ck_assert_int_eq(add(rule), -EINVAL);
	map = before;
	memcpy(hosts, old_hosts, sizeof(hosts));
	memcpy(guests, old_guests, sizeof(guests));
}

START_TEST(random_rules_agree_with_a_model)
{
	const unsigned int rounds = scaled(2000);
	unsigned int round, i;

	srandom(7);
	for (round = 0; round < rounds; round++) {
		setup();
		for (i = 0; i < IDS; i++)
			hosts[i] = guests[i] = NO_RULE;
		for (i = 0; i < 12; i++)
			random_rule();
		for (i = 0; i < IDS; i++) {
			ck_assert_int_eq(to_host(i), hosts[i] == NO_RULE ?
					 (int64_t)i : hosts[i]);
			ck_assert_int_eq(to_guest(i), guests[i] == NO_RULE ?
					 (int64_t)i : guests[i]);
		}
	}
}
END_TEST

/* Random text: the parser must not read beyond its end. */
START_TEST(random_texts_are_parsed_or_refused)
{
	static const char bytes[] = "guesthopmapsquash-forbid:::0123456789xX ";
	static const char good[] = "squash-guest:10:20:30";
	const unsigned int rounds = scaled(20000);
	unsigned int round, i, accepted = 0;
	char text[sizeof(good)];

	srandom(11);
	for (round = 0; round < rounds; round++) {
		setup();
		memcpy(text, good, sizeof(good));
		for (i = (unsigned int)random() % 4; i; i--)
			text[(size_t)random() % (sizeof(good) - 1)] =
				bytes[(size_t)random() % sizeof(bytes)];
		accepted += virtdev_priv_fs_idmap_add(&map, text, NULL) == 0;
	}
	ck_assert_uint_gt(accepted, 0);
	ck_assert_uint_lt(accepted, rounds);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("idmap");
	TCase *tc = tcase_create("idmap");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, ids_without_a_rule_are_unchanged);
	tcase_add_test(tc, rule_applies_only_to_its_range);
	tcase_add_test(tc, map_translates_in_both_directions);
	tcase_add_test(tc, rules_squash_and_refuse_ids);
	tcase_add_test(tc, malformed_rules_are_refused_by_name);
	tcase_add_test(tc, overlapping_rules_are_refused);
	tcase_add_test(tc, number_of_rules_is_limited);
	tcase_add_loop_test(tc, configuration_with_too_many_rules_is_refused, 0, 2);
	tcase_add_test(tc, random_rules_agree_with_a_model);
	tcase_add_test(tc, random_texts_are_parsed_or_refused);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
