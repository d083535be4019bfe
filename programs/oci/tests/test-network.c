/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about interfaces of a network namespace, which ip(8) prepares as a plug-in of an engine does. */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <linux/if_packet.h>
#include <arpa/inet.h>

#include "oci/netlink.h"
#include "oci/network.h"
#include "util.h"

static struct oci_network network;
static struct vsu_error err;

static void run(const char *command)
{
	ck_assert_msg(!system(command), "%s", command);
}

/* A pair of interfaces in a namespace of this process; each test has a process of its own. */
static void make_pair(void)
{
	if (unshare(CLONE_NEWNET))
		ck_abort_msg("no namespace");
	run("ip link add eth0 type veth peer name peer0");
	run("ip link set eth0 address 02:00:00:00:00:07 mtu 1400 up && ip link set peer0 up");
}

START_TEST(interface_becomes_a_card)
{
	make_pair();
	run("ip link set peer0 down && ip address add 192.0.2.2/24 dev eth0 && ip route add default via 192.0.2.1");
	ck_assert_msg(!oci_network_read(&network, &err), "%s", err.msg);
	ck_assert_uint_eq(network.ncards, 1);
	ck_assert_str_eq(network.cards[0].name, "eth0");
	ck_assert_str_eq(network.cards[0].mac, "02:00:00:00:00:07");
	ck_assert_uint_eq(network.cards[0].mtu, 1400);
	ck_assert_str_eq(network.cards[0].interface.addresses[0], "192.0.2.2/24");
	ck_assert_ptr_null(network.cards[0].interface.addresses[1]);
	ck_assert_str_eq(network.cards[0].interface.routes[0], "default 192.0.2.1");
	ck_assert_ptr_null(network.cards[0].interface.routes[1]);
}
END_TEST

START_TEST(addresses_and_routes_of_ipv6_are_read)
{
	make_pair();
	run("ip address add 2001:db8::2/64 dev eth0 nodad && ip -6 route add 2001:db8:1::/48 via 2001:db8::1 && ip route add 10.0.0.0/8 dev eth0");
	ck_assert_msg(!oci_network_read(&network, &err), "%s", err.msg);
	ck_assert_str_eq(network.cards[network.ncards - 1].name[0] == 'e' ? network.cards[network.ncards - 1].addresses[0] : network.cards[0].addresses[0], "2001:db8::2/64");
}
END_TEST

START_TEST(loopback_and_interfaces_that_are_down_have_no_card)
{
	if (unshare(CLONE_NEWNET))
		ck_abort_msg("no namespace");
	run("ip link set lo up && ip link add eth0 type veth peer name peer0");
	ck_assert_msg(!oci_network_read(&network, &err), "%s", err.msg);
	ck_assert_uint_eq(network.ncards, 0);
	ck_assert_int_eq(oci_network_redirect(&network, &err), 0);
}
END_TEST

static int open_packets(const char *name)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(0x88b5), .sll_ifindex = (int)if_nametoindex(name) };
	int fd = socket(AF_PACKET, SOCK_RAW, htons(0x88b5));

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

/* 10 bytes precede a frame of the tap. Others, of IPv6, are skipped. */
static bool receives(int fd, size_t before, const char *frame, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char got[2048];
	ssize_t n;

	while (poll(&p, 1, 5000) == 1) {
		n = read(fd, got, sizeof(got));
		if (n == (ssize_t)(before + len) && !memcmp(got + before, frame, len))
			return true;
	}
	return false;
}

/* Without frames of IPv6 */
static void redirect(void)
{
	run("ip link set peer0 down; ip link set eth0 up");
	ck_assert_msg(!oci_network_read(&network, &err), "%s", err.msg);
	ck_assert_uint_eq(network.ncards, 1);
	ck_assert_msg(!oci_network_redirect(&network, &err), "%s", err.msg);
	run("ip link set peer0 up");
}

START_TEST(tap_disappears_with_its_descriptor)
{
	make_pair();
	redirect();
	ck_assert_int_ge((int)if_nametoindex("cvmm-tap0"), 1);
	oci_network_close(&network);
	ck_assert_uint_eq(if_nametoindex("cvmm-tap0"), 0);
}
END_TEST

START_TEST(namespace_serves_one_machine)
{
	struct oci_network other;

	make_pair();
	redirect();
	ck_assert_msg(!oci_network_read(&other, &err), "%s", err.msg);
	assert_refused(oci_network_redirect(&other, &err), -EBUSY,
		       "the network namespace serves another machine, which has the interface 'cvmm-tap0': only members of a pod share a network", err);
	oci_network_close(&other);
	oci_network_close(&network);
}
END_TEST

/* Another container is made in the namespace, as engines do for a pod. */
START_TEST(redirection_replaces_a_former_one)
{
	const char frame[60] = "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x09\x88\xb5";
	int peer;

	make_pair();
	redirect();
	oci_network_close(&network);
	redirect();
	peer = open_packets("peer0");
	ck_assert_int_eq(write(peer, frame, sizeof(frame)), sizeof(frame));
	ck_assert(receives(network.cards[0].fd, 10, frame, sizeof(frame)));
	oci_network_close(&network);
	close(peer);
}
END_TEST

START_TEST(frames_pass_between_an_interface_and_its_tap)
{
	char frame[70] = "\xff\xff\xff\xff\xff\xff\x02\x00\x00\x00\x00\x09\x88\xb5";
	int tap, peer;

	make_pair();
	redirect();
	tap = network.cards[0].fd;
	peer = open_packets("peer0");
	ck_assert_int_eq(write(peer, frame, 60), 60);
	ck_assert(receives(tap, 10, frame, 60));
	memmove(frame + 10, frame, 60);
	memset(frame, 0, 10);
	ck_assert_int_eq(write(tap, frame, 70), 70);
	ck_assert(receives(peer, 0, frame + 10, 60));
	close(tap);
	close(peer);
}
END_TEST

START_TEST(missing_namespace_is_named)
{
	assert_refused(oci_namespace_enter("/nonexistent", CLONE_NEWNET, &err), -ENOENT,
		       "cannot enter the namespace '/nonexistent': No such file or directory", err);
}
END_TEST

START_TEST(message_that_is_too_long_is_not_sent)
{
	static struct oci_netlink_message m;
	static char value[OCI_NETLINK_BYTES];
	const struct rtmsg route = { .rtm_family = AF_INET };

	oci_netlink_begin(&m, RTM_NEWROUTE, 0, &route, sizeof(route));
	oci_netlink_add(&m, RTA_DST, value, sizeof(value));
	ck_assert_int_eq(oci_netlink_call(-1, &m), -EMSGSIZE);
}
END_TEST

/* Interfaces need rights, ip(8), and parts of the kernel. */
static const char *why_no_network(void)
{
	int status = 1;
	pid_t pid = fork();

	if (!pid) {
		if (unshare(CLONE_NEWNET))
			_exit(1);
		status = system("exec 2>/dev/null; ip link add v0 type veth peer name v1 && tc qdisc add dev v0 ingress && "
				"tc filter add dev v0 parent ffff: protocol all u32 match u8 0 0 action mirred egress redirect dev v1 && test -e /dev/net/tun");
		_exit(status != 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return "no namespace, ip, tc, veth, cls_u32, act_mirred or /dev/net/tun";
	return NULL;
}

int main(void)
{
	Suite *s = suite_create("network");
	TCase *t = tcase_create("network");
	const char *why = why_no_network();

	if (!why && getenv("CK_FORK") && !strcmp(getenv("CK_FORK"), "no"))
		why = "each test needs a process of its own";
	tcase_add_test_unless(t, why, interface_becomes_a_card);
	tcase_add_test_unless(t, why, addresses_and_routes_of_ipv6_are_read);
	tcase_add_test_unless(t, why, loopback_and_interfaces_that_are_down_have_no_card);
	tcase_add_test_unless(t, why, tap_disappears_with_its_descriptor);
	tcase_add_test_unless(t, why, namespace_serves_one_machine);
	tcase_add_test_unless(t, why, redirection_replaces_a_former_one);
	tcase_add_test_unless(t, why, frames_pass_between_an_interface_and_its_tap);
	tcase_add_test(t, missing_namespace_is_named);
	tcase_add_test(t, message_that_is_too_long_is_not_sent);
	suite_add_tcase(s, t);
	return run_suite(s);
}
