/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Calls that are denied to programs of other projects, and to parents of our processes. */
#define _GNU_SOURCE
#include <config.h>

#include <asm/sockios.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "confine/call_filter.h"
#include "confine/denied_calls.h"
#include "confine/privileges.h"

/* from linux/ioprio.h, which some hosts lack */
#define IOPRIO_WHO_PROCESS 1

/* A filter does not see the requests of io_uring. */
static const char *const denied[] = {
	"socket", "socketpair", "connect", "bind", "io_uring_setup",
	"kill", "tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal", "pidfd_open",
	"pidfd_getfd", "ptrace", "process_vm_readv", "process_vm_writev", "unshare", "setns",
	"keyctl", "add_key", "request_key", "bpf", "perf_event_open", "userfaultfd",
	"shmget", "shmat", "msgget", "semget", "mq_open",
	/* System V objects have numbers that a process can guess. */
	"shmctl", "semctl", "semop", "semtimedop", "msgctl", "msgsnd", "msgrcv", "mq_unlink",
	"chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchown", "fchownat",
	/* An access control list contains the mode. */
	"setxattr", "lsetxattr", "fsetxattr", "setxattrat",
	"removexattr", "lremovexattr", "fremovexattr", "removexattrat",
	"file_setattr", "utimensat", "utime", "utimes", "futimesat", NULL,
};

#define CLONE(flag) CALL_IF("clone", 0, (flag), (flag))

/*
 * New namespaces, and signals to other processes. The kernel ignores the upper half of an
 * argument that is an int.
 */
static const struct call_rule rules[] = {
	CLONE(CLONE_NEWUSER), CLONE(CLONE_NEWNS), CLONE(CLONE_NEWPID), CLONE(CLONE_NEWNET),
	CLONE(CLONE_NEWIPC), CLONE(CLONE_NEWUTS), CLONE(CLONE_NEWCGROUP),
	CALL_IF_INT("fcntl", 1, F_SETOWN), CALL_IF_INT("fcntl", 1, F_SETOWN_EX),
	CALL_IF_INT("fcntl", 1, F_SETSIG),
	CALL_IF_BOTH("fcntl", 1, UINT32_MAX, F_SETFL, 2, O_ASYNC, O_ASYNC),
	CALL_IF_INT("ioctl", 1, FIOASYNC), CALL_IF_INT("ioctl", 1, FIOSETOWN),
	CALL_IF_INT("ioctl", 1, SIOCSPGRP),
	CALL_IF_INT("prctl", 0, PR_SET_PDEATHSIG),
	{ .name = NULL },
};

#define ONLY(call, arg, value) CALL_IF((call), (arg), UINT64_MAX, (value))
#define ONLY_SELF(call, which) CALL_IF_BOTH((call), 0, UINT64_MAX, (which), 1, UINT64_MAX, 0)

/* calls that read or enter other processes, for a parent of our processes */
static const char *const foreign[] = {
	"ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp", "setns", "keyctl",
	"add_key", "request_key", "bpf", "perf_event_open", "kexec_load", "kexec_file_load",
	"init_module", "finit_module", "delete_module", "swapon", "swapoff", "reboot", "acct",
	"quotactl", "syslog", "settimeofday", "clock_settime", "adjtimex", "clock_adjtime", NULL,
};

int confine_deny_calls(void)
{
	/* Limits and scheduling of other processes; signals, except by abort(). */
	const struct call_rule only[] = {
		ONLY("prlimit64", 0, 0),
		/* 0 also means the own group, or all processes of the user. */
		ONLY_SELF("setpriority", PRIO_PROCESS), ONLY_SELF("ioprio_set", IOPRIO_WHO_PROCESS),
		ONLY("sched_setaffinity", 0, 0), ONLY("sched_setscheduler", 0, 0),
		ONLY("sched_setparam", 0, 0), ONLY("sched_setattr", 0, 0),
		ONLY("migrate_pages", 0, 0),
		ONLY("tgkill", 0, (uint64_t)getpid()),
		{ .name = NULL },
	};
	/* The flags of clone3() are in memory, which a filter cannot read: the C library uses clone(). */
	const struct call_denials denials = { denied, rules, only, "clone3" };

	return call_filter_deny(&denials);
}

#ifndef UNDER_SANITIZER
static void deny_foreign(void)
{
	const struct call_denials denials = { foreign, NULL, NULL, NULL };

	(void)!call_filter_deny(&denials);
}
#endif

void confine_restrict_parent(void)
{
	confine_forbid_tracing();
#ifndef UNDER_SANITIZER
	if (!confine_new_privileges(NULL))
		deny_foreign();
#else
	(void)foreign;
	(void)!confine_new_privileges(NULL);
#endif
}
