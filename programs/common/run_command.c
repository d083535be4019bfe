/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "cvmm run": confines the process, and runs machines in it until the last one has ended. */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include <cvmm/configuration.h>
#include <vm-memory/sigbus.h>

#include "common/confinement.h"
#include "common/daemons.h"
#include "common/foreign_words.h"
#include "common/helpers.h"
#include "common/life.h"
#include "common/needs.h"
#include "common/program_log.h"
#include "common/program_options.h"
#include "control/remedy.h"
#include "common/machine_loop.h"
#include "common/run_line.h"
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
 * Called before a source is read, whose command line this process cannot choose. The process's own
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
	vmm_life_prepare(p, &confinement.plan, beside, &owner);
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

/* ------------------------------------------------------------------------- line */

static int show_run_help(const struct vsu_option *table)
{
	char lines[8192];

	vsu_option_help(table, lines, sizeof(lines));
	printf("Usage: cvmm run KERNEL [DISK...] [OPTIONS]; KERNEL: Linux (bzImage, vmlinux with PVH), builtin:selftest, or a static ELF file; 'cvmm help disk' and others show properties\n%s",
	       lines);
	return 0;
}

/* 0, or an exit status. */
static int read_line(const struct vmm_run_line *l, struct cvmm_configuration **out, struct vsu_error *err)
{
	struct cvmm_options *o = NULL;
	int status, rc = cvmm_options_new_for(vmm_program_rows, &o, err);

	if (!rc)
		rc = vmm_run_line_add_to(l, o, err);
	status = rc < 0 ? cvmm_exit_status(CVMM_STEP_OPTIONS, rc) : read_machine(o, out, err);
	cvmm_options_free(o);
	return status;
}

/* A report has the processor in place of the file that describes it. 0, or an exit status. */
static int read_options(struct vmm_program_options *p, const struct cvmm_configuration *c,
			struct vmm_run_line *l, struct vsu_error *err)
{
	const unsigned int cpu = vmm_run_line_find(l, "cpu");
	struct cvmm_option o;
	unsigned int i;
	int rc = vmm_program_options_read(p, c, err);

	for (i = 0; cpu < l->n && !rc && !cvmm_configuration_get_option(c, i, &o, NULL); i++)
		if (!strcmp(o.name, "cpu"))
			rc = vmm_run_line_set(l, cpu, "cpu", o.value.text, err);
	p->line = l;
	return rc < 0 ? cvmm_exit_status(CVMM_STEP_OPTIONS, rc) : 0;
}

int vmm_run_line_end(int status, const struct vsu_option *table, int argc, char *const *argv, struct vsu_error *err)
{
	if (status == VSU_EXIT_USAGE || status == VSU_EXIT_DATA)
		vmm_foreign_explain(vmm_foreign_run, table, argc, argv, false, err);
	return vmm_complain_end(status, err);
}

int vmm_run_line_run(struct vmm_run_line *l, const struct vsu_option *table, int argc, char *const *argv,
		     struct vsu_error *err)
{
	static struct vmm_program_options options;
	struct cvmm_configuration *c = NULL;
	int status = read_line(l, &c, err);

	if (!status)
		status = read_options(&options, c, l, err);
	status = status ? vmm_run_line_end(status, table, argc, argv, err) : run_configuration(c, &options, NULL, err);
	vmm_program_options_free(&options);
	cvmm_configuration_free(c);
	return status;
}

/* Starts passt, if the words ask for it, and reads the file of --config. */
static int complete_line(struct vmm_run_line *l, struct vmm_user_network *n, struct vsu_error *err)
{
	int rc = vmm_user_network_take(n, l, err);

	return rc < 0 ? rc : vmm_run_line_read_file(l, err);
}

int vmm_run_command(int argc, char **argv)
{
	static struct vmm_run_line l;
	struct vmm_user_network network = VMM_USER_NETWORK_INIT;
	struct vsu_error err = VSU_ERROR_INIT;
	int status, rc = vmm_run_line_parse(&l, argc, argv, &err);

	if (!rc && vmm_run_line_has(&l, "help"))
		return show_run_help(l.table);
	if (!rc)
		rc = complete_line(&l, &network, &err);
	status = rc < 0 ? vmm_run_line_end(cvmm_exit_status(l.step, rc), l.table, argc, argv, &err) :
			  vmm_run_line_run(&l, l.table, argc, argv, &err);
	vmm_user_network_end(&network);
	vmm_run_line_free(&l);
	return status;
}
