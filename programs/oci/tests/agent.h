/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A guest whose agent is the test: it sends messages, and the connection is served until it has no more work.
 */
#ifndef OCI_TESTS_AGENT_H
#define OCI_TESTS_AGENT_H

#include <poll.h>
#include <sys/socket.h>

#include <vm-agent/guest.h>
#include <vm-agent/protocol.h>

#include "util.h"

static inline void agent_sends(struct vagent_guest *g, uint32_t type, const void *payload, uint32_t len)
{
	const struct vagent_header h = { type, len };
	const int control = vagent_guest_port(g, VAGENT_CONTROL);

	ck_assert_int_eq(send(control, &h, sizeof(h), 0), sizeof(h));
	if (len)
		ck_assert_int_eq(send(control, payload, len, 0), (ssize_t)len);
	while (poll(&(struct pollfd){ vagent_guest_fd(g), POLLIN, 0 }, 1, 0) > 0)
		ck_assert(vagent_guest_dispatch(g));
}

/* A guest that is ready for containers */
static inline struct vagent_guest *agent_serves(void)
{
	const struct vagent_guest_config c = { .size = sizeof(c) };
	const uint32_t version = VAGENT_VERSION;
	struct vagent_guest *g;

	ck_assert_int_eq(vagent_guest_new(&g, &c, NULL), 0);
	agent_sends(g, VAGENT_READY, &version, sizeof(version));
	agent_sends(g, VAGENT_SERVES, NULL, 0);
	return g;
}

#endif
