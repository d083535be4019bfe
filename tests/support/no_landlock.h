/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A kernel without Landlock, for one process: a filter answers its system calls. */
#ifndef CVMM_TESTS_NO_LANDLOCK_H
#define CVMM_TESTS_NO_LANDLOCK_H

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>

#define FIRST_OF_LANDLOCK 444	/* landlock_create_ruleset(), on each architecture */
#define LAST_OF_LANDLOCK 446	/* landlock_restrict_self() */

/* Why this host cannot hide it, or NULL. */
static inline const char *no_filters(void)
{
	return prctl(PR_GET_SECCOMP) < 0 ? "this kernel has no seccomp" : NULL;
}

/* For the calling process and its children. False: the filter is refused. */
static inline bool landlock_is_hidden(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FIRST_OF_LANDLOCK, 0, 1),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, LAST_OF_LANDLOCK, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
	};
	const struct sock_fprog filter = { sizeof(code) / sizeof(code[0]), code };

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

#endif
