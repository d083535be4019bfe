/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Rows of options that several commands have, each with a machine of its own. */
#ifndef VMM_CLI_MACHINE_ROWS_H
#define VMM_CLI_MACHINE_ROWS_H

#include <vmm-sys-util/option.h>

#include "cpu/cpus.h"

#define VMM_ROW_KERNEL \
	{ .name = "kernel", .kind = VSU_OPTION_STRING, .arg = "FILE", .preset = "the host's", .help = "Linux kernel" }
#define VMM_ROW_MODULES \
	{ .name = "modules", .kind = VSU_OPTION_STRING, .arg = "FOLDER|none", .preset = "/lib/modules/VERSION", \
	  .help = "modules of the kernel" }
#define VMM_ROW_INIT \
	{ .name = "init", .kind = VSU_OPTION_STRING, .arg = "FILE", .preset = INIT_PROGRAM, \
	  .help = "first program of the guest" }
#define VMM_ROW_MEMORY \
	{ .name = "memory", .kind = VSU_OPTION_STRING, .arg = "PROPERTIES", .preset = "1G", .help = "guest memory" }
#define VMM_ROW_CPUS \
	{ .name = "cpus", .kind = VSU_OPTION_U64, .min = 1, .max = VMM_MAX_CPUS, .preset = "1", .help = "virtual CPUs" }
#define VMM_ROW_APPEND \
	{ .name = "append", .kind = VSU_OPTION_STRING, .help = "text to append to the kernel command line" }
#define VMM_ROW_LOG \
	{ .name = "log", .kind = VSU_OPTION_STRING, .arg = "FILE", .preset = "none", \
	  .help = "write the kernel's messages to a file" }

#endif
