/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Runs the machines of a process, one after another, as their owner. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <vm-arch/poison.h>
#include <vmm-sys-util/exit.h>

#include "api/machine_private.h"
#include "common/confinement.h"
#include "common/dry_run.h"
#include "common/life.h"
#include "common/program_log.h"
#include "common/run.h"
#include "closer.h"
#include "control/commands.h"
#include "log.h"
#include "common/end_watch.h"
#include "process.h"
#include "setup/setup.h"

/* Much longer than a slow disk needs to write what the guest has left. */
#define END_MS 60000

struct ending {
	int status;
	const struct vsu_error *err;
};

/* The task beside each machine of this process, or NULL. */
static const struct vmm_beside *task;

/* Without the machine, which has a status and perhaps a sentence. */
static void __attribute__((noreturn))
end_process(int status, const struct vsu_error *of_machine, const struct vsu_error *why)
{
	struct vsu_error err = *of_machine;

	if (task && task->abandon)
		status = task->abandon(task->opaque, status, &err);
	if (err.msg[0] && strcmp(err.msg, why->msg) != 0)
		prog_complain(&err);
	prog_complain(why);
	_exit(status);
}

/* The kernel keeps the process until the thread's system call returns. */
static void on_end_stuck(void *opaque)
{
	static const struct vsu_error why = {
		.msg = "the machine did not end within 60 seconds, because a thread waits for an unresponsive file or disk; cvmm ends without it",
	};
	const struct ending *e = opaque;

	end_process(e->status && e->status != VSU_EXIT_REBOOT ? e->status : VSU_EXIT_HOST, e->err, &why);
}

/* They are started by the first use, so that a machine without peers has none. */
static struct vsu_closer *process_closer(void *opaque, struct vsu_error *err)
{
	(void)opaque;
	return prog_closer_start(err) < 0 ? NULL : prog_closer();
}

static const struct vmm_closer process_closers = { .get = process_closer };

static struct vsu_closer *process_lines_closer(void *opaque)
{
	return process_closer(opaque, NULL);
}

static struct vsu_closer *process_file_closer(void *opaque, struct vsu_error *err)
{
	struct vsu_closer *closer;

	(void)opaque;
	return prog_file_closer(&closer, err) < 0 ? NULL : closer;
}

/* The socket of commands of the machine that exists. */
static struct vmm_commands commands;

/* Clients notice the end, and the socket is removed, unless another thread reports it. */
static void process_abandon(void *opaque, int status, const struct vsu_error *why)
{
	(void)opaque;
	if (gettid() == getpid())
		vmm_commands_close(&commands);
	end_process(status, why, why);
}

static int process_narrow(void *opaque, enum vmm_thread kind, struct vsu_error *err)
{
	return confine_thread(opaque, vmm_thread_calls(kind), err);
}

static void process_tell(void *opaque, const char *line)
{
	(void)opaque;
	prog_log_answer(line);
}

static const char *process_log_level(const char *name)
{
	unsigned int level = 0;

	while (name && vsu_log_level_name(level) && strcmp(vsu_log_level_name(level), name) != 0)
		level++;
	if (name && vsu_log_level_name(level))
		prog_log_set_level((enum vsu_log_level)level);
	return vsu_log_level_name(level) ? vsu_log_level_name(prog_log_get_level()) : NULL;
}

static const struct vmm_options *options_now;

static int process_listen(void *opaque, struct vsu_error *err)
{
	const struct vmm_control_end *end = &options_now->process.control;
	const struct vmm_commands_config config = {
		.loop = commands.machine->machine->loop, .log = prog_log_machine,
		.closer = process_lines_closer, .path = end->path, .fd = end->fd,
		.access = &options_now->process.sockets,
	};

	(void)opaque;
	return end->path || end->inherited ? vmm_commands_open(&commands, &config, err) : 0;
}

static void process_event(void *opaque, const struct cvmm_event *event)
{
	(void)opaque;
	vmm_commands_event(&commands, event);
}

/* The life of one machine: its exit status, and the sentence for it. */
static int live_once(const struct vmm_options *options, const struct vmm_start *start,
		     const struct vmm_owner *owner, struct vsu_error *err)
{
	struct cvmm_machine machine = { .host.event = process_event };
	struct ending ending = { .err = err };
	struct vmm_end_watch watch = {
		.stuck = on_end_stuck, .opaque = &ending, .patience_ms = END_MS,
	};
	int status;

	vsu_error_clear(err);
	machine.machine = calloc(1, sizeof(*machine.machine));	/* most of its pages are never touched */
	if (!machine.machine) {
		vsu_error_set(err, -ENOMEM, "no memory for a machine");
		return VSU_EXIT_HOST;
	}
	commands = (struct vmm_commands){ .machine = &machine, .log_level = process_log_level };
	status = vmm_machine_make(machine.machine, &options->machine, start, owner, err);
	machine.made = !status;
	if (!status && start->dry_run)
		vmm_report(machine.machine, &options->process, stdout);
	else if (!status && confine_execute(owner->opaque, CONFINE_SETTLE, err) < 0)
		status = VSU_EXIT_HOST;
	else if (!status)
		status = vmm_run(&machine, task, err);
	ending.status = status;
	vmm_end_watch_start(&watch);
	vmm_machine_end_jobs(machine.machine);
	vmm_commands_close(&commands);
	vmm_machine_free(machine.machine);
	vmm_end_watch_stop(&watch);
	free(machine.machine);
	return status;
}

static struct varch_poison poison = VARCH_POISON_INIT;

static bool note_poison(const void *siginfo)
{
	return varch_poison_note(&poison, siginfo);
}

void vmm_life_prepare(const struct vmm_options *options, struct confine_plan *plan,
		      const struct vmm_beside *beside, struct vmm_owner *owner)
{
	task = beside;
	options_now = options;
	*owner = (struct vmm_owner){
		.opaque = plan,
		.log = vmm_program_log, .closer = process_closers,
		.listen = process_listen, .event = process_event,
		.file_closer = { .get = process_file_closer },
		.threads = process_threads(), .begin_thread = process_narrow,
		.poison = &poison, .abandon = process_abandon, .tell = process_tell,
		.pagemap_fd = -1, .in_fd = STDIN_FILENO, .out_fd = STDOUT_FILENO,
		.sockets = &options->process.sockets,
		.jailed = options->process.jail,
		.no_network = vmm_confinement_without_network(options),
	};
	if (options->start.from)
		owner->pagemap_fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
}

int vmm_life_run(const struct vmm_options *options, const struct vmm_owner *owner,
		 struct vsu_error *err)
{
	struct vmm_start next = options->start;
	int status;

	prog_ask_first(note_poison);
	/* the guest may release a lost page before it is touched */
	prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);
	do {
		status = live_once(options, &next, owner, err);
		next.from = NULL;
		next.stream = NULL;
		next.rebooted = true;
	} while (status == VSU_EXIT_REBOOT && options->process.restart);
	return status;
}
