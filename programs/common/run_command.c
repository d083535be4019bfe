/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "cvmm run": confines the process, and runs machines in it until the last one has ended. */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include <vm-memory/sigbus.h>

#include "api/configuration.h"
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
#include "common/remedy.h"
#include "common/run.h"
#include "common/user_network.h"
#include "closer.h"
#include "config/option_rows.h"
#include "config/options.h"
#include "child/leash.h"
#include "log.h"
#include "machine/exit_status.h"
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
static int restrict_process(const struct vmm_options *options, struct vsu_error *err)
{
	int rc = vmm_daemons_prepare(options, &spawner, err);

	if (rc < 0)
		return vmm_exit_status(VMM_STAGE_SOCKET, rc);
	rc = vmm_confinement_close(&confinement, options, err);
	return rc < 0 ? vmm_exit_status(VMM_STAGE_OPTIONS, rc) : 0;
}

/*
 * Before a source is read, whose command line this process cannot choose. The process's own
 * options live as long as it.
 */
static int begin_receiving(void *opaque, const char *address, const struct vmm_arguments *given,
			   struct vmm_stream *source, enum vmm_stage *stage, struct vsu_error *err)
{
	static struct vmm_options own;
	int rc = vmm_options_read_process(&own, given, err);

	(void)opaque;
	*stage = VMM_STAGE_OPTIONS;
	prog_raise_fd_limit();
	rc = rc < 0 ? rc : vmm_confinement_make(&confinement, &own, err);
	rc = rc < 0 ? rc : vmm_confinement_separate(&confinement, err);
	if (rc < 0)
		return rc;
	*stage = VMM_STAGE_SOCKET;
	rc = vmm_daemons_begin(&own, &spawner, err);
	if (rc >= 0 && source->child)
		rc = prog_leash_tie(source->child, VMM_STREAM_CHILD_MS, &source->leash, err);
	if (rc < 0)
		return rc;
	*stage = VMM_STAGE_OPTIONS;
	return vmm_confinement_receive(&confinement, &own, !strncmp(address, "tls:", 4), err);
}

/* Initialises the process once, then runs its machines. The exit status. */
static int run_options(const struct vmm_options *options, const struct vmm_beside *beside,
		       struct vsu_error *err)
{
	const struct cvmm_servers servers = vmm_spawn_servers(&spawner);
	struct cvmm_host owner;
	int status, rc;

	prog_log_set_level(options->process.log_level);
	prog_raise_fd_limit();
	rc = vmm_confinement_make(&confinement, options, err);
	rc = rc < 0 ? rc : vmm_confinement_separate(&confinement, err);
	if (rc < 0)
		return report_end(vmm_exit_status(VMM_STAGE_OPTIONS, rc), beside, err);
	vmm_life_prepare(options, &confinement.plan, beside, &owner);
	status = restrict_process(options, err);
	if (status)
		return report_end(status, beside, err);
	rc = prog_handle_signals(VMM_MAX_MAPPINGS, &sigbus_table, err);
	if (!rc)
		rc = prog_closer_allow(err);
	if (rc < 0)
		return report_end(VSU_EXIT_HOST, beside, err);
	owner.sigbus = sigbus_table;
	owner.servers = &servers;
	rc = vmm_life_run(options, &owner, err);
	if (!beside)
		vmm_needs_explain(options, err);
	prog_log_flush();
	report_end(rc, beside, err);
	vmm_spawn_end(&spawner);
	prog_closer_end();
	return rc;
}

static int show_run_help(void)
{
	static const struct vsu_option publish = VMM_ROW_PUBLISH;
	struct vsu_option table[VMM_OPTION_ROWS + 1], *end = table;
	char lines[8192];

	vmm_option_table(table);
	while (end->name)
		end++;
	end[1] = *end;
	*end = publish;
	vsu_option_help(table, lines, sizeof(lines));
	printf("Usage: cvmm run KERNEL [DISK...] [OPTIONS]; KERNEL: Linux (bzImage, vmlinux with PVH), builtin:selftest, or a static ELF file; 'cvmm help disk' and others show properties\n%s",
	       lines);
	return 0;
}

/* The words of the user, rather than those of a file. */
static void explain_run(int status, int argc, char **argv, struct vsu_error *err)
{
	struct vsu_option table[VMM_OPTION_ROWS];

	vmm_option_table(table);
	if (status == VSU_EXIT_USAGE || status == VSU_EXIT_DATA)
		vmm_foreign_explain(vmm_foreign_run, table, argc, argv, false, err);
}

/* Reads the words. *stage is that of a failure. */
static int read_words(struct vmm_configuration *c, const struct vmm_config_words *w, struct vsu_error *err)
{
	static const struct vmm_peer_guard guard = { .begin = begin_receiving };
	struct vmm_arguments given;
	int rc = vmm_foreign_values_check(w->n, w->words, err);

	if (!rc)
		rc = vmm_arguments_parse(&given, w->n, w->words, err);
	c->stage = VMM_STAGE_OPTIONS;
	if (rc < 0)
		return rc;
	rc = vmm_configuration_read(c, NULL, &given, &vmm_program_log, &guard, err);
	vmm_arguments_free(&given);
	return rc;
}

int vmm_run_words(int argc, char **argv, const struct vmm_beside *beside, struct vsu_error *err)
{
	static struct vmm_options options, saved;
	struct vsu_option table[VMM_OPTION_ROWS];
	struct vmm_configuration c = { .stage = VMM_STAGE_CONFIGURATION };
	struct vmm_config_words w;
	int status, rc;

	vmm_option_table(table);
	rc = vmm_config_words_make(&w, table, argc, argv, err);
	if (!rc)
		rc = read_words(&c, &w, err);
	status = rc < 0 ? vmm_exit_status(c.stage, rc) :
			  vmm_configuration_parse(&c, &options, &saved, err);
	if (!status && c.cpu && vmm_config_words_set(&w, table, "cpu", c.cpu, err) < 0)
		status = VSU_EXIT_HOST;
	options.process.given = w.words + 1;
	options.process.ngiven = w.n - 1;
	vmm_helper_kernel(&options.machine.kernel, NULL);
	if (status && !beside)
		explain_run(status, argc, argv, err);
	if (status)
		report_end(status, beside, err);
	else
		status = options.process.help ? show_run_help() : run_options(&options, beside, err);
	vmm_options_free(&options);
	vmm_options_free(&saved);
	vmm_configuration_free(&c);
	vmm_config_words_free(&w);
	return status;
}

int vmm_run_command(int argc, char **argv)
{
	static struct vmm_network_words w;
	struct vsu_error err = VSU_ERROR_INIT;
	const int rc = vmm_network_words_make(&w, argc, argv, &err);
	const int status = rc < 0 ? vmm_complain_end(vmm_exit_status(VMM_STAGE_OPTIONS, rc), &err) :
				    vmm_run_words(w.nwords, w.words, NULL, &err);

	vmm_network_words_free(&w);
	return status;
}
