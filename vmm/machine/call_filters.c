/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Tables of system calls for the kinds of threads. */
#include <config.h>

#include <linux/fs.h>
#include <linux/if_tun.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "call_tables.h"
#include "log.h"
#include "machine/call_filters.h"
#include "privileges.h"

/* Operations of one type, as they are numbered by _IO() and others. */
#define IOCTLS_OF(type) { "ioctl", 1, 0xff00, (type) << 8 }
#define IOCTL(number) { "ioctl", 1, UINT32_MAX, (number) }

/*
 * In addition to those of devices. Which files are opened, created and removed is
 * decided by Landlock.
 */
static const char *const process_calls[] = {
	/* files of options, sockets with their modes, saved machines */
	"access", "chmod", "chown", "fchown", "flock", "link", "mkdir", "open", "rename",
	"renameat", "rmdir", "umask",
	/* terminals: whether a client opens one */
	"inotify_add_watch", "inotify_init1",
	/* sockets; names of hosts */
	"bind", "connect", "listen", "pipe2", "recvmmsg", "sendmmsg", "socketpair", "uname",
	/* disks */
	"io_uring_enter", "io_uring_register", "io_uring_setup", "msync",
	/* memory: pages that are present, locked, or of a node */
	"cachestat", "get_mempolicy", "mbind", "mincore", "mlock", "mlock2", "munlock", "set_mempolicy",
	/* limits, identity; narrower filters */
	"capget", "getegid", "geteuid", "getgid", "getgroups", "getrlimit", "getuid", "prlimit64", "seccomp",
	"wait4",
	/* post-copy */
	"userfaultfd", NULL,
};

static const struct call_rule process_rules[] = {
	{ "socket", 0, UINT64_MAX, AF_UNIX },
	{ "socket", 0, UINT64_MAX, AF_INET },
	{ "socket", 0, UINT64_MAX, AF_INET6 },
	{ "socket", 0, UINT64_MAX, AF_NETLINK }, /* of getaddrinfo() */
	{ "prctl", 0, UINT32_MAX, PR_SET_NO_NEW_PRIVS },
	{ "prctl", 0, UINT32_MAX, PR_SET_NAME },
	{ "prctl", 0, UINT32_MAX, PR_SET_PDEATHSIG },
	{ "prctl", 0, UINT32_MAX, PR_MCE_KILL },
	IOCTLS_OF(0xae),	/* KVM */
	IOCTLS_OF(0xaf),	/* vhost of the kernel */
	IOCTLS_OF(0xaa),	/* userfaultfd */
	IOCTL(TUNSETIFF), IOCTL(TUNGETIFF), IOCTL(TUNSETVNETHDRSZ), IOCTL(TUNSETVNETLE),
	IOCTL(BLKROGET), IOCTL(BLKSSZGET), IOCTL(BLKPBSZGET),
	IOCTL(FICLONE),
	/* terminals, without TIOCSTI */
	IOCTL(0x5401), IOCTL(0x5402), IOCTL(0x5403), IOCTL(0x5404), /* TCGETS, TCSETS, ... */
	IOCTL(TIOCGWINSZ), IOCTL(TIOCGPTN), IOCTL(TIOCSPTLCK), IOCTL(TIOCGPTPEER),
	IOCTL(FIONREAD), IOCTL(FIONBIO), IOCTL(FIOCLEX),
	{ .name = NULL },
};

/*
 * Emulated registers: eventfds, the console and its client, a message to a back-end; after
 * a fault the repair of a mapping. No new files, sockets or rings.
 */
static const char *const cpu_calls[] = {
	"accept4", "brk", "clock_gettime", "clock_gettime64", "clock_nanosleep", "clock_nanosleep_time64",
	"close", "exit", "exit_group", "fallocate", "fcntl", "fcntl64", "fstat", "futex",
	"futex_time64", "getpid", "getrandom", "gettid", "gettimeofday", "lseek", "madvise",
	"membarrier", "mremap", "munmap", "newfstatat", "poll", "ppoll", "ppoll_time64",
	"preadv2", "read", "readv", "recvmsg", "restart_syscall", "rseq", "rt_sigaction",
	"rt_sigprocmask", "rt_sigreturn", "sched_yield", "sendmsg", "sendto",
	"set_robust_list", "sigaltstack", "sigreturn", "time", "timerfd_settime",
	"timerfd_settime64", "write", "writev", NULL,
};

static const struct call_rule cpu_rules[] = {
	IOCTLS_OF(0xae),
	{ .name = NULL },
};

/* This thread passes signals on, and ends a process whose main thread is blocked. */
static const char *const signal_calls[] = {
	"clock_gettime", "clock_gettime64", "exit", "exit_group", "futex", "futex_time64",
	"fcntl", "fcntl64", "getpid", "gettid", "gettimeofday", "madvise", "munmap", "restart_syscall", "rseq",
	"rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "rt_sigtimedwait_time64",
	"set_robust_list", "sigaltstack", "sigreturn", "time", "write", "writev", NULL,
};

/* Modes of the terminal. */
static const struct call_rule signal_rules[] = {
	IOCTL(0x5401), IOCTL(0x5402), IOCTL(0x5403), IOCTL(0x5404),
	{ .name = NULL },
};

static const struct call_table process = { process_calls, process_rules };
static const struct call_table threads[] = {
	[VMM_THREAD_CPU] = { cpu_calls, cpu_rules },
	[VMM_THREAD_SIGNALS] = { signal_calls, signal_rules },
};

static bool started;
static enum call_filter_action action;

int vmm_call_filters_start(enum call_filter_action how, enum prog_log_level complaint,
			   struct vsu_error *err)
{
	static const struct call_table *const tables[] = {
		&call_table_serving, &call_table_folder, &process, NULL,
	};
	struct vsu_error why = VSU_ERROR_INIT;
	int rc = confine_new_privileges(err);

	if (rc < 0)
		return rc;
	started = !call_filter_load(how, tables, true, &why);
	action = how;
	if (!started)
		prog_log(complaint, "sandbox",
			 "--sandbox: system calls are not filtered: %s", why.msg);
	return 0;
}

int vmm_call_filters_narrow(enum vmm_thread thread, struct vsu_error *err)
{
	const struct call_table *const tables[] = { &threads[thread], NULL };

	return started ? call_filter_load(action, tables, false, err) : 0;
}
