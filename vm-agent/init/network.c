/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The guest's network interfaces. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <net/route.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "init/agent.h"

#define WAIT_MS 10000
#define RESOLVER "/etc/resolv.conf"
#define OWN_RESOLVER "/run/cvmm.resolv.conf"

static int open_socket(void)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		vagent_init_fail("the guest's kernel has no network: %s", strerror(errno));
	return fd;
}

static int raise_interface(int fd, const char *name)
{
	struct ifreq r = { .ifr_flags = 0 };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (ioctl(fd, SIOCGIFFLAGS, &r) < 0)
		return -errno;
	r.ifr_flags |= IFF_UP;
	return ioctl(fd, SIOCSIFFLAGS, &r) < 0 ? -errno : 0;
}

void vagent_priv_raise_loopback(void)
{
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	(void)!raise_interface(fd, "lo");
	close(fd);
}

/* ----------------------------------------------------------------- the request */

/* Addresses of 0: none. */
struct network {
	struct in_addr address, mask, gateway;
	char resolver[64];
	bool has_mac;
	unsigned char mac[AGENT_MAC];
	int mtu;		/* 0: that of the driver */
};

static bool read_address(const char *text, struct in_addr *a)
{
	return !strcmp(text, "-") || inet_pton(AF_INET, text, a) == 1;
}

/* Not by sscanf(), which reads "0x" and single digits as bytes. */
bool vagent_priv_read_mac(const char *text, unsigned char mac[AGENT_MAC])
{
	unsigned int i;

	for (i = 0; i < AGENT_MAC; i++, text += 3) {
		if (!isxdigit((unsigned char)text[0]) || !isxdigit((unsigned char)text[1]) ||
		    text[2] != (i + 1 < AGENT_MAC ? ':' : '\0'))
			return false;
		mac[i] = (unsigned char)strtoul(text, NULL, 16);
	}
	return true;
}

static bool read_own_mac(const char *text, struct network *n)
{
	n->has_mac = strcmp(text, "-") != 0;
	return !n->has_mac || vagent_priv_read_mac(text, n->mac);
}

/* "ADDRESS/BITS GATEWAY RESOLVER MAC MTU", where "-" is none */
static void read_network(const char *text, struct network *n)
{
	char address[32], gateway[32], mac[18];
	struct in_addr resolver;
	unsigned int bits;

	if (sscanf(text, "%31[0-9.-]/%u %31s %63s %17s %d", address, &bits, gateway, n->resolver, mac, &n->mtu) != 6 ||
	    bits > 32 || !read_address(address, &n->address) || !read_address(gateway, &n->gateway) ||
	    !read_address(n->resolver, &resolver) || !read_own_mac(mac, n))
		vagent_init_fail("the host requested an invalid network: %s", text);
	n->mask.s_addr = bits ? htonl(~0u << (32 - bits)) : 0;
}

/* ---------------------------------------------------------------- the interface */

/* Drivers that are built in may have further ones, as sit0 and dummy0, without a device. */
static bool has_device(const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "/sys/class/net/%s/device", name);
	return access(path, F_OK) == 0;
}

/* The folder has an interface before the event; the list of if_nameindex() may have it later. */
static bool find_interface(void *opaque)
{
	DIR *all = opendir("/sys/class/net");
	const struct dirent *e;
	char *name = opaque;

	name[0] = '\0';
	while (all && !name[0] && (e = readdir(all)))
		if (e->d_name[0] != '.' && has_device(e->d_name))
			snprintf(name, IF_NAMESIZE, "%.*s", IF_NAMESIZE - 1, e->d_name);
	if (all)
		closedir(all);
	return name[0];
}

/* A device appears some time after its driver. */
static void await_interface(char name[IF_NAMESIZE])
{
	if (!vagent_init_await(find_interface, name, WAIT_MS))
		vagent_init_fail("the guest has no network interface (its kernel needs the driver virtio_net)");
}

static void set_address(struct sockaddr *to, struct in_addr a)
{
	const struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = a };

	memcpy(to, &in, sizeof(in));
}

/* Sets the MAC address before the interface is up, so that IPv6 derives its address from it. */
static int identify_interface(int fd, const char *name, const struct network *n)
{
	struct ifreq r = { .ifr_flags = 0 };

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(r.ifr_hwaddr.sa_data, n->mac, sizeof(n->mac));
	if (n->has_mac && ioctl(fd, SIOCSIFHWADDR, &r) < 0)
		return -errno;
	r.ifr_mtu = n->mtu;
	return n->mtu && ioctl(fd, SIOCSIFMTU, &r) < 0 ? -errno : 0;
}

static int configure_interface(int fd, char *name, const struct network *n)
{
	struct ifreq r = { .ifr_flags = 0 };
	struct rtentry route = { .rt_flags = RTF_UP | RTF_GATEWAY, .rt_dev = name };
	int rc;

	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	set_address(&r.ifr_addr, n->address);
	if (n->address.s_addr && ioctl(fd, SIOCSIFADDR, &r) < 0)
		return -errno;
	set_address(&r.ifr_netmask, n->mask);
	if (n->address.s_addr && ioctl(fd, SIOCSIFNETMASK, &r) < 0)
		return -errno;
	rc = raise_interface(fd, name);
	if (rc < 0 || !n->gateway.s_addr)
		return rc;
	set_address(&route.rt_gateway, n->gateway);
	set_address(&route.rt_dst, (struct in_addr){ 0 });
	set_address(&route.rt_genmask, (struct in_addr){ 0 });
	return ioctl(fd, SIOCADDRT, &route) < 0 ? -errno : 0;
}

/* ----------------------------------------------------------------- the resolver */

/* Mounts a file over that of the root, which may be the host's and does not change. */
static void set_resolver(const char *resolver)
{
	FILE *f = fopen(OWN_RESOLVER, "we");

	if (f)
		fprintf(f, "nameserver %s\n", resolver);
	if (!f || fclose(f))
		vagent_init_fail("cannot write " OWN_RESOLVER ": %s", strerror(errno));
	if (!vagent_priv_require_file(RESOLVER))
		vagent_init_fail("the guest's " RESOLVER " does not exist, and would be in a file system that the agent does not change; make the file there, or leave out 'rw' of the root or the folder that is mounted on /etc");
	if (mount(OWN_RESOLVER, RESOLVER, NULL, MS_BIND, NULL) < 0)
		vagent_init_fail("cannot mount " RESOLVER ": %s", strerror(errno));
}

void vagent_priv_raise_network(const char *text)
{
	struct network n = { .resolver = "" };
	char name[IF_NAMESIZE];
	int fd, rc;

	read_network(text, &n);
	await_interface(name);
	fd = open_socket();
	rc = identify_interface(fd, name, &n);
	if (!rc)
		rc = configure_interface(fd, name, &n);
	if (rc < 0)
		vagent_init_fail("cannot configure the network interface %s: %s", name, strerror(-rc));
	close(fd);
	if (strcmp(n.resolver, "-") != 0)
		set_resolver(n.resolver);
}
