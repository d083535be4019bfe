/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Users, limits, capabilities and filters of system calls of a process. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/guest.h"

#define MAX_FILTER 4096
#define MAX_GROUPS 65536

enum { BOUNDING, EFFECTIVE, INHERITABLE, PERMITTED, AMBIENT };

static void __attribute__((noreturn)) fail_setting(const char *what)
{
	vagent_priv_child_fail(VAGENT_FAILED, "cannot set %s: %s", what, strerror(errno));
}

void vagent_priv_child_begin_rights(const struct guest_rights *r)
{
	int fd;

	if (!r->oom_score_adj)
		return;
	fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, r->oom_score_adj, strlen(r->oom_score_adj)) < 0)
		fail_setting("oom_score_adj");
	close(fd);
}

/* "RESOURCE SOFT HARD" */
static void set_limit(const char *text)
{
	unsigned int resource;
	uint64_t soft, hard;
	struct rlimit l;

	if (sscanf(text, "%x %" SCNx64 " %" SCNx64, &resource, &soft, &hard) != 3)
		vagent_priv_child_fail(VAGENT_FAILED, "invalid limit %.300s", text);
	l = (struct rlimit){ (rlim_t)soft, (rlim_t)hard };
	if (setrlimit((__rlimit_resource_t)resource, &l) < 0)
		vagent_priv_child_fail(VAGENT_FAILED, "cannot set the limit %u to %" PRIu64 " and %" PRIu64 ": %s", resource, soft, hard, strerror(errno));
}

/* Each instruction is 16 digits behind "FLAGS "; a part of one ends the program. */
static void set_filter(const char *text)
{
	struct sock_filter *program = calloc(MAX_FILTER, sizeof(*program));
	struct sock_fprog prog = { .filter = program };
	char *at;
	const unsigned long flags = strtoul(text, &at, 16);
	unsigned int code, jt, jf, k;

	at += *at == ' ';
	while (program && prog.len < MAX_FILTER && sscanf(at, "%4x%2x%2x%8x", &code, &jt, &jf, &k) == 4) {
		program[prog.len++] = (struct sock_filter){ (uint16_t)code, (uint8_t)jt, (uint8_t)jf, k };
		at += strlen(at) < 16 ? strlen(at) : 16;
	}
	if (!program || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog) < 0)
		fail_setting("the filter of system calls");
	free(program);
}

static void set_groups(const struct guest_rights *r)
{
	gid_t *all;
	size_t n = 0;

	while (r->groups[n])
		n++;
	all = calloc(n + 1, sizeof(*all));
	for (n = 0; all && r->groups[n]; n++)
		all[n] = (gid_t)strtoul(r->groups[n], NULL, 10);
	if (!all || n > MAX_GROUPS || setgroups(n, all) < 0)
		fail_setting("groups");
	free(all);
}

/* The bounding set of a kernel ends with its last capability. */
static void limit_capabilities(const struct guest_rights *r)
{
	unsigned long i;

	for (i = 0; r->has_capabilities && i < 64 && prctl(PR_CAPBSET_READ, i) >= 0; i++)
		if (!(r->capabilities[BOUNDING] >> i & 1) && prctl(PR_CAPBSET_DROP, i) < 0)
			fail_setting("the bounding set of capabilities");
}

static void set_ambient(uint64_t set)
{
	unsigned long i;

	for (i = 0; i < 64; i++)
		if ((set >> i & 1) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			fail_setting("the ambient set of capabilities");
}

static void set_capabilities(const struct guest_rights *r)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];
	const uint64_t *set = r->capabilities;
	int i;

	for (i = 0; i < 2; i++)
		data[i] = (struct __user_cap_data_struct){
			.effective = (uint32_t)(set[EFFECTIVE] >> (32 * i)), .permitted = (uint32_t)(set[PERMITTED] >> (32 * i)),
			.inheritable = (uint32_t)(set[INHERITABLE] >> (32 * i)),
		};
	if (syscall(SYS_capset, &header, data) < 0)
		fail_setting("capabilities");
	set_ambient(set[AMBIENT]);
}

/*
 * The kernel's preset for descriptors is 1024, of which a shell can set at most 4096; that of memlock was 64 KiB
 * before 5.16, which is too little for io_uring. Systems have these: the soft limit of descriptors remains what
 * select() can watch.
 */
static const struct {
	int resource;
	struct rlimit least;
} limits[] = {
	{ RLIMIT_NOFILE, { 1024, 524288 } },
	{ RLIMIT_MEMLOCK, { 8u << 20, 8u << 20 } },
};

static rlim_t larger_limit(rlim_t a, rlim_t b)
{
	return a > b ? a : b;
}

/* Raises limits to these values. Larger presets of a kernel remain, and a failure changes nothing. */
static void raise_limits(void)
{
	struct rlimit r;
	unsigned int i;

	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		if (getrlimit((__rlimit_resource_t)limits[i].resource, &r) < 0)
			continue;
		r.rlim_cur = larger_limit(r.rlim_cur, limits[i].least.rlim_cur);
		r.rlim_max = larger_limit(r.rlim_max, limits[i].least.rlim_max);
		(void)!setrlimit((__rlimit_resource_t)limits[i].resource, &r);
	}
}

/* Without no_new_privs, a filter needs a capability that the process may lose. */
void vagent_priv_child_take_rights(const struct guest_rights *r)
{
	char **limit;

	raise_limits();
	for (limit = r->limits; *limit; limit++)
		set_limit(*limit);
	if (r->filter && !r->no_new_privileges)
		set_filter(r->filter);
	limit_capabilities(r);
	set_groups(r);
	if (r->has_capabilities && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		fail_setting("PR_SET_KEEPCAPS");
	if (setgid(r->group) < 0 || setuid(r->user) < 0)
		fail_setting("user and group");
	if (r->has_capabilities)
		set_capabilities(r);
	umask(r->umask);
	if (r->no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		fail_setting("no_new_privs");
}

void vagent_priv_child_end_rights(const struct guest_rights *r)
{
	if (r->filter && r->no_new_privileges)
		set_filter(r->filter);
}
