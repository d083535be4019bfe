/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Passes a configuration to the guest's agent. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/parse.h>

#include "oci/cgroup_values.h"
#include "oci/container.h"
#include "oci/pod.h"

/* The kernel accepts no other number of threads as a limit, and has no more. */
#define MAX_THREADS (1 << 22)
/* Microseconds; the kernel's */
#define USUAL_PERIOD 100000

/* ---------------------------------------------------------------------- checks */

#define MACHINE_HAS_ITS_OWN "a machine has a kernel of its own"

static const struct {
	enum oci_namespace_kind kind;
	const char *name;
	bool required;		/* without it, the container would be in the namespace of the host */
	bool forbidden;
	bool joined;		/* one that exists can be named */
} namespaces[] = {
	{ OCI_NAMESPACE_PID, "pid", true, false, false },
	{ OCI_NAMESPACE_NETWORK, "network", true, false, true },
	{ OCI_NAMESPACE_MOUNT, "mount", true, false, false },
	{ OCI_NAMESPACE_IPC, "ipc", true, false, false },
	{ OCI_NAMESPACE_UTS, "uts", true, false, false },
	{ OCI_NAMESPACE_USER, "user", false, true, false },
	{ OCI_NAMESPACE_CGROUP, "cgroup", false, false, false },
	{ OCI_NAMESPACE_TIME, "time", false, true, false },
};

/* Members of a pod join those of its sandbox, which may have been made before it. */
static bool is_of_pod(const struct oci_spec *spec, enum oci_namespace_kind kind)
{
	return (kind == OCI_NAMESPACE_IPC || kind == OCI_NAMESPACE_UTS) && (oci_pod_is_sandbox(spec) || oci_pod_sandbox(spec));
}

static int check_namespaces(const struct oci_spec *spec, struct vsu_error *err)
{
	const struct oci_namespace *n;
	bool joined;
	unsigned int i;

	for (i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++) {
		n = oci_spec_namespace(spec, namespaces[i].kind);
		if (!n && namespaces[i].required)
			return vsu_error_set(err, -EOPNOTSUPP, "member 'linux.namespaces' has no '%s', which would be that of the host: " MACHINE_HAS_ITS_OWN, namespaces[i].name);
		joined = namespaces[i].joined || is_of_pod(spec, namespaces[i].kind);
		if (n && (namespaces[i].forbidden || (n->path && !joined)))
			return vsu_error_set(err, -EOPNOTSUPP, "member 'linux.namespaces': '%s'%s is not supported: " MACHINE_HAS_ITS_OWN, namespaces[i].name, n->path ? " with a path" : "");
	}
	return 0;
}

static int check_hooks(const struct oci_spec *spec, struct vsu_error *err)
{
	if (!spec->hooks[OCI_START_CONTAINER].n)
		return 0;
	return vsu_error_set(err, -EOPNOTSUPP, "member 'hooks.startContainer' is not supported: its programs would be those of the container");
}

/* Names of systemd(1)'s protocol: the runtime would pass the descriptors that it has. */
int oci_container_check_descriptors(uint64_t preserved, struct vsu_error *err)
{
	const char *number = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	uint64_t n;

	if (preserved)
		return vsu_error_set(err, -EOPNOTSUPP, "option --preserve-fds: descriptors of the host do not reach a guest");
	if (!number || (!vsu_parse_u64(number, &n) && !n))
		return 0;
	/* those of another process */
	if (pid && (vsu_parse_u64(pid, &n) < 0 || n != (uint64_t)getpid()))
		return 0;
	return vsu_error_set(err, -EOPNOTSUPP, "variable LISTEN_FDS: descriptors of the host do not reach a guest");
}

/* A slash may be in place of each dot. */
static bool is_sysctl(const char *name, const char *wanted)
{
	for (; *wanted && (*name == *wanted || (*name == '/' && *wanted == '.')); wanted++)
		name++;
	return !*name && !*wanted;
}

static int check_sysctls(const struct oci_spec *spec, struct vsu_error *err)
{
	const struct oci_pair *pair;

	for (pair = spec->sysctls.items; pair < spec->sysctls.items + spec->sysctls.n; pair++) {
		if (is_sysctl(pair->name, "kernel.hostname"))
			return vsu_error_set(err, -EINVAL, "member 'linux.sysctl': '%s' is that of the member 'hostname'", pair->name);
		if (is_sysctl(pair->name, "kernel.domainname") && spec->domainname && strcmp(pair->value, spec->domainname) != 0)
			return vsu_error_set(err, -EINVAL, "member 'linux.sysctl': '%s' contradicts the member 'domainname'", pair->name);
	}
	return 0;
}

int oci_container_check(const struct oci_spec *spec, struct vsu_error *err)
{
	int rc = check_namespaces(spec, err);

	rc = rc < 0 ? rc : check_hooks(spec, err);
	rc = rc < 0 ? rc : check_sysctls(spec, err);
	if (!rc && spec->propagation && strstr(spec->propagation, "shared"))
		rc = vsu_error_set(err, -EOPNOTSUPP, "member 'linux.rootfsPropagation': '%s' is not supported: mounts of a container's guest do not propagate to the host", spec->propagation);
	if (!rc && oci_pod_sandbox(spec))
		rc = *oci_pod_sandbox(spec) ? oci_pod_check_resources(&spec->resources, err) :
					      vsu_error_set(err, -EINVAL, "member 'annotations': the sandbox of the container has no id");
	return rc < 0 ? rc : oci_layout_check(spec, err);
}

/* ------------------------------------------------------------------- container */

/*
 * The container that owns the machine shares these with its guest, and so with members of its pod. A member has
 * those of its own that it does not join.
 */
static unsigned int namespaces_of(const struct oci_spec *spec)
{
	static const struct {
		enum oci_namespace_kind kind;
		unsigned int flag;
	} kinds[] = {
		{ OCI_NAMESPACE_NETWORK, CLONE_NEWNET }, { OCI_NAMESPACE_IPC, CLONE_NEWIPC }, { OCI_NAMESPACE_UTS, CLONE_NEWUTS },
	};
	unsigned int i, flags = oci_spec_namespace(spec, OCI_NAMESPACE_CGROUP) ? CLONE_NEWCGROUP : 0;

	for (i = 0; oci_pod_sandbox(spec) && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!oci_spec_namespace(spec, kinds[i].kind)->path)
			flags |= kinds[i].flag;
	return flags;
}

static void free_words(char **words)
{
	unsigned int i;

	for (i = 0; words && words[i]; i++)
		free(words[i]);
	free(words);
}

/* NAME=VALUE; a NULL ends them. */
static char **join_sysctls(const struct oci_spec *spec, bool shares_name)
{
	const struct oci_pairs *pairs = &spec->sysctls;
	char **words = calloc(pairs->n + 3, sizeof(*words));
	unsigned int i;
	int n = 0;

	for (i = 0; words && n >= 0 && i < pairs->n; i++)
		n = asprintf(&words[i], "%s=%s", pairs->items[i].name, pairs->items[i].value);
	if (words && n >= 0 && shares_name && spec->hostname)
		n = asprintf(&words[i++], "kernel.hostname=%s", spec->hostname);
	if (words && n >= 0 && spec->domainname && *spec->domainname)
		n = asprintf(&words[i++], "kernel.domainname=%s", spec->domainname);
	if (!words || n >= 0)
		return words;
	words[i - 1] = NULL;
	free_words(words);
	return NULL;
}

/* FILE=VALUE of a control group; a NULL ends them. Values below 0 mean no limit. */
static char **join_limits(const struct oci_resources *r)
{
	const struct {
		const char *file;
		int64_t value;
	} numbers[] = {
		{ "memory.max", r->memory_limit }, { "memory.low", r->memory_reservation },
		{ "pids.max", r->pids_limit < MAX_THREADS ? r->pids_limit : 0 },
		{ "cpu.weight", r->cpu_shares > 0 ? oci_cgroup_weight(r->cpu_shares) : 0 }, { "cpu.idle", r->cpu_idle },
	};
	char **words = calloc(sizeof(numbers) / sizeof(numbers[0]) + r->unified.n + 3, sizeof(*words));
	unsigned int i, n = 0;
	int rc = words ? 0 : -1;

	for (i = 0; rc >= 0 && i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i].value > 0)
			rc = asprintf(&words[n++], "%s=%" PRId64, numbers[i].file, numbers[i].value);
	if (rc >= 0 && r->cpu_quota > 0)
		rc = asprintf(&words[n++], "cpu.max=%" PRId64 " %" PRId64, r->cpu_quota, r->cpu_period > 0 ? r->cpu_period : USUAL_PERIOD);
	if (rc >= 0 && r->cpu_burst > 0)
		rc = asprintf(&words[n++], "cpu.max.burst=%" PRId64, r->cpu_burst);
	for (i = 0; rc >= 0 && i < r->unified.n; i++)
		rc = asprintf(&words[n++], "%s=%s", r->unified.items[i].name, r->unified.items[i].value);
	if (rc >= 0)
		return words;
	if (n)
		words[n - 1] = NULL;
	free_words(words);
	return NULL;
}

#define DEVICE(name, its_major, its_minor) { "/dev/" name, 'c', its_major, its_minor, 0666, 0, 0 }
static const struct vagent_device devices[] = {
	DEVICE("null", 1, 3), DEVICE("zero", 1, 5), DEVICE("full", 1, 7), DEVICE("random", 1, 8),
	DEVICE("urandom", 1, 9), DEVICE("tty", 5, 0),
};

/* Counts the devices of each container, in a /dev of the guest. Another /dev has what its owner has put there. */
static unsigned int count_devices(const struct oci_layout *layout)
{
	unsigned int i;

	for (i = 0; i < layout->nmounts; i++)
		if (!strcmp(layout->mounts[i].target, "/dev"))
			return layout->mounts[i].type && !strcmp(layout->mounts[i].type, "tmpfs") ? sizeof(devices) / sizeof(devices[0]) : 0;
	return 0;
}

/*
 * Limits of the container that owns the machine are those of the machine, but threads of the guest's kernel and agent are
 * not its own.
 */
static struct oci_resources limits_in_guest(const struct oci_spec *spec)
{
	const struct oci_resources own = { .pids_limit = spec->resources.pids_limit };

	return oci_pod_sandbox(spec) ? spec->resources : own;
}

int oci_container_add(struct vagent_guest *g, const struct oci_spec *spec, const struct oci_layout *layout,
		      unsigned int *number, struct vsu_error *err)
{
	const unsigned int flags = namespaces_of(spec);
	const struct oci_resources r = limits_in_guest(spec);
	char **sysctls = join_sysctls(spec, !(flags & CLONE_NEWUTS));
	char **limits = join_limits(&r);
	const struct vagent_container c = {
		.size = sizeof(c),
		.root = layout->root, .hostname = flags & CLONE_NEWUTS ? spec->hostname : NULL, .readonly_root = spec->readonly_root,
		.mounts = layout->mounts, .nmounts = layout->nmounts,
		.devices = devices, .ndevices = count_devices(layout),
		.masked = (const char *const *)spec->masked.words, .readonly = (const char *const *)spec->readonly.words,
		.sysctls = (const char *const *)sysctls, .namespaces = flags,
		.limits = (const char *const *)limits,
	};
	const int rc = sysctls && limits ? vagent_guest_add_container(g, &c, number, err) : vsu_error_set(err, -ENOMEM, "out of memory");

	free_words(sysctls);
	free_words(limits);
	return rc;
}

/* --------------------------------------------------------------------- process */

static void copy_limits(const struct oci_process *p, struct vagent_limit *limits)
{
	unsigned int i;

	for (i = 0; i < p->nlimits; i++)
		limits[i] = (struct vagent_limit){ p->limits[i].resource, p->limits[i].soft, p->limits[i].hard };
}

int oci_container_prepare(struct vagent_guest *g, unsigned int number, const struct oci_process *p,
			  const struct oci_filter *filter, const int *streams, struct vagent_process **out,
			  struct vsu_error *err)
{
	struct vagent_limit limits[OCI_MAX_LIMITS];
	const struct vagent_process_config c = {
		.size = sizeof(c),
		.command = (const char *const *)p->args.words, .environment = (const char *const *)p->environment.words,
		.folder = p->folder, .user = p->user, .group = p->group, .groups = p->groups, .ngroups = p->ngroups,
		.has_umask = true, .umask = p->umask, .capabilities = p->capabilities,
		.limits = limits, .nlimits = p->nlimits, .no_new_privileges = p->no_new_privileges,
		.filter = filter->instructions, .nfilter = filter->n, .filter_flags = filter->flags,
		.has_oom_score_adj = p->oom_score != OCI_NO_OOM_SCORE, .oom_score_adj = p->oom_score,
		.terminal = p->terminal, .rows = p->rows, .columns = p->columns, .streams = streams,
	};

	copy_limits(p, limits);
	return vagent_process_prepare(g, number, &c, out, err);
}

/* Engines search the sentence for these words, and report status 127 or 126. */
int oci_container_status(const struct vagent_process *p, const char *program, struct vsu_error *why)
{
	struct vagent_end end;
	int status, rc = vagent_process_end(p, &end, why);

	if (rc < 0)
		return rc;
	status = vagent_end_status(&end);
	if (end.kind == VAGENT_END_NOT_FOUND)
		vsu_error_set(why, -ENOENT, "'%s': executable file not found in $PATH: No such file or directory", program);
	else if (end.kind == VAGENT_END_NOT_EXECUTED)
		vsu_error_prefix(why, -EACCES, "'%s' cannot be executed, permission denied", program);
	return status;
}

bool oci_container_could_start(const struct vagent_process *p)
{
	struct vagent_end end;

	if (vagent_process_end(p, &end, NULL) < 0)
		return false;
	return end.kind == VAGENT_END_STATUS || end.kind == VAGENT_END_SIGNAL || end.kind == VAGENT_END_MEMORY;
}
