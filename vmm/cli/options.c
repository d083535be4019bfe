/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The options of "cvmm run". */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "cpu/cpus.h"
#include "cli/options.h"
#include "log.h"

enum { MEMORY, ON_MEMORY_ERROR, CPUS, CPU, DISK, DEVICE, INITRD, CMDLINE,
       APPEND, CONSOLE, REBOOT, DRY_RUN, JSON, LOG_LEVEL, VERBOSE, HELP };

static const char *const cpu_models[] = { "host", "plain", NULL };
static const char *const reboots[] = { "exit", "restart", NULL };
static const char *const memory_errors[] = {
	[VMM_ON_MEMORY_ERROR_STOP] = "stop",
	[VMM_ON_MEMORY_ERROR_CONTINUE] = "continue",
	[VMM_ON_MEMORY_ERROR_PAUSE] = "pause",
	NULL,
};

const struct vsu_option vmm_run_options[] = {
	[MEMORY] = { "memory", VSU_OPTION_STRING, "PROPERTIES",
		     "guest memory: [at=ADDRESS,]size=SIZE[,backend=...]",
		     0, 0, NULL, true },
	[ON_MEMORY_ERROR] = { "on-memory-error", VSU_OPTION_CHOICE,
			      "stop|continue|pause",
			      "when memory's file is cut: end (default), go on with zeros, or stand still",
			      0, 0, memory_errors, false },
	[CPUS] = { "cpus", VSU_OPTION_U64, "N", "virtual CPUs, 1 by default",
		   1, VMM_MAX_CPUS, NULL, false },
	[CPU] = { "cpu", VSU_OPTION_CHOICE, "host|plain",
		  "what the CPUs can do: all that this host has, or x86-64-v2",
		  0, 0, cpu_models, false },
	[DISK] = { "disk", VSU_OPTION_STRING, "PROPERTIES",
		   "a disk: path=FILE or backend=user:SOCKET",
		   0, 0, NULL, true },
	[DEVICE] = { "device", VSU_OPTION_STRING, "PROPERTIES",
		     "any device: id=N,backend=user:SOCKET",
		     0, 0, NULL, true },
	[INITRD] = { "initrd", VSU_OPTION_STRING, "FILE",
		     "a file that the kernel finds in memory",
		     0, 0, NULL, false },
	[CMDLINE] = { "cmdline", VSU_OPTION_STRING, "TEXT",
		      "kernel command line, in place of the default",
		      0, 0, NULL, false },
	[APPEND] = { "append", VSU_OPTION_STRING, "TEXT",
		     "text to add to the kernel command line",
		     0, 0, NULL, false },
	[CONSOLE] = { "console", VSU_OPTION_STRING, "stdio|null|FILE",
		      "where the console goes, stdio by default",
		      0, 0, NULL, false },
	[REBOOT] = { "reboot", VSU_OPTION_CHOICE, "exit|restart",
		     "what to do when the guest reboots, exit by default",
		     0, 0, reboots, false },
	[DRY_RUN] = { "dry-run", VSU_OPTION_FLAG, NULL,
		      "allocate and check all, show the machine, run nothing",
		      0, 0, NULL, false },
	[JSON] = { "json", VSU_OPTION_FLAG, NULL,
		   "with --dry-run: show the machine as JSON",
		   0, 0, NULL, false },
	[LOG_LEVEL] = PROG_LOG_LEVEL_OPTION,
	[VERBOSE] = PROG_LOG_VERBOSE_OPTION,
	[HELP] = { "help", VSU_OPTION_FLAG, NULL, "show this help",
		   0, 0, NULL, false },
	{ NULL, VSU_OPTION_FLAG, NULL, NULL, 0, 0, NULL, false },
};

static int add_memory(struct vmm_options *o, const char *list,
		      struct vsu_error *err)
{
	if (o->nmemory == VMM_MAX_MEMORY)
		return vsu_error_set(err, -EINVAL,
			"more than %d --memory options", VMM_MAX_MEMORY);
	o->memory[o->nmemory++] = list;
	return 0;
}

static int add_device(struct vmm_options *o, enum vmm_device_kind kind,
		      const char *list, struct vsu_error *err)
{
	if (o->ndevices == VMM_MAX_DEVICES)
		return vsu_error_set(err, -EINVAL,
			"more than %d devices", VMM_MAX_DEVICES);
	o->devices[o->ndevices].kind = kind;
	o->devices[o->ndevices++].list = list;
	return 0;
}

/* One parse, which operands cut into several for the library. */
struct parse {
	struct vmm_options *o;
	uint64_t seen;		/* rows that must not come again */
};

static int check_once(struct parse *p, unsigned int index,
		      struct vsu_error *err)
{
	const uint64_t bit = UINT64_C(1) << index;

	if (!vmm_run_options[index].repeat && (p->seen & bit))
		return vsu_error_set(err, -EINVAL, "option --%s is given more "
			"than once; give it once", vmm_run_options[index].name);
	p->seen |= bit;
	return 0;
}

static int set_option(struct vmm_options *o, unsigned int index,
		      const struct vsu_option_value *value,
		      struct vsu_error *err)
{

	switch (index) {
	case MEMORY:
		return add_memory(o, value->text, err);
	case ON_MEMORY_ERROR:
		o->on_memory_error = (enum vmm_on_memory_error)value->number;
		return 0;
	case DISK:
		return add_device(o, VMM_DEVICE_DISK, value->text, err);
	case DEVICE:
		return add_device(o, VMM_DEVICE_ANY, value->text, err);
	case CPUS:
		o->cpus = (unsigned int)value->number;
		return 0;
	case CPU:
		o->cpu_model = (unsigned int)value->number;
		return 0;
	case REBOOT:
		o->restart = value->number;
		return 0;
	case INITRD:
		o->initrd = value->text;
		return 0;
	case CMDLINE:
		o->cmdline = value->text;
		return 0;
	case APPEND:
		o->append = value->text;
		return 0;
	case CONSOLE:
		o->console = value->text;
		return 0;
	case DRY_RUN:
		o->dry_run = value->number;
		return 0;
	case JSON:
		o->json = value->number;
		return 0;
	case LOG_LEVEL:
		prog_log_set_level((enum prog_log_level)value->number);
		return 0;
	case VERBOSE:
		prog_log_set_level(PROG_LOG_INFO);
		return 0;
	default:
		o->help = value->number;
		return 0;
	}
}

static int on_option(void *opaque, unsigned int index,
		     const struct vsu_option_value *value,
		     struct vsu_error *err)
{
	struct parse *p = opaque;
	int rc = check_once(p, index, err);

	return rc ? rc : set_option(p->o, index, value, err);
}

static int take_operand(struct vmm_options *o, const char *text,
			struct vsu_error *err)
{
	if (o->kernel)
		return add_device(o, VMM_DEVICE_DISK_PATH, text, err);
	o->kernel = text;
	return 0;
}

/* What stands behind "--". */
static int take_rest(struct vmm_options *o, char *const *words,
		     struct vsu_error *err)
{
	int rc = 0;

	while (!rc && *words)
		rc = take_operand(o, *words++, err);
	return rc;
}

/*
 * Operands may stand before options, as in "cvmm run KERNEL DISK --cpus=2":
 * the library stops at each operand, which is taken, and goes on behind it.
 */
static int parse_all(struct vmm_options *o, int argc, char *const *argv,
		     struct vsu_error *err)
{
	struct parse p = { .o = o };
	int next, rc;

	do {
		rc = vsu_option_parse_argv(vmm_run_options, argc, argv,
					   on_option, &p, &next, err);
		if (rc || next >= argc)
			return rc;
		if (next > 1 && !strcmp(argv[next - 1], "--"))
			return take_rest(o, argv + next, err);
		rc = take_operand(o, argv[next], err);
		argc -= next;	/* the operand takes the place of argv[0] */
		argv += next;
	} while (!rc && argc > 1);
	return rc;
}

int vmm_options_parse(struct vmm_options *options, int argc, char *const *argv,
		      struct vsu_error *err)
{
	int rc;

	memset(options, 0, sizeof(*options));
	options->cpus = 1;
	rc = parse_all(options, argc, argv, err);
	if (rc || options->help)
		return rc;
	if (!options->kernel)
		return vsu_error_set(err, -ENOENT, "run: no kernel named; try "
				     "'cvmm run builtin:selftest'");
	if (options->json && !options->dry_run)
		return vsu_error_set(err, -EINVAL,
				     "option --json needs --dry-run");
	return 0;
}
