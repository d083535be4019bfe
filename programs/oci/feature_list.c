/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Prints what this runtime supports. */
#include <config.h>

#include <vmm-sys-util/json.h>

#include "oci/feature_list.h"
#include "oci/mount_options.h"
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

static void print_linux(struct vsu_json *j)
{
	static const char *const namespaces[] = { "cgroup", "ipc", "mount", "network", "pid", "uts", NULL };

	vsu_json_open(j, "linux", '{');
	print_words(j, "namespaces", namespaces);
	print_capabilities(j);
	print_switch(j, "apparmor", false);
	print_switch(j, "selinux", false);
	print_switch(j, "intelRdt", false);
	vsu_json_open(j, "mountExtensions", '{');
	print_switch(j, "idmap", false);
	vsu_json_close(j, '}');
	vsu_json_close(j, '}');
}

void oci_features_print(FILE *to)
{
	struct vsu_json j = { .to = to };

	vsu_json_open(&j, NULL, '{');
	vsu_json_text(&j, "ociVersionMin", OCI_VERSION_MIN);
	vsu_json_text(&j, "ociVersionMax", OCI_VERSION_MAX);
	print_mount_options(&j);
	print_linux(&j);
	vsu_json_close(&j, '}');
	putc('\n', to);
}
