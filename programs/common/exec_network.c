/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads the options of a network. */
#define _GNU_SOURCE
#include <config.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/option.h>
#include <vmm-sys-util/parse.h>

#include "common/exec_network.h"

#define TAP "tap:"

#define LOOPBACK "loopback"
#define LOCAL "local"

enum { ADDRESS, GATEWAY, RESOLVER, MAC, BLOCK };

static const char *const blocks[] = { LOOPBACK, LOCAL, NULL };

static const struct vsu_option keys[] = {
	[ADDRESS] = { .name = "address", .kind = VSU_OPTION_STRING, .arg = "IPV4/BITS" },
	[GATEWAY] = { .name = "gateway", .kind = VSU_OPTION_STRING, .arg = "IPV4" },
	[RESOLVER] = { .name = "resolver", .kind = VSU_OPTION_STRING, .arg = "IPV4" },
	[MAC] = { .name = "mac", .kind = VSU_OPTION_STRING, .arg = "MAC" },
	[BLOCK] = { .name = "block", .kind = VSU_OPTION_CHOICE, .choices = blocks },
	{ .name = NULL },
};

/* ------------------------------------------------------------------------ --net */

static bool is_mac(const char *text)
{
	int i;

	for (i = 0; i < 17 && text[i]; i++)
		if (i % 3 == 2 ? text[i] != ':' : !isxdigit((unsigned char)text[i]))
			return false;
	return i == 17 && !text[i];
}

static int take_key(void *opaque, unsigned int index, const struct vsu_option_value *value,
		    struct vsu_error *err)
{
	struct vmm_exec_network *n = opaque;
	const char **const to[] = { &n->address, &n->gateway, &n->resolver, &n->mac };

	if (index == BLOCK) {
		n->block = blocks[value->number];
		return 0;
	}
	if (index == MAC && !is_mac(value->text))
		return vsu_error_set(err, -EINVAL, "option --net: mac '%s' is not six bytes such as " VMM_PASST_MAC, value->text);
	if (index != MAC && (index == ADDRESS ? !vsu_is_ipv4_prefixed(value->text) : !vsu_is_ipv4(value->text)))
		return vsu_error_set(err, -EINVAL, "option --net: %s '%s' is not an IPv4 address%s", keys[index].name,
				     value->text, index == ADDRESS ? " with the length of its prefix, as 192.0.2.2/24" : "");
	*to[index] = value->text;
	return 0;
}

/*
 * As QEMU's user network has them. A process of the host connects for the guest behind passt, and
 * reaches what is on the links and in the cloud of the host. A tap interface is a link of its own.
 */
static void set_presets(struct vmm_exec_network *n)
{
	const bool given = *n->address;

	if (!*n->mac && n->kind == VMM_EXEC_NET_PASST)
		n->mac = VMM_PASST_MAC;
	if (!*n->block)
		n->block = n->kind == VMM_EXEC_NET_PASST ? LOCAL : LOOPBACK;
	if (n->kind != VMM_EXEC_NET_PASST || given)
		return;
	n->address = "10.0.2.15/24";
	n->gateway = "10.0.2.2";
	n->resolver = *n->resolver ? n->resolver : "10.0.2.3";
}

/* Networks of other programs, of which some have a similar one here. */
static const struct {
	const char *theirs, *ours;
} foreign[] = {
	{ "user", "--net=passt" }, { "slirp", "--net=passt" }, { "nat", "--net=passt" },
	{ "pasta", "--net=passt" }, { "slirp4netns", "--net=passt" }, { "private", "--net=passt" },
	{ "default", "--net=passt" }, { "host", "--net=passt, which connects as this user does" },
	{ "none", "no network unless --net is given" },
	{ "tap", "--net=tap:NAME" }, { "bridge", "a tap interface: --net=tap:NAME" },
};

static int refuse_kind(const char *text, size_t len, struct vsu_error *err)
{
	size_t i;

	for (i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (strlen(foreign[i].theirs) == len && !strncmp(text, foreign[i].theirs, len))
			return vsu_error_set(err, -EINVAL, "option --net: '%s' is a value of other programs; cvmm exec has %s", foreign[i].theirs, foreign[i].ours);
	return vsu_error_set(err, -EINVAL, "option --net '%s' is not passt or tap:NAME", text);
}

static int read_kind(struct vmm_exec_network *n, const char *text, size_t len, struct vsu_error *err)
{
	const size_t prefix = strlen(TAP);

	if (len == strlen("passt") && !strncmp(text, "passt", len)) {
		n->kind = VMM_EXEC_NET_PASST;
	} else if (len > prefix && len - prefix < sizeof(n->tap) && !strncmp(text, TAP, prefix)) {
		n->kind = VMM_EXEC_NET_TAP;
		snprintf(n->tap, sizeof(n->tap), "%.*s", (int)(len - prefix), text + prefix);
	} else {
		return refuse_kind(text, len, err);
	}
	return 0;
}

/* The card would drop what the guest sends to or from this address. */
static int check_reach(const struct vmm_exec_network *n, const char *key, const char *text,
		       struct vsu_error *err)
{
	const size_t len = strcspn(text, "/");
	char address[INET_ADDRSTRLEN] = "";
	struct in_addr a = { .s_addr = 0 };

	memcpy(address, text, len);
	if (!len || inet_pton(AF_INET, address, &a) != 1)
		return 0;
	if (ntohl(a.s_addr) >> 24 == 127 || ntohl(a.s_addr) >> 24 == 0)
		return vsu_error_set(err, -EINVAL, "option --net: %s '%s' is an address of the guest itself; choose one of its network, as 192.0.2.2", key, text);
	if (ntohl(a.s_addr) >> 16 == 0xa9fe && !strcmp(n->block, LOCAL))
		return vsu_error_set(err, -EINVAL, "option --net: %s '%s' is a link-local address, which block=local keeps from the guest; add block=loopback, or choose another address", key, text);
	return 0;
}

static int check_block(const struct vmm_exec_network *n, struct vsu_error *err)
{
	int rc = check_reach(n, keys[ADDRESS].name, n->address, err);

	rc = rc < 0 ? rc : check_reach(n, keys[GATEWAY].name, n->gateway, err);
	return rc < 0 ? rc : check_reach(n, keys[RESOLVER].name, n->resolver, err);
}

int vmm_exec_network_parse(struct vmm_exec_network *n, const char *text, struct vsu_error *err)
{
	const size_t len = strcspn(text, ",");
	int rc = read_kind(n, text, len, err);

	n->address = n->gateway = n->resolver = n->mac = n->block = "";
	if (!rc && strlen(text + len) >= sizeof(n->texts))
		rc = vsu_error_set(err, -EINVAL, "option --net is too long");
	if (!rc && text[len])
		rc = vsu_option_parse_list(keys, "--net", text + len + 1, n->texts, sizeof(n->texts), take_key, n, err);
	if (!rc && *n->gateway && !*n->address)
		rc = vsu_error_set(err, -EINVAL, "option --net: gateway needs address, as address=192.0.2.2/24,gateway=192.0.2.1");
	if (rc < 0)
		return rc;
	set_presets(n);
	rc = check_block(n, err);
	if (rc < 0)
		return rc;
	if (n->kind == VMM_EXEC_NET_PASST && !*n->gateway)
		return vsu_error_set(err, -EINVAL, "option --net: passt needs a gateway beside an address, as address=192.0.2.2/24,gateway=192.0.2.1");
	return 0;
}

/* -------------------------------------------------------------------- --publish */

static bool read_port(const char *text, uint16_t *port)
{
	uint64_t number;

	if (vsu_parse_u64(text, &number) < 0 || number < 1 || number > UINT16_MAX)
		return false;
	*port = (uint16_t)number;
	return true;
}

static bool read_host_address(char *text, char address[48])
{
	const size_t len = strlen(text);
	struct in6_addr a;

	if (len > 2 && len < 48 && text[0] == '[' && text[len - 1] == ']') {
		text[len - 1] = '\0';
		strcpy(address, text + 1);
		return inet_pton(AF_INET6, address, &a) == 1;
	}
	if (len >= 48)
		return false;
	strcpy(address, text);
	return vsu_is_ipv4(address);
}

/* The last colons separate the ports, since an IPv6 address has some, too. */
static bool read_published(char *text, struct vmm_exec_port *p)
{
	char *protocol = strchr(text, '/'), *guest, *host;

	if (protocol)
		*protocol++ = '\0';
	p->udp = protocol && !strcmp(protocol, "udp");
	guest = strrchr(text, ':');
	if (!guest || (protocol && !p->udp && strcmp(protocol, "tcp") != 0))
		return false;
	*guest++ = '\0';
	host = strrchr(text, ':');
	if (host)
		*host++ = '\0';
	return read_port(guest, &p->guest) && read_port(host ? host : text, &p->host) &&
	       (!host || read_host_address(text, p->address));
}

int vmm_exec_network_publish(struct vmm_exec_network *n, const char *text, struct vsu_error *err)
{
	struct vmm_exec_port *p = &n->ports[n->nports];
	char *copy;
	bool valid;

	if (n->nports == VMM_EXEC_MAX_PORTS)
		return vsu_error_set(err, -E2BIG, "option --publish is given more than %d times", VMM_EXEC_MAX_PORTS);
	copy = strdup(text);
	if (!copy)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	*p = (struct vmm_exec_port){ .address = "" };
	valid = read_published(copy, p);
	free(copy);
	if (!valid)
		return vsu_error_set(err, -EINVAL, "option --publish '%s' is not [ADDRESS:]PORT:PORT[/udp], the host's port and the guest's, as 8080:80 or 127.0.0.1:8080:80", text);
	n->nports++;
	return 0;
}

int vmm_exec_network_check(const struct vmm_exec_network *n, struct vsu_error *err)
{
	return !n->nports || n->kind == VMM_EXEC_NET_PASST ? 0 :
	       vsu_error_set(err, -EINVAL, "option --publish needs --net=passt");
}
