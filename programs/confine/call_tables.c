/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* System calls of devices. */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/sched.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "confine/call_tables.h"

/*
 * Grouped by purpose. Names that do not exist on an architecture are skipped.
 */
static const char *const serving_calls[] = {
	/* messages and descriptors of a front-end */
	"accept", "accept4", "close", "close_range", "dup",
	"fstat", "fstat64", "fstatat64", "fstatfs", "fstatfs64", "getpeername",
	"getsockname", "getsockopt", "lseek", "_llseek", "newfstatat", "openat",
	"poll", "ppoll", "ppoll_time64", "read", "readlink", "readlinkat",
	"recvfrom", "recvmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
	"stat", "statfs", "statfs64", "statx", "write", "writev",
	/* memory of the guest and of the daemon; qsort() calls sysinfo() */
	"brk", "ftruncate", "ftruncate64", "madvise", "membarrier",
	"mremap", "munmap", "sysinfo",
	/* an in-flight area, which a front-end may request from any device */
	"memfd_create",
	/* rings */
	"epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2",
	"epoll_wait", "eventfd2", "timerfd_create", "timerfd_settime",
	"timerfd_settime64",
	/* images */
	"fallocate", "fdatasync", "fsync", "pread64", "preadv", "preadv2",
	"pwrite64", "pwritev", "pwritev2", "readv",
	/* randomness and time */
	"clock_gettime", "clock_gettime64", "clock_nanosleep",
	"clock_nanosleep_time64", "getrandom", "gettimeofday", "nanosleep",
	"time",
	/* threads, signals, exit */
	"exit", "exit_group", "futex", "futex_time64", "getpid", "gettid",
	"restart_syscall", "rseq", "rt_sigaction", "rt_sigpending",
	"rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait",
	"rt_sigtimedwait_time64", "sched_getaffinity", "sched_yield", "set_robust_list",
	"sigaltstack", "sigreturn", "unlink", "unlinkat", NULL,
};

#ifndef F_DUPFD_QUERY
#define F_DUPFD_QUERY 1027	/* Linux 6.10 */
#endif

/*
 * Commands by which the kernel signals a process when a descriptor is ready are refused:
 * F_SETOWN, F_SETOWN_EX and F_SETSIG reach any process, O_ASYNC the foreground processes of
 * a terminal; F_NOTIFY and leases signal, too.
 */
#define FCNTL(command) CALL_IF_INT("fcntl", 1, (command)), CALL_IF_INT("fcntl64", 1, (command))
#define FCNTL_SETFL(call) CALL_IF_BOTH(call, 1, UINT32_MAX, F_SETFL, 2, O_ASYNC, 0)

/*
 * Permits the size of a block device that a front-end passed, and two ioctls of tap
 * interfaces; ioctls of terminals, which have the same type, and of other devices are
 * refused. Permits the disconnect by which vsu_closer silences a peer's socket: an address
 * with only a family (AF_UNSPEC) cannot connect to anything. Permits a working directory
 * per thread, but no namespaces.
 */
static const struct call_rule serving_rules[] = {
	CALL_IF_INT("ioctl", 1, BLKGETSIZE64),
	CALL_IF_INT("ioctl", 1, TUNSETOFFLOAD),
	CALL_IF_INT("ioctl", 1, TUNSETQUEUE),
	CALL_IF("connect", 2, UINT64_MAX, sizeof(sa_family_t)),
	CALL_IF("unshare", 0, UINT64_MAX, CLONE_FS),
	FCNTL(F_DUPFD), FCNTL(F_DUPFD_CLOEXEC), FCNTL(F_DUPFD_QUERY),
	FCNTL(F_GETFD), FCNTL(F_SETFD), FCNTL(F_GETFL),
	FCNTL_SETFL("fcntl"), FCNTL_SETFL("fcntl64"),
	FCNTL(F_GETLK), FCNTL(F_SETLK), FCNTL(F_SETLKW),
	FCNTL(F_OFD_GETLK), FCNTL(F_OFD_SETLK), FCNTL(F_OFD_SETLKW),
	FCNTL(F_ADD_SEALS), FCNTL(F_GET_SEALS),
	{ .name = NULL },
};

/* A userfaultfd, by system call or device, and its ioctls, which all have one type. */
static const char *const fault_calls[] = { "userfaultfd", NULL };
static const struct call_rule fault_rules[] = {
	CALL_IF("ioctl", 1, 0xff00, 0xaa00),
	{ .name = NULL },
};

static const char *const connecting_calls[] = { "bind", "connect", "dup3", "recvfrom", NULL };
static const struct call_rule connecting_rules[] = {
	CALL_IF_INT("socket", 0, AF_UNIX), CALL_IF_INT("socket", 0, AF_INET), CALL_IF_INT("socket", 0, AF_INET6),
	/* of getaddrinfo() */
	CALL_IF_BOTH("socket", 0, UINT32_MAX, AF_NETLINK, 2, UINT32_MAX, NETLINK_ROUTE),
	{ .name = NULL },
};

const struct call_table call_table_connecting = { connecting_calls, connecting_rules };
const struct call_table call_table_serving = { serving_calls, serving_rules };
const struct call_table call_table_faults = { fault_calls, fault_rules };

/* Grouped by purpose. */
static const char *const call_names_folder[] = {
	/* names in folders */
	"getdents64", "name_to_handle_at", "open_by_handle_at", "linkat", "mkdirat", "mknodat", "renameat2", "symlinkat",
	/* attributes */
	"faccessat", "faccessat2", "fchmod", "fchmodat", "fchmodat2",
	"fchownat", "utimensat", "utimensat_time64",
	/* extended attributes, and their form before Linux 6.13 */
	"getxattrat", "listxattrat", "removexattrat", "setxattrat",
	"fchdir", "getxattr", "listxattr", "removexattr", "setxattr",
	/* content */
	"copy_file_range", "flock", "syncfs",
	/* a thread impersonates a guest user for one call */
	"setgroups", "setgroups32", "setresgid", "setresgid32", "setresuid",
	"setresuid32",
	/* the thread drops a capability for one call */
	"capget", "capset",
	NULL,
};

const struct call_table call_table_folder = { call_names_folder, NULL };
