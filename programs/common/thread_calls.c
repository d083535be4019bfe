/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Tables of system calls for the kinds of threads. */
#include <config.h>

#include <linux/fs.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "common/thread_calls.h"

/* Operations of one type, as they are numbered by _IO() and others. */
#define IOCTLS_OF(type) CALL_IF("ioctl", 1, 0xff00, (type) << 8)
#define IOCTL(number) CALL_IF_INT("ioctl", 1, (number))

/*
 * The process has these in addition to the calls of devices. Landlock decides on the files
 * that are opened, created and removed.
 */
static const char *const process_calls[] = {
	/* files of options, sockets with their modes, saved machines */
	"access", "faccessat", "faccessat2", "flock", "getdents64", "link", "linkat", "mkdir", "mkdirat",
	"open", "rename", "renameat", "renameat2", "rmdir", "umask",
	/* terminals: whether a client opens one */
	"inotify_add_watch", "inotify_init1",
	/* sockets; names of hosts */
	"bind", "connect", "listen", "pipe2", "recvmmsg", "sendmmsg", "socketpair", "uname",
	/* disks */
	"io_uring_enter", "io_uring_register", "io_uring_setup", "msync",
	/* memory: pages that are present, locked, or of a node */
	"cachestat", "get_mempolicy", "mbind", "mincore", "mlock", "mlock2", "munlock", "set_mempolicy",
	/* limits, identity; narrower filters */
	"capget", "capset", "getegid", "geteuid", "getgid", "getgroups", "getpgid", "getpgrp", "getrlimit", "getuid",
	"seccomp",
	"wait4",
	/* post-copy */
	"userfaultfd", NULL,
};

static const struct call_rule process_rules[] = {
	CALL_IF_INT("socket", 0, AF_UNIX), CALL_IF_INT("socket", 0, AF_INET), CALL_IF_INT("socket", 0, AF_INET6),
	/* of getaddrinfo() */
	CALL_IF_BOTH("socket", 0, UINT32_MAX, AF_NETLINK, 2, UINT32_MAX, NETLINK_ROUTE),
	CALL_IF_INT("prctl", 0, PR_SET_NO_NEW_PRIVS), CALL_IF_INT("prctl", 0, PR_SET_NAME),
	CALL_IF_INT("prctl", 0, PR_MCE_KILL),
	/* a jail's machine does not survive the process that waits outside */
	CALL_IF_BOTH("prctl", 0, UINT32_MAX, PR_SET_PDEATHSIG, 1, UINT64_MAX, SIGKILL),
	CALL_IF_INT("prlimit64", 0, 0),	/* no other process */
	CALL_IF_INT("fchmod", 1, 0600),	/* sockets before they have a name */
	IOCTLS_OF(0xae),	/* KVM */
	IOCTLS_OF(0xaf),	/* vhost of the kernel */
	IOCTLS_OF(0xaa),	/* userfaultfd */
	IOCTL(TUNSETIFF), IOCTL(TUNGETIFF), IOCTL(TUNSETVNETHDRSZ), IOCTL(TUNSETVNETLE),
	IOCTL(SIOCGIFINDEX),	/* whether a tap interface exists */
	IOCTL(BLKROGET), IOCTL(BLKSSZGET), IOCTL(BLKPBSZGET),
	IOCTL(FICLONE),
	/* terminals, without TIOCSTI */
	CALLS_OF_TERMINAL_MODES,
	IOCTL(TIOCGWINSZ), IOCTL(TIOCGPTN), IOCTL(TIOCSPTLCK), IOCTL(TIOCGPTPEER),
	IOCTL(FIONREAD), IOCTL(FIONBIO), IOCTL(FIOCLEX),
	{ .name = NULL },
};

/*
 * Emulated registers: eventfds, the console and its client, a message to a back-end, log lines;
 * after a fault the repair of a mapping. No new files, sockets or rings.
 */
static const char *const cpu_calls[] = {
	"accept4", "brk", "clock_gettime", "clock_gettime64", "clock_nanosleep", "clock_nanosleep_time64",
	"close", "exit", "exit_group", "fallocate", "fcntl", "fcntl64", "fstat", "futex",
	"futex_time64", "getpid", "getrandom", "gettid", "gettimeofday", "lseek", "madvise",
	"membarrier", "mremap", "munmap", "newfstatat", "poll", "ppoll", "ppoll_time64",
	"preadv2", "pwritev2", "read", "readv", "recvmsg", "restart_syscall", "rseq", "rt_sigaction",
	"rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "rt_sigtimedwait_time64",
	"sched_yield", "sendmsg", "sendto", "set_robust_list", "sigaltstack", "sigreturn", "time", "timerfd_settime",
	"timerfd_settime64", "write", "writev", NULL,
};

static const struct call_rule cpu_rules[] = {
	IOCTLS_OF(0xae),
	{ .name = NULL },
};

/* This thread passes signals on, and ends a process whose main thread is blocked. */
static const char *const signal_calls[] = {
	"clock_gettime", "clock_gettime64", "exit", "exit_group", "futex", "futex_time64",
	"fcntl", "fcntl64", "getpgid", "getpgrp", "getpid", "gettid", "gettimeofday", "madvise", "munmap", "restart_syscall",
	"rseq",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "rt_sigtimedwait_time64",
	"set_robust_list", "sigaltstack", "sigreturn", "time", "write", "writev", NULL,
};

/* Modes of the terminal. */
static const struct call_rule signal_rules[] = {
	CALLS_OF_TERMINAL_MODES,
	{ .name = NULL },
};

/* --user */
static const char *const user_calls[] = {
	"setgroups", "setgroups32", "setresgid", "setresgid32", "setresuid", "setresuid32", NULL,
};

/* The confinement that follows, after --incoming has received a command line. */
static const char *const confining_calls[] = {
	"chdir", "getcwd", "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", NULL,
};

static const struct call_rule confining_rules[] = {
	CALL_IF_INT("prctl", 0, PR_CAPBSET_DROP),
	CALL_IF_BOTH("prctl", 0, UINT32_MAX, PR_SET_DUMPABLE, 1, UINT64_MAX, 0),
	{ .name = NULL },
};

/* A process that waits also makes the root of a jail. */
static const char *const rooting_calls[] = {
	"mount", "mount_setattr", "move_mount", "open_tree", "pivot_root", "umount2", NULL,
};

static const struct call_rule rooting_rules[] = {
	CALL_IF("unshare", 0, UINT64_MAX, CLONE_NEWNS),
	CALL_IF("unshare", 0, UINT64_MAX, CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS),
	{ .name = NULL },
};

static const struct call_table confining = { confining_calls, confining_rules };
static const struct call_table rooting = { rooting_calls, rooting_rules };
static const struct call_table process = { process_calls, process_rules };
static const struct call_table user = { user_calls, NULL };
static const struct call_table threads[] = {
	[VMM_THREAD_CPU] = { cpu_calls, cpu_rules },
	[VMM_THREAD_SIGNALS] = { signal_calls, signal_rules },
};

/*
 * --socket-mode and --socket-group: modes and groups of files that are named, so only
 * these values.
 */
static void fill_socket_calls(struct vmm_socket_calls *s, const struct vsu_sock_access *a)
{
	struct call_rule *rule = s->rules;

	*rule++ = (struct call_rule)CALL_IF_INT("chmod", 1, a->mode);
	*rule++ = (struct call_rule)CALL_IF_INT("fchmodat", 2, a->mode);
	if (a->group != UINT32_MAX)
		*rule++ = (struct call_rule)CALL_IF_BOTH("fchownat", 2, UINT32_MAX, UINT32_MAX,
							 3, UINT32_MAX, a->group);
	*rule = (struct call_rule){ .name = NULL };
	s->table = (struct call_table){ NULL, s->rules };
}

void vmm_process_calls(struct confine_plan *plan, const struct vmm_call_needs *needs,
		       struct vmm_socket_calls *sockets)
{
	unsigned int n = 0;

	plan->calls[n++] = &call_table_serving;
	plan->calls[n++] = &process;
	if (needs->folder)
		plan->calls[n++] = &call_table_folder;
	if (needs->user)
		plan->calls[n++] = &user;
	if (needs->sockets) {
		fill_socket_calls(sockets, needs->sockets);
		plan->calls[n++] = &sockets->table;
	}
	plan->calls[n] = NULL;
	for (n = 0; n < CONFINE_THREADS; n++)
		plan->thread_calls[n] = &threads[n];
}

void vmm_receiving_calls(struct confine_plan *plan, const struct vmm_call_needs *needs,
			 bool jail, struct vmm_socket_calls *sockets)
{
	unsigned int n = 0;

	vmm_process_calls(plan, needs, sockets);
	while (plan->calls[n])
		n++;
	plan->calls[n++] = &confining;
	if (jail)
		plan->calls[n++] = &rooting;
	plan->calls[n] = NULL;
}

const struct call_table *vmm_thread_calls(enum vmm_thread thread)
{
	return &threads[thread];
}
