/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads the options of a machine. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cvmm/configuration.h"
#include "config/device_option.h"
#include "config/option_rows.h"
#include "config/options.h"
#include "memory/memory.h"
#include "memory/memory_options.h"

/* Options while they are parsed. */
struct reading {
	struct vmm_options *options;
	struct vmm_memory_lists memory;
};

static int add_memory(struct vmm_memory_lists *lists, const char *list,
		      struct vsu_error *err)
{
	if (lists->n == VMM_MAX_MEMORY)
		return vsu_error_set(err, -EINVAL,
				     "more than %d --memory options",
				     VMM_MAX_MEMORY);
	lists->list[lists->n++] = list;
	return 0;
}

static int add_device(struct vmm_config *c, enum vmm_device_how how,
		      const char *list, struct vsu_error *err)
{
	if (c->ndevices == VMM_MAX_DEVICES)
		return vsu_error_set(err, -EINVAL,
			"more than %d devices", VMM_MAX_DEVICES);
	c->devices[c->ndevices].how = how;
	c->devices[c->ndevices++].list = list;
	return 0;
}

static int take_argument(struct reading *r, const struct vmm_argument *a, struct vsu_error *err)
{
	struct vmm_options *o = r->options;
	const struct vsu_option_value *value = &a->value;
	const struct vmm_option_row *row = a->row;
	const char *name = row->option.name;

	if (row->scope == VMM_SCOPE_OWNER) {
		o->machine.shareable |= row->refers == DEVKIND_REFERS_PROGRAMS;
		return 0;
	}
	if (vsu_place_store(&row->place, o, value))
		return 0;
	if (row->once)
		return vsu_error_set(err, -EINVAL, "--%s '%s'%s", name, value->text, row->once);
	return row->how ? add_device(&o->machine, row->how, value->text, err) :
			  add_memory(&r->memory, value->text, err);
}

/* Options that have no use without another one. */
static int check_needs(const struct vmm_options *o, struct vsu_error *err)
{
	const struct vmm_option_row *row, *other;

	for (row = vmm_option_rows; row->option.name; row++) {
		if (!row->needs || !vmm_option_is_given(o, row))
			continue;
		other = vmm_option_named(row->needs, strlen(row->needs));
		if (!vmm_option_is_given(o, other))
			return vsu_error_set(err, -EINVAL, "option --%s needs --%s",
					     row->option.name, row->needs);
	}
	return 0;
}

static int read_devices(struct vmm_config *c, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	if (!c->ndevices)
		return 0;
	c->specs = calloc(c->ndevices, sizeof(*c->specs));
	if (!c->specs)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	for (i = 0; !rc && i < c->ndevices; i++)
		rc = vmm_device_option_parse(&c->devices[i], NULL, &c->specs[i], err);
	return rc;
}

/* Other processes access the memory. */
static bool shares_memory(const struct vmm_config *c)
{
	unsigned int i;

	for (i = 0; i < c->ndevices; i++)
		if (c->specs[i].remote)
			return true;
	return c->shareable;
}

static int read_memory(struct vmm_config *c, const struct vmm_memory_lists *lists,
		       const struct vmm_start *start, struct vsu_error *err)
{
	const struct vmm_memory_use use = {
		.shared = shares_memory(c), .trial = start->dry_run,
	};
	int rc = vmm_memory_specs_read(&c->memory, lists, err);

	return rc ? rc : vmm_memory_specs_check(&c->memory, &use, err);
}

static int check_gdb(const struct vmm_config *c, struct vsu_error *err)
{
	return c->gdb && vmm_memory_specs_private(&c->memory) ?
	       vsu_error_set(err, -EINVAL, "option --gdb: the guest has private memory (--memory private=on), which a debugger cannot read; leave one of them out") : 0;
}

static int check_name(const struct vmm_config *c, struct vsu_error *err)
{
	const size_t len = c->name ? strlen(c->name) : 1;

	if (len && len <= CVMM_OPTION_MAX_NAME && (!c->name || strspn(c->name, CVMM_OPTION_NAME_CHARACTERS) == len))
		return 0;
	return vsu_error_set(err, -EINVAL,
			     "option --name: '%s' is not a name; use 1 to %d letters, digits, '-', '_' or '.'",
			     c->name, CVMM_OPTION_MAX_NAME);
}

static int refuse_no_kernel(struct vsu_error *err)
{
	const int rc = vsu_error_set(err, -ENOENT, "no kernel is named");

	(void)vsu_error_operands(err, CVMM_ADVICE_NO_KERNEL, 0, 0);
	return rc;
}

/* Values that can be checked alone; those of the memory can be, too. */
static int read_values(struct vmm_config *c, struct vsu_error *err)
{
	int rc = check_name(c, err);

	if (!rc)
		rc = vmm_cpus_option_read(&c->cpus, err);
	if (rc < 0)
		return rc;
	rc = varch_cpu_option_read(&c->cpu, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "option --cpu") : read_devices(c, err);
}

static int check_options(struct vmm_options *o, const struct vmm_memory_lists *memory,
			 struct vsu_error *err)
{
	int rc;

	if (!o->machine.kernel)
		return refuse_no_kernel(err);
	vmm_serial_end_read(&o->machine.serial);
	rc = check_needs(o, err);
	if (!rc)
		rc = read_values(&o->machine, err);
	if (!rc)
		rc = read_memory(&o->machine, memory, &o->start, err);
	return rc ? rc : check_gdb(&o->machine, err);
}

static int take_arguments(struct reading *r, const struct vmm_arguments *arguments, struct vsu_error *err)
{
	struct vmm_options *o = r->options;
	const struct vmm_arguments *own = &o->machine.arguments;
	unsigned int i;
	int rc;

	memset(o, 0, sizeof(*o));
	rc = vmm_arguments_copy(&o->machine.arguments, arguments, err);
	for (i = 0; !rc && i < own->n; i++)
		rc = take_argument(r, &own->list[i], err);
	return rc;
}

int vmm_options_read(struct vmm_options *options, const struct vmm_arguments *arguments,
		     struct vsu_error *err)
{
	struct reading r = { .options = options, .memory.what = "--memory" };
	int rc = take_arguments(&r, arguments, err);

	if (!rc)
		rc = check_options(options, &r.memory, err);
	if (rc < 0)
		vmm_options_free(options);
	return rc;
}

int vmm_options_check_value(const struct vmm_argument *argument, struct vsu_error *err)
{
	struct vmm_argument copy = *argument;
	const struct vmm_arguments one = { .list = &copy, .n = 1 };
	struct vmm_options o;
	struct reading r = { .options = &o, .memory.what = "--memory" };
	int rc = take_arguments(&r, &one, err);

	if (!rc)
		rc = read_values(&o.machine, err);
	if (!rc && r.memory.n)
		rc = vmm_memory_specs_read(&o.machine.memory, &r.memory, err);
	vmm_options_free(&o);
	return rc;
}

void vmm_options_free(struct vmm_options *options)
{
	unsigned int i;

	free(options->machine.specs);
	vmm_memory_specs_free(&options->machine.memory);
	vmm_arguments_free(&options->machine.arguments);
	for (i = 0; i < VMM_MAX_FORMER; i++)
		free(options->machine.former[i]);
	memset(options, 0, sizeof(*options));
}
