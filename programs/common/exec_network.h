/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The options --net and --publish of "cvmm exec". */
#ifndef VMM_COMMON_EXEC_NETWORK_H
#define VMM_COMMON_EXEC_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#define VMM_EXEC_MAX_PORTS 32

/* The preset address of the guest's card. passt sends frames to the sender of the last one. */
#define VMM_PASST_MAC "52:54:00:12:34:56"

/* A port of the host, whose connections or packets a port of the guest receives. */
struct vmm_exec_port {
	char address[48];	/* of the host, without brackets; "": each of them */
	uint16_t host, guest;
	bool udp;
};

struct vmm_exec_network {
	enum vmm_exec_net { VMM_EXEC_NET_NONE, VMM_EXEC_NET_PASST, VMM_EXEC_NET_TAP } kind;
	char tap[16];		/* name of the interface */
	char texts[160];	/* of the following, which are "" if they are not configured */
	const char *address, *gateway, *resolver, *mac;
	const char *block;	/* of the card, as its property of that name */
	struct vmm_exec_port ports[VMM_EXEC_MAX_PORTS];
	unsigned int nports;
};

/* "passt" or "tap:NAME", and further properties. -EINVAL. */
int vmm_exec_network_parse(struct vmm_exec_network *n, const char *text, struct vsu_error *err);

/* "[ADDRESS:]PORT:PORT[/udp]". -EINVAL; -E2BIG: too many. */
int vmm_exec_network_publish(struct vmm_exec_network *n, const char *text, struct vsu_error *err);

/* Called after all options. -EINVAL: ports without passt. */
int vmm_exec_network_check(const struct vmm_exec_network *n, struct vsu_error *err);

#endif
