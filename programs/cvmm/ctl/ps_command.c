/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "cvmm ps": its command line, and what it prints. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/machines.h"
#include "ctl/ps_command.h"
#include "report.h"

#define RUN_FOLDER "/run/cvmm"
#define PATIENCE_SECONDS 2

enum { JSON, HELP, FOLDER };

const struct vsu_option vmm_ps_command_options[] = {
	[JSON] = { .name = "json", .kind = VSU_OPTION_FLAG, .help = "print JSON" },
	[HELP] = VSU_OPTION_ROW_HELP,
	[FOLDER] = { .name = "FOLDER", .kind = VSU_OPTION_OPERAND, .repeat = true },
	{ .name = NULL },
};

static int take_option(void *opaque, unsigned int index, const struct vsu_option_value *value,
		       struct vsu_error *err)
{
	struct vmm_ps_command *c = opaque;

	if (index == JSON)
		c->json = value->number;
	else if (index == HELP)
		c->help = value->number;
	else if (c->n == VMM_PS_FOLDERS)
		return vsu_error_set(err, -E2BIG, "ps: more than %d folders", VMM_PS_FOLDERS);
	else
		c->folders[c->n++] = value->text;
	return 0;
}

int vmm_ps_command_parse(struct vmm_ps_command *c, int argc, char *const *argv,
			 struct vsu_error *err)
{
	*c = (struct vmm_ps_command){ .n = 0 };
	return vsu_option_parse_argv(vmm_ps_command_options, argc, argv, take_option, c, NULL, err);
}

/* --------------------------------------------------------------------- output */

/* The guest's, if it answered. */
static const char *state_of(const struct vmm_found *f)
{
	static const char *const states[] = {
		[VMM_FOUND_ASKED] = "silent", [VMM_FOUND_STALE] = "stale", [VMM_FOUND_FAILED] = "failed",
	};

	return f->state == VMM_FOUND_ANSWERED ? f->activity : states[f->state];
}

static const char *reason_of(const struct vmm_found *f)
{
	switch (f->state) {
	case VMM_FOUND_ASKED:
		return "no reply within two seconds";
	case VMM_FOUND_STALE:
		return "no process listens; the file can be removed";
	default:
		return f->why.code < 0 ? f->why.msg : "";
	}
}

static const char *uptime_of(const struct vmm_found *f, char text[32])
{
	const uint64_t s = f->uptime_ns / 1000000000;

	snprintf(text, 32, "%" PRIu64 "d%02u:%02u:%02u", s / 86400, (unsigned int)(s / 3600 % 24),
		 (unsigned int)(s / 60 % 60), (unsigned int)(s % 60));
	return text;
}

/* NULL: the names of the columns. */
static void report_machine(struct vmm_report *r, const struct vmm_found *found)
{
	static const struct vmm_found none;
	const struct vmm_found *f = found ? found : &none;
	const bool answered = f->state == VMM_FOUND_ANSWERED, measured = answered && f->kind == VMM_FOUND_CONTROL;
	char uptime[32];
	const struct vmm_fact facts[] = {
		{ "name", VMM_TEXT(f->name), .is_absent = !f->name[0], .width = -16 },
		{ "pid", VMM_NUMBER(f->pid), .is_absent = !f->pid, .width = 7 },
		{ "state", VMM_TEXT(state_of(f)), .width = -9 },
		{ "uptime_ns", VMM_NUMBER(f->uptime_ns), .label = "uptime", .as = uptime_of(f, uptime),
		  .is_absent = !measured, .width = 13 },
		{ "memory", VMM_BYTES(f->memory), .is_absent = !measured, .width = 9 },
		{ "present", VMM_BYTES(f->present), .is_absent = !measured, .width = 9 },
		{ "socket", VMM_TEXT(f->path) },
		{ "error", VMM_TEXT(reason_of(f)), .is_absent = answered, .place = VMM_IS_JOINED },
		{ .name = NULL },
	};

	vmm_report_row(r, facts, !found);
}

static void report_machines(const struct vmm_machines *ms, bool json, FILE *out)
{
	struct vmm_report r;
	unsigned int i;

	vmm_report_begin(&r, json, 0, out);
	vmm_report_list(&r, "machines");
	report_machine(&r, NULL);
	for (i = 0; i < ms->n; i++)
		report_machine(&r, ms->list[i]);
	vmm_report_end_list(&r);
	vmm_report_end(&r);
}

/* Searches the folders of services and of the user, if they exist. */
static int find_usual(struct vmm_machines *ms, struct vsu_error *err)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char *own = NULL;
	int rc = access(RUN_FOLDER, F_OK) ? 0 : vmm_machines_find(ms, RUN_FOLDER, err);

	if (rc < 0 || !runtime)
		return rc;
	if (asprintf(&own, "%s/cvmm", runtime) < 0)
		return vsu_error_set(err, -ENOMEM, "no memory for a path");
	if (!access(own, F_OK))
		rc = vmm_machines_find(ms, own, err);
	free(own);
	return rc;
}

int vmm_ps_command_run(const struct vmm_ps_command *c, FILE *out, struct vsu_error *err)
{
	struct vmm_machines ms = { .n = 0 };
	unsigned int i;
	int rc = c->n ? 0 : find_usual(&ms, err);

	for (i = 0; !rc && i < c->n; i++)
		rc = vmm_machines_find(&ms, c->folders[i], err);
	if (!rc) {
		vmm_machines_ask(&ms, PATIENCE_SECONDS);
		report_machines(&ms, c->json, out);
	}
	vmm_machines_free(&ms);
	return rc;
}
