/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The options of "cvmm run". */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/device.h"
#include "config/foreign_values.h"
#include "config/options.h"
#include "config/spellings.h"
#include "cpu/cpus.h"
#include "log.h"
#include "places.h"

enum { MEMORY, ON_MEMORY_ERROR, CPUS, CPU, DIRTY_RING, DISK, NET, RNG, FS, BALLOON, PMEM, MEM, VSOCK, DEVICE, TRANSPORT, INITRD,
       CMDLINE, APPEND, CONSOLE, SERIAL, CONTROL, LATENCY, SOCKET_MODE, SOCKET_GROUP, SANDBOX, DAEMON_PATH, USER, JAIL, REBOOT, CONFIG, FROM, CLONE, PREFETCH, CHANGED_DISKS, POWER_OFF_TIMEOUT, INCOMING,
       DRY_RUN, JSON, LOG_LEVEL, VERBOSE, HELP, KERNEL,
       DISK_PATH };

static const char *const cpu_models[] = { "host", "plain", NULL };
static const char *const changed_disks[] = { "refuse", "accept", NULL };
static const char *const reboots[] = { "exit", "restart", NULL };
static const char *const transports[] = {
	[VMM_TRANSPORT_AUTO] = "auto", [VMM_TRANSPORT_MMIO] = "mmio",
	[VMM_TRANSPORT_PCI] = "pci", NULL,
};
/* vmm_ring_entries() computes the number of entries from the index. */
static const char *const dirty_rings[] = { "off", "1024", "2048", "4096", "8192", "16384", "32768", "65536", NULL };
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
			      .choices = memory_errors, .arg = "WORD", .preset = "stop",
			      .help = "if a memory file is truncated: stop, continue with zero pages, or pause" },
	[CPUS] = { .name = "cpus", .kind = VSU_OPTION_U64, .min = 1,
		   .max = VMM_MAX_CPUS, .help = "virtual CPUs",
		   .preset = "1" },
	[CPU] = { .name = "cpu", .kind = VSU_OPTION_CHOICE,
		  .choices = cpu_models, .preset = "host",
		  .help = "CPU model: all host features, or the portable x86-64-v2 baseline" },
	[DIRTY_RING] = { .name = "dirty-ring", .kind = VSU_OPTION_CHOICE,
			 .arg = "N", .choices = dirty_rings, .preset = "off",
			 .help = "log written pages for a migration in rings of 1024 to 65536 entries, a power of two" },
	[DISK] = { .name = "disk", .kind = VSU_OPTION_STRING,
		   .arg = "PROPERTIES", .repeat = true,
		   .help = "a disk: FILE or backend=user:SOCKET" },
	[NET] = { .name = "net", .kind = VSU_OPTION_STRING,
		  .arg = "PROPERTIES", .repeat = true,
		  .help = "a network card: TAP, socket=PATH or fd=N" },
	[RNG] = { .name = "rng", .kind = VSU_OPTION_STRING,
		  .arg = "PROPERTIES", .repeat = true,
		  .help = "an entropy source; --rng= for one without limits" },
	[FS] = { .name = "fs", .kind = VSU_OPTION_STRING,
		 .arg = "PROPERTIES", .repeat = true,
		 .help = "a shared folder: FOLDER,tag=NAME" },
	[BALLOON] = { .name = "balloon", .kind = VSU_OPTION_STRING,
		      .arg = "PROPERTIES",
		      .help = "memory balloon: SIZE",
		      .example = "size=1G,deflate-on-oom" },
	[MEM] = { .name = "mem", .kind = VSU_OPTION_STRING,
		  .arg = "PROPERTIES", .repeat = true,
		  .help = "hot-pluggable memory: size=SIZE",
		  .example = "size=4G,requested=1G" },
	[PMEM] = { .name = "pmem", .kind = VSU_OPTION_STRING,
		   .arg = "PROPERTIES", .repeat = true,
		   .help = "a file as persistent memory: FILE" },
	[VSOCK] = { .name = "vsock", .kind = VSU_OPTION_STRING,
		    .arg = "PROPERTIES", .repeat = true,
		    .help = "sockets between guest and host: CID, or cid=N,path=PATH" },
	[DEVICE] = { .name = "device", .kind = VSU_OPTION_STRING,
		     .arg = "PROPERTIES", .repeat = true,
		     .help = "any device: KIND[,key=value...]" },
	[TRANSPORT] = { .name = "transport", .kind = VSU_OPTION_CHOICE,
			.choices = transports, .preset = "auto",
			.help = "virtio-mmio or PCI; auto: PCI for Linux" },
	[INITRD] = { .name = "initrd", .kind = VSU_OPTION_STRING,
		     .arg = "FILE",
		     .help = "initial RAM disk" },
	[CMDLINE] = { .name = "cmdline", .kind = VSU_OPTION_STRING,
		      .help = "kernel command line, in place of the default" },
	[APPEND] = { .name = "append", .kind = VSU_OPTION_STRING,
		     .help = "text to append to the kernel command line" },
	[CONSOLE] = { .name = "console", .kind = VSU_OPTION_STRING,
		      .arg = "PROPERTIES", .repeat = true,
		      .help = "a console: stdio, pty, socket=PATH or fd=N" },
	[SERIAL] = { .name = "serial", .kind = VSU_OPTION_STRING,
		     .arg = "stdio|null|FILE",
		     .preset = "stdio, or null with --console=stdio",
		     .help = "serial port" },
	[CONTROL] = { .name = "control", .kind = VSU_OPTION_STRING,
		      .arg = "SOCKET|fd:N",
		      .help = "UNIX socket for commands while the guest runs" },
	[LATENCY] = { .name = "latency", .kind = VSU_OPTION_FLAG,
		      .help = "measure how long requests of disks and folders take, for status and stats" },
	[SOCKET_MODE] = PROG_SOCKET_MODE_OPTION,
	[SOCKET_GROUP] = PROG_SOCKET_GROUP_OPTION,
	[SANDBOX] = { .name = "sandbox", .kind = VSU_OPTION_STRING,
		      .arg = "PROPERTIES", .preset = "on",
		      .help = "restrict privileges, system calls and files: on[,folder=FOLDER...], log, off" },
	[DAEMON_PATH] = { .name = "daemon-path", .kind = VSU_OPTION_STRING,
			  .arg = "FOLDER", .preset = DAEMON_FOLDER,
			  .help = "folder of the daemons for devices with backend=spawn" },
	[USER] = { .name = "user", .kind = VSU_OPTION_STRING, .arg = "NAME",
		   .help = "run as this user after all files are opened" },
	[JAIL] = { .name = "jail", .kind = VSU_OPTION_FLAG,
		   .help = "run in own namespaces, with a root that has only the options' files" },
	[REBOOT] = { .name = "reboot", .kind = VSU_OPTION_CHOICE,
		     .choices = reboots, .preset = "exit",
		     .help = "what to do when the guest reboots" },
	[POWER_OFF_TIMEOUT] = { .name = "power-off-timeout", .kind = VSU_OPTION_U64,
				.arg = "S", .min = 1, .max = 86400, .preset = "none",
				.help = "end a guest that has not powered off S seconds after its power button was pressed" },
	[CONFIG] = { .name = "config", .kind = VSU_OPTION_STRING,
		     .arg = "FILE",
		     .help = "read the arguments from the JSON of a dry run" },
	[FROM] = { .name = "from", .kind = VSU_OPTION_STRING,
		   .arg = "FOLDER",
		   .help = "continue the machine saved in this folder" },
	[CLONE] = { .name = "clone", .kind = VSU_OPTION_FLAG },
	[PREFETCH] = { .name = "prefetch", .kind = VSU_OPTION_FLAG,
		       .help = "with --from; --clone: refuse what the saved machine uses; --prefetch: load memory in the background" },
	[CHANGED_DISKS] = { .name = "changed-disks", .kind = VSU_OPTION_CHOICE,
			    .choices = changed_disks, .arg = "WORD", .preset = "refuse",
			    .help = "with --from: whether disks may have changed since the save: refuse, accept" },
	[INCOMING] = { .name = "incoming", .kind = VSU_OPTION_STRING,
		       .arg = "ADDRESS",
		       .help = "continue a machine that 'migrate' sends to unix:PATH, tcp:HOST:PORT, exec:COMMAND or fd:N" },
	[DRY_RUN] = { .name = "dry-run", .kind = VSU_OPTION_FLAG },
	[JSON] = { .name = "json", .kind = VSU_OPTION_FLAG,
		   .help = "allocate and check everything, print the machine (--json: as JSON), and exit" },
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
	[DIRTY_RING] = PLACE(dirty_ring),
	[TRANSPORT] = PLACE(transport),
	[INITRD] = PLACE(initrd),
	[CMDLINE] = PLACE(cmdline),
	[APPEND] = PLACE(append),
	[SERIAL] = PLACE(serial),
	[CONTROL] = PLACE(control),
	[LATENCY] = PLACE(latency),
	[SOCKET_MODE] = PLACE(sockets.mode),
	[SOCKET_GROUP] = PLACE(sockets.group),
	[SANDBOX] = PLACE(sandbox),
	[DAEMON_PATH] = PLACE(daemon_path),
	[USER] = PLACE(user),
	[JAIL] = PLACE(jail),
	[REBOOT] = PLACE(restart),
	[DRY_RUN] = PLACE(dry_run),
	[JSON] = PLACE(json),
	[LOG_LEVEL] = PROG_PLACE_LEVEL,
	[VERBOSE] = PROG_PLACE_VERBOSE,
	[HELP] = PLACE(help),
	[KERNEL] = PLACE(kernel),
	[CONFIG] = { PROG_PLACE_NONE, 0 },
	[FROM] = PLACE(from),
	[CLONE] = PLACE(clone),
	[PREFETCH] = PLACE(prefetch),
	[CHANGED_DISKS] = PLACE(changed_disks),
	[POWER_OFF_TIMEOUT] = PLACE(power_off_seconds),
	[INCOMING] = { PROG_PLACE_NONE, 0 },
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
	const struct vsu_option *row = &vmm_run_options[index];
	int rc = row->kind == VSU_OPTION_STRING ?
		 vmm_foreign_value_check(row->name, value->text, err) : 0;

	if (rc < 0)
		return rc;
	if (prog_place_store(&places[index], o, value))
		return 0;
	if (index == CONFIG)
		return vsu_error_set(err, -EINVAL,
				     "a second --config '%s'; only one is allowed",
				     value->text);
	if (index == INCOMING)
		return vsu_error_set(err, -EINVAL, "--incoming '%s' is allowed only once, on the command line",
				     value->text);
	if (index == MEMORY)
		return add_memory(&o->memory, value->text, err);
	return add_device(o, device_hows[index], value->text, err);
}

static int read_devices(struct vmm_options *o, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	if (!o->ndevices)
		return 0;
	o->specs = calloc(o->ndevices, sizeof(*o->specs));
	if (!o->specs)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	for (i = 0; !rc && i < o->ndevices; i++)
		rc = vmm_device_parse(&o->devices[i], &o->specs[i], err);
	if (rc < 0)
		vmm_options_free(o);
	return rc;
}

int vmm_options_parse(struct vmm_options *options, int argc, char *const *argv,
		      struct vsu_error *err)
{
	int rc;

	memset(options, 0, sizeof(*options));
	options->cpus = 1;
	options->words = argv + 1;
	options->nwords = argc - 1;
	options->given = options->words;
	options->ngiven = options->nwords;
	options->memory.what = "--memory";
	rc = vsu_option_parse_argv(vmm_run_options, argc, argv, take_option,
				   options, NULL, err);
	if (rc < 0)
		vmm_spellings_explain(vmm_run_options, argc, argv, err);
	if (rc < 0 || options->help)
		return rc;
	if (!options->kernel)
		return vsu_error_set(err, -ENOENT, "run: no kernel named; try 'cvmm run builtin:selftest'");
	if (options->json && !options->dry_run)
		return vsu_error_set(err, -EINVAL,
				     "option --json needs --dry-run");
	rc = prog_socket_access_read(&options->sockets, err);
	return rc < 0 ? rc : read_devices(options, err);
}

void vmm_options_free(struct vmm_options *options)
{
	free(options->specs);
	options->specs = NULL;
}
