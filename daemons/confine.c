/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Change of user, reduced capabilities, and a filter of system calls. */
#include <config.h>

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "confine.h"
#include "log.h"

const char *const confine_filter_names[] = { "on", "kill", "off", NULL };

int confine_new_privileges(struct vsu_error *err)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ?
	       vsu_error_sys(err, -errno, "cannot give up new privileges") : 0;
}

/* Drop groups first, while it is still permitted. */
int confine_user(const char *name, struct vsu_error *err)
{
	const struct passwd *user;

	errno = 0;
	user = getpwnam(name);
	if (!user)
		return vsu_error_set(err, -ENOENT,
				     "--user: there is no user '%s' on this host",
				     name);
	if (setgroups(0, NULL) < 0 ||
	    setresgid(user->pw_gid, user->pw_gid, user->pw_gid) < 0 ||
	    setresuid(user->pw_uid, user->pw_uid, user->pw_uid) < 0)
		return vsu_error_sys(err, -errno,
				     "--user: cannot become '%s'; only root can",
				     name);
	return confine_new_privileges(err);
}

/* The kernel supports fewer capabilities than there are bits. */
static void narrow_bounds(uint64_t keep)
{
	unsigned long bit;

	for (bit = 0; bit < 64; bit++)
		if (!(keep >> bit & 1))
			prctl(PR_CAPBSET_DROP, bit, 0, 0, 0);
}

int confine_capabilities(uint64_t keep, struct vsu_error *err)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct sets[2];
	int i;

	if (syscall(SYS_capget, &header, sets) < 0)
		return vsu_error_sys(err, -errno, "cannot read the capabilities");
	narrow_bounds(keep);
	for (i = 0; i < 2; i++) {
		sets[i].permitted &= (uint32_t)(keep >> 32 * i);
		sets[i].effective = sets[i].permitted;
		sets[i].inheritable = 0;
	}
	if (syscall(SYS_capset, &header, sets) < 0)
		return vsu_error_sys(err, -errno, "cannot give up capabilities");
	return confine_new_privileges(err);
}

/*
 * Fails if the user requested a filter; otherwise the daemon runs without one and
 * logs the reason.
 */
static int without_filter(enum confine_filter how, const char *why,
		 struct vsu_error *err)
{
	if (how == CONFINE_PRESET) {
		prog_log(PROG_LOG_INFO, "filter",
			 "system calls are not filtered: %s", why);
		return 0;
	}
	return vsu_error_set(err, -EOPNOTSUPP,
			     "--seccomp: %s; leave it out or say --seccomp=off",
			     why);
}

#if defined(HAVE_LIBSECCOMP) && !defined(UNDER_SANITIZER)

#include <linux/fs.h>
#include <linux/if_tun.h>
#include <linux/sched.h>
#include <malloc.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

/*
 * Grouped by purpose. Names that do not exist on an architecture are skipped.
 */
static const char *const calls[] = {
	/* messages and descriptors of a front-end */
	"accept", "accept4", "close", "close_range", "dup", "fcntl", "fcntl64",
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
	"sigaltstack", "sigreturn", "unlink", "unlinkat",
};

/*
 * System calls of Linux 6.13 that older versions of libseccomp do not know.
 * Their numbers are equal on all architectures except a few old ones.
 */
static int resolve_recent_call(const char *name)
{
	static const char *const young[] = {
		"setxattrat", "getxattrat", "listxattrat", "removexattrat",
	};
	size_t i;

	for (i = 0; i < sizeof(young) / sizeof(*young); i++)
		if (!strcmp(name, young[i]))
			return 463 + (int)i;
	return __NR_SCMP_ERROR;
}

static int call_resolve(const char *name)
{
	const int call = seccomp_syscall_resolve_name(name);

#if !defined(__mips__) && !defined(__alpha__) && !defined(__ILP32__)
	if (call == __NR_SCMP_ERROR)
		return resolve_recent_call(name);
#endif
	return call;
}

static int allow_name(scmp_filter_ctx filter, const char *name)
{
	int call = call_resolve(name);

	/* a working directory per thread, but no namespaces */
	if (call == SCMP_SYS(unshare))
		return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
					SCMP_A0(SCMP_CMP_EQ, CLONE_FS, 0));
	return call == __NR_SCMP_ERROR ? 0 :
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 0);
}

static int allow_names(scmp_filter_ctx filter)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < sizeof(calls) / sizeof(*calls); i++)
		rc = allow_name(filter, calls[i]);
	return rc;
}

/* No writable memory becomes executable. */
static int allow_mapping(scmp_filter_ctx filter, int call)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
				SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

/*
 * Threads, but no processes. The flags of clone3() are in memory, which a
 * filter cannot read, so it fails with ENOSYS and the C library uses clone().
 */
static int allow_threads(scmp_filter_ctx filter)
{
	int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				  SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD,
					  CLONE_THREAD));

	return rc ? rc : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
					  SCMP_SYS(clone3), 0);
}

/* For abort(). Other processes of the same user cannot be signalled. */
static int allow_own_signals(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
}

/*
 * A userfaultfd, by system call or device, and its ioctls, which all have one
 * type.
 */
static int allow_postcopy(scmp_filter_ctx filter)
{
	int rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				  SCMP_A1(SCMP_CMP_MASKED_EQ, 0xff00, 0xaa00));

	return rc ? rc : allow_name(filter, "userfaultfd");
}

/*
 * The size of a block device that a front-end passed, and two ioctls of tap
 * interfaces. Other ioctls of terminals, which have the same type, and of
 * devices are refused.
 */
static int allow_requests(scmp_filter_ctx filter)
{
	static const unsigned int single[] = {
		BLKGETSIZE64, TUNSETOFFLOAD, TUNSETQUEUE,
	};
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < sizeof(single) / sizeof(*single); i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl),
				      1, SCMP_A1(SCMP_CMP_MASKED_EQ,
						 UINT32_MAX, single[i]));
	return rc;
}

/*
 * The disconnect by which vsu_closer silences a peer's socket: an address with
 * only a family (AF_UNSPEC) cannot connect to anything.
 */
static int allow_disconnect(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(connect), 1,
				SCMP_A2(SCMP_CMP_EQ, sizeof(sa_family_t), 0));
}

static int fill_filter(scmp_filter_ctx filter, const struct confine_needs *needs)
{
	const char *const *more = needs->calls;
	int rc = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

	rc = rc ? rc : allow_names(filter);
	rc = rc ? rc : allow_mapping(filter, SCMP_SYS(mmap));
	rc = rc ? rc : allow_mapping(filter, SCMP_SYS(mmap2));
	rc = rc ? rc : allow_mapping(filter, SCMP_SYS(mprotect));
	rc = rc ? rc : allow_threads(filter);
	rc = rc ? rc : allow_own_signals(filter);
	rc = rc ? rc : allow_requests(filter);
	if (needs->postcopy)
		rc = rc ? rc : allow_postcopy(filter);
	rc = rc ? rc : allow_disconnect(filter);
	for (; !rc && more && *more; more++)
		rc = allow_name(filter, *more);
	return rc ? rc : seccomp_load(filter);
}

/* libseccomp needed more memory than the rest of a small daemon: return it. */
static void trim_heap(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
}

int confine_calls(enum confine_filter how, const struct confine_needs *needs,
		  struct vsu_error *err)
{
	scmp_filter_ctx filter;
	int rc;

	if (how == CONFINE_OFF)
		return 0;
	rc = confine_new_privileges(err);
	if (rc < 0)
		return rc;
	filter = seccomp_init(how == CONFINE_KILL ? SCMP_ACT_KILL_PROCESS :
			      SCMP_ACT_ERRNO(EPERM));
	if (!filter)
		return vsu_error_sys(err, -ENOMEM, "--seccomp");
	rc = fill_filter(filter, needs);
	seccomp_release(filter);
	trim_heap();
	return rc ? without_filter(how, "this host takes no filter of system calls",
			  err) : 0;
}

#else

int confine_calls(enum confine_filter how, const struct confine_needs *needs,
		  struct vsu_error *err)
{
	(void)needs;
	return how == CONFINE_OFF ? 0 :
	       without_filter(how, "this program was built without libseccomp", err);
}

#endif
