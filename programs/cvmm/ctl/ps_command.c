/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "cvmm ps": its command line, and what it prints. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/json.h>

#include "common/plain.h"
#include "ctl/machines.h"
#include "ctl/output.h"
#include "ctl/ps_command.h"

#define RUN_FOLDER "/run/cvmm"
#define PATIENCE_SECONDS 2
#define MIB_BITS 20

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

/* Names of files may have any bytes. */
static void print_end(const struct vmm_found *f, FILE *out)
{
	vmm_print_plain(f->path, out);
	if (f->state != VMM_FOUND_ANSWERED) {
		fputs(": ", out);
		vmm_print_plain(reason_of(f), out);
	}
	fputc('\n', out);
}

static void print_row(const struct vmm_found *f, FILE *out)
{
	char uptime[32], pid[16] = "-";

	if (f->pid)
		snprintf(pid, sizeof(pid), "%d", (int)f->pid);
	if (f->state == VMM_FOUND_ANSWERED)
		fprintf(out, "%-16s %7s %-9s %13s %8" PRIu64 "M %8" PRIu64 "M ", f->name[0] ? f->name : "-",
			pid, f->activity, uptime_of(f, uptime), f->memory >> MIB_BITS,
			f->present >> MIB_BITS);
	else
		fprintf(out, "%-16s %7s %-9s %13s %9s %9s ", "-", pid, state_of(f), "-", "-", "-");
	print_end(f, out);
}

static void print_rows(const struct vmm_machines *ms, FILE *out)
{
	unsigned int i;

	fprintf(out, "%-16s %7s %-9s %13s %9s %9s %s\n", "name", "pid", "state", "uptime", "memory", "present",
		"socket");
	for (i = 0; i < ms->n; i++)
		print_row(ms->list[i], out);
}

static void print_object(const struct vmm_found *f, struct vsu_json *to)
{
	vsu_json_open(to, NULL, '{');
	vsu_json_text(to, "socket", f->path);
	vsu_json_text(to, "state", state_of(f));
	if (f->pid)
		vsu_json_i64(to, "pid", f->pid);
	if (f->name[0])
		vsu_json_text(to, "name", f->name);
	if (f->state == VMM_FOUND_ANSWERED) {
		vsu_json_u64(to, "uptime_ns", f->uptime_ns);
		vsu_json_u64(to, "memory", f->memory);
		vsu_json_u64(to, "present", f->present);
	} else {
		vsu_json_text(to, "error", reason_of(f));
	}
	vsu_json_close(to, '}');
}

static void print_json(const struct vmm_machines *ms, FILE *out)
{
	struct vsu_json to = { .to = out };
	unsigned int i;

	vsu_json_open(&to, NULL, '{');
	vsu_json_open(&to, "machines", '[');
	for (i = 0; i < ms->n; i++)
		print_object(ms->list[i], &to);
	vsu_json_close(&to, ']');
	vsu_json_close(&to, '}');
	fputc('\n', out);
}

/* Those that exist: of services, and of the user. */
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
		(c->json ? print_json : print_rows)(&ms, out);
	}
	vmm_machines_free(&ms);
	return rc;
}
