/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* An agent in a process of this host, seen by the host's side of the library, and processes that it executes. */
#ifndef VM_AGENT_TESTS_GUEST_RIG_H
#define VM_AGENT_TESTS_GUEST_RIG_H

#include <check.h>

#include "vm-agent/process.h"

extern struct vagent_guest *g;
extern struct vsu_error err;
extern unsigned int container;	/* of processes */
extern bool agent_has_groups;	/* the agent has a file system of control groups of its own */

/* Begins an agent, and waits until it serves. It does not read the records of a system. */
void begin_guest(const struct vagent_request *system);
/* Begins one whose processes have the root of the test. */
void begin_itself(void);
void end_guest(void);
/* Mounts control groups in a mount namespace of this process; -1: impossible. */
int mount_groups(void);
/* The reason why this host cannot make containers, or NULL. */
const char *cannot_contain(void);
void turn_until(bool (*is_done)(const void *opaque), const void *opaque);

struct run {
	struct vagent_process *p;
	int in, out;		/* the test's ends of pipes */
	char text[4096];
	struct vagent_end end;
};

bool is_finished(const void *run);
/* The output has bytes. */
bool is_echoed(const void *run);

#define PLAIN (struct vagent_process_config){ .user = 0 }
/* Output and errors are one pipe. */
void prepare_words(struct run *r, const char *const *words, struct vagent_process_config c);
void prepare_request(struct run *r, const struct vagent_request *request);
void prepare(struct run *r, const char *script, struct vagent_process_config c);
void start(struct run *r);
/* Reads the output until the process has finished. */
void finish(struct run *r);
void release(struct run *r);
/* Runs a script whose output and end are the claim. */
void runs(const char *script, struct vagent_process_config c, const char *text);
/* A first process that waits for its input. */
void begin_first(struct run *r);
void ends_by(struct run *r, enum vagent_end_kind kind, int value);

#endif
