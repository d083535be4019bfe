/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A whole machine on a KVM of this process, from a command line, in a folder
 * of the test's own.
 */
#ifndef VMM_TESTS_MACHINE_RIG_H
#define VMM_TESTS_MACHINE_RIG_H

#include <vm-memory/access.h>

#include "machine/machine.h"
#include "fake_kvm.h"
#include "../util.h"

struct rig {
	char folder[32];
	struct vmm_options options;
	struct vmm_machine machine;
	struct vmem_sigbus *sigbus;	/* for make; NULL: none */
	struct vsu_error err;
	int status;
};

extern struct rig rig;

void rig_init(void);
void rig_fini(void);

/* A file of those bytes in the folder. */
void rig_file(const char *name, const void *bytes, size_t size);

/* "run" and these words, up to NULL, as a command line. */
void rig_options(const char *const *words);
#define RIG_OPTIONS(...) rig_options((const char *const []){ __VA_ARGS__, NULL })

/* Makes the machine of those options; it works. */
void rig_make(void);

/* Runs it to its end: its status and sentence are there afterwards. */
void rig_run(void);

/* The guest's memory there. */
void rig_read(uint64_t gpa, void *bytes, size_t n);
uint64_t rig_number(uint64_t gpa, size_t n);

#endif
