/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The names of system calls and their numbers on this architecture. */
#include <config.h>

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "confine/call_numbers.h"

/*
 * X: a call that some architectures lack. R: a recent one, which the headers of the build
 * may lack; its number is the same on all architectures except a few. Sorted as by strcmp().
 */
#define CALLS(X, R) \
	X(_llseek) X(accept) X(accept4) X(access) X(acct) X(add_key) X(adjtimex) \
	X(bind) X(bpf) X(brk) R(cachestat, 451) X(capget) X(capset) X(chdir) X(chmod) \
	X(chown) X(clock_adjtime) X(clock_gettime) X(clock_gettime64) \
	X(clock_nanosleep) X(clock_nanosleep_time64) X(clock_settime) X(clone) \
	R(clone3, 435) X(close) R(close_range, 436) X(connect) X(copy_file_range) \
	X(delete_module) X(dup) X(dup3) X(epoll_create1) X(epoll_ctl) X(epoll_pwait) \
	R(epoll_pwait2, 441) X(epoll_wait) X(eventfd2) X(exit) X(exit_group) \
	X(faccessat) R(faccessat2, 439) X(fallocate) X(fchdir) X(fchmod) X(fchmodat) \
	R(fchmodat2, 452) X(fchown) X(fchownat) X(fcntl) X(fcntl64) X(fdatasync) \
	R(file_setattr, 469) X(finit_module) X(flock) X(fremovexattr) X(fsetxattr) \
	X(fstat) X(fstat64) X(fstatat64) X(fstatfs) X(fstatfs64) X(fsync) X(ftruncate) \
	X(ftruncate64) X(futex) X(futex_time64) X(futimesat) X(get_mempolicy) \
	X(getcwd) X(getdents64) X(getegid) X(geteuid) X(getgid) X(getgroups) \
	X(getpeername) X(getpgid) X(getpgrp) X(getpid) X(getrandom) X(getrlimit) \
	X(getsockname) X(getsockopt) X(gettid) X(gettimeofday) X(getuid) X(getxattr) \
	R(getxattrat, 464) X(init_module) X(inotify_add_watch) X(inotify_init1) \
	R(io_uring_enter, 426) R(io_uring_register, 427) R(io_uring_setup, 425) X(ioctl) \
	X(ioprio_set) X(kcmp) X(kexec_file_load) X(kexec_load) X(keyctl) X(kill) \
	R(landlock_add_rule, 445) R(landlock_create_ruleset, 444) \
	R(landlock_restrict_self, 446) X(lchown) X(link) X(linkat) X(listen) \
	X(listxattr) R(listxattrat, 465) X(lremovexattr) X(lseek) X(lsetxattr) X(lstat) \
	X(lstat64) X(madvise) X(mbind) X(membarrier) X(memfd_create) X(migrate_pages) \
	X(mincore) X(mkdir) X(mkdirat) X(mknodat) X(mlock) X(mlock2) X(mmap) X(mmap2) \
	X(mount) R(mount_setattr, 442) R(move_mount, 429) X(mprotect) X(mq_open) \
	X(mq_unlink) X(mremap) X(msgctl) X(msgget) X(msgrcv) X(msgsnd) X(msync) \
	X(munlock) X(munmap) X(name_to_handle_at) X(nanosleep) X(newfstatat) X(open) \
	X(open_by_handle_at) R(open_tree, 428) X(openat) X(perf_event_open) \
	R(pidfd_getfd, 438) R(pidfd_open, 434) R(pidfd_send_signal, 424) X(pipe2) \
	X(pivot_root) X(poll) X(ppoll) X(ppoll_time64) X(prctl) X(pread64) X(preadv) \
	X(preadv2) X(prlimit64) X(process_vm_readv) X(process_vm_writev) X(ptrace) \
	X(pwrite64) X(pwritev) X(pwritev2) X(quotactl) X(read) X(readlink) \
	X(readlinkat) X(readv) X(reboot) X(recvfrom) X(recvmmsg) X(recvmsg) \
	X(removexattr) R(removexattrat, 466) X(rename) X(renameat) X(renameat2) \
	X(request_key) X(restart_syscall) X(rmdir) X(rseq) X(rt_sigaction) \
	X(rt_sigpending) X(rt_sigprocmask) X(rt_sigqueueinfo) X(rt_sigreturn) \
	X(rt_sigtimedwait) X(rt_sigtimedwait_time64) X(rt_tgsigqueueinfo) \
	X(sched_getaffinity) X(sched_setaffinity) X(sched_setattr) X(sched_setparam) \
	X(sched_setscheduler) X(sched_yield) X(seccomp) X(semctl) X(semget) X(semop) \
	X(semtimedop) X(sendmmsg) X(sendmsg) X(sendto) X(set_mempolicy) \
	X(set_robust_list) X(setgroups) X(setgroups32) X(setns) X(setpriority) \
	X(setresgid) X(setresgid32) X(setresuid) X(setresuid32) X(setsockopt) \
	X(settimeofday) X(setxattr) R(setxattrat, 463) X(shmat) X(shmctl) X(shmget) \
	X(shutdown) X(sigaltstack) X(signalfd4) X(sigreturn) X(socket) X(socketpair) \
	X(stat) X(statfs) X(statfs64) X(statx) X(swapoff) X(swapon) X(symlinkat) \
	X(syncfs) X(sysinfo) X(syslog) X(tgkill) X(time) X(timerfd_create) \
	X(timerfd_settime) X(timerfd_settime64) X(tkill) X(umask) X(umount2) X(uname) \
	X(unlink) X(unlinkat) X(unshare) X(userfaultfd) X(utime) X(utimensat) \
	X(utimensat_time64) X(utimes) X(wait4) X(waitid) X(write) X(writev)

#if defined(__mips__) || defined(__alpha__) || defined(__ILP32__)
#define ALIKE(number) CALL_ABSENT
#else
#define ALIKE(number) (number)
#endif

/* A macro of <sys/syscall.h> hides the constant of this name. */
#define LACKED(name) SYS_##name = CALL_ABSENT,
#define RECENT(name, number) SYS_##name = ALIKE(number),
enum { CALLS(LACKED, RECENT) };

#include <sys/syscall.h>

#define ROW(name) { #name, SYS_##name },
#define RECENT_ROW(name, number) ROW(name)

struct row {
	char name[24];
	int number;
};

static const struct row rows[] = { CALLS(ROW, RECENT_ROW) };

static int compare_name(const void *name, const void *row)
{
	return strcmp(name, ((const struct row *)row)->name);
}

int call_number(const char *name)
{
	const struct row *row = bsearch(name, rows, sizeof(rows) / sizeof(rows[0]), sizeof(rows[0]),
					compare_name);

	return row ? row->number : CALL_UNKNOWN;
}
