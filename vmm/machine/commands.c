/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Control commands of the machine: a function and a table row each. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>

#include "control/listener.h"
#include "json.h"
#include "machine/command_rules.h"
#include "machine/commands.h"
#include "machine/device_commands.h"
#include "machine/memory_report.h"
#include "machine/migrate.h"
#include "machine/recording.h"
#include "machine/save.h"
#include "machine/status.h"
#include "machine/stop.h"

static int command_pause(void *opaque, char *const *words, FILE *answer,
			 struct vsu_error *err)
{
	(void)words;
	(void)answer;
	(void)err;
	vmm_stop_for_user(opaque);
	return 0;
}

static int command_resume(void *opaque, char *const *words, FILE *answer,
			  struct vsu_error *err)
{
	struct vmm_machine *m = opaque;
	int rc;

	(void)answer;
	rc = vmm_migrate_resume(m, err);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "%s", words[0]);
	if (rc > 0 || !vmm_life_set_guest(&m->pause.life, VMM_RUNS))
		return 0;
	vmm_stop_release(m);
	vmm_cpus_mark_paused(m->cpus);
	vmm_cpus_resume(m->cpus);
	vmm_control_publish(m->control, "resumed", "");
	return 0;
}

static int command_save(void *opaque, char *const *words, FILE *answer,
			struct vsu_error *err)
{
	struct vmm_machine *m = opaque;
	int rc = vmm_save_begin(m, words + 1, err);

	(void)answer;
	return rc < 0 ? vsu_error_prefix(err, rc, "%s", words[0]) :
			vmm_control_wait(m->control, m->pause.save);
}

static int command_working_set(void *opaque, char *const *words, FILE *answer,
			       struct vsu_error *err)
{
	struct vmm_machine *m = opaque;
	int rc = vmm_recording_begin(m, err);

	(void)answer;
	return rc < 0 ? vsu_error_prefix(err, rc, "%s", words[0]) :
			vmm_control_wait(m->control, m->restore.recording);
}

static int command_migrate(void *opaque, char *const *words, FILE *answer,
			   struct vsu_error *err)
{
	struct vmm_machine *m = opaque;
	int rc = vmm_migrate_begin(m, words + 1, err);

	(void)answer;
	return rc < 0 ? vsu_error_prefix(err, rc, "%s", words[0]) :
			vmm_control_wait(m->control, m->pause.migration);
}

static int command_cancel(void *opaque, char *const *words, FILE *answer,
			  struct vsu_error *err)
{
	(void)words;
	(void)answer;
	(void)err;
	vmm_migrate_cancel(opaque);
	return 0;
}

static int command_postcopy(void *opaque, char *const *words, FILE *answer,
			    struct vsu_error *err)
{
	int rc = vmm_migrate_switch(opaque, err);

	(void)answer;
	return rc < 0 ? vsu_error_prefix(err, rc, "%s", words[0]) : 0;
}

/* Like SIGTERM, but any number of times. */
static int command_power_button(void *opaque, char *const *words, FILE *answer,
				struct vsu_error *err)
{
	struct vmm_machine *m = opaque;

	(void)answer;
	if (m->loaded.protocol == VMM_PROTOCOL_BUILTIN)
		return vsu_error_set(err, -EOPNOTSUPP, "%s: a built-in guest has no power button; 'quit' ends it",
				     words[0]);
	vmm_machine_press_button(m);
	return 0;
}

static int command_reset(void *opaque, char *const *words, FILE *answer,
			 struct vsu_error *err)
{
	struct vmm_machine *m = opaque;
	(void)words;
	(void)answer;
	(void)err;
	vmm_cpus_end(m->cpus, VSU_EXIT_REBOOT, "the command 'reset' ended the guest");
	return 0;
}

/* As a signal, it is possible at any time. */
static int command_quit(void *opaque, char *const *words, FILE *answer,
			struct vsu_error *err)
{
	struct vmm_machine *m = opaque;

	(void)words;
	(void)answer;
	(void)err;
	if (vmm_migrate_hand_over(m) == VMM_THEIRS)
		vmm_cpus_end(m->cpus, VSU_EXIT_FAIL, "the command 'quit' ended the source during post-copy: the guest is lost");
	vmm_cpus_end(m->cpus, VSU_EXIT_OK, "%s", "");
	return 0;
}

static int command_log_level(void *opaque, char *const *words, FILE *answer,
			     struct vsu_error *err)
{
	const struct vmm_machine *m = opaque;
	struct prog_json to = { .to = answer, .more = true };
	const char *level;

	if (!m->owner.log_level)
		return vsu_error_set(err, -EOPNOTSUPP, "%s: the program of this machine has no log levels",
				     words[0]);
	level = m->owner.log_level(m->owner.opaque, words[1]);
	if (!level)
		return vsu_error_set(err, -EINVAL, "%s: '%s' is not a log level; expected error, warning, info or debug",
				     words[0], words[1]);
	prog_json_text(&to, "level", level);
	return 0;
}

static int command_subscribe(void *opaque, char *const *words, FILE *answer,
			     struct vsu_error *err)
{
	struct vmm_machine *m = opaque;
	int rc = vmm_control_subscribe(m->control, err);

	(void)answer;
	return rc < 0 ? vsu_error_prefix(err, rc, "%s", words[0]) : 0;
}

static int command_help(void *opaque, char *const *words, FILE *answer,
			struct vsu_error *err)
{
	struct prog_json to = { .to = answer, .more = true };
	const struct vmm_control_command *c;

	(void)opaque;
	(void)words;
	(void)err;
	prog_json_open(&to, "commands", '[');
	for (c = vmm_machine_commands; c->name; c++) {
		prog_json_open(&to, NULL, '{');
		prog_json_text(&to, "name", c->name);
		if (c->args)
			prog_json_text(&to, "arguments", c->args);
		prog_json_text(&to, "help", c->help);
		prog_json_close(&to, '}');
	}
	prog_json_close(&to, ']');
	return 0;
}

const struct vmm_control_command vmm_machine_commands[] = {
	{ .name = "status", NULL, 0, 0, vmm_status_command,
	  "state, processors, memory and devices" },
	{ .name = "pause", NULL, 0, 0, command_pause, "stop all processors",
	  .check = vmm_command_check },
	{ .name = "resume", NULL, 0, 0, command_resume, "continue after pause",
	  .check = vmm_command_check },
	{ .name = "power-button", NULL, 0, 0, command_power_button,
	  "request the guest to power off" },
	{ .name = "reset", NULL, 0, 0, command_reset, "end as after a reboot of the guest",
	  .check = vmm_command_check },
	{ .name = "quit", NULL, 0, 0, command_quit, "end at once, without the guest" },
	{ .name = "save", "FOLDER | MEMORY STATE MACHINE [then=pause|quit]", 1, 4, command_save,
	  "save the machine to a new folder, or to three files fd:N; then continue, pause or quit",
	  .passes = true, .check = vmm_command_check },
	{ .name = "working-set", NULL, 0, 0, command_working_set,
	  "record the used pages of the folder of --from, for --prefetch" },
	{ .name = "migrate", "[downtime=MS] [rate=SIZE] [connections=N] [auto-converge] [postcopy[=ROUNDS]] ADDRESS", 1,
	  VMM_CONTROL_WORDS - 1, command_migrate,
	  "move the guest to another process", .passes = true, .check = vmm_command_check },
	{ .name = "migrate-cancel", NULL, 0, 0, command_cancel, "end a migration",
	  .check = vmm_command_check },
	{ .name = "migrate-postcopy", NULL, 0, 0, command_postcopy,
	  "continue the guest at the destination before its memory is there", .check = vmm_command_check },
	{ .name = "resize", "DEVICE SIZE", 2, 2, vmm_command_resize,
	  "change the size of a disk, balloon or memory device", .check = vmm_command_check },
	{ .name = "limit", "DEVICE KEY=VALUE,...", 2, 2, vmm_command_limit,
	  "change rate limits of a disk or network card", .check = vmm_command_check },
	{ .name = "balloon", "[SIZE]", 0, 1, vmm_command_balloon,
	  "counters of the balloon, after a change of its size" },
	{ .name = "device-add", "KIND,OPTIONS", 1, 1, vmm_command_device_add,
	  "add a device", .passes = true, .check = vmm_command_check },
	{ .name = "device-del", "DEVICE [force] [wait]", 1, 3, vmm_command_device_del,
	  "remove a device", .check = vmm_command_check },
	{ .name = "memory", NULL, 0, 0, vmm_memory_report_command,
	  "memory and windows" },
	{ .name = "log-level", "[LEVEL]", 0, 1, command_log_level,
	  "lines on standard error: error, warning, info, debug" },
	{ .name = "subscribe", NULL, 0, 0, command_subscribe,
	  "receive events on this connection" },
	{ .name = "help", NULL, 0, 0, command_help, "list the commands" },
	{ .name = NULL },
};

int vmm_machine_open_control(struct vmm_machine *m, struct vsu_error *err)
{
	const struct vmm_control_end *end = &m->owner.control;
	const bool listens = end->path || end->inherited;
	int rc;

	if ((!listens && !m->owner.event) || m->start->dry_run)
		return 0;
	rc = vmm_control_new(&(struct vmm_control_config){
		.loop = m->loop, .log = &m->owner.log, .closer = &m->owner.closer,
		.end = listens ? end : NULL, .event = m->owner.event, .event_opaque = m->owner.opaque,
		.commands = vmm_machine_commands, .opaque = m,
	}, &m->control, err);
	if (rc < 0 || !listens || !end->path || !m->owner.sockets)
		return rc;
	rc = prog_socket_access_apply(m->owner.sockets, end->path, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "option --control") : 0;
}
