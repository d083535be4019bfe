/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The members of the runtime specification. */
#include <config.h>

#include "oci/spec.h"
#include "oci/spec_rows.h"

#define AT(member) offsetof(struct oci_spec, member)
#define ARRAY(label, member, count, type, most) \
	{ .name = (label), .items = AT(member), .n = AT(count), .size = sizeof(type), .max = (most) }

static const struct oci_array groups = ARRAY("process.user.additionalGids", process.groups, process.ngroups, uint32_t, OCI_MAX_GROUPS);
static const struct oci_array limits = ARRAY("process.rlimits", process.limits, process.nlimits, struct oci_limit, OCI_MAX_LIMITS);
static const struct oci_array mounts = ARRAY("mounts", mounts, nmounts, struct oci_mount, OCI_MAX_MOUNTS);
static const struct oci_array namespaces = ARRAY("linux.namespaces", namespaces, nnamespaces, struct oci_namespace, OCI_MAX_NAMESPACES);

#define HOOKS(moment, label) \
	[moment] = ARRAY(label, hooks[moment].items, hooks[moment].n, struct oci_hook, OCI_MAX_HOOKS)
static const struct oci_array hooks[OCI_MOMENTS] = {
	HOOKS(OCI_PRESTART, "hooks.prestart"),
	HOOKS(OCI_CREATE_RUNTIME, "hooks.createRuntime"),
	HOOKS(OCI_CREATE_CONTAINER, "hooks.createContainer"),
	HOOKS(OCI_START_CONTAINER, "hooks.startContainer"),
	HOOKS(OCI_POSTSTART, "hooks.poststart"),
	HOOKS(OCI_POSTSTOP, "hooks.poststop"),
};

/* Libseccomp's rule without a number fails with EPERM. */
static const struct oci_rule new_rule = { .action = -1, .errnum = 1 };
static const struct oci_condition new_condition = { .op = -1 };
static const struct oci_array rules = {
	.name = "linux.seccomp.syscalls", .items = AT(seccomp.rules), .n = AT(seccomp.nrules),
	.size = sizeof(struct oci_rule), .max = OCI_MAX_RULES, .preset = &new_rule,
};
static const struct oci_array conditions = {
	.name = "linux.seccomp.syscalls.args", .items = offsetof(struct oci_rule, conditions),
	.n = offsetof(struct oci_rule, nconditions), .size = sizeof(struct oci_condition),
	.max = OCI_RULE_ARGS, .outer = &rules, .preset = &new_condition,
};

/* Indexed by the numbers of setrlimit(2). */
static const char *const limit_names[] = {
	"RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_DATA", "RLIMIT_STACK", "RLIMIT_CORE", "RLIMIT_RSS",
	"RLIMIT_NPROC", "RLIMIT_NOFILE", "RLIMIT_MEMLOCK", "RLIMIT_AS", "RLIMIT_LOCKS",
	"RLIMIT_SIGPENDING", "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_RTPRIO", "RLIMIT_RTTIME", NULL,
};

static const char *const namespace_names[] = {
	"pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time", NULL,
};

const char *const oci_action_names[] = {
	"SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_TRAP",
	"SCMP_ACT_ERRNO", "SCMP_ACT_TRACE", "SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", NULL,
};

const char *const oci_operator_names[] = {
	"SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT",
	"SCMP_CMP_MASKED_EQ", NULL,
};

const char *const oci_capability_names[] = {
	"CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID",
	"SETPCAP", "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW",
	"IPC_LOCK", "IPC_OWNER", "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT",
	"SYS_ADMIN", "SYS_BOOT", "SYS_NICE", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD",
	"LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP", "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG",
	"WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF", "CHECKPOINT_RESTORE", NULL,
};

#define VALUE(f, k, member) { .form = (f), .kind = (k), .at = AT(member) }
#define ELEMENT(f, k, of, type, member) \
	{ .form = (f), .kind = (k), .at = offsetof(struct type, member), .array = &(of) }
#define CHOICE(f, member, names) { .form = (f), .kind = OCI_CHOICE, .at = AT(member), .choices = (names) }
#define CHOICE_OF(f, of, type, member, names) \
	{ .form = (f), .kind = OCI_CHOICE, .at = offsetof(struct type, member), .array = &(of), .choices = (names) }
#define SATISFIED(f) { .form = (f), .kind = OCI_SATISFIED }
#define REFUSED(f, reason) { .form = (f), .kind = OCI_REFUSED, .why = (reason) }
#define HOOK_ROWS(label, moment) \
	ELEMENT("hooks." label ".#.path", OCI_TEXT, hooks[moment], oci_hook, path), \
	ELEMENT("hooks." label ".#.args.#", OCI_LIST, hooks[moment], oci_hook, args), \
	ELEMENT("hooks." label ".#.env.#", OCI_LIST, hooks[moment], oci_hook, environment), \
	ELEMENT("hooks." label ".#.timeout", OCI_U32, hooks[moment], oci_hook, timeout)

#define OTHER_PLATFORM "is for another platform than Linux"
#define NO_SCHEDULER "is not supported: the guest's kernel schedules the processes of a container"
#define NO_MAPPED_IDS "is not supported: files have the numbers of their owners that the host's root folder has"
#define NO_CGROUP_V1 "is not supported: it needs control groups of version 1"

const struct oci_row oci_rows[] = {
	VALUE("ociVersion", OCI_TEXT, version),
	VALUE("root.path", OCI_TEXT, root),
	VALUE("root.readonly", OCI_BOOL, readonly_root),
	VALUE("hostname", OCI_TEXT, hostname),
	VALUE("domainname", OCI_TEXT, domainname),

	VALUE("process.terminal", OCI_BOOL, process.terminal),
	VALUE("process.consoleSize.height", OCI_U32, process.rows),
	VALUE("process.consoleSize.width", OCI_U32, process.columns),
	VALUE("process.cwd", OCI_TEXT, process.folder),
	VALUE("process.args.#", OCI_LIST, process.args),
	VALUE("process.env.#", OCI_LIST, process.environment),
	VALUE("process.user.uid", OCI_U32, process.user),
	VALUE("process.user.gid", OCI_U32, process.group),
	VALUE("process.user.umask", OCI_U32, process.umask),
	{ .form = "process.user.additionalGids.#", .kind = OCI_U32, .array = &groups },
	CHOICE_OF("process.rlimits.#.type", limits, oci_limit, resource, limit_names),
	ELEMENT("process.rlimits.#.hard", OCI_U64, limits, oci_limit, hard),
	ELEMENT("process.rlimits.#.soft", OCI_U64, limits, oci_limit, soft),
	VALUE("process.capabilities.bounding.#", OCI_CAPABILITY, process.capabilities[OCI_BOUNDING]),
	VALUE("process.capabilities.effective.#", OCI_CAPABILITY, process.capabilities[OCI_EFFECTIVE]),
	VALUE("process.capabilities.inheritable.#", OCI_CAPABILITY, process.capabilities[OCI_INHERITABLE]),
	VALUE("process.capabilities.permitted.#", OCI_CAPABILITY, process.capabilities[OCI_PERMITTED]),
	VALUE("process.capabilities.ambient.#", OCI_CAPABILITY, process.capabilities[OCI_AMBIENT]),
	VALUE("process.noNewPrivileges", OCI_BOOL, process.no_new_privileges),
	VALUE("process.oomScoreAdj", OCI_I32, process.oom_score),
	VALUE("process.apparmorProfile", OCI_TEXT, process.apparmor),
	VALUE("process.selinuxLabel", OCI_TEXT, process.selinux),
	REFUSED("process.scheduler.*", NO_SCHEDULER),
	REFUSED("process.ioPriority.*", NO_SCHEDULER),
	REFUSED("process.execCPUAffinity.*", NO_SCHEDULER),
	REFUSED("process.commandLine", OTHER_PLATFORM),
	REFUSED("process.user.username", OTHER_PLATFORM),

	ELEMENT("mounts.#.destination", OCI_TEXT, mounts, oci_mount, destination),
	ELEMENT("mounts.#.type", OCI_TEXT, mounts, oci_mount, type),
	ELEMENT("mounts.#.source", OCI_TEXT, mounts, oci_mount, source),
	ELEMENT("mounts.#.options.#", OCI_LIST, mounts, oci_mount, options),
	REFUSED("mounts.#.uidMappings.*", NO_MAPPED_IDS),
	REFUSED("mounts.#.gidMappings.*", NO_MAPPED_IDS),

	HOOK_ROWS("prestart", OCI_PRESTART),
	HOOK_ROWS("createRuntime", OCI_CREATE_RUNTIME),
	HOOK_ROWS("createContainer", OCI_CREATE_CONTAINER),
	HOOK_ROWS("startContainer", OCI_START_CONTAINER),
	HOOK_ROWS("poststart", OCI_POSTSTART),
	HOOK_ROWS("poststop", OCI_POSTSTOP),

	VALUE("annotations.*", OCI_PAIR, annotations),

	CHOICE_OF("linux.namespaces.#.type", namespaces, oci_namespace, kind, namespace_names),
	ELEMENT("linux.namespaces.#.path", OCI_TEXT, namespaces, oci_namespace, path),
	VALUE("linux.sysctl.*", OCI_PAIR, sysctls),
	VALUE("linux.cgroupsPath", OCI_TEXT, cgroup),
	VALUE("linux.rootfsPropagation", OCI_TEXT, propagation),
	VALUE("linux.mountLabel", OCI_TEXT, mount_label),
	VALUE("linux.maskedPaths.#", OCI_LIST, masked),
	VALUE("linux.readonlyPaths.#", OCI_LIST, readonly),
	REFUSED("linux.uidMappings.*", NO_MAPPED_IDS),
	REFUSED("linux.gidMappings.*", NO_MAPPED_IDS),
	REFUSED("linux.timeOffsets.*", "is not supported"),
	REFUSED("linux.devices.*", "is not supported: a machine has no devices of the host"),
	REFUSED("linux.netDevices.*", "is not supported: a machine has no interfaces of the host"),
	REFUSED("linux.intelRdt.*", "is not supported"),
	REFUSED("linux.personality.*", "is not supported"),

	/* A machine has none of the host's devices, which these rules forbid and permit. */
	SATISFIED("linux.resources.devices.*"),
	VALUE("linux.resources.memory.limit", OCI_I64, resources.memory_limit),
	VALUE("linux.resources.memory.reservation", OCI_I64, resources.memory_reservation),
	VALUE("linux.resources.memory.swap", OCI_I64, resources.memory_swap),
	REFUSED("linux.resources.memory.kernel", NO_CGROUP_V1),
	REFUSED("linux.resources.memory.kernelTCP", NO_CGROUP_V1),
	REFUSED("linux.resources.memory.swappiness", NO_CGROUP_V1),
	REFUSED("linux.resources.memory.disableOOMKiller", NO_CGROUP_V1),
	REFUSED("linux.resources.memory.useHierarchy", NO_CGROUP_V1),
	/* About an update of the limit, which is refused. */
	SATISFIED("linux.resources.memory.checkBeforeUpdate"),
	VALUE("linux.resources.cpu.shares", OCI_I64, resources.cpu_shares),
	VALUE("linux.resources.cpu.quota", OCI_I64, resources.cpu_quota),
	VALUE("linux.resources.cpu.period", OCI_I64, resources.cpu_period),
	VALUE("linux.resources.cpu.burst", OCI_I64, resources.cpu_burst),
	VALUE("linux.resources.cpu.idle", OCI_I64, resources.cpu_idle),
	VALUE("linux.resources.cpu.cpus", OCI_TEXT, resources.cpus),
	VALUE("linux.resources.cpu.mems", OCI_TEXT, resources.mems),
	REFUSED("linux.resources.cpu.realtimeRuntime", NO_CGROUP_V1),
	REFUSED("linux.resources.cpu.realtimePeriod", NO_CGROUP_V1),
	VALUE("linux.resources.pids.limit", OCI_I64, resources.pids_limit),
	VALUE("linux.resources.blockIO.weight", OCI_I64, resources.block_weight),
	REFUSED("linux.resources.blockIO.*", "is not supported: a container has no disk of the host"),
	REFUSED("linux.resources.hugepageLimits.*", "is not supported: huge pages are the guest's own"),
	REFUSED("linux.resources.network.*", NO_CGROUP_V1),
	REFUSED("linux.resources.rdma.*", "is not supported: a machine has no devices of the host"),
	VALUE("linux.resources.unified.*", OCI_PAIR, resources.unified),

	CHOICE("linux.seccomp.defaultAction", seccomp.action, oci_action_names),
	VALUE("linux.seccomp.defaultErrnoRet", OCI_U32, seccomp.errnum),
	VALUE("linux.seccomp.architectures.#", OCI_LIST, seccomp.architectures),
	VALUE("linux.seccomp.flags.#", OCI_LIST, seccomp.flags),
	ELEMENT("linux.seccomp.syscalls.#.names.#", OCI_LIST, rules, oci_rule, names),
	CHOICE_OF("linux.seccomp.syscalls.#.action", rules, oci_rule, action, oci_action_names),
	ELEMENT("linux.seccomp.syscalls.#.errnoRet", OCI_U32, rules, oci_rule, errnum),
	ELEMENT("linux.seccomp.syscalls.#.args.#.index", OCI_U32, conditions, oci_condition, index),
	ELEMENT("linux.seccomp.syscalls.#.args.#.value", OCI_U64, conditions, oci_condition, value),
	ELEMENT("linux.seccomp.syscalls.#.args.#.valueTwo", OCI_U64, conditions, oci_condition, value_two),
	CHOICE_OF("linux.seccomp.syscalls.#.args.#.op", conditions, oci_condition, op, oci_operator_names),
	REFUSED("linux.seccomp.listenerPath", "is not supported: no process of the host can answer for the guest's kernel"),
	REFUSED("linux.seccomp.listenerMetadata", "is not supported: no process of the host can answer for the guest's kernel"),

	REFUSED("windows.*", OTHER_PLATFORM),
	REFUSED("solaris.*", OTHER_PLATFORM),
	REFUSED("freebsd.*", OTHER_PLATFORM),
	REFUSED("zos.*", OTHER_PLATFORM),
	REFUSED("vm.*", "is not supported: the machine is that of this runtime's settings"),
	{ .form = NULL },
};
