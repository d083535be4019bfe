/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Options of "cvmm run" that belong to the process which runs a machine, beside those of the
 * machine (<cvmm/options.h>).
 *
 * Threads: no state.
 */
#ifndef VMM_COMMON_PROGRAM_OPTIONS_H
#define VMM_COMMON_PROGRAM_OPTIONS_H

#include <stdbool.h>

#include <cvmm/configuration.h>
#include <cvmm/option_table.h>
#include <device-kinds/socket_access.h>
#include <vmm-sys-util/log_level.h>

#include "common/sandbox_option.h"

struct vmm_run_line;

/* A listening UNIX socket. All zero: none. */
struct vmm_control_end {
	const char *path;	/* the socket to create; NULL: none */
	bool inherited;		/* fd, of the program that started this one, such as systemd */
	int fd;
};

static inline bool vmm_control_end_is_given(const struct vmm_control_end *end)
{
	return end->path || end->inherited;
}

/* path is the text of the option, or NULL. -EINVAL: "fd:" without the number of a descriptor. */
int vmm_control_end_read(struct vmm_control_end *end, struct vsu_error *err);

/* Strings are those of the configuration. */
struct vmm_program_options {
	struct vmm_control_end control;
	const char *sandbox, *daemon_path, *user;
	struct vmm_sandbox_option confinement; /* of sandbox */
	struct devkind_socket_access sockets;	/* of control and devices */
	enum vsu_log_level log_level;
	bool jail;
	bool restart;		/* after the guest asked for a reboot */
	bool json, dry_run;
	const struct vmm_run_line *line; /* its own command line, for a report; borrowed, or NULL */
};

/* The table for cvmm_options_new_for(). */
extern const struct cvmm_option_row vmm_program_rows[];

/* Room for the table of "cvmm run", with its terminator. */
#define VMM_RUN_ROWS 64

/* The options of the machine and of this process. */
void vmm_run_table(struct vsu_option table[VMM_RUN_ROWS]);

/* The subject of an option, by which help pages and other programs select. */
enum vmm_topic {
	VMM_TOPIC_NONE,
	VMM_TOPIC_WORDS,	/* the source of other words */
	VMM_TOPIC_KERNEL,	/* that the guest boots */
	VMM_TOPIC_CONTROL,	/* of a running machine; all commands are of it */
	VMM_TOPIC_MIGRATION,	/* machines that were saved or come from elsewhere, and their source */
	VMM_TOPIC_SANDBOX,
};

enum vmm_topic vmm_run_topic(const char *option);

/* Reads the values. -EINVAL, -ENOENT: one is refused. After success the caller frees them. */
int vmm_program_options_read(struct vmm_program_options *p, const struct cvmm_configuration *c,
			     struct vsu_error *err);
void vmm_program_options_free(struct vmm_program_options *p);

/*
 * The value of an option that daemons have, too, counted from 0; its name is in *name. NULL: not
 * given. i is less than VMM_DAEMON_OPTIONS.
 */
#define VMM_DAEMON_OPTIONS 3
const char *vmm_option_of_daemons(const struct vmm_program_options *p, unsigned int i, const char **name);

#endif
