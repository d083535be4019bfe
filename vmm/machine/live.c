/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The command line of a machine with the devices that it has now. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/device_option.h"
#include "config/option_rows.h"
#include "machine/live.h"
#include "memory/memory_options.h"

/* ------------------------------------------------------------------ the devices */

unsigned int vmm_live_places(const struct vmm_machine *m)
{
	unsigned int n = m->ndevices;

	while (n && !m->devices[n - 1].virtio)
		n--;
	return n;
}

void vmm_live_resize(struct vmm_device *d, uint64_t bytes)
{
	const struct devkind *kind = d->spec.kind;
	const struct vsu_option_value size = { .number = bytes };

	if (!kind->resize_key)
		return;
	/* a number is only stored */
	(void)!devkind_set(kind, devkind_key_index(kind, kind->resize_key), kind->resize_key, &size,
			   d->spec.config, NULL);
	d->changed = true;
}

uint64_t vmm_live_size(const struct vmm_device *d)
{
	const struct devkind *kind = d->spec.kind;
	struct vsu_option_value size;

	devkind_get_value(kind, devkind_key_index(kind, kind->resize_key), 0, d->spec.config, &size);
	return size.number;
}

/* New values of the keys that may change while a device runs. */
struct change {
	const struct devkind *kind;
	unsigned int keys[DEVKIND_MAX_KEYS];	/* of the rows */
	struct vsu_option rows[DEVKIND_MAX_KEYS + 1];
	_Alignas(8) unsigned char config[DEVKIND_MAX_CONFIG];
};

static void rows_fill(struct change *c)
{
	const unsigned int nkeys = devkind_nkeys(c->kind);
	unsigned int i, n = 0;

	for (i = 0; i < nkeys; i++) {
		if (!c->kind->keys[i].runtime)
			continue;
		c->keys[n] = i;
		c->rows[n++] = c->kind->keys[i].option;
	}
	c->rows[n].name = NULL;
}

static int on_key(void *opaque, unsigned int index,
		  const struct vsu_option_value *value, struct vsu_error *err)
{
	struct change *c = opaque;

	return devkind_set(c->kind, c->keys[index], c->rows[index].name,
			   value, c->config, err);
}

int vmm_live_limit(struct vmm_device *d, struct virtdev *dev, const char *list,
		   struct vsu_error *err)
{
	struct vmm_device_spec *spec = &d->spec;
	struct change c = { .kind = spec->kind };
	char text[VMM_DEVICE_TEXT_MAX];
	int rc;

	if (!spec->kind || !spec->kind->limit)
		return vsu_error_set(err, -EOPNOTSUPP, "limit: this device has no rate limits; only disks and network cards that this process serves have them");
	if (strlen(list) >= sizeof(text))
		return vsu_error_set(err, -EINVAL, "limit: the list is longer than %zu characters", sizeof(text) - 1);
	rows_fill(&c);
	memcpy(c.config, spec->config, sizeof(c.config));
	rc = vsu_option_parse_list(c.rows, "limit", list, text, sizeof(text), on_key, &c, err);
	if (rc < 0)
		return rc;
	rc = spec->kind->limit(dev, c.config, err);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "limit");
	memcpy(spec->config, c.config, sizeof(c.config));
	d->changed = true;
	return 0;
}

/* -------------------------------------------------------------------- the words */

/* The options of a running machine. */
struct live {
	struct vmm_arguments arguments;
	char **lists;		/* of memory, and of devices that were added or changed; owned */
	unsigned int nlists;
	char cpus[VMM_CPUS_OPTION_TEXT]; /* the value of that option */
};

/* The option that describes device i as it is now; a is that of its start. */
static int add_device(struct live *l, const struct vmm_machine *m, unsigned int i,
		      const struct vmm_argument *a, struct vsu_error *err)
{
	const struct vmm_device *d = &m->devices[i];
	struct vmm_argument new = { vmm_option_of_device(VMM_DEVICE_ANY), { .text = "none" } };
	int rc = 0;

	if (d->virtio && !d->added && !d->changed) {
		new = *a;
	} else if (d->virtio) {
		if (!d->added)
			new.row = vmm_option_of_device(a->row->how);
		rc = vmm_device_option_write(&d->spec, new.row->how, d->added, &l->lists[l->nlists], err);
		if (rc < 0)
			return vsu_error_prefix(err, rc, "device %u", i);
		new.value.text = l->lists[l->nlists++];
	}
	l->arguments.list[l->arguments.n++] = new;
	return 0;
}

/* The option of piece i of the memory; a is that of its start. */
static int add_memory(struct live *l, const struct vmm_machine *m, unsigned int i,
		      const struct vmm_argument *a, struct vsu_error *err)
{
	int rc = vmm_memory_write(&m->config->memory.list[i], &l->lists[l->nlists], err);

	if (rc < 0)
		return rc;
	l->arguments.list[l->arguments.n++] = (struct vmm_argument){ a->row, { .text = l->lists[l->nlists] } };
	l->nlists++;
	return 0;
}

/* Only a machine with this option can have more CPUs than at its start. */
static struct vmm_argument cpus_argument(const struct vmm_machine *m, const struct vmm_argument *a,
					 char text[VMM_CPUS_OPTION_TEXT])
{
	const unsigned int n = varch_cpus_number(m->cpus);

	if (n == m->config->cpus.n)
		return *a;
	vmm_cpus_option_write(&m->config->cpus, n, text);
	return (struct vmm_argument){ a->row, { .text = text } };
}

/* The options of devices are in the order of the devices; added ones follow. */
static int add_all(struct live *l, const struct vmm_machine *m, unsigned int places,
		   struct vsu_error *err)
{
	const struct vmm_arguments *from = &m->config->arguments;
	const struct vmm_argument *a;
	unsigned int i = 0, pieces = 0;
	int rc = 0;

	for (a = from->list; !rc && a < from->list + from->n; a++) {
		if (!strcmp(a->row->option.name, "cpus"))
			l->arguments.list[l->arguments.n++] = cpus_argument(m, a, l->cpus);
		else if (!strcmp(a->row->option.name, "memory"))
			rc = add_memory(l, m, pieces++, a, err);
		else if (!a->row->how)
			l->arguments.list[l->arguments.n++] = *a;
		else if (i++ < places)
			rc = add_device(l, m, i - 1, a, err);
	}
	for (; !rc && i < places; i++)
		rc = add_device(l, m, i, NULL, err);
	return rc;
}

int vmm_live_check(const struct vmm_machine *m, struct vsu_error *err)
{
	unsigned int i;

	for (i = 0; i < m->ndevices; i++)
		if (m->devices[i].coming || m->devices[i].leaving)
			return vsu_error_set(err, -EBUSY, "device %u is being %s; try again",
					     i, m->devices[i].coming ? "added" : "removed");
	return 0;
}

int vmm_live_words(const struct vmm_machine *m, struct vmm_words *out, struct vsu_error *err)
{
	const unsigned int places = vmm_live_places(m);
	struct live l = {
		.arguments.list = calloc(m->config->arguments.n + places + 1, sizeof(*l.arguments.list)),
		.lists = calloc(m->config->memory.n + places + 1, sizeof(*l.lists)),
	};
	int rc = vmm_live_check(m, err);

	*out = (struct vmm_words){ .n = 0 };
	if (!rc && (!l.arguments.list || !l.lists))
		rc = vsu_error_set(err, -ENOMEM, "no memory for the command line of the machine");
	if (!rc)
		rc = add_all(&l, m, places, err);
	if (!rc)
		rc = vmm_arguments_write(&l.arguments, out, err);
	while (l.nlists)
		free(l.lists[--l.nlists]);
	free(l.lists);
	vmm_arguments_free(&l.arguments);
	return rc;
}
