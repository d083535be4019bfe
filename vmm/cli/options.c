/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The options of "cvmm run". */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "cpu/cpus.h"
#include "cli/options.h"
#include "log.h"
#include "places.h"

enum { MEMORY, ON_MEMORY_ERROR, CPUS, CPU, DISK, NET, RNG, FS, BALLOON, PMEM, MEM, VSOCK, DEVICE, TRANSPORT, INITRD,
       CMDLINE, APPEND, CONSOLE, SERIAL, CONTROL, REBOOT, DRY_RUN, JSON, LOG_LEVEL, VERBOSE, HELP, KERNEL,
       DISK_PATH };

static const char *const cpu_models[] = { "host", "plain", NULL };
static const char *const reboots[] = { "exit", "restart", NULL };
static const char *const transports[] = {
	[VMM_TRANSPORT_AUTO] = "auto", [VMM_TRANSPORT_MMIO] = "mmio",
	[VMM_TRANSPORT_PCI] = "pci", NULL,
};
static const char *const memory_errors[] = {
	[VMM_ON_MEMORY_ERROR_STOP] = "stop",
	[VMM_ON_MEMORY_ERROR_CONTINUE] = "continue",
	[VMM_ON_MEMORY_ERROR_PAUSE] = "pause",
	NULL,
};

const struct vsu_option vmm_run_options[] = {
	[MEMORY] = { .name = "memory", .kind = VSU_OPTION_STRING,
		     .arg = "PROPERTIES", .repeat = true,
		     .help = "guest memory", .preset = "size=256M",
		     .example = "size=1G,backend=memfd" },
	[ON_MEMORY_ERROR] = { .name = "on-memory-error",
			      .kind = VSU_OPTION_CHOICE,
			      .choices = memory_errors, .preset = "stop",
			      .help = "when memory's file is cut: end, go on with zeros, or stand still" },
	[CPUS] = { .name = "cpus", .kind = VSU_OPTION_U64, .min = 1,
		   .max = VMM_MAX_CPUS, .help = "virtual CPUs",
		   .preset = "1" },
	[CPU] = { .name = "cpu", .kind = VSU_OPTION_CHOICE,
		  .choices = cpu_models, .preset = "host",
		  .help = "what the CPUs can do: all that this host has, or x86-64-v2" },
	[DISK] = { .name = "disk", .kind = VSU_OPTION_STRING,
		   .arg = "PROPERTIES", .repeat = true,
		   .help = "a disk: path=FILE or backend=user:SOCKET" },
	[NET] = { .name = "net", .kind = VSU_OPTION_STRING,
		  .arg = "PROPERTIES", .repeat = true,
		  .help = "a network card: tap=NAME, socket=PATH, fd=N or backend=user:SOCKET" },
	[RNG] = { .name = "rng", .kind = VSU_OPTION_STRING,
		  .arg = "PROPERTIES", .repeat = true,
		  .help = "a source of entropy: rate=BYTES or backend=user:SOCKET" },
	[FS] = { .name = "fs", .kind = VSU_OPTION_STRING,
		 .arg = "PROPERTIES", .repeat = true,
		 .help = "a folder to mount in the guest: path=FOLDER,tag=NAME or backend=user:SOCKET" },
	[BALLOON] = { .name = "balloon", .kind = VSU_OPTION_STRING,
		      .arg = "PROPERTIES",
		      .help = "memory that the guest lends the host: size=BYTES",
		      .example = "size=1G,deflate-on-oom" },
	[MEM] = { .name = "mem", .kind = VSU_OPTION_STRING,
		  .arg = "PROPERTIES", .repeat = true,
		  .help = "memory that comes and goes: size=BYTES",
		  .example = "size=4G,requested=1G" },
	[PMEM] = { .name = "pmem", .kind = VSU_OPTION_STRING,
		   .arg = "PROPERTIES", .repeat = true,
		   .help = "a file as persistent memory: path=FILE" },
	[VSOCK] = { .name = "vsock", .kind = VSU_OPTION_STRING,
		    .arg = "PROPERTIES", .repeat = true,
		    .help = "sockets between guest and host: cid=N,path=PATH or backend=user:SOCKET" },
	[DEVICE] = { .name = "device", .kind = VSU_OPTION_STRING,
		     .arg = "PROPERTIES", .repeat = true,
		     .help = "a device: KIND[,key=value...], or any: id=N,backend=user:SOCKET" },
	[TRANSPORT] = { .name = "transport", .kind = VSU_OPTION_CHOICE,
			.choices = transports, .preset = "auto",
			.help = "where the guest finds its devices: at fixed addresses, or on a PCI bus as Linux does by default" },
	[INITRD] = { .name = "initrd", .kind = VSU_OPTION_STRING,
		     .arg = "FILE",
		     .help = "a file that the kernel finds in memory" },
	[CMDLINE] = { .name = "cmdline", .kind = VSU_OPTION_STRING,
		      .help = "kernel command line, in place of the default" },
	[APPEND] = { .name = "append", .kind = VSU_OPTION_STRING,
		     .help = "text to add to the kernel command line" },
	[CONSOLE] = { .name = "console", .kind = VSU_OPTION_STRING,
		      .arg = "PROPERTIES", .repeat = true,
		      .help = "a console: stdio, pty, socket=PATH, fd=N or backend=user:SOCKET" },
	[SERIAL] = { .name = "serial", .kind = VSU_OPTION_STRING,
		     .arg = "stdio|null|FILE",
		     .preset = "stdio, or null where a console is there",
		     .help = "where the serial port goes" },
	[CONTROL] = { .name = "control", .kind = VSU_OPTION_STRING,
		      .arg = "SOCKET",
		      .help = "where commands are taken while the guest runs" },
	[REBOOT] = { .name = "reboot", .kind = VSU_OPTION_CHOICE,
		     .choices = reboots, .preset = "exit",
		     .help = "what to do when the guest reboots" },
	[DRY_RUN] = { .name = "dry-run", .kind = VSU_OPTION_FLAG,
		      .help = "allocate and check all, show the machine, run nothing" },
	[JSON] = { .name = "json", .kind = VSU_OPTION_FLAG,
		   .help = "with --dry-run: show the machine as JSON" },
	[LOG_LEVEL] = PROG_LOG_LEVEL_OPTION,
	[VERBOSE] = PROG_LOG_VERBOSE_OPTION,
	[HELP] = VSU_OPTION_ROW_HELP,
	[KERNEL] = { .name = "KERNEL", .kind = VSU_OPTION_OPERAND },
	[DISK_PATH] = { .name = "DISK", .kind = VSU_OPTION_OPERAND,
			.repeat = true },
	{ .name = NULL },
};

static const enum vmm_device_how device_hows[] = {
	[DISK] = VMM_DEVICE_DISK,
	[NET] = VMM_DEVICE_NET,
	[RNG] = VMM_DEVICE_RNG,
	[FS] = VMM_DEVICE_FS,
	[CONSOLE] = VMM_DEVICE_CONSOLE,
	[BALLOON] = VMM_DEVICE_BALLOON,
	[PMEM] = VMM_DEVICE_PMEM,
	[MEM] = VMM_DEVICE_MEM,
	[VSOCK] = VMM_DEVICE_VSOCK,
	[DEVICE] = VMM_DEVICE_ANY,
	[DISK_PATH] = VMM_DEVICE_DISK_PATH,
};

#define PLACE(member) PROG_PLACE(struct vmm_options, member)

/* Options that are kept as they are. */
static const struct prog_place places[] = {
	[ON_MEMORY_ERROR] = PLACE(on_memory_error),
	[CPUS] = PLACE(cpus),
	[CPU] = PLACE(cpu_model),
	[TRANSPORT] = PLACE(transport),
	[INITRD] = PLACE(initrd),
	[CMDLINE] = PLACE(cmdline),
	[APPEND] = PLACE(append),
	[SERIAL] = PLACE(serial),
	[CONTROL] = PLACE(control),
	[REBOOT] = PLACE(restart),
	[DRY_RUN] = PLACE(dry_run),
	[JSON] = PLACE(json),
	[LOG_LEVEL] = PROG_PLACE_LEVEL,
	[VERBOSE] = PROG_PLACE_VERBOSE,
	[HELP] = PLACE(help),
	[KERNEL] = PLACE(kernel),
	[DISK_PATH] = { PROG_PLACE_NONE, 0 },
};

static int add_memory(struct vmm_memory_options *o, const char *list,
		      struct vsu_error *err)
{
	if (o->n == VMM_MAX_MEMORY)
		return vsu_error_set(err, -EINVAL,
				     "more than %d --memory options",
				     VMM_MAX_MEMORY);
	o->lists[o->n++] = list;
	return 0;
}

static int add_device(struct vmm_options *o, enum vmm_device_how how,
		      const char *list, struct vsu_error *err)
{
	if (o->ndevices == VMM_MAX_DEVICES)
		return vsu_error_set(err, -EINVAL,
			"more than %d devices", VMM_MAX_DEVICES);
	o->devices[o->ndevices].how = how;
	o->devices[o->ndevices++].list = list;
	return 0;
}

static int take_option(void *opaque, unsigned int index,
		       const struct vsu_option_value *value,
		       struct vsu_error *err)
{
	struct vmm_options *o = opaque;

	if (prog_place_store(&places[index], o, value))
		return 0;
	if (index == MEMORY)
		return add_memory(&o->memory, value->text, err);
	return add_device(o, device_hows[index], value->text, err);
}

int vmm_options_parse(struct vmm_options *options, int argc, char *const *argv,
		      struct vsu_error *err)
{
	int rc;

	memset(options, 0, sizeof(*options));
	options->cpus = 1;
	options->memory.what = "--memory";
	rc = vsu_option_parse_argv(vmm_run_options, argc, argv, take_option,
				   options, NULL, err);
	if (rc < 0 || options->help)
		return rc;
	if (!options->kernel)
		return vsu_error_set(err, -ENOENT, "run: no kernel named; try 'cvmm run builtin:selftest'");
	if (options->json && !options->dry_run)
		return vsu_error_set(err, -EINVAL,
				     "option --json needs --dry-run");
	return 0;
}
