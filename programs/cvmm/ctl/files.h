/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Files that a command of "cvmm ctl" names are opened here, by the caller's rights and in
 * its folder, and passed to the machine, whose sandbox may permit none of them:
 *
 *   device-add  images of disks and of persistent memory
 *   save        a new folder with three files, which gets its name when they are complete
 *   core        a new file, which is removed if the command fails
 *   migrate     the command of exec:, which this process starts
 *
 * A file that cannot be opened here is left to the machine, by its name.
 */
#ifndef VMM_CTL_FILES_H
#define VMM_CTL_FILES_H

#include <stdbool.h>
#include <sys/types.h>

#include "control/line.h"
#include "control/passed.h"
#include "cvmm/saved.h"

/* The line of a request, with its end. */
struct vmm_control_text {
	char text[VMM_CONTROL_LINE];
	size_t len;
};

struct vmm_control_files {
	unsigned int n;
	int fds[VMM_PASSED_MAX];
	struct cvmm_saved_target *save;	/* NULL: none */
	bool keeps;			/* the machine may end with the save after a timeout */
	char *core;			/* path of its file; NULL without one */
	pid_t command;			/* 0: none */
};

/* Rewrites the line of a request. Close the files in each case. */
int vmm_control_files_open(struct vmm_control_files *f, struct vmm_control_text *line,
			   struct vsu_error *err);

/* The line was sent: the machine has the descriptors. */
void vmm_control_files_sent(struct vmm_control_files *f);

/* done: the command succeeded, and a saved machine becomes complete. */
int vmm_control_files_end(struct vmm_control_files *f, bool done, struct vsu_error *err);

#endif
