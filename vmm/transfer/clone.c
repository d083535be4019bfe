/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Compares what two devices use of the host. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vmm-sys-util/file_value.h>

#include "transfer/clone.h"

/* A descriptor of the original was one of another process, which only its name can tell. */
static bool is_same_file(const char *clone, const char *original)
{
	original = vsu_file_value_name(original);
	return !strcmp(vsu_file_value_name(clone), original) ||
	       (!vsu_file_value_is_fd(original) && vsu_file_value_is_same(clone, original));
}

/* The first text that both lists contain, or NULL. */
static const char *find_common(const char *const *a, unsigned int na,
			       const char *const *b, unsigned int nb)
{
	unsigned int i, j;

	for (i = 0; i < na && a[i]; i++)
		for (j = 0; j < nb && b[j]; j++)
			if (!strcmp(a[i], b[j]))
				return a[i];
	return NULL;
}

/* Only the back-end knows its resources. */
static bool is_external(const struct vmm_device_spec *spec)
{
	return spec->remote && !spec->spawned;
}

/* The base of an overlay, too. */
static bool has_file(const struct devkind_facts *facts, const char *file)
{
	const struct devkind_opening *o;

	for (o = facts->opens; o->text; o++)
		if (is_same_file(file, o->text))
			return true;
	return facts->file && is_same_file(file, facts->file);
}

static const char *find_shared(const struct vmm_device_spec *clone,
			       const struct vmm_device_spec *original)
{
	const struct devkind_facts a = vmm_device_describe(clone);
	const struct devkind_facts b = vmm_device_describe(original);
	const char *name;

	if (is_external(clone) || is_external(original))
		return is_external(clone) && is_external(original) &&
		       is_same_file(clone->socket, original->socket) ?
		       clone->socket : NULL;
	if (clone->kernel && original->kernel && a.cid && a.cid == b.cid)
		return "cid";
	if (a.file && a.writes && has_file(&b, devkind_facts_file(&a)))
		return a.file;
	name = find_common(a.sockets, DEVKIND_MAX_SOCKETS, b.sockets,
			   DEVKIND_MAX_SOCKETS);
	return name ? name : find_common(a.names, DEVKIND_MAX_NAMES, b.names,
					 DEVKIND_MAX_NAMES);
}

static bool has_overlays(const struct devkind *kind)
{
	const struct devkind_key *key;

	for (key = kind->keys; key->option.name; key++)
		if (!strcmp(key->option.name, "overlay"))
			return true;
	return false;
}

/* Shares the file without writing it. */
static const char *other_remedy(const struct vmm_device_spec *clone)
{
	if (!vmm_device_describe(clone).writes)
		return "";
	return has_overlays(clone->kind) ? ", or add readonly or an overlay" : ", or add readonly";
}

int vmm_device_check_clone(const struct vmm_device_spec *clone,
			   const struct vmm_device_spec *original,
			   struct vsu_error *err)
{
	const char *name = find_shared(clone, original);
	const char *option = clone->kind ? vmm_device_shorthand(clone->kind) : NULL;

	if (!name)
		return 0;
	return vsu_error_set(err, -EBUSY, "'%s' belongs to the saved machine; specify another with --%s%s",
			     name, option ? option : "device", other_remedy(clone));
}
