/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "cvmm ctl": one command to the control socket of a running machine. */
#ifndef VMM_CTL_CTL_COMMAND_H
#define VMM_CTL_CTL_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>

#include "ctl/files.h"

extern const struct vsu_option vmm_ctl_command_options[];

enum vmm_control_format {
	VMM_CONTROL_AUTO,	/* rows on a terminal, else JSON */
	VMM_CONTROL_JSON,
	VMM_CONTROL_ROWS,
	VMM_CONTROL_PROMETHEUS,
	VMM_CONTROL_SCREEN,	/* of a watch: rows on a terminal; not chosen by an option */
};

/*
 * The command line; path lives as long as argv. The machine divides the line at spaces:
 * a word with spaces, as in "exec:ssh host", becomes several.
 */
struct vmm_ctl_command {
	bool help;
	const char *path;	/* of the socket */
	struct vmm_control_text line;
	unsigned int nwords;
	enum vmm_control_format format;
	unsigned int interval_ms;	/* between two requests of "watch"; 0: one request */
	bool follows;		/* "subscribe": prints lines until the connection ends */
};

/*
 * Commands of this program: "stats" sends "status", and "watch [SECONDS]" sends it
 * repeatedly. argv[0] is "ctl". -ENOENT: an unknown option, or a word is missing.
 */
int vmm_ctl_command_parse(struct vmm_ctl_command *command, int argc,
			  char *const *argv, struct vsu_error *err);

/*
 * Opens files that the line names and passes them (files.h). Sends the line, waits
 * for the reply without a time limit, and prints it if it is not an error. Returns an exit
 * status: VSU_EXIT_FAIL and the sentence of the reply if the machine refused the command.
 * "watch" ends only with the machine, and with an error.
 */
int vmm_ctl_command_run(struct vmm_ctl_command *command, FILE *to,
			struct vsu_error *err);

#endif
