/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Rows of options that several commands have, each with a machine of its own. */
#ifndef VMM_COMMON_MACHINE_ROWS_H
#define VMM_COMMON_MACHINE_ROWS_H

#include <vm-arch/cpus.h>
#include <vmm-sys-util/option.h>

/* A year, in milliseconds. */
#define VMM_ROW_MAX_TIME UINT64_C(31536000000)

#define VMM_ROW_KERNEL \
	{ .name = "kernel", .kind = VSU_OPTION_STRING, .arg = "FILE", .preset = "the host's", .help = "Linux kernel" }
#define VMM_ROW_MODULES \
	{ .name = "modules", .kind = VSU_OPTION_STRING, .arg = "FOLDER|none", .preset = "/lib/modules/VERSION", \
	  .help = "modules of the kernel" }
#define VMM_ROW_INIT \
	{ .name = "init", .kind = VSU_OPTION_STRING, .arg = "FILE", .preset = "the installed one", \
	  .help = "first program of the guest" }
#define VMM_ROW_MEMORY \
	{ .name = "memory", .kind = VSU_OPTION_STRING, .arg = "PROPERTIES", .preset = "1G", .help = "guest memory" }
#define VMM_ROW_CPUS \
	{ .name = "cpus", .kind = VSU_OPTION_U64, .min = 1, .max = VARCH_MAX_CPUS, .preset = "1", .help = "virtual CPUs" }
#define VMM_ROW_APPEND \
	{ .name = "append", .kind = VSU_OPTION_STRING, .help = "text to append to the kernel command line" }
#define VMM_ROW_PUBLISH \
	{ .name = "publish", .kind = VSU_OPTION_STRING, .arg = "[ADDRESS:]PORT:PORT[/udp]", .repeat = true, \
	  .help = "with --net=passt: pass connections to a port of the host to one of the guest", .example = "8080:80" }
#define VMM_ROW_LOG \
	{ .name = "log", .kind = VSU_OPTION_STRING, .arg = "FILE", .preset = "none", \
	  .help = "write the kernel's messages to a file" }

/* Options of a command's machine, and of the machines of a pool */
#define VMM_ROW_ROOT \
	{ .name = "root", .kind = VSU_OPTION_STRING, .arg = "FOLDER", .preset = "/", \
	  .help = "the command's root; its writes stay in the guest's memory" }
#define VMM_ROW_DIR \
	{ .name = "dir", .kind = VSU_OPTION_STRING, .arg = "FOLDER[,rw[,suid][,dev]]", .repeat = true, \
	  .help = "share a folder at its own path, read-only or with rw; suid, dev: also set-user-ID files, devices" }
#define VMM_ROW_HIDE \
	{ .name = "hide", .kind = VSU_OPTION_STRING, .arg = "PATH", .repeat = true, \
	  .help = "hide a file or folder of the host; the last name is a pattern" }
#define VMM_ROW_SHOW \
	{ .name = "show", .kind = VSU_OPTION_STRING, .arg = "PATH", .repeat = true, \
	  .help = "show one that is hidden by default: homes, keys, temporary files" }
#define VMM_ROW_CHDIR \
	{ .name = "chdir", .kind = VSU_OPTION_STRING, .arg = "FOLDER", \
	  .preset = "the current one if it is shared, or /", .help = "working folder" }
#define VMM_ROW_SANDBOX \
	{ .name = "sandbox", .kind = VSU_OPTION_STRING, .arg = "PROPERTIES", .preset = "on", .help = "as of cvmm run" }
#define VMM_ROW_JAIL \
	{ .name = "jail", .kind = VSU_OPTION_FLAG, .help = "as of cvmm run; requires another root than /" }

#endif
