/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A host that lacks memory, descriptors, mappings, threads or a part of KVM: of the calls
 * that lack_wraps of the makefile wraps, one fails, or all from one on. With the fake KVM.
 */
#ifndef VMM_TESTS_MACHINE_LACK_H
#define VMM_TESTS_MACHINE_LACK_H

#include <pthread.h>
#include <stdbool.h>

struct lack {
	int left;		/* calls that succeed before one fails; negative: no call fails */
	bool for_good;		/* all later ones fail, too */
	bool in_first_thread;	/* that the thread of lack_begin() starts, too */
	unsigned int failures;
	const char *failed;	/* the function that failed last, */
	unsigned long request;	/* and of ioctl() the request */
	pthread_t thread;
};

extern struct lack lack;

/* From now on the n-th call fails. Sets the hook of the fake KVM. */
void lack_begin(int n);
void lack_end(void);
/* A machine works without the call that failed. */
bool lack_is_optional(void);

/* Mappings of files; the allocator decides about the number of others. */
unsigned int lack_file_maps(void);

#endif
