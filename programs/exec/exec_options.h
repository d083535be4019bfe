/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The command line of "cvmm exec". */
#ifndef VMM_EXEC_OPTIONS_H
#define VMM_EXEC_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>

#include "common/exec_network.h"

/* Signals to a command; further ones end the machine, as the guest may not answer. */
#define VMM_EXEC_MAX_SIGNALS 3
#define VMM_EXEC_MAX_FOLDERS 16
#define VMM_EXEC_MAX_SETTINGS 128
#define VMM_EXEC_MAX_PATHS 64
#define VMM_EXEC_MAX_PIECES 15	/* pieces of memory beside the first one */

extern const struct vsu_option vmm_exec_option_rows[];

/* Texts live as long as argv. */
struct vmm_exec_options {
	const char *kernel, *modules, *init; /* NULL: those that "cvmm exec" finds */
	const char *root, *folder, *memory, *append, *log, *sandbox, *daemons;
	const char *name;	/* this machine gets it */
	const char *in;		/* the machine that runs, and gets a further command */
	const char *oci;	/* the image as LAYOUT[:TAG] or containers-storage:NAME */
	const char *user;	/* USER[:GROUP] in the guest, who runs the command; NULL: its root */
	const char *hostname, *image, *from;	/* from: a template, which has a root if none is given */
	const char *folders[VMM_EXEC_MAX_FOLDERS]; /* FOLDER[,rw[,suid][,dev]] */
	const char *settings[VMM_EXEC_MAX_SETTINGS]; /* NAME[=VALUE] */
	const char *hide[VMM_EXEC_MAX_PATHS + 1], *show[VMM_EXEC_MAX_PATHS + 1]; /* NULL ends them */
	const char *pieces[VMM_EXEC_MAX_PIECES]; /* further values of --memory */
	unsigned int nfolders, nsettings, nhide, nshow, npieces;
	struct vmm_exec_network network;
	uint64_t cpus, timeout_ms;	/* 0: not given */
	unsigned int given;	/* a bit for each row */
	enum vmm_exec_terminal {
		VMM_EXEC_TERMINAL_AUTO, VMM_EXEC_TERMINAL_ON, VMM_EXEC_TERMINAL_OFF,
	} terminal;
	bool writable_root, jail, emulate, help;
	char *const *command;	/* NULL ends it */
};

/* argv[0] is "exec". -ENOENT: an unknown option, or no command or kernel; -EINVAL: a value. */
int vmm_exec_options_parse(struct vmm_exec_options *o, int argc, char *const *argv,
			   struct vsu_error *err);

/* Options that are given several times, also to other commands with such machines. */
enum vmm_exec_list {
	VMM_EXEC_LIST_DIR, VMM_EXEC_LIST_HIDE, VMM_EXEC_LIST_SHOW, VMM_EXEC_LIST_ENV, VMM_EXEC_LIST_MEMORY,
};

/* Adds a text of an option. -EINVAL: too many. */
int vmm_exec_options_add(struct vmm_exec_options *o, enum vmm_exec_list which, const char *option,
			 const char *text, struct vsu_error *err);

#endif
