/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The commands of cvmm-oci, which engines call.
 *
 * Threads: the main thread.
 */
#ifndef OCI_COMMANDS_H
#define OCI_COMMANDS_H

#include <vmm-sys-util/option.h>

#include "oci/report.h"
#include "oci/state.h"

/* Options before a command. */
struct oci_context {
	struct oci_report report;
	char root[OCI_STATE_PATH];	/* folder of all containers */
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

#endif
