/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Prints what this runtime supports. */
#include <config.h>

#include <vmm-sys-util/json.h>

#include "oci/feature_list.h"
#include "oci/filter.h"
#include "oci/mount_options.h"
#include "oci/scope.h"
#include "oci/spec.h"
#include "oci/spec_rows.h"

static void print_words(struct vsu_json *j, const char *key, const char *const *words)
{
	vsu_json_open(j, key, '[');
	for (; *words; words++)
		vsu_json_text(j, NULL, *words);
	vsu_json_close(j, ']');
}

static void print_mount_options(struct vsu_json *j)
{
	const struct oci_mount_word *w;

	vsu_json_open(j, "mountOptions", '[');
	for (w = oci_mount_words; w->name; w++)
		if (w->effect != OCI_MOUNT_REFUSED)
			vsu_json_text(j, NULL, w->name);
	vsu_json_close(j, ']');
}

static void print_capabilities(struct vsu_json *j)
{
	char name[64];
	unsigned int i;

	vsu_json_open(j, "capabilities", '[');
	for (i = 0; oci_capability_names[i]; i++) {
		snprintf(name, sizeof(name), "CAP_%s", oci_capability_names[i]);
		vsu_json_text(j, NULL, name);
	}
	vsu_json_close(j, ']');
}

static void print_switch(struct vsu_json *j, const char *key, bool enabled)
{
	vsu_json_open(j, key, '{');
	vsu_json_bool(j, "enabled", enabled);
	vsu_json_close(j, '}');
}

/* No process of the host can answer for the guest's kernel. */
static void print_actions(struct vsu_json *j)
{
	unsigned int i;

	vsu_json_open(j, "actions", '[');
	for (i = 0; oci_action_names[i]; i++)
		if (i != OCI_ACTION_NOTIFY)
			vsu_json_text(j, NULL, oci_action_names[i]);
	vsu_json_close(j, ']');
}

static void print_architectures(struct vsu_json *j)
{
	static const char *const names[] = {
		"SCMP_ARCH_X86", "SCMP_ARCH_X86_64", "SCMP_ARCH_X32", "SCMP_ARCH_ARM", "SCMP_ARCH_AARCH64", "SCMP_ARCH_MIPS",
		"SCMP_ARCH_MIPS64", "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32",
		"SCMP_ARCH_PPC", "SCMP_ARCH_PPC64", "SCMP_ARCH_PPC64LE", "SCMP_ARCH_S390", "SCMP_ARCH_S390X",
		"SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64", NULL,
	};
	unsigned int i;

	vsu_json_open(j, "archs", '[');
	for (i = 0; names[i]; i++)
		if (oci_filter_has_architecture(names[i]))
			vsu_json_text(j, NULL, names[i]);
	vsu_json_close(j, ']');
}

static void print_seccomp(struct vsu_json *j)
{
	vsu_json_open(j, "seccomp", '{');
	vsu_json_bool(j, "enabled", oci_filter_is_possible());
	if (oci_filter_is_possible()) {
		print_actions(j);
		print_words(j, "operators", oci_operator_names);
		print_architectures(j);
		print_words(j, "knownFlags", oci_filter_flags);
		print_words(j, "supportedFlags", oci_filter_flags);
	}
	vsu_json_close(j, '}');
}

static void print_cgroup(struct vsu_json *j)
{
	vsu_json_open(j, "cgroup", '{');
	vsu_json_bool(j, "v1", false);
	vsu_json_bool(j, "v2", true);
	vsu_json_bool(j, "systemd", oci_scope_is_possible());
	vsu_json_bool(j, "systemdUser", oci_scope_is_possible());
	vsu_json_bool(j, "rdma", false);
	vsu_json_close(j, '}');
}

static void print_linux(struct vsu_json *j)
{
	static const char *const namespaces[] = { "cgroup", "ipc", "mount", "network", "pid", "uts", NULL };

	vsu_json_open(j, "linux", '{');
	print_words(j, "namespaces", namespaces);
	print_capabilities(j);
	print_cgroup(j);
	print_seccomp(j);
	print_switch(j, "apparmor", true);
	print_switch(j, "selinux", true);
	print_switch(j, "intelRdt", false);
	print_switch(j, "netDevices", false);
	vsu_json_open(j, "mountExtensions", '{');
	print_switch(j, "idmap", false);
	vsu_json_close(j, '}');
	vsu_json_close(j, '}');
}

void oci_features_print(FILE *to)
{
	static const char *const hooks[] = {
		"prestart", "createRuntime", "createContainer", "poststart", "poststop", NULL,
	};
	struct vsu_json j = { .to = to };

	vsu_json_open(&j, NULL, '{');
	vsu_json_text(&j, "ociVersionMin", OCI_VERSION_MIN);
	vsu_json_text(&j, "ociVersionMax", OCI_VERSION_MAX);
	print_words(&j, "hooks", hooks);
	print_mount_options(&j);
	print_linux(&j);
	vsu_json_close(&j, '}');
	putc('\n', to);
}
