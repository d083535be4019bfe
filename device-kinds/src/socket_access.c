/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The options --socket-mode and --socket-group. */
#include <config.h>

#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>

#include <device-kinds/socket_access.h>
#include <vmm-sys-util/account.h>
#include <vmm-sys-util/parse.h>

static int read_mode(const char *text, uint32_t *mode, struct vsu_error *err)
{
	const size_t len = strlen(text);

	if (!len || len > 4 || strspn(text, "01234567") != len ||
	    strtoul(text, NULL, 8) > 0777)
		return vsu_error_set(err, -EINVAL,
				     "option --socket-mode: '%s' is not an octal number from 0 to 0777, such as 0660",
				     text);
	*mode = (uint32_t)strtoul(text, NULL, 8);
	return 0;
}

static int read_group(const char *text, uint32_t *group, struct vsu_error *err)
{
	const struct group *entry;
	uint64_t number;
	int code;

	errno = 0;
	entry = getgrnam(text);
	code = errno;
	if (entry) {
		*group = entry->gr_gid;
		return 0;
	}
	if (vsu_parse_u64(text, &number) < 0 && vsu_account_lookup_failed(code))
		return vsu_error_sys(err, -code, "option --socket-group: cannot look up the group '%s'", text);
	if (vsu_parse_u64(text, &number) < 0 || number >= UINT32_MAX)
		return vsu_error_set(err, -EINVAL,
				     "option --socket-group: this host has no group '%s'; name one of getent group, or give its number",
				     text);
	*group = (uint32_t)number;
	return 0;
}

int devkind_socket_access_read(struct devkind_socket_access *a, struct vsu_error *err)
{
	int rc = 0;

	a->given = a->mode || a->group;
	a->access = (struct vsu_sock_access){ a->group ? 0660 : 0600, UINT32_MAX };
	if (a->group)
		rc = read_group(a->group, &a->access.group, err);
	if (rc >= 0 && a->mode)
		rc = read_mode(a->mode, &a->access.mode, err);
	return rc;
}

int devkind_socket_access_apply(const struct devkind_socket_access *a, const char *path,
				struct vsu_error *err)
{
	return a->given ? vsu_sock_share(path, &a->access, err) : 0;
}
