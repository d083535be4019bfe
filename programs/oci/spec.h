/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A container's configuration: the file config.json of a bundle, as the OCI runtime specification
 * 1.0 to 1.2 defines it, and the process of an "exec", as typed values.
 *
 * Each member of the specification is read, or refused by its name before anything is made. A
 * member that is null is absent. Unknown members cause a warning
 * and are ignored, as the specification requires.
 *
 * Sizes are bounded: OCI_SPEC_BYTES of text, and the numbers of elements below.
 *
 * Threads: confined.
 */
#ifndef OCI_SPEC_H
#define OCI_SPEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#define OCI_SPEC_BYTES (4u << 20)
#define OCI_VERSION_MIN "1.0.0"
#define OCI_VERSION_MAX "1.2.1"

enum {
	OCI_MAX_MOUNTS = 512,
	OCI_MAX_GROUPS = 1024,
	OCI_MAX_LIMITS = 16,	/* the kernel's number of them */
	OCI_MAX_NAMESPACES = 8,
	OCI_MAX_HOOKS = 16,	/* of a moment */
	OCI_MAX_PAIRS = 256,
	OCI_MAX_RULES = 512,	/* of a filter of system calls */
	OCI_RULE_ARGS = 6,	/* conditions of a rule */
	OCI_CAPABILITIES = 41,
};

/* Words; a NULL ends them. words is NULL if there are none. */
struct oci_list {
	char **words;
	unsigned int n;
};

struct oci_pair {
	const char *name, *value;
};

/* Names, values, in the order of the file. */
struct oci_pairs {
	struct oci_pair items[OCI_MAX_PAIRS];
	unsigned int n;
};

enum oci_capability_set {
	OCI_BOUNDING, OCI_EFFECTIVE, OCI_INHERITABLE, OCI_PERMITTED, OCI_AMBIENT, OCI_CAPABILITY_SETS,
};

struct oci_limit {
	unsigned int resource;	/* of setrlimit(2) */
	uint64_t soft, hard;
};

#define OCI_NO_OOM_SCORE INT32_MIN

struct oci_process {
	bool terminal;
	uint32_t rows, columns;	/* of the terminal; 0: unknown */
	struct oci_list args, environment;
	const char *folder;
	uint32_t user, group, umask;
	uint32_t groups[OCI_MAX_GROUPS];
	unsigned int ngroups;
	uint64_t capabilities[OCI_CAPABILITY_SETS];	/* bits of capabilities(7) */
	struct oci_limit limits[OCI_MAX_LIMITS];
	unsigned int nlimits;
	bool no_new_privileges;
	int32_t oom_score;	/* of proc(5); OCI_NO_OOM_SCORE: unchanged */
	const char *apparmor, *selinux; /* NULL: none */
};

struct oci_mount {
	const char *destination, *type, *source;
	struct oci_list options;
};

enum oci_namespace_kind {
	OCI_NAMESPACE_PID, OCI_NAMESPACE_NETWORK, OCI_NAMESPACE_MOUNT, OCI_NAMESPACE_IPC,
	OCI_NAMESPACE_UTS, OCI_NAMESPACE_USER, OCI_NAMESPACE_CGROUP, OCI_NAMESPACE_TIME,
};

struct oci_namespace {
	int kind;		/* of enum oci_namespace_kind */
	const char *path;	/* one to join; NULL: a new one */
};

enum oci_moment {
	OCI_PRESTART, OCI_CREATE_RUNTIME, OCI_CREATE_CONTAINER, OCI_START_CONTAINER, OCI_POSTSTART,
	OCI_POSTSTOP, OCI_MOMENTS,
};

struct oci_hook {
	const char *path;
	struct oci_list args, environment;
	uint32_t timeout;	/* seconds; 0: none */
};

struct oci_hooks {
	struct oci_hook items[OCI_MAX_HOOKS];
	unsigned int n;
};

/* Indexes of their names in spec_rows.c. */
enum oci_action {
	OCI_ACTION_KILL, OCI_ACTION_KILL_PROCESS, OCI_ACTION_KILL_THREAD, OCI_ACTION_TRAP,
	OCI_ACTION_ERRNO, OCI_ACTION_TRACE, OCI_ACTION_ALLOW, OCI_ACTION_LOG, OCI_ACTION_NOTIFY,
};

enum oci_operator {
	OCI_NE, OCI_LT, OCI_LE, OCI_EQ, OCI_GE, OCI_GT, OCI_MASKED_EQ,
};

struct oci_condition {
	uint32_t index;		/* of the argument of the system call */
	uint64_t value, value_two;
	int op;			/* of enum oci_operator */
};

struct oci_rule {
	struct oci_list names;
	int action;		/* of enum oci_action */
	uint32_t errnum;
	struct oci_condition conditions[OCI_RULE_ARGS];
	unsigned int nconditions;
};

/* A filter of system calls; action is -1 if there is none. */
struct oci_seccomp {
	int action;
	uint32_t errnum;
	struct oci_list architectures, flags;
	struct oci_rule rules[OCI_MAX_RULES];
	unsigned int nrules;
};

/* 0 is unset, and a negative number means no limit. */
struct oci_resources {
	int64_t memory_limit, memory_reservation, memory_swap;
	int64_t cpu_shares, cpu_quota, cpu_period, cpu_burst, cpu_idle;
	const char *cpus, *mems;
	int64_t pids_limit, block_weight;
	struct oci_pairs unified; /* files of control groups, version 2 */
};

struct oci_spec {
	const char *version;
	const char *root;
	bool readonly_root;
	struct oci_process process;
	const char *hostname, *domainname;
	struct oci_mount mounts[OCI_MAX_MOUNTS];
	unsigned int nmounts;
	struct oci_namespace namespaces[OCI_MAX_NAMESPACES];
	unsigned int nnamespaces;
	struct oci_hooks hooks[OCI_MOMENTS];
	struct oci_pairs annotations, sysctls;
	const char *cgroup, *propagation;
	const char *mount_label; /* of SELinux; NULL, "": none */
	struct oci_list masked, readonly;
	struct oci_resources resources;
	struct oci_seccomp seccomp;
	char remark[160];	/* the first member or value that has no effect; empty: none */
	/* private: */
	char **words;		/* of all lists */
	size_t nwords, max_words;
	char *texts;
	size_t used, max_texts;
};

/*
 * Read the text of a config.json, of the process of an exec, or of the resources of an update. text
 * is modified. *out is freed by oci_spec_free(). -EBADMSG: it is no such document, or has a member of
 * another type; -EOPNOTSUPP: it has a member that machines do not support; -E2BIG; -ENOMEM.
 */
int oci_spec_read(char *text, struct oci_spec **out, struct vsu_error *err);
int oci_spec_read_process(char *text, struct oci_spec **out, struct vsu_error *err);
int oci_spec_read_resources(char *text, struct oci_spec **out, struct vsu_error *err);
/* Reads the member "annotations" of any object, and ignores the others. */
int oci_spec_read_annotations(char *text, struct oci_spec **out, struct vsu_error *err);

/* The parser of a text: one of the functions above. */
typedef int oci_spec_fn(char *text, struct oci_spec **out, struct vsu_error *err);

/*
 * Read a file and parse its text by fn. name is for messages. A stream is read from its position to its end, which may
 * never come. Errors of open(), read() and fn.
 */
int oci_spec_load(const char *path, oci_spec_fn *fn, struct oci_spec **out, struct vsu_error *err);
int oci_spec_load_fd(int fd, const char *name, oci_spec_fn *fn, struct oci_spec **out, struct vsu_error *err);
int oci_spec_load_stream(int fd, const char *name, oci_spec_fn *fn, struct oci_spec **out, struct vsu_error *err);

/* spec may be NULL. */
void oci_spec_free(struct oci_spec *spec);

/* The value of an annotation, or NULL. */
const char *oci_spec_annotation(const struct oci_spec *spec, const char *name);

/* The namespace of a kind, or NULL: that of the host. */
const struct oci_namespace *oci_spec_namespace(const struct oci_spec *spec, enum oci_namespace_kind kind);

#endif
