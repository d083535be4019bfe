/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Commands of the control socket: a function and a table row each. */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include <vmm-sys-util/file_value.h>
#include <vmm-sys-util/json.h>
#include <vmm-sys-util/parse.h>

#include "control/commands.h"
#include "control/device_commands.h"
#include "control/machine_socket.h"
#include "control/migrate_words.h"
#include "control/passed.h"
#include "control/save_words.h"
#include "control/status.h"
#include "control/waiting.h"
#include <cvmm/requests.h>

#define SAVE_FILES 3u

static int command_cpus(void *opaque, char *const *words, FILE *answer, struct vsu_error *err)
{
	const struct vmm_machine_socket *c = opaque;
	uint64_t value;

	(void)answer;
	if (vsu_parse_u64(words[1], &value) < 0 || value > UINT_MAX)
		return vsu_error_set(err, -EINVAL, "%s: '%s' is not a number of CPUs, such as 4",
				     words[0], words[1]);
	return cvmm_machine_add_cpus(c->machine, (unsigned int)value, err);
}

/* --------------------------------------------------------- save and migration */

static int refuse_memory(struct vsu_error *err)
{
	return vsu_error_set(err, -ENOMEM, "no memory for an answer");
}

/* Words of the files: descriptors that came with the line. */
static int read_save_files(struct vmm_passed *passed, char *const *words, unsigned int n,
			   int fds[SAVE_FILES], struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	if (n < SAVE_FILES)
		return vsu_error_set(err, -EINVAL, "%u files; expected those of memory, state and machine.json, such as 'fd:0 fd:1 fd:2'",
				     n);
	for (i = 0; !rc && i < SAVE_FILES; i++)
		rc = vmm_passed_find(passed, words[i], &fds[i], err);
	return rc;
}

static int read_save(struct vmm_passed *passed, char *const *words, struct cvmm_save *save,
		     int fds[SAVE_FILES], struct vsu_error *err)
{
	unsigned int n;
	int rc = vmm_save_words_read(words, &n, save, err);

	if (!rc && vsu_file_value_is_fd(words[0])) {
		save->fds = fds;
		save->nfds = n;
		rc = read_save_files(passed, words, n, fds, err);
	} else if (!rc) {
		save->folder = words[0];
		if (n > 1)
			rc = vsu_error_set(err, -EINVAL, "'%s' after the folder; expected only the folder", words[1]);
	}
	return rc ? rc : vmm_passed_check_used(passed, err);
}

static int command_save(void *opaque, char *const *words, FILE *answer, struct vsu_error *err)
{
	const struct vmm_machine_socket *c = opaque;
	struct cvmm_save save = { .size = sizeof(save) };
	int fds[SAVE_FILES];
	struct vmm_deferred *d;
	int rc = read_save(vmm_control_passed(c->control), words + 1, &save, fds, err);

	if (rc < 0)
		return vsu_error_prefix(err, rc, "%s", words[0]);
	d = vmm_control_defer(c->control, NULL);
	if (!d)
		return refuse_memory(err);
	rc = cvmm_machine_save(c->machine, &save, vmm_deferred_answer, d, err);
	return vmm_deferred_begin(d, rc, answer);
}

static int command_core(void *opaque, char *const *words, FILE *answer, struct vsu_error *err)
{
	const struct vmm_machine_socket *c = opaque;
	struct vmm_passed *passed = vmm_control_passed(c->control);
	struct cvmm_core core = { .size = sizeof(core), .file = words[1] };
	struct vmm_deferred *d;
	int rc = 0;

	if (vsu_file_value_is_fd(words[1])) {
		core.file = NULL;
		rc = vmm_passed_find(passed, words[1], &core.fd, err);
	}
	if (!rc)
		rc = vmm_passed_check_used(passed, err);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "%s", words[0]);
	d = vmm_control_defer(c->control, NULL);
	if (!d)
		return refuse_memory(err);
	rc = cvmm_machine_write_core(c->machine, &core, vmm_deferred_answer, d, err);
	return vmm_deferred_begin(d, rc, answer);
}

static void write_migration(const struct cvmm_answer *answer, struct vsu_json *to)
{
	vsu_json_u64(to, "sent", answer->sent);
	vsu_json_u64(to, "downtime_us", answer->downtime_us);
}

static int begin_migration(const struct vmm_machine_socket *c, const struct cvmm_migration *migration,
			   FILE *answer, struct vsu_error *err)
{
	struct vmm_deferred *d = vmm_control_defer(c->control, write_migration);

	return d ? vmm_deferred_begin(d, cvmm_machine_migrate(c->machine, migration, vmm_deferred_answer, d, err), answer) :
		   refuse_memory(err);
}

static int command_migrate(void *opaque, char *const *words, FILE *answer, struct vsu_error *err)
{
	const struct vmm_machine_socket *c = opaque;
	struct vmm_migrate_words read;
	int rc = vmm_migrate_words_read(&read, words + 1, vmm_control_passed(c->control), err);

	rc = rc < 0 ? vsu_error_prefix(err, rc, "%s", words[0]) :
		      begin_migration(c, &read.migration, answer, err);
	vmm_migrate_words_free(&read);
	return rc;
}

static void write_working_set(const struct cvmm_answer *answer, struct vsu_json *to)
{
	vsu_json_u64(to, "bytes", answer->bytes);
	vsu_json_u64(to, "ranges", answer->ranges);
}

static int command_working_set(void *opaque, char *const *words, FILE *answer,
			       struct vsu_error *err)
{
	const struct vmm_machine_socket *c = opaque;
	struct vmm_deferred *d = vmm_control_defer(c->control, write_working_set);

	(void)words;
	if (!d)
		return refuse_memory(err);
	return vmm_deferred_begin(d, cvmm_machine_record_working_set(c->machine, vmm_deferred_answer, d, err), answer);
}

/* ------------------------------------------------------------ of the socket */

static int command_log_level(void *opaque, char *const *words, FILE *answer,
			     struct vsu_error *err)
{
	const struct vmm_machine_socket *c = opaque;
	struct vsu_json to = { .to = answer, .more = true };
	const char *level;

	if (!c->log_level)
		return vsu_error_set(err, -EOPNOTSUPP, "%s: the program of this machine has no log levels",
				     words[0]);
	level = c->log_level(words[1]);
	if (!level)
		return vsu_error_set(err, -EINVAL, "%s: '%s' is not a log level; expected error, warning, info or debug",
				     words[0], words[1]);
	vsu_json_text(&to, "level", level);
	return 0;
}

static int command_subscribe(void *opaque, char *const *words, FILE *answer,
			     struct vsu_error *err)
{
	const struct vmm_machine_socket *c = opaque;
	int rc = vmm_control_subscribe(c->control, err);

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
	  .request = cvmm_machine_pause },
	{ .name = "resume", NULL, 0, 0, NULL, "continue after pause",
	  .request = cvmm_machine_resume },
	{ .name = "power-button", NULL, 0, 0, NULL,
	  "request the guest to power off",
	  .request = cvmm_machine_press_power },
	{ .name = "reset", NULL, 0, 0, NULL, "end as after a reboot of the guest",
	  .request = cvmm_machine_reset },
	{ .name = "quit", NULL, 0, 0, NULL, "end at once, without the guest",
	  .request = cvmm_machine_stop },
	{ .name = "save", "[timeout=TIME] FOLDER | MEMORY STATE MACHINE [incremental] [then=pause|quit]", 1, 5, command_save,
	  "save the machine to a new folder, or to three files fd:N; then continue, pause or quit",
	  .passes = true, .waits = true, .moves = true },
	{ .name = "core", "[timeout=TIME] FILE", 1, 1, command_core,
	  "write memory and registers to a new file, as an ELF core for gdb and crash",
	  .passes = true, .waits = true },
	{ .name = "working-set", "[timeout=TIME]", 0, 0, command_working_set,
	  "record the used pages of the folder of --from, for --prefetch", .waits = true, .moves = true },
	{ .name = "migrate", "[timeout=TIME] [downtime=MS] [rate=SIZE] [connections=N] [auto-converge] [postcopy[=ROUNDS]] ADDRESS", 1,
	  VMM_CONTROL_WORDS - 1, command_migrate,
	  "move the guest to another process", .passes = true, .waits = true, .moves = true },
	{ .name = "migrate-cancel", NULL, 0, 0, NULL, "end a migration", .moves = true,
	  .request = cvmm_machine_cancel_migration },
	{ .name = "migrate-postcopy", NULL, 0, 0, NULL,
	  "continue the guest at the destination before its memory is there", .moves = true,
	  .request = cvmm_machine_start_postcopy },
	{ .name = "resize", "DEVICE SIZE", 2, 2, vmm_command_resize,
	  "change the size of a disk, balloon or memory device" },
	{ .name = "limit", "DEVICE KEY=VALUE,...", 2, 2, vmm_command_limit,
	  "change rate limits of a disk or network card" },
	{ .name = "balloon", "[SIZE]", 0, 1, vmm_command_balloon,
	  "counters of the balloon, after a change of its size" },
	{ .name = "cpus", "N", 1, 1, command_cpus,
	  "add processors until there are N, at most the maximum of --cpus" },
	{ .name = "device-add", "[timeout=TIME] KIND,OPTIONS", 1, 1, vmm_command_device_add,
	  "add a device", .passes = true, .waits = true },
	{ .name = "device-del", "[timeout=TIME] DEVICE [force] [wait]", 1, 3, vmm_command_device_del,
	  "remove a device", .waits = true },
	{ .name = "memory", NULL, 0, 0, vmm_memory_report_command,
	  "memory and windows" },
	{ .name = "log-level", "[LEVEL]", 0, 1, command_log_level,
	  "lines on standard error: error, warning, info, debug" },
	{ .name = "subscribe", NULL, 0, 0, command_subscribe,
	  "receive events on this connection" },
	{ .name = "help", NULL, 0, 0, command_help, "list the commands" },
	{ .name = NULL },
};
