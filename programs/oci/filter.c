/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Compiles a filter of system calls by libseccomp. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "oci/filter.h"

void oci_filter_free(struct oci_filter *f)
{
	free(f->instructions);
	*f = (struct oci_filter){ .instructions = NULL };
}

enum { FLAG_LOG, FLAG_SPEC_ALLOW, FLAG_TSYNC };
const char *const oci_filter_flags[] = {
	[FLAG_LOG] = "SECCOMP_FILTER_FLAG_LOG", [FLAG_SPEC_ALLOW] = "SECCOMP_FILTER_FLAG_SPEC_ALLOW",
	[FLAG_TSYNC] = "SECCOMP_FILTER_FLAG_TSYNC", NULL,
};

#ifdef HAVE_LIBSECCOMP
#include <seccomp.h>

#define MAX_BYTES (4096 * sizeof(struct sock_filter))

static int action_of(int action, uint32_t errnum, uint32_t *out)
{
	switch ((enum oci_action)action) {
	case OCI_ACTION_KILL:
	case OCI_ACTION_KILL_THREAD:
		*out = SCMP_ACT_KILL_THREAD;
		return 0;
	case OCI_ACTION_KILL_PROCESS:
		*out = SCMP_ACT_KILL_PROCESS;
		return 0;
	case OCI_ACTION_TRAP:
		*out = SCMP_ACT_TRAP;
		return 0;
	case OCI_ACTION_ERRNO:
		*out = SCMP_ACT_ERRNO(errnum);
		return 0;
	case OCI_ACTION_TRACE:
		*out = SCMP_ACT_TRACE(errnum);
		return 0;
	case OCI_ACTION_ALLOW:
		*out = SCMP_ACT_ALLOW;
		return 0;
	case OCI_ACTION_LOG:
		*out = SCMP_ACT_LOG;
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static const enum scmp_compare operators[] = {
	[OCI_NE] = SCMP_CMP_NE, [OCI_LT] = SCMP_CMP_LT, [OCI_LE] = SCMP_CMP_LE, [OCI_EQ] = SCMP_CMP_EQ,
	[OCI_GE] = SCMP_CMP_GE, [OCI_GT] = SCMP_CMP_GT, [OCI_MASKED_EQ] = SCMP_CMP_MASKED_EQ,
};

static struct scmp_arg_cmp compare_of(const struct oci_condition *c)
{
	return (struct scmp_arg_cmp){ c->index, operators[c->op], c->value, c->value_two };
}

/* Two conditions on one argument are alternatives, as in other runtimes: libseccomp refuses them in one rule. */
static bool has_alternatives(const struct oci_rule *r)
{
	unsigned int i, seen = 0;

	for (i = 0; i < r->nconditions; i++) {
		if (seen & 1u << r->conditions[i].index)
			return true;
		seen |= 1u << r->conditions[i].index;
	}
	return false;
}

/* -EACCES: the action is the default one. */
static int add_call(scmp_filter_ctx ctx, const struct oci_rule *r, uint32_t action, int call)
{
	struct scmp_arg_cmp compares[OCI_RULE_ARGS];
	unsigned int i;
	int rc = 0;

	for (i = 0; i < r->nconditions; i++)
		compares[i] = compare_of(&r->conditions[i]);
	if (!has_alternatives(r))
		rc = seccomp_rule_add_array(ctx, action, call, r->nconditions, compares);
	else
		for (i = 0; !rc && i < r->nconditions; i++)
			rc = seccomp_rule_add_array(ctx, action, call, 1, &compares[i]);
	return rc == -EACCES || rc == -EPERM ? 0 : rc;
}

static int add_rule(scmp_filter_ctx ctx, const struct oci_rule *r, struct vsu_error *err)
{
	uint32_t action;
	unsigned int i;
	int call, rc = action_of(r->action, r->errnum, &action);

	if (rc < 0)
		return vsu_error_set(err, rc, "member 'linux.seccomp': action 'SCMP_ACT_NOTIFY' is not supported: no process of the host can answer for the guest's kernel");
	for (i = 0; !rc && i < r->names.n; i++) {
		call = seccomp_syscall_resolve_name(r->names.words[i]);
		if (call != __NR_SCMP_ERROR)
			rc = add_call(ctx, r, action, call);
		if (rc < 0)
			vsu_error_sys(err, rc, "member 'linux.seccomp': a rule of '%s' is refused by libseccomp", r->names.words[i]);
	}
	return rc;
}

/* "SCMP_ARCH_X86_64" is "x86_64" of libseccomp. 0: unknown. */
static uint32_t find_architecture(const char *word)
{
	char name[32] = "";
	size_t i;

	if (!strncmp(word, "SCMP_ARCH_", 10) && strlen(word + 10) < sizeof(name))
		for (i = 0; word[10 + i]; i++)
			name[i] = word[10 + i] >= 'A' && word[10 + i] <= 'Z' ? (char)(word[10 + i] + 32) : word[10 + i];
	return seccomp_arch_resolve_name(name);
}

bool oci_filter_is_possible(void)
{
	return true;
}

bool oci_filter_has_architecture(const char *name)
{
	return find_architecture(name) != 0;
}

/* That of the host is there. */
static int add_architecture(scmp_filter_ctx ctx, const char *word, struct vsu_error *err)
{
	const uint32_t token = find_architecture(word);
	const int rc = token ? seccomp_arch_add(ctx, token) : -EINVAL;

	return !rc || rc == -EEXIST ? 0 : vsu_error_set(err, -EOPNOTSUPP, "member 'linux.seccomp.architectures': '%s' is not supported", word);
}

/* One thread installs the filter, for which FLAG_TSYNC has no effect. */
static int read_flags(const struct oci_list *flags, unsigned int *out, struct vsu_error *err)
{
	static const unsigned int bits[] = {
		[FLAG_LOG] = SECCOMP_FILTER_FLAG_LOG, [FLAG_SPEC_ALLOW] = SECCOMP_FILTER_FLAG_SPEC_ALLOW, [FLAG_TSYNC] = 0,
	};
	unsigned int i, flag;

	for (i = 0; i < flags->n; i++) {
		for (flag = 0; oci_filter_flags[flag] && strcmp(flags->words[i], oci_filter_flags[flag]) != 0;)
			flag++;
		if (oci_filter_flags[flag])
			*out |= bits[flag];
		else
			return vsu_error_set(err, -EOPNOTSUPP, "member 'linux.seccomp.flags': '%s' is not supported", flags->words[i]);
	}
	return 0;
}

static int export_filter(scmp_filter_ctx ctx, struct oci_filter *out, struct vsu_error *err)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	struct stat st = { .st_size = 0 };
	int rc = fd < 0 ? -errno : seccomp_export_bpf(ctx, fd);
	ssize_t n = 0;

	if (!rc)
		rc = fstat(fd, &st) < 0 ? -errno : 0;
	if (!rc && (!st.st_size || (size_t)st.st_size > MAX_BYTES))
		rc = -E2BIG;
	out->instructions = rc < 0 ? NULL : malloc((size_t)st.st_size);
	if (out->instructions)
		n = vsu_fd_pread_full(fd, out->instructions, (size_t)st.st_size, 0);
	vsu_fd_close(&fd);
	if (rc < 0 || n != st.st_size)
		return vsu_error_sys(err, rc < 0 ? rc : -ENOMEM, "member 'linux.seccomp': the filter cannot be made");
	out->n = (unsigned int)((size_t)st.st_size / sizeof(*out->instructions));
	return 0;
}

static int compile_rules(scmp_filter_ctx ctx, const struct oci_seccomp *s, struct oci_filter *out, struct vsu_error *err)
{
	unsigned int i;
	int rc = read_flags(&s->flags, &out->flags, err);

	for (i = 0; !rc && i < s->architectures.n; i++)
		rc = add_architecture(ctx, s->architectures.words[i], err);
	for (i = 0; !rc && i < s->nrules; i++)
		rc = add_rule(ctx, &s->rules[i], err);
	return rc < 0 ? rc : export_filter(ctx, out, err);
}

/* The process decides about new privileges itself. A balanced tree is short for each call. */
int oci_seccomp_compile(const struct oci_seccomp *s, struct oci_filter *out, struct vsu_error *err)
{
	scmp_filter_ctx ctx;
	uint32_t action;
	int rc;

	*out = (struct oci_filter){ .instructions = NULL };
	if (s->action < 0)
		return 0;
	rc = action_of(s->action, s->errnum, &action);
	if (rc < 0)
		return vsu_error_set(err, rc, "member 'linux.seccomp.defaultAction': 'SCMP_ACT_NOTIFY' is not supported");
	ctx = seccomp_init(action);
	if (!ctx)
		return vsu_error_set(err, -ENOMEM, "out of memory");
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	rc = compile_rules(ctx, s, out, err);
	seccomp_release(ctx);
	if (rc < 0)
		oci_filter_free(out);
	return rc;
}
#else
bool oci_filter_is_possible(void)
{
	return false;
}

bool oci_filter_has_architecture(const char *name)
{
	(void)name;
	return false;
}

int oci_seccomp_compile(const struct oci_seccomp *s, struct oci_filter *out, struct vsu_error *err)
{
	*out = (struct oci_filter){ .instructions = NULL };
	if (s->action < 0)
		return 0;
	return vsu_error_set(err, -EOPNOTSUPP, "member 'linux.seccomp' is not supported: this build has no libseccomp");
}
#endif
