/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* An agent in a process of this host, and the host's ends of its ports. */
#ifndef VMM_TESTS_AGENT_RIG_H
#define VMM_TESTS_AGENT_RIG_H

#include <check.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "init/agent.h"

/* The part of an agent that its process runs, with a copy of the records of a request. */
typedef void agent_part(char *records, size_t len);

void agent_rig_start(agent_part *part, const char *records, size_t len);
void agent_rig_end(void);
pid_t agent_rig_process(void);

/* Without records, which contain NULs, the last one of a literal is not part of it. */
#define agent_starts(part, literal) agent_rig_start(part, literal, sizeof(literal) - 1)

void host_sends(uint32_t type, const void *payload, uint32_t len);
/* Bytes on the control port, or of another one. */
void host_writes(enum vagent_port port, const void *bytes, size_t len);
void host_reads(enum vagent_port port, void *bytes, size_t len);

/* Asserts that the next message is this one, and empty. */
void agent_sent(uint32_t type);
/* Asserts that the next message is the failure of the agent, and returns its sentence. */
const char *agent_failed(void);

/* Asserts that a port has this text next. */
#define port_has(port, text) do {						\
	char bytes_[sizeof(text)] = "";						\
										\
	host_reads(port, bytes_, sizeof(text) - 1);				\
	ck_assert_str_eq(bytes_, text);						\
} while (0)

#endif
