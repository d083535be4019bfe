/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Connects the interfaces of a network namespace to taps. */
#define _GNU_SOURCE
#include <config.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "oci/netlink.h"
#include "oci/network.h"

int oci_namespace_enter(const char *path, int flag, struct vsu_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc = 0;

	if (fd < 0 || setns(fd, flag) < 0)
		rc = vsu_error_sys(err, -errno, "cannot enter the namespace '%s'", path);
	vsu_fd_close(&fd);
	return rc;
}

/* ----------------------------------------------------------------------- reading */

/* Elements other than those of cards are skipped. */
static struct oci_card *find_card(struct oci_network *n, int index)
{
	unsigned int i;

	for (i = 0; i < n->ncards; i++)
		if (n->cards[i].index == index)
			return &n->cards[i];
	return NULL;
}

static int read_link(void *opaque, struct nlmsghdr *h)
{
	const struct ifinfomsg *link = NLMSG_DATA(h);
	struct oci_network *n = opaque;
	const unsigned char *mac;
	const void *name, *mtu;
	struct oci_card *c;
	size_t len;

	if (h->nlmsg_type != RTM_NEWLINK || link->ifi_type != ARPHRD_ETHER || !(link->ifi_flags & IFF_UP))
		return 0;
	if (n->ncards == OCI_NETWORK_CARDS)
		return -E2BIG;
	c = &n->cards[n->ncards];
	memset(c, 0, sizeof(*c));
	c->index = link->ifi_index;
	mac = oci_netlink_find(h, sizeof(*link), IFLA_ADDRESS, ETH_ALEN, &len);
	mtu = oci_netlink_find(h, sizeof(*link), IFLA_MTU, sizeof(uint32_t), &len);
	name = oci_netlink_find(h, sizeof(*link), IFLA_IFNAME, 2, &len);
	if (!mac || !name || !mtu || len > sizeof(c->name))
		return -EBADMSG;
	memcpy(c->name, name, len);
	memcpy(&c->mtu, mtu, sizeof(uint32_t));
	snprintf(c->mac, sizeof(c->mac), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	n->ncards++;
	return 0;
}

static size_t address_bytes(int family)
{
	return family == AF_INET ? sizeof(struct in_addr) : family == AF_INET6 ? sizeof(struct in6_addr) : 0;
}

/* The guest makes its own addresses of the link. */
static int read_address(void *opaque, struct nlmsghdr *h)
{
	const struct ifaddrmsg *a = NLMSG_DATA(h);
	struct oci_card *c = find_card(opaque, (int)a->ifa_index);
	const size_t bytes = address_bytes(a->ifa_family);
	char text[INET6_ADDRSTRLEN];
	const void *value;
	size_t len;

	if (!c || !bytes || h->nlmsg_type != RTM_NEWADDR || a->ifa_scope == RT_SCOPE_LINK)
		return 0;
	value = oci_netlink_find(h, sizeof(*a), IFA_LOCAL, bytes, &len);
	if (!value)
		value = oci_netlink_find(h, sizeof(*a), IFA_ADDRESS, bytes, &len);
	if (!value || !inet_ntop(a->ifa_family, value, text, sizeof(text)))
		return -EBADMSG;
	if (c->naddresses == OCI_NETWORK_TEXTS)
		return -E2BIG;
	snprintf(c->addresses[c->naddresses++], OCI_NETWORK_TEXT, "%s/%u", text, a->ifa_prefixlen);
	return 0;
}

static int describe_route(struct oci_card *c, struct nlmsghdr *h, size_t bytes)
{
	const struct rtmsg *r = NLMSG_DATA(h);
	char to[INET6_ADDRSTRLEN + 8] = "default", gateway[INET6_ADDRSTRLEN] = "-";
	const void *value;
	size_t len;

	value = oci_netlink_find(h, sizeof(*r), RTA_DST, bytes, &len);
	if (value && r->rtm_dst_len && !inet_ntop(r->rtm_family, value, to, INET6_ADDRSTRLEN))
		return -EBADMSG;
	if (value && r->rtm_dst_len)
		snprintf(to + strlen(to), sizeof(to) - strlen(to), "/%u", r->rtm_dst_len);
	value = oci_netlink_find(h, sizeof(*r), RTA_GATEWAY, bytes, &len);
	if (value && !inet_ntop(r->rtm_family, value, gateway, sizeof(gateway)))
		return -EBADMSG;
	if (c->nroutes == OCI_NETWORK_TEXTS)
		return -E2BIG;
	snprintf(c->routes[c->nroutes++], OCI_NETWORK_TEXT, "%s %s", to, gateway);
	return 0;
}

/* The kernel adds those that follow from addresses. */
static int read_route(void *opaque, struct nlmsghdr *h)
{
	const struct rtmsg *r = NLMSG_DATA(h);
	const size_t bytes = address_bytes(r->rtm_family);
	const void *value;
	struct oci_card *c;
	size_t len;
	int index;

	if (h->nlmsg_type != RTM_NEWROUTE || !bytes || r->rtm_table != RT_TABLE_MAIN || r->rtm_type != RTN_UNICAST ||
	    r->rtm_protocol == RTPROT_KERNEL)
		return 0;
	value = oci_netlink_find(h, sizeof(*r), RTA_OIF, sizeof(index), &len);
	if (!value)
		return 0;
	memcpy(&index, value, sizeof(index));
	c = find_card(opaque, index);
	return c ? describe_route(c, h, bytes) : 0;
}

static void list_texts(const char texts[][OCI_NETWORK_TEXT], unsigned int n, const char **list)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		list[i] = texts[i];
	list[n] = NULL;
}

static void describe_cards(struct oci_network *n)
{
	struct oci_card *c;
	unsigned int i;

	for (i = 0; i < n->ncards; i++) {
		c = &n->cards[i];
		snprintf(c->tap, sizeof(c->tap), "cvmm-tap%u", i);
		c->fd = -1;
		list_texts((const char (*)[OCI_NETWORK_TEXT])c->addresses, c->naddresses, c->address_list);
		list_texts((const char (*)[OCI_NETWORK_TEXT])c->routes, c->nroutes, c->route_list);
		c->interface = (struct vagent_interface){
			.name = c->name, .mac = c->mac, .addresses = c->address_list, .routes = c->route_list, .mtu = c->mtu,
		};
	}
}

int oci_network_read(struct oci_network *n, struct vsu_error *err)
{
	const struct ifinfomsg link = { .ifi_family = AF_UNSPEC };
	const struct ifaddrmsg address = { .ifa_family = AF_UNSPEC };
	const struct rtmsg route = { .rtm_family = AF_UNSPEC };
	struct oci_netlink_message m;
	int fd = oci_netlink_open(), rc = fd < 0 ? fd : 0;

	n->ncards = 0;
	oci_netlink_begin(&m, RTM_GETLINK, NLM_F_DUMP, &link, sizeof(link));
	rc = rc < 0 ? rc : oci_netlink_list(fd, &m, sizeof(link), read_link, n);
	oci_netlink_begin(&m, RTM_GETADDR, NLM_F_DUMP, &address, sizeof(address));
	rc = rc < 0 ? rc : oci_netlink_list(fd, &m, sizeof(address), read_address, n);
	oci_netlink_begin(&m, RTM_GETROUTE, NLM_F_DUMP, &route, sizeof(route));
	rc = rc < 0 ? rc : oci_netlink_list(fd, &m, sizeof(route), read_route, n);
	vsu_fd_close(&fd);
	describe_cards(n);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot read the interfaces of the network namespace") : 0;
}

/* ------------------------------------------------------------------- redirection */

/* Filters of this order are ours. */
#define PREFERENCE 0x4000

/* Returns its descriptor. */
static int make_tap(const char *name)
{
	struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC), rc;

	if (fd < 0)
		return -errno;
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &r) == 0)
		return fd;
	rc = -errno;
	vsu_fd_close(&fd);
	return rc;
}

static int set_link(int fd, int index, unsigned int mtu)
{
	const struct ifinfomsg link = { .ifi_family = AF_UNSPEC, .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct oci_netlink_message m;

	oci_netlink_begin(&m, RTM_NEWLINK, 0, &link, sizeof(link));
	oci_netlink_add(&m, IFLA_MTU, &mtu, sizeof(mtu));
	return oci_netlink_call(fd, &m);
}

static struct tcmsg filter_of(int index)
{
	return (struct tcmsg){
		.tcm_family = AF_UNSPEC, .tcm_ifindex = index, .tcm_parent = TC_H_MAKE(TC_H_INGRESS, 0),
		.tcm_info = TC_H_MAKE(PREFERENCE << 16, htons(ETH_P_ALL)),
	};
}

/* One to the tap of a former container in the namespace. */
static void remove_redirection(int fd, int index)
{
	const struct tcmsg tc = filter_of(index);
	struct oci_netlink_message m;

	oci_netlink_begin(&m, RTM_DELTFILTER, 0, &tc, sizeof(tc));
	(void)oci_netlink_call(fd, &m);
}

static int add_ingress(int fd, int index)
{
	const struct tcmsg tc = {
		.tcm_family = AF_UNSPEC, .tcm_ifindex = index, .tcm_handle = TC_H_MAKE(TC_H_INGRESS, 0), .tcm_parent = TC_H_INGRESS,
	};
	struct oci_netlink_message m;
	int rc;

	oci_netlink_begin(&m, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &tc, sizeof(tc));
	oci_netlink_add(&m, TCA_KIND, "ingress", sizeof("ingress"));
	rc = oci_netlink_call(fd, &m);
	return rc == -EEXIST ? 0 : rc;
}

static void add_mirred(struct oci_netlink_message *m, int to)
{
	const struct tc_mirred mirred = { .action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = (uint32_t)to };
	const size_t actions = oci_netlink_nest(m, TCA_U32_ACT), first = oci_netlink_nest(m, 1);
	size_t options;

	oci_netlink_add(m, TCA_ACT_KIND, "mirred", sizeof("mirred"));
	options = oci_netlink_nest(m, TCA_ACT_OPTIONS);
	oci_netlink_add(m, TCA_MIRRED_PARMS, &mirred, sizeof(mirred));
	oci_netlink_end(m, options);
	oci_netlink_end(m, first);
	oci_netlink_end(m, actions);
}

/* Each frame that arrives on one interface leaves by the other. */
static int redirect_frames(int fd, int from, int to)
{
	const struct tc_u32_sel sel = { .nkeys = 1, .flags = TC_U32_TERMINAL };
	/* a key of 0 bits, which matches each frame, follows */
	unsigned char all[sizeof(sel) + sizeof(struct tc_u32_key)] = { 0 };
	const struct tcmsg tc = filter_of(from);
	struct oci_netlink_message m;
	size_t options;

	memcpy(all, &sel, sizeof(sel));
	oci_netlink_begin(&m, RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &tc, sizeof(tc));
	oci_netlink_add(&m, TCA_KIND, "u32", sizeof("u32"));
	options = oci_netlink_nest(&m, TCA_OPTIONS);
	oci_netlink_add(&m, TCA_U32_SEL, all, sizeof(all));
	add_mirred(&m, to);
	oci_netlink_end(&m, options);
	return oci_netlink_call(fd, &m);
}

static int connect_card(int fd, struct oci_card *c, struct vsu_error *err)
{
	int tap, rc;

	c->fd = make_tap(c->tap);
	if (c->fd == -EBUSY)
		return vsu_error_set(err, -EBUSY, "the network namespace serves another machine, which has the interface '%s': only members of a pod share a network", c->tap);
	if (c->fd < 0)
		return vsu_error_sys(err, c->fd, "cannot make the interface '%s'", c->tap);
	tap = (int)if_nametoindex(c->tap);
	rc = tap ? set_link(fd, tap, c->mtu) : -errno;
	if (!rc)
		remove_redirection(fd, c->index);
	rc = rc < 0 ? rc : add_ingress(fd, c->index);
	rc = rc < 0 ? rc : add_ingress(fd, tap);
	rc = rc < 0 ? rc : redirect_frames(fd, c->index, tap);
	rc = rc < 0 ? rc : redirect_frames(fd, tap, c->index);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot redirect the frames of '%s' to '%s'; the host's kernel needs sch_ingress, cls_u32 and act_mirred", c->name, c->tap) : 0;
}

int oci_network_redirect(struct oci_network *n, struct vsu_error *err)
{
	int fd = n->ncards ? oci_netlink_open() : -1;
	unsigned int i;
	int rc = 0;

	if (n->ncards && fd < 0)
		return vsu_error_sys(err, fd, "cannot reach the kernel's routing");
	for (i = 0; i < n->ncards && !rc; i++)
		rc = connect_card(fd, &n->cards[i], err);
	vsu_fd_close(&fd);
	return rc;
}

void oci_network_close(struct oci_network *n)
{
	unsigned int i;

	for (i = 0; i < n->ncards; i++)
		vsu_fd_close(&n->cards[i].fd);
}
