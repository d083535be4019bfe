/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the network cards of a guest with containers. The agent runs in a network namespace, whose loopback
 * interface is the card, and in a folder with the files of sysfs.
 */
#define _GNU_SOURCE
#include <config.h>

#include <arpa/inet.h>
#include <ftw.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../suite.h"
#include "init/guest.h"
#include "rig.h"

static char folder[32];

#pragma GCC visibility push(default)
bool __wrap_vagent_init_await(bool (*is_there)(void *opaque), void *opaque, int ms);
#pragma GCC visibility pop

/* An absent card does not appear later. */
bool __wrap_vagent_init_await(bool (*is_there)(void *opaque), void *opaque, int ms)
{
	(void)ms;
	return is_there(opaque);
}

/* An interface with the device of this name. */
static void add_card(const char *name, const char *device)
{
	char path[96], target[64];

	snprintf(path, sizeof(path), "%s/sys/class/net/%s", folder, name);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	strcat(path, "/device");
	snprintf(target, sizeof(target), "../../../devices/%s", device);
	ck_assert_int_eq(symlink(target, path), 0);
}

static void setup(void)
{
	static const char *const folders[] = { "sys", "sys/class", "sys/class/net" };
	char path[96];
	unsigned int i;

	strcpy(folder, "/tmp/cards.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	for (i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, folders[i]);
		ck_assert_int_eq(mkdir(path, 0755), 0);
	}
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void teardown(void)
{
	agent_rig_end();
	nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* ------------------------------------------------------------------------ agent */

static void print_mtu(const char *name)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = { .ifr_flags = 0 };

	strcpy(r.ifr_name, name);
	if (ioctl(fd, SIOCGIFMTU, &r) == 0)
		dprintf(vagent_priv_ports[VAGENT_OUT], "mtu %d\n", r.ifr_mtu);
	close(fd);
}

/* The address from which this namespace would send to another one; "none" without a route. */
static void print_route(int family, const char *to)
{
	const int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 six = { .sin6_family = AF_INET6, .sin6_port = 9 };
	struct sockaddr_in four = { .sin_family = AF_INET, .sin_port = 9 };
	struct sockaddr *a = family == AF_INET ? (struct sockaddr *)&four : (struct sockaddr *)&six;
	socklen_t len = family == AF_INET ? sizeof(four) : sizeof(six);
	char text[64] = "none";

	inet_pton(family, to, family == AF_INET ? (void *)&four.sin_addr : (void *)&six.sin6_addr);
	if (connect(fd, a, len) == 0 && getsockname(fd, a, &len) == 0)
		inet_ntop(family, family == AF_INET ? (void *)&four.sin_addr : (void *)&six.sin6_addr, text, sizeof(text));
	dprintf(vagent_priv_ports[VAGENT_OUT], "%s by %s\n", to, text);
	close(fd);
}

static bool enter(void)
{
	return unshare((geteuid() ? CLONE_NEWUSER : 0) | CLONE_NEWNET) == 0 && chroot(folder) == 0 && chdir("/") == 0;
}

static void raise_cards(char *records, size_t len)
{
	if (!enter())
		_exit(98);
	vagent_priv_raise_cards(records, len);
	print_mtu(if_nametoindex("eth7") ? "eth7" : "lo");
	print_route(AF_INET, "192.0.2.9");
	print_route(AF_INET, "10.1.2.3");
	print_route(AF_INET, "203.0.113.1");
	print_route(AF_INET6, "2001:db8::9");
	print_route(AF_INET6, "2001:db8:1::1");
}

START_TEST(card_has_its_addresses_and_routes)
{
	add_card("lo", "virtio3");
	agent_starts(raise_cards, "J\0u1400\0a192.0.2.2/24\0a2001:db8::2/64\0r10.0.0.0/8 -\0rdefault 192.0.2.1\0"
				  "r2001:db8:1::/48 -");
	port_has(VAGENT_OUT, "mtu 1400\n192.0.2.9 by 192.0.2.2\n10.1.2.3 by 192.0.2.2\n203.0.113.1 by 192.0.2.2\n"
			     "2001:db8::9 by 2001:db8::2\n2001:db8:1::1 by 2001:db8::2\n");
}
END_TEST

START_TEST(card_is_renamed_before_it_is_up)
{
	add_card("lo", "virtio3");
	agent_starts(raise_cards, "Jeth7\0u1500\0a192.0.2.2/24");
	port_has(VAGENT_OUT, "mtu 1500\n192.0.2.9 by 192.0.2.2\n10.1.2.3 by none\n");
}
END_TEST

/* Two cards that have each other's name */
static void raise_pair(char *records, size_t len)
{
	if (unshare((geteuid() ? CLONE_NEWUSER : 0) | CLONE_NEWNET) || system("ip link add card0 type veth peer name card1") ||
	    chroot(folder) || chdir("/"))
		_exit(98);
	vagent_priv_raise_cards(records, len);
	print_mtu("card0");
	print_mtu("card1");
}

START_TEST(names_of_cards_can_be_exchanged)
{
	add_card("card0", "virtio3");
	add_card("card1", "virtio4");
	agent_starts(raise_pair, "Jcard1\0u1401\0Jcard0\0u1400");
	port_has(VAGENT_OUT, "mtu 1400\nmtu 1401\n");
}
END_TEST

/* By numbers, not by texts. */
START_TEST(cards_are_in_the_order_of_their_devices)
{
	add_card("absent", "virtio10");
	add_card("lo", "virtio9");
	agent_starts(raise_cards, "J\0u1400");
	port_has(VAGENT_OUT, "mtu 1400\n");
}
END_TEST

START_TEST(guest_without_cards_has_no_records)
{
	agent_starts(raise_cards, "Droot:ro:/share");
	port_has(VAGENT_OUT, "mtu ");
}
END_TEST

#define REFUSED(record, why) "J\0" record, sizeof("J\0" record) - 1, \
	"cannot configure the network card lo by " record ": " why
static const struct {
	const char *records;
	size_t len;
	const char *why;
} refused[] = {
	{ REFUSED("a192.0.2.2/33", "Invalid argument") },
	{ REFUSED("a192.0.2/24", "Invalid argument") },
	{ REFUSED("a2001:db8::2/129", "Invalid argument") },
	{ REFUSED("m02:00", "Invalid argument") },
	{ REFUSED("rdefault -", "Invalid argument") },
	{ REFUSED("r10.0.0.0/8 2001:db8::1", "Invalid argument") },
	{ REFUSED("rdefault 198.51.100.1", "Network is unreachable") },
};

START_TEST(invalid_record_is_named)
{
	add_card("lo", "virtio3");
	agent_rig_start(raise_cards, refused[_i].records, refused[_i].len);
	ck_assert_str_eq(agent_failed(), refused[_i].why);
}
END_TEST

START_TEST(missing_card_is_reported)
{
	add_card("lo", "virtio3");
	agent_starts(raise_cards, "J\0J");
	ck_assert_str_eq(agent_failed(),
			 "the guest has 1 network cards, but the host configures 2 (its kernel needs the driver virtio_net)");
}
END_TEST

static const char *cannot_make_pair(void)
{
	int status = -1;
	const pid_t pid = fork();

	if (!pid)
		_exit(unshare((geteuid() ? CLONE_NEWUSER : 0) | CLONE_NEWNET) || system("ip link add v0 type veth peer name v1 2>/dev/null"));
	waitpid(pid, &status, 0);
	return status ? "cannot make a pair of interfaces by ip(8)" : NULL;
}

static const char *cannot_enter(void)
{
	int status = -1;
	pid_t pid;

	strcpy(folder, "/");
	pid = fork();
	if (!pid)
		_exit(!enter());
	waitpid(pid, &status, 0);
	return status ? "cannot make a network namespace" : NULL;
}

int main(void)
{
	const char *why = cannot_enter();
	Suite *s = suite_create("cards");
	TCase *tc = tcase_create("cards");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test_unless(tc, why, card_has_its_addresses_and_routes);
	tcase_add_test_unless(tc, why, card_is_renamed_before_it_is_up);
	tcase_add_test_unless(tc, cannot_make_pair(), names_of_cards_can_be_exchanged);
	tcase_add_test_unless(tc, why, cards_are_in_the_order_of_their_devices);
	tcase_add_test_unless(tc, why, guest_without_cards_has_no_records);
	tcase_add_loop_test_unless(tc, why, invalid_record_is_named, 0, sizeof(refused) / sizeof(refused[0]));
	tcase_add_test_unless(tc, why, missing_card_is_reported);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
