/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The options of "cvmm run", parsed and checked before anything is opened. Strings are
 * copies, and live as long as the options.
 */
#ifndef VMM_CONFIG_OPTIONS_H
#define VMM_CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <device-kinds/socket_access.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/log_level.h>
#include <vmm-sys-util/option.h>

#include "config/machine_config.h"
#include "config/sandbox_option.h"

/* The process that runs a machine. */
struct vmm_process_options {
	struct vmm_control_end control;
	const char *sandbox, *daemon_path, *user;
	struct vmm_sandbox_option confinement; /* of sandbox */
	struct devkind_socket_access sockets;	/* of control and devices */
	enum vsu_log_level log_level;
	bool jail;
	bool restart;		/* after the guest asked for a reboot */
	bool json, help;
	char *const *given;	/* words of its own command line, for a report; borrowed */
	int ngiven;
};

/* Each option is in the part of its scope; see option_rows.h. */
struct vmm_options {
	struct vmm_config machine;	/* its arguments have the strings of the other parts, too */
	struct vmm_process_options process;
	struct vmm_start start;
};

/*
 * Reads a parsed command line, which is copied. -ENOENT: an unknown key; -EINVAL: a value
 * refused, or no kernel named. On success the caller frees the options.
 */
int vmm_options_read(struct vmm_options *options, const struct vmm_arguments *arguments,
		     struct vsu_error *err);

/*
 * Whether the value of one option would be accepted beside any others: its keys, numbers and
 * words, before anything is opened. Errors as above.
 */
int vmm_options_check_value(const struct vmm_argument *argument, struct vsu_error *err);

/*
 * Reads only those options of a parsed command line that are the process's, so that it may be
 * confined before the machine is known. Errors and the caller's duty as above.
 */
int vmm_options_read_process(struct vmm_options *options, const struct vmm_arguments *arguments,
			     struct vsu_error *err);

/* Parses and reads words; argv[0] is "run". -ENOENT: also an unknown option. */
int vmm_options_parse(struct vmm_options *options, int argc, char *const *argv,
		      struct vsu_error *err);
void vmm_options_free(struct vmm_options *options);

#endif
