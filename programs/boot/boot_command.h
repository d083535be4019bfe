/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * "cvmm boot": the options of "cvmm run" for a disk image, whose kernel is found and started in the
 * guest by our first process (programs/boot/init). Nothing of the image is parsed here.
 *
 * Threads: no state.
 */
#ifndef VMM_BOOT_COMMAND_H
#define VMM_BOOT_COMMAND_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>

#include "boot/cloud_init.h"
#include "common/image_server.h"
#include "common/run_line.h"
#include "common/user_network.h"
#include "common/program_options.h"
#include "cvmm/exit_status.h"

/* Its own options; those of "cvmm run" follow in the whole table. */
extern const struct vsu_option vmm_boot_own_options[];

struct vmm_boot_command {
	struct vsu_option table[VMM_RUN_ROWS + 16]; /* own options, and most of "run" */
	const char *kernel, *modules, *init, *append;
	struct vmm_cloud_init seed;
	struct vmm_run_line line; /* of "cvmm run" */
	int initrd_fd, seed_fd;
	const char *image;	/* the operand that is the first disk, or NULL */
	struct vmm_image_server server;
	struct vmm_user_network network;
	enum cvmm_step stage;	/* that failed: files of the first kernel and initrd, or options */
	bool help;
};

/*
 * argv[0] is "boot"; texts live as long as it. -ENOENT: an unknown option, or no image; -EINVAL: a value;
 * -ENOMEM. Freed in each case.
 */
int vmm_boot_command_parse(struct vmm_boot_command *c, int argc, char *const *argv,
			   struct vsu_error *err);
/* Makes the initrd and the seed, starts programs, and completes the options. -ENOENT and others: kernel, modules, a file. */
int vmm_boot_command_make(struct vmm_boot_command *c, struct vsu_error *err);
void vmm_boot_command_free(struct vmm_boot_command *c);

#endif
