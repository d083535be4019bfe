/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The options of a machine, a row for each. */
#include <config.h>

#include <string.h>

#include <device-kinds/kind.h>
#include <device-kinds/port_log.h>

#include "config/option_rows.h"

#define MACHINE .scope = VMM_SCOPE_MACHINE
/* An option of cvmm's process, which a saved machine can have: its owner reads the value. */
#define OF_CVMM(its_name, its_kind) \
	.option = { .name = (its_name), .kind = VSU_OPTION_##its_kind }, .scope = VMM_SCOPE_OWNER
#define START .scope = VMM_SCOPE_START, .change = VMM_CHANGE_START
#define REFERS(what) .refers = DEVKIND_REFERS_##what
#define LIST REFERS(PROPERTIES)
#define PLACE(member) .place = VSU_PLACE(struct vmm_options, member)
#define DEVICE(way, its_kind) \
	MACHINE, LIST, .how = VMM_DEVICE_##way, .kind = (its_kind), .change = VMM_CHANGE_DEVICE
/* Origins of a command line. */
#define CLONE (1u << VMM_ORIGIN_CLONE)
#define STREAM (1u << VMM_ORIGIN_STREAM)

static const char *const changed_disks[] = { "refuse", "accept", NULL };
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

const struct vmm_option_row vmm_option_rows[] = {
	{ .option = { .name = "memory", .kind = VSU_OPTION_STRING, .arg = "PROPERTIES",
		      .repeat = true, .help = "guest memory", .preset = "size=256M",
		      .example = "size=1G,backend=memfd" },
	  MACHINE, LIST },
	{ .option = { .name = "name", .kind = VSU_OPTION_STRING, .arg = "NAME", .preset = "none",
		      .help = "name of the machine, for the status" },
	  MACHINE, REFERS(TEXT), PLACE(machine.name), .change = VMM_CHANGE_VALUE, .without = CLONE },
	{ .option = { .name = "on-memory-error", .kind = VSU_OPTION_CHOICE,
		      .choices = memory_errors, .preset = "stop",
		      .help = "if a memory file is truncated: stop, continue with zero pages, or pause" },
	  MACHINE, PLACE(machine.on_memory_error), .change = VMM_CHANGE_VALUE },
	{ .option = { .name = "cpus", .kind = VSU_OPTION_STRING, .arg = "N[,max=N]",
		      .help = "virtual CPUs, and how many there may be later", .preset = "1" },
	  MACHINE, REFERS(TEXT), PLACE(machine.cpus.text) },
	{ .option = { .name = "cpu", .kind = VSU_OPTION_STRING,
		      .arg = VARCH_CPU_ARG, .preset = "host",
		      .help = VARCH_CPU_HELP },
	  MACHINE, REFERS(TEXT), PLACE(machine.cpu.text), .later = true },
	{ .option = { .name = "disk", .kind = VSU_OPTION_STRING, .arg = "PROPERTIES",
		      .repeat = true, .help = "a disk: FILE or backend=user:SOCKET" },
	  DEVICE(DISK, devkind_blk) },
	{ .option = { .name = "net", .kind = VSU_OPTION_STRING, .arg = "PROPERTIES",
		      .repeat = true, .help = "a network card: TAP, passt, socket=PATH or fd=N" },
	  DEVICE(NET, devkind_net) },
	{ .option = { .name = "rng", .kind = VSU_OPTION_STRING, .arg = "PROPERTIES",
		      .repeat = true, .help = "an entropy source", .example = "" },
	  DEVICE(RNG, devkind_rng) },
	{ .option = { .name = "fs", .kind = VSU_OPTION_STRING, .arg = "PROPERTIES",
		      .repeat = true, .help = "a shared folder: FOLDER,tag=NAME" },
	  DEVICE(FS, devkind_fs) },
	{ .option = { .name = "balloon", .kind = VSU_OPTION_STRING, .arg = "PROPERTIES",
		      .help = "memory balloon: SIZE", .example = "size=1G,deflate-on-oom" },
	  DEVICE(BALLOON, devkind_balloon) },
	{ .option = { .name = "pmem", .kind = VSU_OPTION_STRING, .arg = "PROPERTIES",
		      .repeat = true, .help = "a file as persistent memory: FILE" },
	  DEVICE(PMEM, devkind_pmem) },
	{ .option = { .name = "mem", .kind = VSU_OPTION_STRING, .arg = "PROPERTIES",
		      .repeat = true, .help = "hot-pluggable memory: size=SIZE",
		      .example = "size=4G,requested=1G" },
	  DEVICE(MEM, devkind_mem) },
	{ .option = { .name = "vsock", .kind = VSU_OPTION_STRING, .arg = "PROPERTIES",
		      .repeat = true,
		      .help = "sockets between guest and host: CID, or cid=N,path=PATH" },
	  DEVICE(VSOCK, devkind_vsock) },
	{ .option = { .name = "device", .kind = VSU_OPTION_STRING, .arg = "PROPERTIES",
		      .repeat = true, .help = "any device: KIND[,key=value...]" },
	  DEVICE(ANY, NULL) },
	{ .option = { .name = "transport", .kind = VSU_OPTION_CHOICE, .choices = transports,
		      .preset = "auto", .help = "virtio-mmio or PCI; auto: PCI for Linux" },
	  MACHINE, PLACE(machine.transport) },
	{ .option = { .name = "acpi", .kind = VSU_OPTION_FLAG,
		      .help = "describe the machine to Linux by ACPI, on arm64 too: devices can come and go" },
	  MACHINE, PLACE(machine.acpi) },
	{ .option = { .name = "initrd", .kind = VSU_OPTION_STRING, .arg = "FILE",
		      .help = "initial RAM disk" },
	  MACHINE, REFERS(FILE_READ), PLACE(machine.initrd) },
	{ .option = { .name = "cmdline", .kind = VSU_OPTION_STRING,
		      .help = "kernel command line, in place of the default" },
	  MACHINE, REFERS(TEXT), PLACE(machine.cmdline) },
	{ .option = { .name = "append", .kind = VSU_OPTION_STRING,
		      .help = "text to append to the kernel command line" },
	  MACHINE, REFERS(TEXT), PLACE(machine.append) },
	{ .option = { .name = "console", .kind = VSU_OPTION_STRING, .arg = "PROPERTIES",
		      .repeat = true, .help = "a console: stdio, pty, socket=PATH or fd=N" },
	  DEVICE(CONSOLE, devkind_console) },
	{ .option = { .name = "serial", .kind = VSU_OPTION_STRING, .arg = "stdio|null|FILE|fd:N|pty|socket:PATH",
		      .preset = "stdio, or null with --console=stdio", .help = "serial port" },
	  MACHINE, REFERS(SERIAL), PLACE(machine.serial.path), .change = VMM_CHANGE_VALUE, .without = CLONE },
	{ .option = { .name = "serial-log", .kind = VSU_OPTION_STRING, .arg = "FILE", .preset = "none",
		      .help = "append what the guest prints on the serial port to FILE, too" },
	  MACHINE, REFERS(LOG), PLACE(machine.serial.log), .change = VMM_CHANGE_VALUE, .without = CLONE },
	{ .option = { .name = "serial-log-size", .kind = VSU_OPTION_SIZE, .arg = "BYTES",
		      .min = DEVKIND_PORT_LOG_MIN, .max = DEVKIND_PORT_LOG_MAX, .preset = DEVKIND_PORT_LOG_PRESET,
		      .help = "size at which the log of the serial port moves to FILE.1" },
	  MACHINE, PLACE(machine.serial.log_size), .change = VMM_CHANGE_VALUE, .without = CLONE, .needs = "serial-log" },
	{ OF_CVMM("control", STRING), REFERS(FILE_READ), .change = VMM_CHANGE_VALUE, .without = CLONE | STREAM },
	{ .option = { .name = "gdb-wait", .kind = VSU_OPTION_FLAG },
	  START, PLACE(start.gdb_wait), .needs = "gdb" },
	{ .option = { .name = "gdb", .kind = VSU_OPTION_STRING, .arg = "SOCKET",
		      .help = "UNIX socket for gdb; --gdb-wait: pause the guest at first, until gdb continues it" },
	  MACHINE, REFERS(SOCKET), PLACE(machine.gdb), .change = VMM_CHANGE_VALUE, .without = CLONE | STREAM },
	{ .option = { .name = "latency", .kind = VSU_OPTION_FLAG,
		      .help = "measure how long requests of disks and folders take, for status and stats" },
	  MACHINE, PLACE(machine.latency), .change = VMM_CHANGE_VALUE },
	{ OF_CVMM("socket-mode", STRING), REFERS(TEXT), .change = VMM_CHANGE_VALUE, .without = STREAM },
	{ OF_CVMM("socket-group", STRING), REFERS(TEXT), .change = VMM_CHANGE_VALUE, .without = STREAM },
	{ OF_CVMM("sandbox", STRING), REFERS(TEXT), .change = VMM_CHANGE_OWN, .kept_value = "on" },
	{ OF_CVMM("daemon-path", STRING), REFERS(PROGRAMS), .change = VMM_CHANGE_OWN },
	{ OF_CVMM("user", STRING), REFERS(TEXT), .change = VMM_CHANGE_VALUE, .without = STREAM },
	{ OF_CVMM("jail", FLAG), .change = VMM_CHANGE_VALUE, .without = STREAM },
	{ OF_CVMM("reboot", STRING), REFERS(TEXT) },
	{ OF_CVMM("config", STRING), REFERS(FILE_READ) },
	{ .option = { .name = "from", .kind = VSU_OPTION_STRING, .arg = "FOLDER",
		      .help = "continue the machine saved in this folder" },
	  START, REFERS(FOLDER_READ), PLACE(start.from) },
	{ .option = { .name = "base", .kind = VSU_OPTION_STRING, .arg = "FOLDER",
		      .help = "with --from: the folder that an incremental save was made of" },
	  START, REFERS(FOLDER_READ), PLACE(start.base), .needs = "from" },
	{ .option = { .name = "clone", .kind = VSU_OPTION_FLAG,
		      .help = "with --from: one of several machines; refuse what the saved machine uses" },
	  START, PLACE(start.clone), .needs = "from" },
	{ .option = { .name = "prefetch", .kind = VSU_OPTION_FLAG,
		      .help = "with --from: load memory in the background" },
	  START, PLACE(start.prefetch), .needs = "from" },
	{ .option = { .name = "changed-disks", .kind = VSU_OPTION_CHOICE,
		      .choices = changed_disks, .preset = "refuse",
		      .help = "with --from: whether disks may have changed since the save" },
	  START, PLACE(start.changed_disks), .needs = "from" },
	{ .option = { .name = "power-off-timeout", .kind = VSU_OPTION_TIME,
		      .min = 1, .max = 86400000, .preset = "none",
		      .help = "end a guest that has not powered off this time after its power button was pressed" },
	  MACHINE, PLACE(machine.power_off_ms), .change = VMM_CHANGE_VALUE },
	{ .option = { .name = "incoming", .kind = VSU_OPTION_STRING, .arg = "ADDRESS",
		      .help = "continue a machine that 'migrate' sends to unix:PATH, tcp:HOST:PORT, exec:COMMAND or fd:N" },
	  START, REFERS(PEER), .later = true, .once = " is allowed only once, on the command line" },
	{ .option = { .name = "dry-run", .kind = VSU_OPTION_FLAG },
	  START, PLACE(start.dry_run) },
	{ OF_CVMM("json", FLAG), .change = VMM_CHANGE_START },
	{ OF_CVMM("log-level", STRING), REFERS(TEXT), .change = VMM_CHANGE_VALUE },
	{ OF_CVMM("verbose", FLAG), .change = VMM_CHANGE_VALUE },
	{ .option = { .name = "KERNEL", .kind = VSU_OPTION_OPERAND },
	  MACHINE, REFERS(FILE_READ), PLACE(machine.kernel) },
	{ .option = { .name = "DISK", .kind = VSU_OPTION_OPERAND, .repeat = true },
	  MACHINE, REFERS(FILE_WRITTEN), .how = VMM_DEVICE_DISK_PATH, .kind = devkind_blk },
	{ OF_CVMM("help", FLAG), .change = VMM_CHANGE_START },
	{ .option = { .name = NULL } },
};

_Static_assert(sizeof(vmm_option_rows) / sizeof(vmm_option_rows[0]) <= VMM_OPTION_ROWS,
	       "VMM_OPTION_ROWS is too small");

const char *vmm_option_public_name(const struct vmm_option_row *row)
{
	if (row->option.kind != VSU_OPTION_OPERAND)
		return row->option.name;
	return row->how ? vmm_option_of_device(row->how)->option.name : "kernel";
}

const struct vmm_option_row *vmm_option_of_device(enum vmm_device_how how)
{
	const struct vmm_option_row *row = vmm_option_rows;

	if (how == VMM_DEVICE_DISK_PATH)
		how = VMM_DEVICE_DISK;
	while (row->how != how)
		row++;
	return row;
}

const char *vmm_option_text(const struct vmm_options *o, const struct vmm_option_row *row)
{
	struct vsu_option_value value;

	vsu_place_load(&row->place, o, &value);
	return value.text;
}

bool vmm_option_is_given(const struct vmm_options *o, const struct vmm_option_row *row)
{
	struct vsu_option_value value;

	return vsu_place_load(&row->place, o, &value);
}

const struct vmm_option_row *vmm_option_named(const char *name, size_t len)
{
	const struct vmm_option_row *row;

	for (row = vmm_option_rows; row->option.name; row++)
		if (strlen(row->option.name) == len && !memcmp(row->option.name, name, len))
			return row;
	return NULL;
}
