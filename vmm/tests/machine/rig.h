/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A whole machine on the fake KVM, from a command line, in a folder of its own.
 */
#ifndef VMM_TESTS_MACHINE_RIG_H
#define VMM_TESTS_MACHINE_RIG_H

#include <vm-arch/poison.h>
#include <vm-memory/access.h>

#include "config/options.h"
#include "api/machine_private.h"
#include "machine/machine.h"
#include "run/loop.h"
#include "setup/setup.h"
#include "fake_kvm.h"
#include "../util.h"

/* Serves the user of the machine in its loop (user.h). */
struct rig_user {
	int (*begin)(struct vsu_error *err);
	void (*end)(void);
	int (*connect)(void);	/* any thread */
	void (*event)(const struct cvmm_event *event);	/* or NULL */
};

struct rig {
	char folder[32];
	struct vmm_options options;
	struct vmm_machine machine;
	struct cvmm_machine owned;	/* machine, for requests */
	const struct rig_user *user;	/* before it is made, or NULL */
	bool is_used;			/* the user was served */
	bool tried;			/* to make it */
	struct varch_poison poison;
	struct cvmm_host owner;		/* for make; rig_fini() frees its table */
	struct vsu_error err;
	int status;
};

extern struct rig rig;

void rig_init(void);
void rig_fini(void);
/* Frees the machine, if one was tried: for another one in the same test. */
void rig_free(void);

/* Creates a file with these bytes in the folder. */
void rig_file(const char *name, const void *bytes, size_t size);

/* Parses "run" and these words, up to NULL, as a command line. */
void rig_options(const char *const *words);
#define RIG_OPTIONS(...) rig_options((const char *const []){ __VA_ARGS__, NULL })

/* Creates the machine of rig_options() for this owner, or NULL: the exit status. */
int rig_try(const struct cvmm_host *owner);

/* Creates it for rig.owner; must succeed. */
void rig_make(void);

/* Creates it, runs it to its end, and stores its status and message. */
void rig_run(void);

/* Runs a machine that was created to its end, as rig_run() does. */
void rig_run_made(void);

/* Waits until a thread of the owner has closed descriptors of peers. */
void rig_settle(void);

/* Reads the guest's memory. */
void rig_read(uint64_t gpa, void *bytes, size_t n);
uint64_t rig_number(uint64_t gpa, size_t n);

#endif
