/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Calls that are denied to programs of other projects, and to parents of our processes. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>

#include "confine/denied_calls.h"
#include "confine/privileges.h"

#ifdef HAVE_LIBSECCOMP

#include <asm/sockios.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* newer than libseccomp 2.5; one number on all architectures that the programs support */
#define SYS_FCHMODAT2 452
#define SYS_SETXATTRAT 463
#define SYS_REMOVEXATTRAT 466
#define SYS_FILE_SETATTR 469
/* from linux/ioprio.h, which some hosts lack */
#define IOPRIO_WHO_PROCESS 1
/* The kernel ignores the upper half of an argument that is an int. */
#define INT_BITS UINT32_MAX

/*
 * A filter does not see the requests of io_uring. Old versions of libseccomp lack recent
 * names.
 */
static const int denied[] = {
	SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(connect), SCMP_SYS(bind),
	SYS_io_uring_setup, SCMP_SYS(kill), SCMP_SYS(tkill), SCMP_SYS(rt_sigqueueinfo),
	SCMP_SYS(rt_tgsigqueueinfo), SYS_pidfd_send_signal, SYS_pidfd_open,
	SYS_pidfd_getfd, SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev), SCMP_SYS(unshare),
	SCMP_SYS(setns), SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key),
	SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(userfaultfd), SCMP_SYS(shmget),
	SCMP_SYS(shmat), SCMP_SYS(msgget), SCMP_SYS(semget), SCMP_SYS(mq_open),
	/* System V objects have numbers that a process can guess. */
	SCMP_SYS(shmctl), SCMP_SYS(semctl), SCMP_SYS(semop), SCMP_SYS(semtimedop),
	SCMP_SYS(msgctl), SCMP_SYS(msgsnd), SCMP_SYS(msgrcv), SCMP_SYS(mq_unlink),
	SCMP_SYS(chmod), SCMP_SYS(fchmod), SCMP_SYS(fchmodat), SYS_FCHMODAT2,
	SCMP_SYS(chown), SCMP_SYS(lchown), SCMP_SYS(fchown), SCMP_SYS(fchownat),
	/* An access control list contains the mode. */
	SCMP_SYS(setxattr), SCMP_SYS(lsetxattr), SCMP_SYS(fsetxattr), SYS_SETXATTRAT,
	SCMP_SYS(removexattr), SCMP_SYS(lremovexattr), SCMP_SYS(fremovexattr), SYS_REMOVEXATTRAT,
	SYS_FILE_SETATTR, SCMP_SYS(utimensat), SCMP_SYS(utime), SCMP_SYS(utimes), SCMP_SYS(futimesat),
};

/* Limits and scheduling of other processes, and signals to them. */
static const struct {
	int call;
	struct scmp_arg_cmp when[2];
	unsigned int n;
} some[] = {
	{ SCMP_SYS(prlimit64), { SCMP_A0(SCMP_CMP_NE, 0, 0) }, 1 },
	/* 0 also means the own group, or all processes of the user. */
	{ SCMP_SYS(setpriority), { SCMP_A0(SCMP_CMP_NE, PRIO_PROCESS, 0) }, 1 },
	{ SCMP_SYS(setpriority), { SCMP_A1(SCMP_CMP_NE, 0, 0) }, 1 },
	{ SCMP_SYS(ioprio_set), { SCMP_A0(SCMP_CMP_NE, IOPRIO_WHO_PROCESS, 0) }, 1 },
	{ SCMP_SYS(ioprio_set), { SCMP_A1(SCMP_CMP_NE, 0, 0) }, 1 },
	{ SCMP_SYS(sched_setaffinity), { SCMP_A0(SCMP_CMP_NE, 0, 0) }, 1 },
	{ SCMP_SYS(sched_setscheduler), { SCMP_A0(SCMP_CMP_NE, 0, 0) }, 1 },
	{ SCMP_SYS(sched_setparam), { SCMP_A0(SCMP_CMP_NE, 0, 0) }, 1 },
	{ SCMP_SYS(sched_setattr), { SCMP_A0(SCMP_CMP_NE, 0, 0) }, 1 },
	{ SCMP_SYS(migrate_pages), { SCMP_A0(SCMP_CMP_NE, 0, 0) }, 1 },
	{ SCMP_SYS(fcntl), { SCMP_A1(SCMP_CMP_MASKED_EQ, INT_BITS, F_SETOWN) }, 1 },
	{ SCMP_SYS(fcntl), { SCMP_A1(SCMP_CMP_MASKED_EQ, INT_BITS, F_SETOWN_EX) }, 1 },
	{ SCMP_SYS(fcntl), { SCMP_A1(SCMP_CMP_MASKED_EQ, INT_BITS, F_SETSIG) }, 1 },
	{ SCMP_SYS(fcntl), { SCMP_A1(SCMP_CMP_MASKED_EQ, INT_BITS, F_SETFL), SCMP_A2(SCMP_CMP_MASKED_EQ, O_ASYNC, O_ASYNC) }, 2 },
	{ SCMP_SYS(ioctl), { SCMP_A1(SCMP_CMP_MASKED_EQ, INT_BITS, FIOASYNC) }, 1 },
	{ SCMP_SYS(ioctl), { SCMP_A1(SCMP_CMP_MASKED_EQ, INT_BITS, FIOSETOWN) }, 1 },
	{ SCMP_SYS(ioctl), { SCMP_A1(SCMP_CMP_MASKED_EQ, INT_BITS, SIOCSPGRP) }, 1 },
	{ SCMP_SYS(prctl), { SCMP_A0(SCMP_CMP_MASKED_EQ, INT_BITS, PR_SET_PDEATHSIG) }, 1 },
};

static const int namespaces[] = {
	CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS,
	CLONE_NEWCGROUP,
};

/* calls that read or enter other processes, for a parent of our processes */
static const int foreign[] = {
	SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SYS_pidfd_getfd,
	SCMP_SYS(kcmp), SCMP_SYS(setns), SCMP_SYS(keyctl), SCMP_SYS(add_key), SCMP_SYS(request_key),
	SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(kexec_load), SCMP_SYS(kexec_file_load),
	SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(swapon),
	SCMP_SYS(swapoff), SCMP_SYS(reboot), SCMP_SYS(acct), SCMP_SYS(quotactl), SCMP_SYS(syslog),
	SCMP_SYS(settimeofday), SCMP_SYS(clock_settime), SCMP_SYS(adjtimex), SCMP_SYS(clock_adjtime),
};

static int add_foreign(scmp_filter_ctx filter)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < sizeof(foreign) / sizeof(foreign[0]); i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), foreign[i], 0);
	return rc;
}

static int add_rules(scmp_filter_ctx filter)
{
	const unsigned int n = sizeof(denied) / sizeof(denied[0]);
	const unsigned int flags = sizeof(namespaces) / sizeof(namespaces[0]);
	const unsigned int nsome = sizeof(some) / sizeof(some[0]);
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < n; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), denied[i], 0);
	for (i = 0; !rc && i < flags; i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
				      SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]));
	for (i = 0; !rc && i < nsome; i++)
		rc = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(EPERM), some[i].call, some[i].n, some[i].when);
	/* The flags are in memory, which a filter cannot read: the C library uses clone(). */
	if (!rc)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SYS_clone3, 0);
	/* permits abort() */
	if (!rc)
		rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(tgkill), 1,
				      SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)getpid(), 0));
	return rc;
}

static int load_filter(int (*add)(scmp_filter_ctx filter))
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	/* If one thread alone ended, the others would wait for it. */
	int rc = filter ? seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) : -ENOMEM;

	rc = rc ? rc : add(filter);
	rc = rc ? rc : seccomp_load(filter);
	seccomp_release(filter);
	return rc;
}

int confine_deny_calls(void)
{
	return load_filter(add_rules);
}

static void deny_foreign(void)
{
	(void)!load_filter(add_foreign);
}

#else

int confine_deny_calls(void)
{
	return -EOPNOTSUPP;
}

static void deny_foreign(void)
{
}

#endif

void confine_restrict_parent(void)
{
	confine_forbid_tracing();
#ifndef UNDER_SANITIZER
	if (!confine_new_privileges(NULL))
		deny_foreign();
#else
	(void)deny_foreign;
	(void)!confine_new_privileges(NULL);
#endif
}
