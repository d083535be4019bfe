/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the kind of network cards: its keys, and what a card is on. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <device-kinds/kind.h>
#include <device-kinds/latency.h>
#include <virtio-devices/net.h>
#include <vmm-sys-util/fd.h>

#include "suite.h"

/* The requests of the kind to the library. */
static struct virtdev_net_config requested;
static struct virtdev_rate_limits rx, tx;
static struct virtdev_net_tap requested_tap;

int __real_virtdev_net_new(const struct virtdev_net_config *c, struct virtdev **out, struct vsu_error *why);
int __wrap_virtdev_net_new(const struct virtdev_net_config *c, struct virtdev **out, struct vsu_error *why);
int __wrap_virtdev_net_new(const struct virtdev_net_config *c, struct virtdev **out, struct vsu_error *why)
{
	requested = *c;
	return __real_virtdev_net_new(c, out, why);
}

int __wrap_virtdev_net_set_limits(struct virtdev *d, const struct virtdev_rate_limits *receive,
				  const struct virtdev_rate_limits *send, struct vsu_error *why);
int __wrap_virtdev_net_set_limits(struct virtdev *d, const struct virtdev_rate_limits *receive,
				  const struct virtdev_rate_limits *send, struct vsu_error *why)
{
	(void)d;
	(void)why;
	rx = *receive;
	tx = *send;
	return 0;
}

/* In place of a tap interface, which only a privileged user makes, a socket. */
static int tap_fd;

int __wrap_virtdev_net_tap_open(const struct virtdev_net_tap *tap, struct virtdev_net_link **out,
				struct vsu_error *why);
int __wrap_virtdev_net_tap_open(const struct virtdev_net_tap *tap, struct virtdev_net_link **out,
				struct vsu_error *why)
{
	requested_tap = *tap;
	return tap_fd < 0 ? -EPERM : virtdev_net_link_from_fd(tap_fd, out, why);
}

static char warning[256];

static void on_warning(void *opaque, const char *cause, const char *text)
{
	(void)opaque;
	(void)cause;
	snprintf(warning, sizeof(warning), "%s", text);
}

static const struct devkind_host host = { .warn = on_warning };

static _Alignas(8) unsigned char config[DEVKIND_MAX_CONFIG];
static struct vsu_error err;
static struct virtdev *dev;
static int pair[2];

static void setup(void)
{
	memset(config, 0, sizeof(config));
	vsu_error_clear(&err);
	dev = NULL;
	tap_fd = -1;
	warning[0] = '\0';
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

static void teardown(void)
{
	virtdev_free(dev);
	vsu_fd_close(&pair[0]);
	vsu_fd_close(&pair[1]);
}

static void set(const char *name, const char *text, uint64_t number)
{
	const struct vsu_option_value value = { .text = text, .number = number };
	unsigned int i = 0;

	while (strcmp(devkind_net()->keys[i].option.name, name) != 0)
		i++;
	ck_assert_int_eq(devkind_set(devkind_net(), i, name, &value, config, &err), 0);
}

/* The device owns the descriptor after success. */
static int open_card(uint32_t queues)
{
	const struct devkind_common common = { .queues = queues, .queue_size = 64, .host = &host };

	return devkind_net()->open(config, &common, &dev, &err);
}

static void on_descriptor(void)
{
	set("fd", NULL, (uint64_t)pair[0]);
}

static void opens(uint32_t queues)
{
	ck_assert_msg(!open_card(queues), "%s", err.msg);
	pair[0] = -1;
}

static uint64_t config_bytes(uint32_t at, uint32_t len)
{
	uint64_t value = 0;

	virtdev_config_read(dev, at, &value, len);
	return value;
}

START_TEST(card_is_on_a_descriptor)
{
	on_descriptor();
	set("mac", "52:54:0A:bc:Ff:09", 0);
	set("mtu", NULL, 1400);
	opens(1);
	ck_assert_uint_eq(virtdev_get_info(dev)->id, VIRTDEV_ID_NET);
	ck_assert_uint_eq(virtdev_get_info(dev)->queue_size_max, 64);
	ck_assert_uint_eq(config_bytes(0, 6), UINT64_C(0x09ffbc0a5452));
	ck_assert_uint_eq(config_bytes(10, 2), 1400);
	ck_assert(!requested.no_offloads);
	ck_assert_uint_eq(requested.block, VIRTDEV_NET_BLOCK_NONE);
}
END_TEST

START_TEST(offloads_may_be_off)
{
	on_descriptor();
	set("offloads", NULL, 1);
	opens(1);
	ck_assert(requested.no_offloads);
}
END_TEST

START_TEST(addresses_may_be_blocked)
{
	on_descriptor();
	set("block", NULL, VIRTDEV_NET_BLOCK_LOCAL);
	opens(1);
	ck_assert_uint_eq(requested.block, VIRTDEV_NET_BLOCK_LOCAL);
}
END_TEST

START_TEST(limits_are_those_of_their_direction)
{
	on_descriptor();
	set("rx-rate", NULL, 1000000);
	set("tx-iops", NULL, 100);
	opens(1);
	ck_assert_uint_eq(requested.receive.bytes, 1000000);
	ck_assert_uint_eq(requested.receive.ops, 0);
	ck_assert_uint_eq(requested.send.bytes, 0);
	ck_assert_uint_eq(requested.send.ops, 100);
	ck_assert_int_eq(devkind_net()->limit(dev, config, &err), 0);
	ck_assert_mem_eq(&rx, &requested.receive, sizeof(rx));
	ck_assert_mem_eq(&tx, &requested.send, sizeof(tx));
}
END_TEST

static const char *const wrong_macs[] = {
	"", "52:54:00:12:34", "52:54:00:12:34:5", "52:54:00:12:34:5g", "52-54-00-12-34-56",
	"5:54:00:12:34:567", "52:54:00:12:34:5:", ":2:54:00:12:34:56", "@2:54:00:12:34:56",
};

START_TEST(wrong_mac_is_refused)
{
	char why[128];

	on_descriptor();
	set("mac", wrong_macs[_i], 0);
	ck_assert_int_eq(open_card(1), -EINVAL);
	snprintf(why, sizeof(why), "mac '%s' is not six bytes such as 52:54:00:12:34:56", wrong_macs[_i]);
	ck_assert_str_eq(err.msg, why);
	ck_assert_int_ge(fcntl(pair[0], F_GETFD), 0);
}
END_TEST

#define SEVERAL "a network card uses only one of a tap interface, a socket and a descriptor; leave out the others"

static const struct { const char *tap, *socket; bool fd; uint64_t reconnect; const char *why; } mixed[] = {
	{ NULL, NULL, false, 0, "a network card requires a tap interface, a socket or a descriptor" },
	{ NULL, NULL, false, 5, "a network card requires a tap interface, a socket or a descriptor" },
	{ "tap0", "a", false, 0, SEVERAL },
	{ "tap0", NULL, true, 0, SEVERAL },
	{ NULL, "a", true, 0, SEVERAL },
	{ "tap0", "a", true, 0, SEVERAL },
	{ NULL, NULL, true, 5, "'reconnect' requires a stream; specify its socket, or leave out 'reconnect'" },
	{ "tap0", NULL, false, 5, "'reconnect' requires a stream; specify its socket, or leave out 'reconnect'" },
};

START_TEST(card_is_on_exactly_one_thing)
{
	if (mixed[_i].tap)
		set("tap", mixed[_i].tap, 0);
	if (mixed[_i].socket)
		set("socket", mixed[_i].socket, 0);
	if (mixed[_i].fd)
		on_descriptor();
	if (mixed[_i].reconnect)
		set("reconnect", NULL, mixed[_i].reconnect);
	ck_assert_int_eq(open_card(1), -EINVAL);
	ck_assert_str_eq(err.msg, mixed[_i].why);
}
END_TEST

START_TEST(queues_need_a_tap_interface)
{
	if (_i)
		set("socket", "/nowhere/at/all", 0);
	else
		on_descriptor();
	ck_assert_int_eq(open_card(2), -EINVAL);
	ck_assert_str_eq(err.msg, "a network card of 2 queues needs a tap interface; a socket or descriptor has one");
}
END_TEST

/* A mistyped name makes a new one. */
START_TEST(d5_03_new_tap_interface_is_reported)
{
	set("tap", _i == 1 ? "lo" : "no-such-tap", 0);
	tap_fd = _i == 2 ? -1 : pair[0];
	ck_assert_int_eq(open_card(1), _i == 2 ? -EPERM : 0);
	pair[0] = _i == 2 ? pair[0] : -1;
	ck_assert_str_eq(requested_tap.name, _i == 1 ? "lo" : "no-such-tap");
	ck_assert_uint_eq(requested_tap.lanes, 1);
	ck_assert_str_eq(warning, _i ? "" : "tap interface 'no-such-tap' did not exist and was created; it is down until it is configured, and ends with this program");
}
END_TEST

START_TEST(absent_socket_is_named)
{
	set("socket", "/nowhere/at/all", 0);
	ck_assert_int_eq(open_card(1), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "/nowhere/at/all"));
}
END_TEST

static const struct { const char *tap, *socket, *limit, *why; } served[] = {
	{ NULL, NULL, NULL, "the kernel serves a tap interface: give 'tap=NAME' or 'fd=N'" },
	{ NULL, "a", NULL, "the kernel serves a tap interface: give 'tap=NAME' or 'fd=N', leave out 'socket'" },
	{ "tap0", "a", NULL, "the kernel serves a tap interface: give 'tap=NAME' or 'fd=N', leave out 'socket'" },
	{ "tap0", NULL, "rx-rate", "the kernel does not support rate limits; leave out 'rx-' and 'tx-'" },
	{ "tap0", NULL, "rx-iops", "the kernel does not support rate limits; leave out 'rx-' and 'tx-'" },
	{ "tap0", NULL, "tx-rate", "the kernel does not support rate limits; leave out 'rx-' and 'tx-'" },
	{ "tap0", NULL, "tx-iops", "the kernel does not support rate limits; leave out 'rx-' and 'tx-'" },
	{ "tap0", NULL, "block", "the kernel does not block addresses; leave out 'block'" },
	{ "tap0", NULL, NULL, NULL },
};

START_TEST(kernel_serves_unlimited_taps)
{
	if (served[_i].tap)
		set("tap", served[_i].tap, 0);
	if (served[_i].socket)
		set("socket", served[_i].socket, 0);
	if (served[_i].limit)
		set(served[_i].limit, NULL, 1000000);
	ck_assert_int_eq(devkind_net()->kernel->check(config, &err), served[_i].why ? -EINVAL : 0);
	ck_assert_str_eq(err.msg, served[_i].why ? served[_i].why : "");
}
END_TEST

START_TEST(facts_are_those_of_its_link)
{
	struct devkind_facts facts;

	set("tap", "tap0", 0);
	facts = devkind_facts_of(devkind_net(), config);
	ck_assert_uint_eq(facts.workers, 1);
	ck_assert(!facts.connects);
	memset(config, 0, sizeof(config));
	set("socket", "a", 0);
	set("reconnect", NULL, 5);
	facts = devkind_facts_of(devkind_net(), config);
	ck_assert_uint_eq(facts.workers, 0);
	ck_assert(facts.connects);
}
END_TEST

/* -------------------------------------------------------------------- latency */

START_TEST(bounds_are_in_the_largest_unit)
{
	char text[24];
	unsigned int i;
	uint64_t ns;

	for (i = 0; i < VIRTDEV_LATENCY_BUCKETS + 2; i++) {
		ns = virtdev_latency_bound(i);
		snprintf(text, sizeof(text), "%d%s", (int)(ns / (ns < 1000000 ? 1000 : ns < 1000000000 ? 1000000 : 1000000000)),
			 ns < 1000000 ? "us" : ns < 1000000000 ? "ms" : "s");
		ck_assert_str_eq(devkind_latency_bound(i).text, ns == UINT64_MAX ? "longer" : text);
	}
	ck_assert_str_eq(devkind_latency_bound(VIRTDEV_LATENCY_BUCKETS - 1).text, "longer");
}
END_TEST

/* A network card measures nothing, which is no failure. */
START_TEST(card_measures_nothing)
{
	struct virtdev_measured *measured = (void *)config;

	on_descriptor();
	opens(1);
	ck_assert_int_eq(devkind_latency_measure(dev, &measured), 0);
	ck_assert_ptr_null(measured);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kinds");
	TCase *tc = tcase_create("net");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, card_is_on_a_descriptor);
	tcase_add_test(tc, offloads_may_be_off);
	tcase_add_test(tc, addresses_may_be_blocked);
	tcase_add_test(tc, limits_are_those_of_their_direction);
	tcase_add_loop_test(tc, wrong_mac_is_refused, 0, sizeof(wrong_macs) / sizeof(wrong_macs[0]));
	tcase_add_loop_test(tc, card_is_on_exactly_one_thing, 0, sizeof(mixed) / sizeof(mixed[0]));
	tcase_add_loop_test(tc, queues_need_a_tap_interface, 0, 2);
	tcase_add_loop_test(tc, d5_03_new_tap_interface_is_reported, 0, 3);
	tcase_add_test(tc, absent_socket_is_named);
	tcase_add_loop_test(tc, kernel_serves_unlimited_taps, 0, sizeof(served) / sizeof(served[0]));
	tcase_add_test(tc, facts_are_those_of_its_link);
	tcase_add_test(tc, bounds_are_in_the_largest_unit);
	tcase_add_test(tc, card_measures_nothing);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
