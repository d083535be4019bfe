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

#include "common/confinement.h"
#include "common/dry_run.h"
#include "common/life.h"
#include "common/program_log.h"
#include "common/machine_loop.h"
#include "closer.h"
#include "control/commands.h"
#include "control/machine_socket.h"
#include "log.h"
#include "common/end_watch.h"
#include "process.h"
#include "cvmm/exit_status.h"

/* Much longer than a slow disk needs to write what the guest has left. */
#define END_MS 60000
#define NO_PATH "does not exist in the jail, which has only the folders of the machine's options; add --sandbox=on,folder=FOLDER, or use 'cvmm ctl SOCKET migrate exec:COMMAND', which starts the command outside"

/* The end of a machine that is being freed. */
struct ending {
	int status;
	const struct vsu_error *err;
};

/* The task beside each machine of this process, or NULL. */
static const struct vmm_beside *task;

/* Ends the process without freeing the machine, which has a status and perhaps a sentence. */
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
static struct vsu_closer *start_closer(struct vsu_error *err)
{
	return prog_closer_start(err) < 0 ? NULL : prog_closer();
}

static struct vsu_closer *closer_of_clients(void *opaque)
{
	(void)opaque;
	return start_closer(NULL);
}

static struct vsu_closer *process_closer(void *opaque, enum cvmm_closer kind, struct vsu_error *err)
{
	struct vsu_closer *closer;

	(void)opaque;
	if (kind == CVMM_CLOSER_PEERS)
		return start_closer(err);
	return prog_file_closer(&closer, err) < 0 ? NULL : closer;
}

/* The socket of commands of the machine that exists, and its loop. */
static struct vmm_machine_socket machine_socket;
static struct vsu_loop *control_loop;

/* Clients notice the end, and the socket is removed, unless another thread reports it. */
static void process_stuck(void *opaque, int status, const struct vsu_error *why)
{
	(void)opaque;
	if (gettid() == getpid())
		vmm_machine_socket_close(&machine_socket);
	end_process(status, why, why);
}

/* As each thread of this process. */
static int process_thread(void *opaque, enum cvmm_thread kind, struct vsu_error *err)
{
	const struct vsu_threads *threads = process_threads();

	if (threads->begin)
		threads->begin(threads->opaque);
	return kind == CVMM_THREAD_CPU ? confine_thread(opaque, vmm_thread_calls(VMM_THREAD_CPU), err) : 0;
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

/* Clients are served while the machine runs. The exit status of a failure, or 0. */
static int control_open(const struct vmm_program_options *options, struct vsu_error *err)
{
	const struct vmm_control_end *end = &options->control;
	struct vmm_machine_socket_config config = {
		.log = prog_log_machine, .closer = closer_of_clients, .path = end->path, .fd = end->fd,
		.commands = vmm_machine_commands, .access = &options->sockets,
	};
	int rc;

	if (!vmm_control_end_is_given(end))
		return 0;
	rc = vsu_loop_new(&control_loop, err);
	config.loop = control_loop;
	rc = rc < 0 ? rc : vmm_machine_socket_open(&machine_socket, &config, err);
	return rc < 0 ? cvmm_exit_status(CVMM_STEP_SOCKET, rc) : 0;
}

static void control_close(void)
{
	vmm_machine_socket_close(&machine_socket);
	vsu_loop_free(control_loop);
	control_loop = NULL;
}

static void process_event(void *opaque, const struct cvmm_event *event)
{
	(void)opaque;
	vmm_machine_socket_event(&machine_socket, event);
}

static int make_machine(const struct cvmm_configuration *c, const struct vmm_program_options *options,
			const struct cvmm_host *owner, struct vsu_error *err)
{
	int status = options->dry_run ? 0 : control_open(options, err);
	struct cvmm_host host = *owner;

	if (status)
		return status;
	status = VSU_EXIT_HOST;
	host.status = &status;
	if (cvmm_machine_new_configured(c, &host, &machine_socket.machine, err) < 0)
		return status;
	(void)!cvmm_machine_choose_events(machine_socket.machine, 0, NULL);	/* until a client listens */
	return 0;
}

static int run_machine(const struct cvmm_host *owner, struct vsu_error *err)
{
	const struct vmm_machine_loop_config config = {
		.owner = owner, .plan = owner->opaque, .served = control_loop, .beside = task,
	};

	if (confine_execute(owner->opaque, CONFINE_SETTLE, err) < 0)
		return VSU_EXIT_HOST;
	return vmm_machine_loop_run(machine_socket.machine, &config, err);
}

/* The life of one machine: its exit status, and the sentence for it. */
static int live_once(const struct cvmm_configuration *c, const struct vmm_program_options *options,
		     const struct cvmm_host *owner, struct vsu_error *err)
{
	struct ending ending = { .err = err };
	struct vmm_end_watch watch = {
		.stuck = on_end_stuck, .opaque = &ending, .patience_ms = END_MS,
	};
	int status;

	vsu_error_clear(err);
	machine_socket = (struct vmm_machine_socket){ .log_level = process_log_level };
	status = make_machine(c, options, owner, err);
	if (!status && options->dry_run)
		vmm_report(machine_socket.machine, options, stdout);
	else if (!status)
		status = run_machine(owner, err);
	ending.status = status;
	vmm_end_watch_start(&watch);
	cvmm_machine_free(machine_socket.machine);
	machine_socket.machine = NULL;
	control_close();
	vmm_end_watch_stop(&watch);
	return status;
}

static struct varch_poison poison = VARCH_POISON_INIT;

static bool note_poison(const void *siginfo)
{
	return varch_poison_note(&poison, siginfo);
}

void vmm_life_prepare(const struct vmm_program_options *options, struct confine_plan *plan,
		      const struct vmm_beside *beside, struct cvmm_host *owner)
{
	static const int stdio[] = { STDIN_FILENO, STDOUT_FILENO };
	static int pagemap;

	task = beside;
	*owner = (struct cvmm_host){
		.size = sizeof(*owner),
		.opaque = plan, .log = prog_log_machine, .event = process_event,
		.closer = process_closer, .begin_thread = process_thread,
		.stuck = process_stuck, .tell = process_tell, .stdio = stdio,
		.sockets = options->sockets.given ? &options->sockets.access : NULL,
		.no_network = vmm_confinement_without_network(options),
		.no_path = options->jail ? NO_PATH : NULL,
	};
	/* for clients that save or move the machine, or record its working set */
	pagemap = vmm_control_end_is_given(&options->control) ?
		open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC) : -1;
	if (pagemap >= 0)
		owner->pagemap = &pagemap;
}

int vmm_life_run(struct cvmm_configuration *c, const struct vmm_program_options *options,
		 const struct cvmm_host *owner, struct vsu_error *err)
{
	struct cvmm_host host = *owner;
	int status;

	host.poison = host.sigbus ? &poison : NULL;
	prog_ask_first(note_poison);
	/* the guest may release a lost page before it is touched */
	prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0, 0);
	for (;;) {
		status = live_once(c, options, &host, err);
		if (status != VSU_EXIT_REBOOT || !options->restart)
			return status;
		cvmm_configuration_reboot(c);
	}
}
