/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Parses device options. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <virtio-devices/vhost_user.h>
#include <vmm-sys-util/file_value.h>
#include <vmm-sys-util/parse.h>

#include "config/device_option.h"
#include "config/device_rows.h"
#include "config/option_rows.h"

/* Initial delay before a daemon that ended is started again. */
#define RESTART_MS 100

const char *vmm_device_shorthand(const struct devkind *kind)
{
	const struct vmm_option_row *row = vmm_option_rows;

	while (row->option.name && (!kind || vmm_option_kind(row) != kind))
		row++;
	return row->option.name;
}

/* Finds a kind by its name or its option: "blk" and "disk" are one kind. */
const struct devkind *vmm_device_kind_named(const char *name,
					    size_t len)
{
	const struct devkind *kind = devkind_find(name, len);
	const struct vmm_option_row *row = kind ? NULL : vmm_option_named(name, len);

	return row && row->option.kind != VSU_OPTION_OPERAND ? vmm_option_kind(row) : kind;
}

/* ------------------------------------------------------------------ the keys */

/* A property list that is being parsed into a spec. */
struct parse {
	struct vmm_device_spec *spec;
	char option[16];	/* "--disk" */
	const char *list;	/* as typed */
	struct vsu_option rows[VMM_DEVICE_ROWS];
	unsigned int nown;	/* rows before the common ones */
	const struct vmm_device_fds *fds; /* NULL: numbers are of this process */
	const char *own_key;	/* first key specific to the kind, or NULL */
	size_t used;		/* bytes of the spec's text */
};

/* ----------------------------------------------------------- passed descriptors */

/* The value with the number of the descriptor in place of its digits, if it has any. */
static int find_passed(struct parse *p, const char *key, const char *digits,
		       struct vsu_option_value *value, struct vsu_error *err)
{
	struct vmm_device_spec *spec = p->spec;
	const size_t room = sizeof(spec->text) - p->used;
	char *to = spec->text + p->used, word[256];
	const char *end = digits;
	int fd, len;

	if (!p->fds || !digits)
		return 0;
	snprintf(word, sizeof(word), "%s=%s", key, value->text);
	fd = p->fds->find(p->fds->opaque, word, &end, err);
	if (fd < 0)
		return fd;
	len = snprintf(to, room, "%.*s%d%s", (int)(digits - value->text), value->text, fd, end);
	if ((size_t)len >= room)
		return vsu_error_set(err, -EINVAL, "%s: the list is too long", p->option);
	p->used += (size_t)len + 1;
	value->number = (uint64_t)fd;
	value->text = to;
	return 0;
}

/* A number of a message may be below those that a process can pass. */
static void accept_numbers(struct parse *p)
{
	unsigned int i;

	for (i = 0; p->fds && p->spec->kind && i < p->nown; i++)
		if (p->spec->kind->keys[i].refers == DEVKIND_REFERS_DESCRIPTOR)
			p->rows[i].min = p->rows[i].max = 0;
}

/* ------------------------------------------------------------------- the values */

/* Checks only that the descriptor's number is valid. */
static int set_socket(const struct parse *p, const char *text, struct vsu_error *err)
{
	struct vsu_file_value v;
	int rc;

	if (strlen(text) >= sizeof(p->spec->socket))
		return vsu_error_set(err, -EINVAL,
				     "%s: key 'backend': '%s' is longer than %zu characters",
				     p->option, text, sizeof(p->spec->socket) - 1);
	rc = vsu_file_value_read(text, &v, err);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "%s: key 'backend'", p->option);
	strcpy(p->spec->socket, text);
	p->spec->remote = true;
	return 0;
}

static int set_backend(struct parse *p, const char *text, struct vsu_error *err)
{
	const size_t len = strlen(VMM_BACKEND_USER);
	struct vmm_device_spec *spec = p->spec;
	struct vsu_option_value value = { .text = text };
	int rc;

	spec->kernel = !strcmp(text, "kernel");
	if (spec->kernel || spec->spawned || !strcmp(text, "inline"))
		return 0;
	if (strncmp(text, VMM_BACKEND_USER, len) || !text[len])
		return vsu_error_set(err, -EINVAL,
				     "%s: key 'backend': '%s' is neither 'inline', 'spawn', 'kernel' nor 'user:SOCKET'",
				     p->option, text);
	rc = vsu_file_value_is_fd(text + len) ?
	     find_passed(p, "backend", text + len + strlen(VSU_FILE_VALUE_FD), &value, err) : 0;
	return rc ? rc : set_socket(p, value.text + len, err);
}

static int set_tag(const struct parse *p, const char *tag, struct vsu_error *err)
{
	if (!tag[0] || strlen(tag) >= sizeof(p->spec->tag))
		return vsu_error_set(err, -EINVAL,
				     "%s: key 'tag': '%s' does not have 1 to %zu characters",
				     p->option, tag, sizeof(p->spec->tag) - 1);
	strcpy(p->spec->tag, tag);
	return 0;
}

static int set_own(struct parse *p, unsigned int index,
		   const struct vsu_option_value *typed, struct vsu_error *err)
{
	struct vmm_device_spec *spec = p->spec;
	const struct devkind_key *key = &spec->kind->keys[index];
	struct vsu_option_value passed = *typed, *value = &passed;
	char what[64];
	int rc = find_passed(p, key->option.name, devkind_key_digits(key, typed->text), value, err);

	if (rc < 0)
		return rc;
	snprintf(what, sizeof(what), "%s: key '%s'", p->option, key->option.name);
	if (key->not_inline && !spec->spawned)
		return vsu_error_set(err, -EINVAL, "%s: %s; leave it out, it is an option of the daemon",
				     what, key->not_inline);
	if (key->zero_not_inline && !value->number && !spec->spawned)
		return vsu_error_set(err, -EINVAL, "%s: 0 is not possible: %s",
				     what, key->zero_not_inline);
	if (!p->own_key)
		p->own_key = key->option.name;
	return devkind_set(spec->kind, index, what, value, spec->config, err);
}

static int set_common(struct parse *p, unsigned int index,
		      const struct vsu_option_value *value, struct vsu_error *err)
{
	return vsu_place_store(&vmm_common_keys[index].place, p->spec, value) ? 0 :
	       set_backend(p, value->text, err);
}

static int set_any(struct parse *p, unsigned int index,
		   const struct vsu_option_value *value, struct vsu_error *err)
{
	if (index == VMM_KEY_ID && p->spec->id)
		return vsu_error_set(err, -EINVAL,
				     "%s '%s': its kind implies the id; leave 'id' out",
				     p->option, p->list);
	return vsu_place_store(&vmm_any_keys[index].place, p->spec, value) ? 0 :
	       set_tag(p, value->text, err);
}

static int on_key(void *opaque, unsigned int index,
		  const struct vsu_option_value *value, struct vsu_error *err)
{
	struct parse *p = opaque;

	if (index >= p->nown)
		return set_common(p, index - p->nown, value, err);
	return p->spec->kind ? set_own(p, index, value, err) : set_any(p, index, value, err);
}

/* ---------------------------------------------------------------- the checks */

static int check_remote(const char *own_key, struct vsu_error *err)
{
	return !own_key ? 0 :
	       vsu_error_set(err, -EINVAL, "'%s' is decided by the back-end; leave it out, or 'backend=user:'", own_key);
}

static int check_inline(struct vmm_device_spec *spec, struct vsu_error *err)
{
	const struct devkind *kind = spec->kind;
	const struct devkind_key *missing = devkind_missing(kind, spec->config);

	if (spec->read_only_windows)
		return vsu_error_set(err, -EINVAL, "'read-only-windows' requires 'backend=user:'; a device of this process accesses all memory");
	if (missing)
		return vsu_error_set(err, -EINVAL, "needs '%s=%s'%s or 'backend=user:SOCKET'",
				     missing->option.name, missing->option.arg,
				     kind->kernel ? ", 'backend=kernel'" : "");
	if (kind->share_loop)
		kind->share_loop(spec->config);
	return 0;
}

static int check_kernel(const struct vmm_device_spec *spec, struct vsu_error *err)
{
	const struct devkind *kind = spec->kind;

	if (!kind || !kind->kernel)
		return vsu_error_set(err, -EINVAL, "'backend=kernel' supports only 'net' and 'vsock'");
	if (spec->read_only_windows)
		return vsu_error_set(err, -EINVAL, "'read-only-windows' requires 'backend=user:'");
	return kind->kernel->check(spec->config, err);
}

static unsigned int count_daemons(void)
{
	const struct devkind *kind;
	unsigned int i, n = 0;

	for (i = 0; (kind = devkind_get(i)); i++)
		n += kind->has_daemon;
	return n;
}

/* Names the kinds as "blk, net and rng". */
static int refuse_spawn(struct vsu_error *err)
{
	const struct devkind *kind;
	unsigned int left = count_daemons(), i;
	char names[128] = "";
	size_t len = 0;

	for (i = 0; (kind = devkind_get(i)) && len < sizeof(names); i++)
		if (kind->has_daemon)
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", kind->name,
						--left > 1 ? ", " : left ? " and " : "");
	return vsu_error_set(err, -EINVAL, "'backend=spawn' supports only %s, which have a daemon", names);
}

/* The restart of the daemon, or of the daemon's own connection. */
static int set_restart(struct parse *p, struct vsu_error *err)
{
	struct vmm_device_spec *spec = p->spec;
	const unsigned int last = devkind_nkeys(spec->kind) - 1;
	const struct vsu_option_value value = { .number = spec->reconnect_ms };
	int rc = 0;

	if (spec->kind->keys[last].common) {
		rc = devkind_set(spec->kind, last, p->option, &value, spec->config, err);
		spec->reconnect_ms = 0;
	}
	if (!spec->reconnect_ms)
		spec->reconnect_ms = RESTART_MS;
	return rc;
}

static int check_spawned(struct parse *p, struct vsu_error *err)
{
	struct vmm_device_spec *spec = p->spec;
	const struct devkind_key *missing;

	if (!spec->kind || !spec->kind->has_daemon)
		return refuse_spawn(err);
	missing = devkind_missing(spec->kind, spec->config);
	if (missing)
		return vsu_error_set(err, -EINVAL, "needs '%s=%s' for the daemon",
				     missing->option.name, missing->option.arg);
	if (vmm_device_describe(spec).stdio)
		return vsu_error_set(err, -EINVAL, "standard input and output are those of this process, not of a daemon; leave 'backend=spawn' out");
	spec->id = spec->kind->id;
	spec->remote = true;
	snprintf(spec->socket, sizeof(spec->socket), "cvmm-vhost-user-%s", spec->kind->name);
	return set_restart(p, err);
}

static int check_any(struct vmm_device_spec *spec, struct vsu_error *err)
{
	if (!spec->id)
		return vsu_error_set(err, -EINVAL, "needs a kind first, or 'id=N', the VIRTIO device id");
	if (!spec->remote)
		return vsu_error_set(err, -EINVAL, "needs 'backend=user:SOCKET'");
	if (spec->tag[0] && spec->id != VIRTDEV_ID_FS)
		return vsu_error_set(err, -EINVAL, "'tag' requires a file system; leave it out, or begin with 'fs'");
	if (spec->tag[0])
		spec->config_size = VMM_FS_CONFIG;
	return 0;
}

/* ---------------------------------------------------------------- the kinds */

/* Whether the list has such an item. The back-end decides how the other keys are read. */
static bool has_item(const char *keys, bool (*matches)(const struct vsu_list_item *, const char *),
		     const char *text)
{
	struct vsu_list_item item;

	while (vsu_list_next(&keys, &item))
		if (matches(&item, text))
			return true;
	return false;
}

/* Checks the host resource of an in-process device, if it has such a key. */
static int set_own_reconnect(struct parse *p, struct vsu_error *err)
{
	const struct devkind *kind = p->spec->kind;
	const struct vsu_option_value value = { .number = p->spec->reconnect_ms };
	const unsigned int n = kind ? devkind_nkeys(kind) : 0;

	if (n && kind->keys[n - 1].common && !p->spec->kernel)
		return devkind_set(kind, n - 1, p->option, &value, p->spec->config, err);
	return vsu_error_set(err, -EINVAL, "'reconnect' needs 'backend=user:SOCKET'");
}

static int check_reconnect(struct parse *p, struct vsu_error *err)
{
	const struct vmm_device_spec *spec = p->spec;

	if (!spec->reconnect_ms)
		return 0;
	if (!spec->remote)
		return set_own_reconnect(p, err);
	return !vsu_file_value_is_fd(spec->socket) ? 0 :
	       vsu_error_set(err, -EINVAL, "'reconnect' needs the path of a socket; '%s' is one connection", spec->socket);
}

/* The caller names the list in errors. */
static int check_keys(struct parse *p, struct vsu_error *err)
{
	struct vmm_device_spec *spec = p->spec;
	int rc;

	if (spec->spawned)
		return check_spawned(p, err);
	rc = check_reconnect(p, err);
	if (!rc && spec->kernel)
		rc = check_kernel(spec, err);
	if (rc < 0)
		return rc;
	if (!spec->kind)
		return check_any(spec, err);
	spec->id = spec->kind->id;
	if (spec->kernel)
		return 0;
	return spec->remote ? check_remote(p->own_key, err) : check_inline(spec, err);
}

/* A value without a key has the key that is clear for its kind. */
static int parse_list(struct parse *p, const char *keys, struct vsu_error *err)
{
	const struct devkind *kind = p->spec->kind;
	char text[VMM_DEVICE_TEXT_MAX];

	if (kind && vsu_list_value_is_first(p->rows, keys)) {
		if (!kind->value.key && kind->value.refusal)
			return vsu_error_set(err, -EINVAL, "%s '%s': %s",
					     p->option, p->list,
					     kind->value.refusal);
		keys = vsu_list_value_with_key(&kind->value, keys, text, sizeof(text));
	}
	p->used = strlen(keys) + 1;
	return vsu_option_parse_list(p->rows, p->option, keys, p->spec->text,
				     sizeof(p->spec->text), on_key, p, err);
}

static int parse_keys(struct parse *p, const char *keys, struct vsu_error *err)
{
	struct vmm_device_spec *spec = p->spec;
	int rc = 0;

	spec->spawned = has_item(keys, vsu_list_item_is, "backend=spawn");
	if (spec->kind && spec->kind->any_when_remote && has_item(keys, vsu_list_item_begins, "backend=user:")) {
		spec->id = spec->kind->id;
		spec->kind = NULL;
	}
	p->nown = vmm_device_rows(spec->kind, p->rows);
	accept_numbers(p);
	if (keys[0])
		rc = parse_list(p, keys, err);
	if (rc < 0)
		return rc;
	rc = check_keys(p, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "%s '%s'", p->option, p->list) : 0;
}

static int refuse_kind(const struct parse *p, const char *word, struct vsu_error *err)
{
	const char *names[16] = { "disk" }, *near;
	unsigned int i;

	for (i = 0; devkind_get(i) && i < 14; i++)
		names[i + 1] = devkind_get(i)->name;
	near = vsu_nearest(word, names);
	return vsu_error_set(err, -ENOENT,
			     near ? "%s: unknown device kind '%s'; did you mean '%s'?" :
				    "%s: unknown device kind '%s'; begin with a kind, or specify '%s'",
			     p->option, word, near ? near : "id=N");
}

/* "own:NAME": a device of the program that embeds the machine. */
static int parse_own(struct parse *p, struct vsu_error *err)
{
	struct vmm_device_spec *spec = p->spec;
	const char *name = p->list + strlen(VMM_DEVICE_OWN);
	const struct vsu_option_value value = { .text = spec->text };
	int rc;

	spec->kind = devkind_own();
	snprintf(spec->text, sizeof(spec->text), "%s", name);
	rc = devkind_set(spec->kind, 0, p->option, &value, spec->config, err);
	if (rc < 0 || !name[strspn(name, CVMM_OPTION_NAME_CHARACTERS)])
		return rc;
	return vsu_error_set(err, -EINVAL, "%s '%s': the name may contain letters, digits, '-', '_' and '.'",
			     p->option, p->list);
}

/* "KIND" or "KIND,key=value...", or keys alone for any id. */
static int parse_device(struct parse *p, struct vsu_error *err)
{
	const size_t len = strcspn(p->list, ",");
	char word[32];

	p->spec->absent = !strcmp(p->list, "none");
	if (p->spec->absent)
		return 0;
	if (!strncmp(p->list, VMM_DEVICE_OWN, strlen(VMM_DEVICE_OWN)))
		return parse_own(p, err);
	p->spec->kind = vmm_device_kind_named(p->list, len);
	p->spec->id = virtdev_vhost_user_id_of(p->list, len);
	if (p->spec->kind || p->spec->id)
		return parse_keys(p, p->list + len + (p->list[len] == ','),
				  err);
	if (memchr(p->list, '=', len) || !len)
		return parse_keys(p, p->list, err);
	snprintf(word, sizeof(word), "%.*s", len < 31 ? (int)len : 31, p->list);
	return refuse_kind(p, word, err);
}

/* An operand is the image of a disk. */
static int take_path(struct parse *p, struct vsu_error *err)
{
	struct vmm_device_spec *spec = p->spec;
	const struct vsu_option_value value = { .text = spec->text };

	if (strlen(p->list) >= sizeof(spec->text))
		return vsu_error_set(err, -EINVAL,
				     "disk '%s' is longer than %zu characters",
				     p->list, sizeof(spec->text) - 1);
	strcpy(spec->text, p->list);
	spec->id = spec->kind->id;
	return devkind_set(spec->kind, 0, "disk", &value, spec->config, err);
}

int vmm_device_option_parse(const struct vmm_device_option *option, const struct vmm_device_fds *fds,
			    struct vmm_device_spec *spec, struct vsu_error *err)
{
	const struct vmm_option_row *row = vmm_option_of_device(option->how);
	struct parse p = { .spec = spec, .list = option->list, .fds = fds };
	int rc;

	snprintf(p.option, sizeof(p.option), "--%s", row->option.name);
	memset(spec, 0, sizeof(*spec));
	spec->kind = vmm_option_kind(row);
	if (!spec->kind)
		rc = parse_device(&p, err);
	else
		rc = option->how == VMM_DEVICE_DISK_PATH ? take_path(&p, err) : parse_keys(&p, p.list, err);
	return rc || !fds ? rc : fds->end(fds->opaque, err);
}
