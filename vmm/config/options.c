/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Parses the options of "cvmm run". */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/device.h"
#include "config/foreign_values.h"
#include "config/option_rows.h"
#include "config/spellings.h"

static int add_memory(struct vmm_memory_options *o, const char *list,
		      struct vsu_error *err)
{
	if (o->n == VMM_MAX_MEMORY)
		return vsu_error_set(err, -EINVAL,
				     "more than %d --memory options",
				     VMM_MAX_MEMORY);
	o->lists[o->n++] = list;
	return 0;
}

static int add_device(struct vmm_options *o, enum vmm_device_how how,
		      const char *list, struct vsu_error *err)
{
	if (o->ndevices == VMM_MAX_DEVICES)
		return vsu_error_set(err, -EINVAL,
			"more than %d devices", VMM_MAX_DEVICES);
	o->devices[o->ndevices].how = how;
	o->devices[o->ndevices++].list = list;
	return 0;
}

/* The program changes its level, not the parser. */
static bool take_level(struct vmm_options *o, const struct vmm_option_row *row,
		       const struct vsu_option_value *value)
{
	if (row->place.kind == PROG_PLACE_OF_LEVEL)
		o->log_level = (enum prog_log_level)value->number;
	else if (row->place.kind == PROG_PLACE_OF_VERBOSE)
		o->log_level = PROG_LOG_INFO;
	else
		return false;
	return true;
}

static int take_option(void *opaque, unsigned int index,
		       const struct vsu_option_value *value,
		       struct vsu_error *err)
{
	struct vmm_options *o = opaque;
	const struct vmm_option_row *row = &vmm_option_rows[index];
	const char *name = row->option.name;
	int rc = row->option.kind == VSU_OPTION_STRING ?
		 vmm_foreign_value_check(name, value->text, err) : 0;

	if (rc < 0)
		return rc;
	if (take_level(o, row, value) || prog_place_store(&row->place, o, value))
		return 0;
	if (row->once.after)
		return vsu_error_set(err, -EINVAL, "%s--%s '%s'%s", row->once.before, name,
				     value->text, row->once.after);
	return row->how ? add_device(o, row->how, value->text, err) :
			  add_memory(&o->memory, value->text, err);
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

static int read_devices(struct vmm_options *o, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	if (!o->ndevices)
		return 0;
	o->specs = calloc(o->ndevices, sizeof(*o->specs));
	if (!o->specs)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	for (i = 0; !rc && i < o->ndevices; i++)
		rc = vmm_device_parse(&o->devices[i], &o->specs[i], err);
	return rc;
}

/* Other processes access the memory; daemons may be added later. */
static bool shares_memory(const struct vmm_options *o)
{
	unsigned int i;

	for (i = 0; i < o->ndevices; i++)
		if (o->specs[i].remote)
			return true;
	return o->daemon_path;
}

/* A saved machine has lists of its own, which describe its files. */
static int read_memory(struct vmm_options *o, struct vsu_error *err)
{
	struct vmm_memory_options memory = o->memory;
	int rc;

	memory.shared = shares_memory(o);
	memory.trial = o->dry_run;
	rc = vmm_memory_pieces_read(&memory, &o->pieces, o->from ? NULL : err);
	return o->from ? 0 : rc;
}

/* All texts of the options are in the copies. */
static int copy_words(struct vmm_options *o, int argc, char *const *argv,
		      struct vsu_error *err)
{
	o->copies = calloc((size_t)argc + 1, sizeof(*o->copies));
	if (!o->copies)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	for (; o->ncopies < argc; o->ncopies++) {
		o->copies[o->ncopies] = strdup(argv[o->ncopies]);
		if (!o->copies[o->ncopies])
			return vsu_error_set(err, -ENOMEM, "no memory for options");
	}
	o->words = o->given = o->copies + 1;
	o->nwords = o->ngiven = argc - 1;
	return 0;
}

static int parse_words(struct vmm_options *o, struct vsu_error *err)
{
	struct vsu_option table[VMM_OPTION_ROWS];
	int rc;

	vmm_option_table(table);
	rc = vsu_option_parse_argv(table, o->ncopies, o->copies, take_option, o, NULL, err);
	if (rc < 0)
		vmm_spellings_explain(table, o->ncopies, o->copies, err);
	return rc;
}

static int check(struct vmm_options *options, struct vsu_error *err)
{
	int rc;

	if (!options->kernel)
		return vsu_error_set(err, -ENOENT, "run: no kernel named; try 'cvmm run builtin:selftest'");
	rc = check_needs(options, err);
	if (!rc)
		rc = prog_socket_access_read(&options->sockets, err);
	if (!rc)
		rc = vmm_sandbox_option_read(options->sandbox, &options->confinement, err);
	if (!rc)
		rc = read_devices(options, err);
	if (!rc)
		rc = read_memory(options, err);
	return rc;
}

int vmm_options_parse(struct vmm_options *options, int argc, char *const *argv,
		      struct vsu_error *err)
{
	int rc;

	memset(options, 0, sizeof(*options));
	options->cpus = 1;
	options->log_level = PROG_LOG_WARNING;
	options->memory.what = "--memory";
	rc = copy_words(options, argc, argv, err);
	if (!rc)
		rc = parse_words(options, err);
	if (!rc && !options->help)
		rc = check(options, err);
	if (rc < 0)
		vmm_options_free(options);
	return rc;
}

void vmm_options_free(struct vmm_options *options)
{
	while (options->ncopies)
		free(options->copies[--options->ncopies]);
	free(options->copies);
	free(options->specs);
	vmm_memory_pieces_free(&options->pieces);
	vmm_sandbox_option_free(&options->confinement);
	memset(options, 0, sizeof(*options));
}
