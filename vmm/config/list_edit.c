/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Changes lists of devices item by item. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/vhost_user.h>
#include <vmm-sys-util/file_value.h>

#include "config/device_rows.h"
#include "config/list_edit.h"
#include "config/option_rows.h"
#include "config/spawn_words.h"

/* The list that is being written. */
struct edit {
	const struct vmm_device_kind *kind;
	vmm_list_fn fn;
	void *opaque;
	FILE *to;
	bool any;		/* an item was written */
};

/* By its name, or that of the daemon. */
static const struct vmm_device_key *find_key(const struct vmm_device_kind *kind,
					     const char *name, size_t len)
{
	const struct vmm_device_key *k;

	for (k = kind ? kind->keys : NULL; k && k->option.name; k++)
		if ((strlen(k->option.name) == len && !memcmp(k->option.name, name, len)) ||
		    (strlen(vmm_spawn_key_name(k)) == len &&
		     !memcmp(vmm_spawn_key_name(k), name, len)))
			return k;
	return NULL;
}

/* A value alone has the key that is clear for its kind. */
static struct vmm_list_item read_item(const struct edit *e, const char *text, bool first)
{
	const size_t len = strcspn(text, "=");
	struct vsu_option rows[VMM_DEVICE_ROWS];
	const char *key;

	if (first && e->kind) {
		vmm_device_rows(e->kind, rows);
		key = e->kind->value.key;
		if (key && vsu_list_value_is_first(rows, text))
			return (struct vmm_list_item){ find_key(e->kind, key, strlen(key)),
						       text, text };
	}
	return (struct vmm_list_item){ find_key(e->kind, text, len), text,
				       text[len] ? text + len + 1 : NULL };
}

static int edit_item(struct edit *e, const struct vmm_list_item *item, struct vsu_error *err)
{
	struct vmm_list_change change = { .drop = false };
	int rc = e->fn(e->opaque, item, &change, err);

	if (rc < 0 || change.drop)
		return rc;
	fprintf(e->to, "%s%.*s%s%s", e->any ? "," : "", (int)change.at, item->text,
		change.insert, item->text + change.at + change.len);
	e->any = true;
	return 0;
}

static int edit_text(struct edit *e, const struct vsu_list_item *item, bool first, bool is_kind,
		     struct vsu_error *err)
{
	char *text = strndup(item->text, item->len);
	struct vmm_list_item parts = { NULL, text, NULL };
	int rc;

	if (!text)
		return vsu_error_set(err, -ENOMEM, "no memory for a list of keys");
	if (!is_kind)
		parts = read_item(e, text, first);
	rc = edit_item(e, &parts, err);
	free(text);
	return rc;
}

/* Whether the list begins with a word that is not a key, and the kind that it names. */
static bool begins_with_kind(const struct vmm_device_option *option, struct edit *e)
{
	const size_t len = strcspn(option->list, ",");

	e->kind = vmm_option_of_device(option->how)->kind;
	if (option->how != VMM_DEVICE_ANY)
		return false;
	e->kind = vmm_device_kind_named(option->list, len);
	return e->kind || virtdev_vhost_user_id_of(option->list, len);
}

static int edit_all(const struct vmm_device_option *option, struct edit *e,
		    struct vsu_error *err)
{
	bool is_kind = begins_with_kind(option, e), first = !is_kind;
	const char *list = option->list;
	struct vsu_list_item item;
	int rc = 0;

	while (!rc && vsu_list_next(&list, &item)) {
		rc = edit_text(e, &item, first, is_kind, err);
		first = is_kind;
		is_kind = false;
	}
	return rc;
}

int vmm_list_edit(const struct vmm_device_option *option, vmm_list_fn fn, void *opaque,
		  char **out, struct vsu_error *err)
{
	char *text = NULL;
	size_t len;
	struct edit e = { .fn = fn, .opaque = opaque, .to = open_memstream(&text, &len) };
	int rc = e.to ? edit_all(option, &e, err) : 0;

	/* writes *text, too, which stays NULL if no memory was left: fclose() does not say so */
	if ((!e.to || fclose(e.to) || !text) && !rc)
		rc = vsu_error_set(err, -ENOMEM, "no memory for a list of keys");
	if (rc < 0)
		free(text);
	else
		*out = text;
	return rc;
}

/* ------------------------------------------------------------------------- keys */

/* Whether the item's key is among the new ones. */
static int drop_replaced(void *opaque, const struct vmm_list_item *item,
			 struct vmm_list_change *change, struct vsu_error *err)
{
	const char *keys = opaque, *name = item->key ? item->key->option.name : item->text;
	const size_t len = strcspn(name, "=");
	struct vsu_list_item other;

	(void)err;
	change->drop = !item->text[0];
	while (!change->drop && vsu_list_next(&keys, &other))
		change->drop = other.len >= len && !memcmp(other.text, name, len) &&
			       (other.len == len || other.text[len] == '=');
	return 0;
}

static char *list_of_path(const char *path)
{
	char *value = vsu_list_escape(path), *list = NULL;

	if (value && asprintf(&list, "path=%s", value) < 0)
		list = NULL;
	free(value);
	return list;
}

int vmm_list_set_keys(const struct vmm_device_option *option, const char *keys,
		      char **out, struct vsu_error *err)
{
	char *rest = NULL;
	int rc = 0, len;

	if (option->how == VMM_DEVICE_DISK_PATH)
		rest = list_of_path(option->list);
	else
		rc = vmm_list_edit(option, drop_replaced, (void *)(uintptr_t)keys, &rest, err);
	if (rc < 0)
		return rc;
	len = rest ? asprintf(out, "%s%s%s", rest, *rest ? "," : "", keys) : -1;
	free(rest);
	return len < 0 ? vsu_error_set(err, -ENOMEM, "no memory for a list of keys") : 0;
}

/* ------------------------------------------------------------------------ names */

/* A connected back-end is no key of a kind. */
const char *vmm_list_item_digits(const struct vmm_list_item *item)
{
	static const char backend[] = "backend=" VMM_BACKEND_USER VSU_FILE_VALUE_FD;

	if (item->key && item->value)
		return vmm_device_key_digits(item->key, item->value);
	return strncmp(item->text, backend, strlen(backend)) ? NULL : item->text + strlen(backend);
}

static int drop_descriptor(void *opaque, const struct vmm_list_item *item,
			   struct vmm_list_change *change, struct vsu_error *err)
{
	const char *digits = item->key && item->value && item->key->refers == VMM_REFERS_IMAGE ?
			     vmm_device_key_digits(item->key, item->value) : NULL;
	const size_t len = digits ? strspn(digits, "0123456789") : 0;

	(void)opaque;
	(void)err;
	if (!len || digits[len] != ':' || !digits[len + 1])
		return 0;
	change->at = (size_t)(item->value - item->text);
	change->len = (size_t)(digits + len + 1 - item->value);
	return 0;
}

int vmm_list_name_files(const char *list, char **out, struct vsu_error *err)
{
	const struct vmm_device_option option = { VMM_DEVICE_ANY, list };

	return vmm_list_edit(&option, drop_descriptor, NULL, out, err);
}
