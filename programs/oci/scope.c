/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Requests of scopes by the names of linux.cgroupsPath. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "oci/scope.h"

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@"
#define USUAL_PREFIX "cvmm-oci"

/* A name with "/" or ".." would lead to other objects. */
static bool is_name(const char *name)
{
	return *name && !name[strspn(name, LETTERS)];
}

static bool is_slice(const char *name)
{
	const size_t len = strlen(name), end = strlen(".slice");

	return is_name(name) && len > end && !strcmp(name + len - end, ".slice");
}

struct part {
	const char *text;
	int len;
};

static int split_path(const char *path, struct part parts[3])
{
	int i;

	for (i = 0; i < 3; i++) {
		parts[i] = (struct part){ path, (int)strcspn(path, ":") };
		path += parts[i].len;
		if ((*path == ':') != (i < 2))
			return -EINVAL;
		path += i < 2;
	}
	return parts[2].len ? 0 : -EINVAL;
}

int oci_scope_parse(const char *path, const char *id, bool is_root, struct oci_scope *out, struct vsu_error *err)
{
	const struct part slice = { is_root ? "system.slice" : "user.slice", is_root ? 12 : 10 };
	struct part parts[3] = { slice, { USUAL_PREFIX, (int)strlen(USUAL_PREFIX) }, { id, (int)strlen(id) } };
	int lengths[2];

	if (path && *path && split_path(path, parts) < 0)
		return vsu_error_set(err, -EINVAL, "member 'linux.cgroupsPath': '%s' is not SLICE:PREFIX:NAME, as systemd requires it", path);
	if (!parts[0].len)
		parts[0] = slice;
	lengths[0] = snprintf(out->slice, sizeof(out->slice), "%.*s", parts[0].len, parts[0].text);
	lengths[1] = snprintf(out->name, sizeof(out->name), "%.*s%s%.*s.scope", parts[1].len, parts[1].text, parts[1].len ? "-" : "", parts[2].len, parts[2].text);
	if (lengths[0] < OCI_SCOPE_NAME && lengths[1] < OCI_SCOPE_NAME && is_slice(out->slice) && is_name(out->name))
		return 0;
	return vsu_error_set(err, -EINVAL, "member 'linux.cgroupsPath': '%s' has no names of a slice and a scope", path ? path : id);
}
