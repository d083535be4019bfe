/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Control commands of the machine: a function and a table row each. */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

#include <vmm-sys-util/file_value.h>
#include <vmm-sys-util/json.h>
#include <vmm-sys-util/parse.h>

#include "commands/command_rules.h"
#include "commands/commands.h"
#include "commands/device_commands.h"
#include "commands/memory_report.h"
#include "commands/requests.h"
#include "commands/status.h"
#include "control/listener.h"
#include "control/passed.h"
#include "cvmm/requests.h"
#include "transfer/migrate.h"
#include "transfer/migrate_options.h"
#include "transfer/recording.h"
#include "transfer/save_files.h"
#include "transfer/save_words.h"

/* Words of the files: descriptors that came with the line. */
static int read_save_files(const struct vmm_machine *m, char *const *words, unsigned int n,
			   int fds[VMM_SAVE_NFILES], struct vsu_error *err)
{
	struct vmm_passed *passed = vmm_control_passed(m->control);
	unsigned int i;
	int rc = 0;

	if (n < VMM_SAVE_NFILES)
		return vsu_error_set(err, -EINVAL, "%u files; expected those of memory, state and machine.json, such as 'fd:0 fd:1 fd:2'",
				     n);
	for (i = 0; !rc && i < VMM_SAVE_NFILES; i++)
		rc = vmm_passed_find(passed, words[i], &fds[i], err);
	return rc;
}

static int read_save(const struct vmm_machine *m, char *const *words, struct cvmm_save *save,
		     int fds[VMM_SAVE_NFILES], struct vsu_error *err)
{
	unsigned int n;
	int rc = vmm_save_words_read(words, &n, save, err);

	if (!rc && vsu_file_value_is_fd(words[0])) {
		save->fds = fds;
		save->nfds = n;
		rc = read_save_files(m, words, n, fds, err);
	} else if (!rc) {
		save->folder = words[0];
		if (n > 1)
			rc = vsu_error_set(err, -EINVAL, "'%s' after the folder; expected only the folder", words[1]);
	}
	return rc ? rc : vmm_passed_check_used(vmm_control_passed(m->control), err);
}

static int command_save(void *opaque, char *const *words, FILE *answer,
			struct vsu_error *err)
{
	struct cvmm_save save = { .size = sizeof(save) };
	int fds[VMM_SAVE_NFILES];
	int rc = read_save(opaque, words + 1, &save, fds, err);

	return rc < 0 ? vsu_error_prefix(err, rc, "%s", words[0]) :
			vmm_request_save(opaque, &save, answer, err);
}

static int command_core(void *opaque, char *const *words, FILE *answer,
			struct vsu_error *err)
{
	const struct vmm_machine *m = opaque;
	struct vmm_passed *passed = vmm_control_passed(m->control);
	struct cvmm_core core = { .size = sizeof(core), .file = words[1] };
	int rc = 0;

	if (vsu_file_value_is_fd(words[1])) {
		core.file = NULL;
		rc = vmm_passed_find(passed, words[1], &core.fd, err);
	}
	if (!rc)
		rc = vmm_passed_check_used(passed, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "%s", words[0]) :
			vmm_request_core(opaque, &core, answer, err);
}

static int command_migrate(void *opaque, char *const *words, FILE *answer,
			   struct vsu_error *err)
{
	const struct vmm_machine *m = opaque;
	struct vmm_migrate_words read;
	int rc = vmm_migrate_words_read(&read, words + 1, vmm_control_passed(m->control), err);

	rc = rc < 0 ? vsu_error_prefix(err, rc, "%s", words[0]) :
		      vmm_request_migrate(opaque, &read.migration, answer, err);
	vmm_migrate_words_free(&read);
	return rc;
}

static int command_cpus(void *opaque, char *const *words, FILE *answer, struct vsu_error *err)
{
	unsigned int n;
	uint64_t value;

	if (vsu_parse_u64(words[1], &value) < 0 || value > UINT_MAX)
		return vsu_error_set(err, -EINVAL, "%s: '%s' is not a number of CPUs, such as 4",
				     words[0], words[1]);
	n = (unsigned int)value;
	return vmm_request_cpus(opaque, &n, answer, err);
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

static int command_postcopy(void *opaque, char *const *words, FILE *answer,
			    struct vsu_error *err)
{
	int rc = vmm_migrate_switch(opaque, err);

	(void)answer;
	return rc < 0 ? vsu_error_prefix(err, rc, "%s", words[0]) : 0;
}

static int command_log_level(void *opaque, char *const *words, FILE *answer,
			     struct vsu_error *err)
{
	const struct vmm_machine *m = opaque;
	struct vsu_json to = { .to = answer, .more = true };
	const char *level;

	if (!m->owner.log_level)
		return vsu_error_set(err, -EOPNOTSUPP, "%s: the program of this machine has no log levels",
				     words[0]);
	level = m->owner.log_level(m->owner.opaque, words[1]);
	if (!level)
		return vsu_error_set(err, -EINVAL, "%s: '%s' is not a log level; expected error, warning, info or debug",
				     words[0], words[1]);
	vsu_json_text(&to, "level", level);
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
	struct vsu_json to = { .to = answer, .more = true };
	const struct vmm_control_command *c;

	(void)opaque;
	(void)words;
	(void)err;
	vsu_json_open(&to, "commands", '[');
	for (c = vmm_machine_commands; c->name; c++) {
		vsu_json_open(&to, NULL, '{');
		vsu_json_text(&to, "name", c->name);
		if (c->args)
			vsu_json_text(&to, "arguments", c->args);
		vsu_json_text(&to, "help", c->help);
		vsu_json_close(&to, '}');
	}
	vsu_json_close(&to, ']');
	return 0;
}

const struct vmm_control_command vmm_machine_commands[] = {
	{ .name = "status", NULL, 0, 0, vmm_status_command,
	  "state, processors, memory and devices" },
	{ .name = "pause", NULL, 0, 0, NULL, "stop all processors",
	  .check = vmm_command_check, .request = vmm_request_pause },
	{ .name = "resume", NULL, 0, 0, NULL, "continue after pause",
	  .check = vmm_command_check, .request = vmm_request_resume },
	{ .name = "power-button", NULL, 0, 0, NULL,
	  "request the guest to power off", .request = vmm_request_power_button },
	{ .name = "reset", NULL, 0, 0, NULL, "end as after a reboot of the guest",
	  .check = vmm_command_check, .request = vmm_request_reset },
	{ .name = "quit", NULL, 0, 0, NULL, "end at once, without the guest",
	  .request = vmm_request_quit },
	{ .name = "save", "[timeout=TIME] FOLDER | MEMORY STATE MACHINE [incremental] [then=pause|quit]", 1, 5, command_save,
	  "save the machine to a new folder, or to three files fd:N; then continue, pause or quit",
	  .passes = true, .waits = true, .check = vmm_command_check, .request = vmm_request_save, .topic = VMM_TOPIC_MIGRATION },
	{ .name = "core", "[timeout=TIME] FILE", 1, 1, command_core,
	  "write memory and registers to a new file, as an ELF core for gdb and crash",
	  .passes = true, .waits = true, .check = vmm_command_check, .request = vmm_request_core },
	{ .name = "working-set", "[timeout=TIME]", 0, 0, command_working_set,
	  "record the used pages of the folder of --from, for --prefetch", .waits = true, .topic = VMM_TOPIC_MIGRATION },
	{ .name = "migrate", "[timeout=TIME] [downtime=MS] [rate=SIZE] [connections=N] [auto-converge] [postcopy[=ROUNDS]] ADDRESS", 1,
	  VMM_CONTROL_WORDS - 1, command_migrate,
	  "move the guest to another process", .passes = true, .waits = true, .check = vmm_command_check,
	  .request = vmm_request_migrate, .topic = VMM_TOPIC_MIGRATION },
	{ .name = "migrate-cancel", NULL, 0, 0, NULL, "end a migration",
	  .check = vmm_command_check, .request = vmm_request_cancel, .topic = VMM_TOPIC_MIGRATION },
	{ .name = "migrate-postcopy", NULL, 0, 0, command_postcopy,
	  "continue the guest at the destination before its memory is there", .check = vmm_command_check, .topic = VMM_TOPIC_MIGRATION },
	{ .name = "resize", "DEVICE SIZE", 2, 2, vmm_command_resize,
	  "change the size of a disk, balloon or memory device", .check = vmm_command_check,
	  .request = vmm_request_resize },
	{ .name = "limit", "DEVICE KEY=VALUE,...", 2, 2, vmm_command_limit,
	  "change rate limits of a disk or network card", .check = vmm_command_check,
	  .request = vmm_request_limit },
	{ .name = "balloon", "[SIZE]", 0, 1, vmm_command_balloon,
	  "counters of the balloon, after a change of its size" },
	{ .name = "cpus", "N", 1, 1, command_cpus,
	  "add processors until there are N, at most the maximum of --cpus", .check = vmm_command_check,
	  .request = vmm_request_cpus },
	{ .name = "device-add", "[timeout=TIME] KIND,OPTIONS", 1, 1, vmm_command_device_add,
	  "add a device", .passes = true, .waits = true, .check = vmm_command_check,
	  .request = vmm_request_device_add },
	{ .name = "device-del", "[timeout=TIME] DEVICE [force] [wait]", 1, 3, vmm_command_device_del,
	  "remove a device", .waits = true, .check = vmm_command_check, .request = vmm_request_device_del },
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

	if ((!listens && !m->owner.commands) || m->start->dry_run)
		return 0;
	rc = vmm_control_new(&(struct vmm_control_config){
		.loop = m->loop, .log = &m->owner.log, .closer = &m->owner.closer,
		.end = listens ? end : NULL, .event = m->owner.event, .event_opaque = m->owner.opaque,
		.commands = vmm_machine_commands, .opaque = m,
	}, &m->control, err);
	if (rc < 0 || !listens || !end->path || !m->owner.sockets)
		return rc;
	rc = vmm_socket_access_apply(m->owner.sockets, end->path, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "option --control") : 0;
}
