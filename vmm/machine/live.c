/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The command line of a machine with the devices that it has now. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/list_edit.h"
#include "machine/live.h"

/* ------------------------------------------------------------------ the devices */

unsigned int vmm_live_places(const struct vmm_machine *m)
{
	unsigned int n = m->ndevices;

	while (n && !m->devices[n - 1].virtio)
		n--;
	return n;
}

int vmm_live_add(struct vmm_device *d, const char *list, struct vsu_error *err)
{
	int rc = vmm_list_name_files(list, &d->list, err);

	d->added = !rc;
	return rc;
}

int vmm_live_change(const struct vmm_machine *m, struct vmm_device *d, const char *keys,
		    struct vsu_error *err)
{
	const unsigned int i = (unsigned int)(d - m->devices);
	struct vmm_device_option option = { VMM_DEVICE_ANY, d->list };
	char *list;
	int rc;

	if (!d->added) {
		option = m->config->devices[i];
		if (d->list)
			option = (struct vmm_device_option){
				option.how == VMM_DEVICE_DISK_PATH ? VMM_DEVICE_DISK : option.how,
				d->list };
	}
	rc = vmm_list_set_keys(&option, keys, &list, err);
	if (rc < 0)
		return rc;
	free(d->list);
	d->list = list;
	return 0;
}

int vmm_live_resize(const struct vmm_machine *m, struct vmm_device *d, uint64_t bytes,
		    struct vsu_error *err)
{
	const char *key = d->spec.kind->resize_key;
	char keys[64];

	if (!key)
		return 0;
	d->resized = true;
	d->requested = bytes;
	snprintf(keys, sizeof(keys), "%s=%" PRIu64, key, bytes);
	return vmm_live_change(m, d, keys, err);
}

/* -------------------------------------------------------------------- the words */

/* The word that contains the list of an option; n: none. */
static int find_word(const struct vmm_config *c, const char *list)
{
	int j = 0;

	while (j < c->nwords && (list < c->words[j] ||
				 list > c->words[j] + strlen(c->words[j])))
		j++;
	return j;
}

static char *join_word(const char *head, size_t head_len, const char *tail)
{
	char *word;

	return asprintf(&word, "%.*s%s", (int)head_len, head, tail) < 0 ? NULL : word;
}

/* Word j of the command line, for the device that it describes. */
static char *change_word(const char *word, const struct vmm_device_option *option,
			 const struct vmm_device *d)
{
	if (!d->virtio)
		return strdup("--device=none");
	if (d->added)
		return join_word("--device=", strlen("--device="), d->list);
	if (!d->list)
		return strdup(word);
	if (option->how == VMM_DEVICE_DISK_PATH)
		return join_word("--disk=", strlen("--disk="), d->list);
	return join_word(word, (size_t)(option->list - word), d->list);
}

/* The device replaces the option, whose value may be a word of its own. */
static bool replaces_option(const struct vmm_device *d)
{
	return !d->virtio || d->added;
}

/* The device that word j describes, or NULL. */
static const struct vmm_device_option *option_of(const struct vmm_config *c, int j)
{
	unsigned int i;

	for (i = 0; i < c->ndevices; i++)
		if (find_word(c, c->devices[i].list) == j)
			return &c->devices[i];
	return NULL;
}

static int add_word(struct vmm_live_words *out, char *word)
{
	if (!word)
		return -ENOMEM;
	out->words[out->n++] = word;
	return 0;
}

static void drop_last(struct vmm_live_words *out)
{
	free(out->words[--out->n]);
	out->words[out->n] = NULL;
}

static int copy_word(const struct vmm_machine *m, int j, unsigned int places,
		     struct vmm_live_words *out)
{
	const struct vmm_config *c = m->config;
	const struct vmm_device_option *option = option_of(c, j);
	const unsigned int i = option ? (unsigned int)(option - c->devices) : 0;
	const bool apart = option && option->list == c->words[j] &&
			   option->how != VMM_DEVICE_DISK_PATH;

	if (!option)
		return add_word(out, strdup(c->words[j]));
	if (apart && (i >= places || replaces_option(&m->devices[i])))
		drop_last(out);
	return i >= places ? 0 :
	       add_word(out, change_word(c->words[j], option, &m->devices[i]));
}

static int make_words(const struct vmm_machine *m, struct vmm_live_words *out)
{
	const unsigned int places = vmm_live_places(m);
	static const struct vmm_device_option none = { VMM_DEVICE_ANY, "" };
	unsigned int i;
	int rc = 0, j;

	out->words = calloc((size_t)m->config->nwords + places + 1, sizeof(*out->words));
	if (!out->words)
		return -ENOMEM;
	for (j = 0; !rc && j < m->config->nwords; j++)
		rc = copy_word(m, j, places, out);
	for (i = m->config->ndevices; !rc && i < places; i++)
		rc = add_word(out, change_word("", &none, &m->devices[i]));
	return rc;
}

static int check_devices(const struct vmm_machine *m, struct vsu_error *err)
{
	unsigned int i;

	for (i = 0; i < m->ndevices; i++)
		if (m->devices[i].coming || m->devices[i].leaving)
			return vsu_error_set(err, -EBUSY, "device %u is being %s; try again",
					     i, m->devices[i].coming ? "added" : "removed");
	return 0;
}

int vmm_live_words_make(const struct vmm_machine *m, struct vmm_live_words *out,
			struct vsu_error *err)
{
	int rc = check_devices(m, err);

	*out = (struct vmm_live_words){ NULL, 0 };
	if (rc < 0)
		return rc;
	rc = make_words(m, out);
	if (rc < 0) {
		vmm_live_words_free(out);
		vsu_error_sys(err, rc, "the command line of the machine");
	}
	return rc;
}

void vmm_live_words_free(struct vmm_live_words *words)
{
	while (words->n)
		drop_last(words);
	free(words->words);
	words->words = NULL;
}
