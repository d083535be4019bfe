/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The command line of a machine with the devices that it has now. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/list_edit.h"
#include "config/option_rows.h"
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

/* The option that describes device i as it is now; a is that of its start. */
static struct vmm_argument live_argument(const struct vmm_machine *m, unsigned int i,
					 const struct vmm_argument *a)
{
	const struct vmm_device *d = &m->devices[i];
	const struct vmm_option_row *any = vmm_option_of_device(VMM_DEVICE_ANY);

	if (!d->virtio)
		return (struct vmm_argument){ any, { .text = "none" } };
	if (!d->list)
		return *a;
	return (struct vmm_argument){ d->added ? any : vmm_option_of_device(a->row->how),
				      { .text = d->list } };
}

/* Only a machine with this option can have more CPUs than at its start. */
static struct vmm_argument cpus_argument(const struct vmm_machine *m, const struct vmm_argument *a,
					 char text[VMM_CPUS_OPTION_TEXT])
{
	const unsigned int n = vmm_cpus_number(m->cpus);

	if (n == m->config->cpus.n)
		return *a;
	vmm_cpus_option_write(&m->config->cpus, n, text);
	return (struct vmm_argument){ a->row, { .text = text } };
}

/*
 * The options of devices are in the order of the devices; added ones follow. cpus: room for the
 * value of that option.
 */
static void list_arguments(const struct vmm_machine *m, unsigned int places,
			   char cpus[VMM_CPUS_OPTION_TEXT], struct vmm_arguments *out)
{
	const struct vmm_arguments *from = &m->config->arguments;
	const struct vmm_argument *a;
	unsigned int i = 0;

	for (a = from->list; a < from->list + from->n; a++) {
		if (!strcmp(a->row->option.name, "cpus"))
			out->list[out->n++] = cpus_argument(m, a, cpus);
		else if (!a->row->how)
			out->list[out->n++] = *a;
		else if (i++ < places)
			out->list[out->n++] = live_argument(m, i - 1, a);
	}
	for (; i < places; i++)
		out->list[out->n++] = live_argument(m, i, NULL);
}

static int make_words(const struct vmm_machine *m, struct vmm_words *out, struct vsu_error *err)
{
	const unsigned int places = vmm_live_places(m);
	struct vmm_arguments live = {
		.list = calloc(m->config->arguments.n + places + 1, sizeof(*live.list)),
	};
	char cpus[VMM_CPUS_OPTION_TEXT];
	int rc;

	if (!live.list)
		return vsu_error_set(err, -ENOMEM, "no memory for the command line of the machine");
	list_arguments(m, places, cpus, &live);
	rc = vmm_arguments_write(&live, out, err);
	vmm_arguments_free(&live);
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
	int rc = vmm_live_check(m, err);

	*out = (struct vmm_words){ .n = 0 };
	return rc ? rc : make_words(m, out, err);
}
