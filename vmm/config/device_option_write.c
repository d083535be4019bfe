/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes a device as the list of an option: the reverse of device_option.c, by the same tables. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/file_value.h>

#include "config/device_option.h"
#include "config/device_rows.h"
#include "config/option_rows.h"

/* A list that is being written. */
struct writing {
	const struct vmm_device_spec *spec;
	bool names;
	char *list;		/* VMM_DEVICE_TEXT_MAX bytes */
	size_t len;		/* also of what does not fit */
};

static void put_bytes(struct writing *w, const char *text, size_t len)
{
	if (w->len + len < VMM_DEVICE_TEXT_MAX)
		memcpy(w->list + w->len, text, len);
	w->len += len;
}

static void put_text(struct writing *w, const char *text)
{
	put_bytes(w, text, strlen(text));
}

/* An item begins. */
static void put_word(struct writing *w, const char *text)
{
	put_text(w, w->len ? "," : "");
	put_text(w, text);
}

/* A comma of a value is doubled. */
static void put_pair(struct writing *w, const struct vsu_option *option,
		     const struct vsu_option_value *value)
{
	char number[VSU_OPTION_VALUE_NUMBER];
	const char *text = vsu_option_value_text(option, value, number);

	put_word(w, option->name);
	put_text(w, "=");
	for (; *text; text++) {
		put_text(w, *text == ',' ? "," : "");
		put_bytes(w, text, 1);
	}
}

static void put_key(struct writing *w, unsigned int index)
{
	const struct vmm_device_spec *spec = w->spec;
	const struct devkind_key *key = &spec->kind->keys[index];
	struct vsu_option_value value;
	uint32_t i;

	for (i = 0; devkind_get_value(spec->kind, index, i, spec->config, &value); i++) {
		if (w->names && key->refers == DEVKIND_REFERS_IMAGE)
			value.text = vsu_file_value_name(value.text);
		put_pair(w, &key->option, &value);
	}
}

static void put_backend(struct writing *w)
{
	const struct vmm_device_spec *spec = w->spec;
	char text[sizeof(VMM_BACKEND_USER) + VMM_SOCKET_MAX];
	const struct vsu_option_value value = { .text = text };

	if (spec->spawned || spec->kernel)
		snprintf(text, sizeof(text), "%s", spec->spawned ? "spawn" : "kernel");
	else if (spec->remote)
		snprintf(text, sizeof(text), VMM_BACKEND_USER "%s", spec->socket);
	else
		return;
	put_pair(w, &vmm_common_keys[VMM_KEY_BACKEND].option, &value);
}

/* In order; the back-end comes first, because the meaning of other keys depends on it. */
static void put_all(struct writing *w, bool of_id)
{
	const struct vmm_device_spec *spec = w->spec;
	const unsigned int n = spec->kind ? devkind_nkeys(spec->kind) : 0;
	const bool has_own_reconnect = n && spec->kind->keys[n - 1].common &&
				       (!spec->remote || spec->spawned);
	struct vsu_option_value value;
	unsigned int i;

	put_backend(w);
	for (i = 0; i < n; i++)
		if (!spec->kind->keys[i].common || has_own_reconnect)
			put_key(w, i);
	for (i = 0; !spec->kind && i < VMM_KEYS_ANY; i++) {
		if (vsu_place_load(&vmm_any_keys[i].place, spec, &value) && (i != VMM_KEY_ID || of_id))
			put_pair(w, &vmm_any_keys[i].option, &value);
		value = (struct vsu_option_value){ .text = spec->tag };
		if (i == VMM_KEY_TAG && *spec->tag)
			put_pair(w, &vmm_any_keys[i].option, &value);
	}
	for (i = 0; i < VMM_KEYS_COMMON; i++)
		if (vsu_place_load(&vmm_common_keys[i].place, spec, &value) &&
		    (i != VMM_KEY_RECONNECT || !has_own_reconnect))
			put_pair(w, &vmm_common_keys[i].option, &value);
}

static void put_list(struct writing *w, enum vmm_device_how how)
{
	const struct vmm_device_spec *spec = w->spec;
	const char *own = spec->kind ? devkind_own_name(spec->kind, spec->config) : NULL;
	const char *name = vmm_device_shorthand(spec->kind);

	if (spec->absent || own) {
		put_text(w, own ? VMM_DEVICE_OWN : "none");
		put_text(w, own ? own : "");
		return;
	}
	if (how == VMM_DEVICE_ANY && spec->kind)
		put_word(w, name ? name : spec->kind->name);
	put_all(w, how == VMM_DEVICE_ANY);
}

int vmm_device_option_write(const struct vmm_device_spec *spec, enum vmm_device_how how, bool names,
			    char **out, struct vsu_error *err)
{
	struct writing w = { .spec = spec, .names = names, .list = malloc(VMM_DEVICE_TEXT_MAX) };

	if (!w.list)
		return vsu_error_set(err, -ENOMEM, "no memory for the properties of a device");
	put_list(&w, how);
	if (w.len >= VMM_DEVICE_TEXT_MAX) {
		free(w.list);
		return vsu_error_set(err, -E2BIG, "the properties of the device have %zu characters, at most %d fit",
				     w.len, VMM_DEVICE_TEXT_MAX - 1);
	}
	w.list[w.len] = '\0';
	*out = w.list;
	return 0;
}
