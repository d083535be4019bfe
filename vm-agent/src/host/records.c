/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Records of a guest and of a container. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include <vmm-sys-util/sized.h>

#include "host/records.h"

#define NAMESPACES ((unsigned int)(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP | CLONE_NEWNET))

static int check_path(const char *what, const char *path, struct vsu_error *err)
{
	if (!path || *path != '/')
		return vsu_error_set(err, -EINVAL, "the %s '%s' is no absolute path of the guest", what, path ? path : "");
	return strlen(path) >= PATH_MAX ? vsu_error_set(err, -EINVAL, "the %s has %zu bytes; the maximum is %d", what, strlen(path), PATH_MAX - 1) : 0;
}

static int check_paths(const char *what, const char *const *paths, struct vsu_error *err)
{
	int rc = 0;

	for (; !rc && paths && *paths; paths++)
		rc = check_path(what, *paths, err);
	return rc;
}

static int check_size(const struct vagent_request *r, const char *what, struct vsu_error *err)
{
	if (r->rc == -E2BIG)
		return vsu_error_set(err, r->rc, "the texts of a %s exceed %u bytes", what, VAGENT_MAX_REQUEST);
	return r->rc < 0 ? vsu_error_set(err, r->rc, "no memory for a %s", what) : 0;
}

static void add_texts(struct vagent_request *r, char letter, const char *const *texts)
{
	for (; texts && *texts; texts++)
		vagent_request_add(r, letter, "%s", *texts);
}

static void add_text(struct vagent_request *r, char letter, const char *text)
{
	if (text)
		vagent_request_add(r, letter, "%s", text);
}

/* ---------------------------------------------------------------------- guest */

static int add_share(struct vagent_request *r, const struct vagent_share *s, struct vsu_error *err)
{
	if (!s->tag || !*s->tag || strchr(s->tag, ':') || strlen(s->tag) >= 37)
		return vsu_error_set(err, -EINVAL, "the tag '%s' of a file system is empty, longer than 36 bytes, or contains ':'", s->tag ? s->tag : "");
	vagent_request_add(r, 'D', "%s:%s:%s", s->tag, s->read_only ? "ro" : "rw", s->path ? s->path : "");
	return check_path("folder of a file system", s->path, err);
}

static void add_interface(struct vagent_request *r, const struct vagent_interface *i)
{
	vagent_request_add(r, 'J', "%s", i->name ? i->name : "");
	add_text(r, 'm', i->mac);
	if (i->mtu)
		vagent_request_add(r, 'u', "%u", i->mtu);
	add_texts(r, 'a', i->addresses);
	add_texts(r, 'r', i->routes);
}

int vagent_priv_add_guest(struct vagent_request *r, const struct vagent_guest_config *c, struct vsu_error *err)
{
	unsigned int i;
	int rc = vsu_check_array(c->shares, c->nshares, "config->shares", err);

	if (!rc)
		rc = vsu_check_array(c->interfaces, c->ninterfaces, "config->interfaces", err);
	if (rc < 0)
		return rc;
	if (c->nshares > VAGENT_MAX_SHARES || c->ninterfaces > VAGENT_MAX_INTERFACES)
		return vsu_error_set(err, -EINVAL, "a guest has at most %u file systems and %u network cards", VAGENT_MAX_SHARES, VAGENT_MAX_INTERFACES);
	if (c->system && (c->nshares || c->ninterfaces))
		return vsu_error_set(err, -EINVAL, "a guest with the system of a request has file systems or network cards beside it");
	if (c->system)
		vagent_request_add_all(r, c->system);
	for (i = 0; !rc && i < c->nshares; i++)
		rc = add_share(r, &c->shares[i], err);
	for (i = 0; !rc && i < c->ninterfaces; i++)
		add_interface(r, &c->interfaces[i]);
	return rc < 0 ? rc : check_size(r, "guest", err);
}

/* ------------------------------------------------------------------ container */

static int add_mount(struct vagent_request *r, const struct vagent_mount *m, struct vsu_error *err)
{
	vagent_request_add(r, 'M', "%s", m->target ? m->target : "");
	add_text(r, 't', m->type);
	add_text(r, 's', m->source);
	add_text(r, 'o', m->data);
	vagent_request_add(r, 'f', "%" PRIx64, m->flags);
	if (m->copies_up)
		vagent_request_add(r, 'c', "%s", "");
	return check_path("target of a mount", m->target, err);
}

static int add_device(struct vagent_request *r, const struct vagent_device *d, struct vsu_error *err)
{
	if (!d->type || !strchr("cbp", d->type) || d->mode > 07777)
		return vsu_error_set(err, -EINVAL, "a device has the mode 0%o and a type other than c, b and p, or a mode over 07777", d->mode);
	vagent_request_add(r, 'B', "%c %u:%u %o %" PRIu32 " %" PRIu32 " %s", d->type, d->major, d->minor, d->mode,
			   d->user, d->group, d->path ? d->path : "");
	return check_path("path of a device", d->path, err);
}

static int check_sysctls(const char *const *settings, struct vsu_error *err)
{
	for (; settings && *settings; settings++)
		if (**settings == '=' || !strchr(*settings, '=') || strstr(*settings, ".."))
			return vsu_error_set(err, -EINVAL, "the setting '%s' is not NAME=VALUE of sysctl(8)", *settings);
	return 0;
}

static int check_limits(const char *const *limits, struct vsu_error *err)
{
	for (; limits && *limits; limits++)
		if (**limits == '=' || **limits == '.' || !strchr(*limits, '=') || strchr(*limits, '/'))
			return vsu_error_set(err, -EINVAL, "the limit '%s' is not FILE=VALUE of a control group", *limits);
	return 0;
}

static int check_container(const struct vagent_container *c, struct vsu_error *err)
{
	int rc = check_path("root of a container", c->root, err);

	if (!rc)
		rc = vsu_check_array(c->mounts, c->nmounts, "container->mounts", err);
	if (!rc)
		rc = vsu_check_array(c->devices, c->ndevices, "container->devices", err);
	if (!rc && (c->namespaces & ~NAMESPACES))
		return vsu_error_set(err, -EINVAL, "a container's namespaces 0x%x contain others than 0x%x", c->namespaces, NAMESPACES);
	if (!rc && c->hostname && (!*c->hostname || strlen(c->hostname) > HOST_NAME_MAX))
		return vsu_error_set(err, -EINVAL, "the host name '%s' has %zu bytes; 1 to %d are possible", c->hostname, strlen(c->hostname), HOST_NAME_MAX);
	if (!rc && c->hostname && !(c->namespaces & CLONE_NEWUTS))
		return vsu_error_set(err, -EINVAL, "the host name '%s' needs CLONE_NEWUTS in namespaces", c->hostname);
	if (!rc)
		rc = check_paths("hidden path", c->masked, err);
	if (!rc)
		rc = check_paths("read-only path", c->readonly, err);
	if (!rc)
		rc = check_sysctls(c->sysctls, err);
	return rc < 0 ? rc : check_limits(c->limits, err);
}

int vagent_priv_add_container(struct vagent_request *r, const struct vagent_container *c, struct vsu_error *err)
{
	int rc = check_container(c, err);
	unsigned int i;

	if (rc < 0)
		return rc;
	vagent_request_add(r, 'R', "%s", c->root);
	if (c->readonly_root)
		vagent_request_add(r, 'O', "%s", "");
	add_text(r, 'H', c->hostname);
	vagent_request_add(r, 'N', "%x", c->namespaces);
	for (i = 0; !rc && i < c->nmounts; i++)
		rc = add_mount(r, &c->mounts[i], err);
	for (i = 0; !rc && i < c->ndevices; i++)
		rc = add_device(r, &c->devices[i], err);
	add_texts(r, 'K', c->masked);
	add_texts(r, 'k', c->readonly);
	add_texts(r, 'S', c->sysctls);
	add_texts(r, 'L', c->limits);
	return rc < 0 ? rc : check_size(r, "container", err);
}

/* -------------------------------------------------------------------- process */

bool vagent_priv_has_record(const struct vagent_request *r, char letter)
{
	size_t at;

	for (at = 0; at < r->len; at += strlen(r->records + at) + 1)
		if (r->records[at] == letter)
			return true;
	return false;
}

/* Texts that another process has sent may lack their ends. */
static int check_records(const struct vagent_process_config *c, struct vsu_error *err)
{
	const struct vagent_request *r = c->request;

	if (c->command || c->environment || c->folder || c->terminal)
		return vsu_error_set(err, -EINVAL, "a process has a request, and members that are part of it");
	if (r->rc < 0)
		return vagent_request_check(r, err);
	return r->len && !r->records[r->len - 1] && vagent_priv_has_record(r, 'A') ? 0 :
	       vsu_error_set(err, -EINVAL, "the request of a process has no command");
}

static int check_environment(const char *const *environment, struct vsu_error *err)
{
	for (; environment && *environment; environment++)
		if (!strchr(*environment, '='))
			return vsu_error_set(err, -EINVAL, "the variable '%s' is not NAME=VALUE", *environment);
	return 0;
}

static int check_arrays(const struct vagent_process_config *c, struct vsu_error *err)
{
	const int rc = vsu_check_array(c->groups, c->ngroups, "config->groups", err);

	return rc < 0 ? rc : vsu_check_array(c->limits, c->nlimits, "config->limits", err);
}

static int check_process(const struct vagent_process_config *c, struct vsu_error *err)
{
	int rc = check_arrays(c, err);

	if (rc < 0)
		return rc;
	if (c->folder)
		rc = check_path("working folder", c->folder, err);
	if (c->request)
		rc = check_records(c, err);
	else if (!c->command || !*c->command)
		return vsu_error_set(err, -EINVAL, "no command");
	if (c->nfilter > 4096 || (c->nfilter && !c->filter))
		return vsu_error_set(err, -EINVAL, "a filter of system calls has %u instructions; the maximum is 4096", c->nfilter);
	if (c->rows > UINT16_MAX || c->columns > UINT16_MAX)
		return vsu_error_set(err, -EINVAL, "a terminal of %u rows and %u columns; the maximum is %u", c->rows, c->columns, UINT16_MAX);
	if (c->has_oom_score_adj && (c->oom_score_adj < -1000 || c->oom_score_adj > 1000))
		return vsu_error_set(err, -EINVAL, "the OOM killer's adjustment is %d; -1000 to 1000 are possible", c->oom_score_adj);
	return rc < 0 ? rc : check_environment(c->environment, err);
}

/* The layout of struct sock_filter, which is part of the kernel's interface. */
struct instruction {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
};

static void add_filter(struct vagent_request *r, const struct vagent_process_config *c)
{
	char text[4096 * 16 + 1];
	struct instruction in;
	unsigned int i;

	for (i = 0; i < c->nfilter; i++) {
		memcpy(&in, (const char *)c->filter + i * sizeof(in), sizeof(in));
		snprintf(text + 16 * i, 17, "%04x%02x%02x%08" PRIx32, in.code, in.jt, in.jf, in.k);
	}
	if (c->nfilter)
		vagent_request_add(r, 'F', "%x %s", c->filter_flags, text);
}

static void add_rights(struct vagent_request *r, const struct vagent_process_config *c)
{
	const uint64_t *set = c->capabilities;
	unsigned int i;

	vagent_request_add(r, 'U', "%" PRIu32 " %" PRIu32 " %o", c->user, c->group, c->has_umask ? c->umask & 07777 : 022);
	for (i = 0; i < c->ngroups; i++)
		vagent_request_add(r, 'G', "%" PRIu32, c->groups[i]);
	if (set)
		vagent_request_add(r, 'P', "%" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64 " %" PRIx64, set[VAGENT_BOUNDING],
				   set[VAGENT_EFFECTIVE], set[VAGENT_INHERITABLE], set[VAGENT_PERMITTED], set[VAGENT_AMBIENT]);
	for (i = 0; i < c->nlimits; i++)
		vagent_request_add(r, 'L', "%x %" PRIx64 " %" PRIx64, c->limits[i].resource, c->limits[i].soft, c->limits[i].hard);
	if (c->no_new_privileges)
		vagent_request_add(r, 'n', "%s", "");
	add_filter(r, c);
	if (c->has_oom_score_adj)
		vagent_request_add(r, 'X', "%d", c->oom_score_adj);
}

static void add_command(struct vagent_request *r, const struct vagent_process_config *c)
{
	add_texts(r, 'A', c->command);
	add_texts(r, 'E', c->environment);
	vagent_request_add(r, 'C', "%s", c->folder ? c->folder : "/");
	if (c->terminal)
		vagent_request_add(r, 'T', "%ux%u", c->rows ? c->rows : 24, c->columns ? c->columns : 80);
}

int vagent_priv_add_process(struct vagent_request *r, const struct vagent_process_config *c, struct vsu_error *err)
{
	const int rc = check_process(c, err);

	if (rc < 0)
		return rc;
	if (!c->request)
		add_command(r, c);
	add_rights(r, c);
	if (c->request)	/* the last one of records counts */
		vagent_request_add_all(r, c->request);
	return check_size(r, "process", err);
}
