/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Network cards of a guest, by messages of rtnetlink(7). */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init/guest.h"

#define WAIT_MS 10000
#define MAX_CARDS 16

/* A message and its attributes. */
struct link_message {
	struct nlmsghdr header;
	union {
		struct ifinfomsg link;
		struct ifaddrmsg address;
		struct rtmsg route;
		char bytes[256];
	} body;
};

/* A card while its records are read. */
struct card {
	char name[IF_NAMESIZE];
	unsigned int index;
};

/* -------------------------------------------------------------------- messages */

static void begin_message(struct link_message *m, uint16_t type, uint16_t flags, size_t body)
{
	memset(m, 0, sizeof(*m));
	m->header.nlmsg_type = type;
	m->header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	m->header.nlmsg_len = (uint32_t)NLMSG_LENGTH(body);
}

static void add_attribute(struct link_message *m, uint16_t type, const void *value, size_t len)
{
	const struct rtattr a = { (uint16_t)RTA_LENGTH(len), type };
	char *at = (char *)m + NLMSG_ALIGN(m->header.nlmsg_len);

	if (at + RTA_SPACE(len) > (char *)m + sizeof(*m))
		vagent_init_fail("a message about a network card is too long");
	memcpy(at, &a, sizeof(a));
	memcpy(at + RTA_LENGTH(0), value, len);
	m->header.nlmsg_len = (uint32_t)(NLMSG_ALIGN(m->header.nlmsg_len) + RTA_SPACE(len));
}

/* A negative errno of the kernel. */
static int send_message(int fd, const struct link_message *m)
{
	struct {
		struct nlmsghdr header;
		struct nlmsgerr error;
		char more[512];
	} answer;

	if (send(fd, m, m->header.nlmsg_len, 0) < 0)
		return -errno;
	if (recv(fd, &answer, sizeof(answer), 0) < (ssize_t)(sizeof(answer.header) + sizeof(answer.error)))
		return -EIO;
	return answer.header.nlmsg_type == NLMSG_ERROR ? answer.error.error : -EIO;
}

/* ------------------------------------------------------------------- addresses */

/* An address of either family; bits is a length of its prefix. */
struct prefix {
	unsigned char family, bits;
	size_t len;
	unsigned char bytes[16];
};

/* "ADDRESS" or "ADDRESS/BITS" */
static bool read_prefix(const char *text, size_t len, struct prefix *p)
{
	char copy[64], *slash;

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	slash = strchr(copy, '/');
	if (slash)
		*slash = '\0';
	p->family = strchr(copy, ':') ? AF_INET6 : AF_INET;
	p->len = p->family == AF_INET ? 4 : 16;
	p->bits = slash ? (unsigned char)strtoul(slash + 1, NULL, 10) : (unsigned char)(8 * p->len);
	return p->bits <= 8 * p->len && inet_pton(p->family, copy, p->bytes) == 1;
}

/* IPv6 addresses are used at once: no other guest has them. */
static int add_address(int fd, const struct card *c, const char *text)
{
	struct link_message m;
	struct prefix p;

	if (!read_prefix(text, strlen(text), &p))
		return -EINVAL;
	begin_message(&m, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, sizeof(m.body.address));
	m.body.address = (struct ifaddrmsg){
		.ifa_family = p.family, .ifa_prefixlen = p.bits, .ifa_index = c->index,
		.ifa_flags = p.family == AF_INET6 ? IFA_F_NODAD : 0,
	};
	add_attribute(&m, IFA_LOCAL, p.bytes, p.len);
	add_attribute(&m, IFA_ADDRESS, p.bytes, p.len);
	return send_message(fd, &m);
}

/* "DESTINATION GATEWAY", where "default" and "-" are none. */
static int add_route(int fd, const struct card *c, const char *text)
{
	const size_t len = strcspn(text, " ");
	const char *gateway = text + len + (text[len] == ' ');
	const bool is_default = len == 7 && !strncmp(text, "default", len), on_link = !strcmp(gateway, "-");
	struct prefix to = { .family = AF_INET }, by = { .family = AF_INET };
	struct link_message m;

	if ((!is_default && !read_prefix(text, len, &to)) || (!on_link && !read_prefix(gateway, strlen(gateway), &by)) ||
	    (is_default && on_link) || (!is_default && !on_link && to.family != by.family))
		return -EINVAL;
	begin_message(&m, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, sizeof(m.body.route));
	m.body.route = (struct rtmsg){
		.rtm_family = is_default ? by.family : to.family, .rtm_dst_len = is_default ? 0 : to.bits,
		.rtm_table = RT_TABLE_MAIN, .rtm_protocol = RTPROT_BOOT, .rtm_type = RTN_UNICAST,
		.rtm_scope = on_link ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
	};
	if (!is_default)
		add_attribute(&m, RTA_DST, to.bytes, to.len);
	if (!on_link)
		add_attribute(&m, RTA_GATEWAY, by.bytes, by.len);
	add_attribute(&m, RTA_OIF, &c->index, sizeof(c->index));
	return send_message(fd, &m);
}

/* ----------------------------------------------------------------------- links */

/* Sets an attribute of a card, or raises it if there is none. */
static int change_link(int fd, const struct card *c, uint16_t type, const void *value, size_t len)
{
	struct link_message m;

	begin_message(&m, RTM_NEWLINK, 0, sizeof(m.body.link));
	m.body.link = (struct ifinfomsg){
		.ifi_family = AF_UNSPEC, .ifi_index = (int)c->index, .ifi_flags = value ? 0 : IFF_UP,
		.ifi_change = value ? 0 : IFF_UP,
	};
	if (value)
		add_attribute(&m, type, value, len);
	return send_message(fd, &m);
}

static int rename_card(int fd, struct card *c, const char *name)
{
	const int rc = change_link(fd, c, IFLA_IFNAME, name, strlen(name) + 1);

	if (!rc)
		snprintf(c->name, sizeof(c->name), "%s", name);
	return rc;
}

static int apply_record(int fd, struct card *c, const char *text)
{
	const unsigned int mtu = (unsigned int)strtoul(text + 1, NULL, 10);
	unsigned char mac[AGENT_MAC];

	switch (*text) {
	case 'J':
		return text[1] && strcmp(text + 1, c->name) ? rename_card(fd, c, text + 1) : 0;
	case 'm':
		return vagent_priv_read_mac(text + 1, mac) ? change_link(fd, c, IFLA_ADDRESS, mac, sizeof(mac)) : -EINVAL;
	case 'u':
		return change_link(fd, c, IFLA_MTU, &mtu, sizeof(mtu));
	case 'a':
		return add_address(fd, c, text + 1);
	case 'r':
		return add_route(fd, c, text + 1);
	default:
		return 0;
	}
}

/* ----------------------------------------------------------------------- cards */

/* Cards of devices, in the order of the devices' numbers. */
struct cards {
	unsigned int n, wanted;
	struct {
		long device;
		char name[IF_NAMESIZE];
	} all[MAX_CARDS];
};

/* The number of a virtio device; -1: the interface has no such device, as dummy0. */
static long device_of(const char *name)
{
	char path[300], target[256];
	const char *number;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/class/net/%s/device", name);
	n = readlink(path, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = '\0';
	number = strrchr(target, '/');
	number = number ? number + 1 : target;
	return strncmp(number, "virtio", 6) ? -1 : strtol(number + 6, NULL, 10);
}

static void insert_card(struct cards *cs, const char *name, long device)
{
	unsigned int i = cs->n;

	if (cs->n == MAX_CARDS)
		return;
	for (; i && cs->all[i - 1].device > device; i--)
		cs->all[i] = cs->all[i - 1];
	cs->all[i].device = device;
	snprintf(cs->all[i].name, IF_NAMESIZE, "%.*s", IF_NAMESIZE - 1, name);
	cs->n++;
}

static bool find_cards(void *opaque)
{
	struct cards *cs = opaque;
	DIR *all = opendir("/sys/class/net");
	const struct dirent *e;

	cs->n = 0;
	while (all && (e = readdir(all)))
		if (device_of(e->d_name) >= 0)
			insert_card(cs, e->d_name, device_of(e->d_name));
	if (all)
		closedir(all);
	return cs->n >= cs->wanted;
}

/* A card is up before it has routes, and IPv6 derives its own address from the MAC address before. */
static bool is_before_up(char letter)
{
	return letter == 'J' || letter == 'm' || letter == 'u';
}

static void apply_card(int fd, struct card *c, char *records, size_t len)
{
	bool is_up = false;
	size_t at = 0;
	int rc = 0;

	do {
		if (!is_up && !is_before_up(records[at])) {
			rc = change_link(fd, c, 0, NULL, 0);
			is_up = true;
		}
		if (!rc)
			rc = apply_record(fd, c, records + at);
		if (rc < 0)
			vagent_init_fail("cannot configure the network card %s by %.100s: %s", c->name, records + at, strerror(-rc));
		at += strlen(records + at) + 1;
	} while (at < len && records[at] != 'J');
	if (!is_up && change_link(fd, c, 0, NULL, 0) < 0)
		vagent_init_fail("cannot raise the network card %s", c->name);
}

/* The kernel's name of a card may be that which another one receives. */
static void free_name(int fd, struct card *c, unsigned int number)
{
	char name[IF_NAMESIZE];
	int rc;

	snprintf(name, sizeof(name), "cvmm-card%u", number);
	rc = rename_card(fd, c, name);
	if (rc < 0)
		vagent_init_fail("cannot rename the network card %s: %s", c->name, strerror(-rc));
}

static void open_cards(int fd, const struct cards *cs, const char *records, size_t len, struct card *all)
{
	unsigned int i = 0;
	size_t at;

	for (at = 0; at < len; at += strlen(records + at) + 1) {
		if (records[at] != 'J')
			continue;
		snprintf(all[i].name, sizeof(all[i].name), "%s", cs->all[i].name);
		all[i].index = if_nametoindex(all[i].name);
		if (records[at + 1] && strcmp(records + at + 1, all[i].name) != 0)
			free_name(fd, &all[i], i);
		i++;
	}
}

void vagent_priv_raise_cards(char *records, size_t len)
{
	struct card all[MAX_CARDS];
	struct cards cs = { .n = 0 };
	unsigned int i = 0;
	size_t at;
	int fd;

	for (at = 0; at < len; at += strlen(records + at) + 1)
		cs.wanted += records[at] == 'J';
	if (!cs.wanted)
		return;
	if (cs.wanted > MAX_CARDS || !vagent_init_await(find_cards, &cs, WAIT_MS))
		vagent_init_fail("the guest has %u network cards, but the host configures %u (its kernel needs the driver virtio_net)", cs.n, cs.wanted);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		vagent_init_fail("the guest's kernel has no network: %s", strerror(errno));
	open_cards(fd, &cs, records, len, all);
	for (at = 0; at < len; at += strlen(records + at) + 1)
		if (records[at] == 'J')
			apply_card(fd, &all[i++], records + at, len - at);
	close(fd);
}
