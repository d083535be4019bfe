/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "cvmm run": confines the process, and runs machines in it until the last one has ended. */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include <cvmm/configuration.h>
#include <vm-memory/sigbus.h>

#include "common/config_words.h"
#include "common/confinement.h"
#include "common/daemons.h"
#include "common/foreign_values.h"
#include "common/foreign_words.h"
#include "common/helpers.h"
#include "common/life.h"
#include "common/machine_rows.h"
#include "common/needs.h"
#include "common/program_log.h"
#include "common/program_options.h"
#include "common/remedy.h"
#include "common/run.h"
#include "common/user_network.h"
#include "closer.h"
#include "child/leash.h"
#include "log.h"
#include "cvmm/exit_status.h"
#include "process.h"
#include "common/run_command.h"
#include "common/spawn/spawn.h"

static struct vmem_sigbus *sigbus_table;

/* The caller of a task beside the machine prints the sentence of the end. */
static int report_end(int status, const struct vmm_beside *beside, const struct vsu_error *err)
{
	return beside ? status : vmm_complain_end(status, err);
}

static struct vmm_confinement confinement;
static struct vmm_spawner spawner = VMM_SPAWNER_INIT;

/* Daemons are outside of the jail, and have their own. The exit status of a failure, or 0. */
static int restrict_process(const struct cvmm_configuration *c, const struct vmm_program_options *p,
			    struct vsu_error *err)
{
	int rc = vmm_daemons_prepare(c, p, &spawner, err);

	if (rc < 0)
		return cvmm_exit_status(CVMM_STEP_SOCKET, rc);
	rc = vmm_confinement_close(&confinement, c, p, err);
	return rc < 0 ? cvmm_exit_status(CVMM_STEP_OPTIONS, rc) : 0;
}

/* The exit status of a failure, or 0. */
static int separate_process(const struct cvmm_configuration *c, const struct vmm_program_options *p,
			    bool runs_command, struct vsu_error *err)
{
	int rc;

	prog_raise_fd_limit();
	rc = vmm_confinement_make(&confinement, c, p, runs_command, err);
	rc = rc < 0 ? rc : vmm_confinement_separate(&confinement, err);
	return rc < 0 ? cvmm_exit_status(CVMM_STEP_OPTIONS, rc) : 0;
}

/*
 * Before a source is read, whose command line this process cannot choose. The process's own
 * options live as long as it.
 */
static int begin_receiving(void *opaque, const struct cvmm_configuration *c, struct cvmm_source *source,
			   struct vsu_error *err)
{
	static struct vmm_program_options own;
	int rc = vmm_program_options_read(&own, c, err);

	(void)opaque;
	source->status = rc < 0 ? cvmm_exit_status(CVMM_STEP_OPTIONS, rc) :
				  separate_process(c, &own, source->process, err);
	if (source->status)
		return err->code;
	rc = vmm_daemons_begin(&own, &spawner, err);
	if (rc >= 0 && source->process)
		rc = prog_leash_tie(source->process, source->process_ms, &source->leash, err);
	if (rc < 0) {
		source->status = cvmm_exit_status(CVMM_STEP_SOCKET, rc);
		return rc;
	}
	rc = vmm_confinement_receive(&confinement, &own, !strncmp(source->address, "tls:", 4), err);
	source->status = rc < 0 ? cvmm_exit_status(CVMM_STEP_OPTIONS, rc) : 0;
	return rc;
}

/* Initialises the process once, then runs its machines. The exit status. */
static int run_configuration(struct cvmm_configuration *c, const struct vmm_program_options *p,
			     const struct vmm_beside *beside, struct vsu_error *err)
{
	const struct cvmm_servers servers = vmm_spawn_servers(&spawner);
	struct cvmm_host owner;
	int status, rc;

	prog_log_set_level(p->log_level);
	status = separate_process(c, p, false, err);
	if (status)
		return report_end(status, beside, err);
	vmm_life_prepare(c, p, &confinement.plan, beside, &owner);
	status = restrict_process(c, p, err);
	if (status)
		return report_end(status, beside, err);
	rc = prog_handle_signals(VMM_MAX_MAPPINGS, &sigbus_table, err);
	if (!rc)
		rc = prog_closer_allow(err);
	if (rc < 0)
		return report_end(VSU_EXIT_HOST, beside, err);
	owner.sigbus = sigbus_table;
	owner.servers = &servers;
	rc = vmm_life_run(c, p, &owner, err);
	if (!beside)
		vmm_needs_explain(c, err);
	prog_log_flush();
	report_end(rc, beside, err);
	vmm_spawn_end(&spawner);
	prog_closer_end();
	return rc;
}

static const char *find_kernel(void *opaque, const char *name)
{
	(void)opaque;
	return vmm_helper_kernel(&name, NULL) < 0 ? NULL : name;
}

/* 0, or an exit status. */
static int read_machine(const struct cvmm_options *o, struct cvmm_configuration **out, struct vsu_error *err)
{
	int status = VSU_EXIT_HOST;
	const struct cvmm_reader reader = {
		.size = sizeof(reader), .log = prog_log_machine, .status = &status,
		.receive = begin_receiving, .kernel = find_kernel,
	};

	return cvmm_configuration_new(o, &reader, out, err) < 0 ? status : 0;
}

int vmm_run_machine(const struct cvmm_options *o, const struct vmm_program_options *p,
		    const struct vmm_beside *beside, struct vsu_error *err)
{
	struct cvmm_configuration *c = NULL;
	int status = read_machine(o, &c, err);

	if (!status)
		status = run_configuration(c, p, beside, err);
	cvmm_configuration_free(c);
	return status;
}

/* ------------------------------------------------------------------------ words */

static int find_help(void *opaque, unsigned int index, const struct vsu_option_value *value,
		     struct vsu_error *err)
{
	bool *found = opaque;

	(void)value;
	(void)err;
	*found |= index == 0;
	return 0;
}

/* Before any file is read. A line that cannot be parsed is refused later. */
static bool wants_help(const struct vsu_option *table, int argc, char **argv)
{
	struct vsu_option ordered[VMM_RUN_ROWS], *to = ordered + 1;
	bool found = false;

	for (; table->name; table++)
		*(strcmp(table->name, "help") == 0 ? ordered : to++) = *table;
	*to = *table;
	return !vsu_option_parse_argv(ordered, argc, argv, find_help, &found, NULL, NULL) && found;
}

static int show_run_help(const struct vsu_option *run)
{
	static const struct vsu_option publish = VMM_ROW_PUBLISH;
	struct vsu_option table[VMM_RUN_ROWS + 1], *end = table;
	char lines[8192];

	for (; run->name; run++)
		*end++ = *run;
	*end++ = publish;
	*end = *run;
	vsu_option_help(table, lines, sizeof(lines));
	printf("Usage: cvmm run KERNEL [DISK...] [OPTIONS]; KERNEL: Linux (bzImage, vmlinux with PVH), builtin:selftest, or a static ELF file; 'cvmm help disk' and others show properties\n%s",
	       lines);
	return 0;
}

/* The words of the user, rather than those of a file. */
static void explain_run(int status, const struct vsu_option *table, int argc, char **argv,
			struct vsu_error *err)
{
	if (status == VSU_EXIT_USAGE || status == VSU_EXIT_DATA)
		vmm_foreign_explain(vmm_foreign_run, table, argc, argv, false, err);
}

static int add_words(struct cvmm_options *o, const struct vsu_option *table,
		     const struct vmm_config_words *w, struct vsu_error *err)
{
	const int rc = vmm_foreign_values_check(table, w->n, w->words, err);

	return rc < 0 ? rc : cvmm_options_add_words(o, (size_t)w->n - 1, (const char *const *)w->words + 1, err);
}

/* 0, or an exit status. */
static int read_words(const struct vsu_option *table, const struct vmm_config_words *w,
		      struct cvmm_configuration **out, struct vsu_error *err)
{
	struct cvmm_options *o = NULL;
	int status, rc = cvmm_options_new_for(vmm_program_rows, &o, err);

	if (!rc)
		rc = add_words(o, table, w, err);
	status = rc < 0 ? cvmm_exit_status(CVMM_STEP_OPTIONS, rc) : read_machine(o, out, err);
	cvmm_options_free(o);
	return status;
}

/* A report has the processor in place of the file that describes it. 0, or an exit status. */
static int read_options(struct vmm_program_options *p, const struct cvmm_configuration *c,
			const struct vsu_option *table, struct vmm_config_words *w, struct vsu_error *err)
{
	struct cvmm_option o;
	unsigned int i;
	int rc = vmm_program_options_read(p, c, err);

	for (i = 0; !rc && !cvmm_configuration_get_option(c, i, &o, NULL); i++)
		if (!strcmp(o.name, "cpu"))
			rc = vmm_config_words_set(w, table, "cpu", o.value.text, err);
	p->given = w->words + 1;
	p->ngiven = w->n - 1;
	return rc < 0 ? cvmm_exit_status(CVMM_STEP_OPTIONS, rc) : 0;
}

int vmm_run_words(int argc, char **argv, struct vsu_error *err)
{
	static struct vmm_program_options options;
	struct vsu_option table[VMM_RUN_ROWS];
	struct cvmm_configuration *c = NULL;
	struct vmm_config_words w;
	int status, rc;

	vmm_run_table(table);
	if (wants_help(table, argc, argv))
		return show_run_help(table);
	rc = vmm_config_words_make(&w, table, argc, argv, err);
	status = rc < 0 ? cvmm_exit_status(CVMM_STEP_CONFIGURATION, rc) : read_words(table, &w, &c, err);
	if (!status)
		status = read_options(&options, c, table, &w, err);
	if (status) {
		explain_run(status, table, argc, argv, err);
		vmm_complain_end(status, err);
	} else {
		status = run_configuration(c, &options, NULL, err);
	}
	vmm_program_options_free(&options);
	cvmm_configuration_free(c);
	vmm_config_words_free(&w);
	return status;
}

int vmm_run_command(int argc, char **argv)
{
	static struct vmm_network_words w;
	struct vsu_error err = VSU_ERROR_INIT;
	const int rc = vmm_network_words_make(&w, argc, argv, &err);
	const int status = rc < 0 ? vmm_complain_end(cvmm_exit_status(CVMM_STEP_OPTIONS, rc), &err) :
				    vmm_run_words(w.nwords, w.words, &err);

	vmm_network_words_free(&w);
	return status;
}
