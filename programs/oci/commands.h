/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The commands of cvmm-oci, which engines call.
 *
 * Threads: the main thread.
 */
#ifndef OCI_COMMANDS_H
#define OCI_COMMANDS_H

#include <vmm-sys-util/option.h>

#include "oci/cgroup.h"
#include "oci/report.h"
#include "oci/state.h"

/* Options before a command. */
struct oci_context {
	struct oci_report report;
	char root[OCI_STATE_PATH];	/* folder of all containers */
	const char *settings;	/* file; NULL: the usual one */
	enum oci_cgroup_manager cgroups;
};

/*
 * A command with its words: argv[0] is its name. Returns the exit status; 1 is a failure that it has
 * reported.
 */
struct oci_command {
	const char *name, *operands, *help;
	const struct vsu_option *options;	/* NULL: none */
	int (*run)(struct oci_context *c, int argc, char **argv);
};

/* A name of NULL ends them. */
extern const struct oci_command oci_commands[];

/* create.c */
extern const struct vsu_option oci_create_rows[];
int oci_create(struct oci_context *c, int argc, char **argv);

/* events.c */
extern const struct vsu_option oci_events_rows[];
int oci_events(struct oci_context *c, int argc, char **argv);

/* exec.c */
extern const struct vsu_option oci_exec_rows[];
int oci_exec(struct oci_context *c, int argc, char **argv);

/* control.c */
extern const struct vsu_option oci_kill_rows[], oci_delete_rows[], oci_ps_rows[], oci_update_rows[];
int oci_start(struct oci_context *c, int argc, char **argv);
int oci_pause(struct oci_context *c, int argc, char **argv);
int oci_resume(struct oci_context *c, int argc, char **argv);
int oci_kill(struct oci_context *c, int argc, char **argv);
int oci_delete(struct oci_context *c, int argc, char **argv);
int oci_ps(struct oci_context *c, int argc, char **argv);
int oci_update(struct oci_context *c, int argc, char **argv);

#endif
