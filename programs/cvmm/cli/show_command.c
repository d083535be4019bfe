/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "cvmm show": its command line, and what it prints. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/file_value.h>
#include <vmm-sys-util/option_place.h>

#include "cli/show_command.h"
#include "cvmm/configuration.h"
#include "cvmm/exit_status.h"
#include "cvmm/saved.h"
#include "report.h"

#define WIDTH 10	/* of names */

enum { VERIFY, JSON, HELP, FOLDER };

const struct vsu_option vmm_show_command_options[] = {
	[VERIFY] = { .name = "verify", .kind = VSU_OPTION_FLAG,
		     .help = "compare the memory with its checksums" },
	[JSON] = { .name = "json", .kind = VSU_OPTION_FLAG, .help = "print JSON" },
	[HELP] = VSU_OPTION_ROW_HELP,
	[FOLDER] = { .name = "FOLDER", .kind = VSU_OPTION_OPERAND },
	{ .name = NULL },
};

#define PLACE(member) VSU_PLACE(struct vmm_show_command, member)
static const struct vsu_place places[] = {
	[VERIFY] = PLACE(verify), [JSON] = PLACE(json), [HELP] = PLACE(help), [FOLDER] = PLACE(folder),
};

static int take_option(void *opaque, unsigned int index, const struct vsu_option_value *value,
		       struct vsu_error *err)
{
	(void)err;
	(void)vsu_place_store(&places[index], opaque, value);
	return 0;
}

int vmm_show_command_parse(struct vmm_show_command *c, int argc, char *const *argv,
			   struct vsu_error *err)
{
	int rc;

	*c = (struct vmm_show_command){ .folder = NULL };
	rc = vsu_option_parse_argv(vmm_show_command_options, argc, argv, take_option, c, NULL, err);
	return rc < 0 || c->help || c->folder ? rc :
	       vsu_error_set(err, -ENOENT, "show: no folder; example: 'cvmm show /var/lib/guest.saved'");
}

/* --------------------------------------------------------------------- output */

struct shown {
	const char *folder;	/* of the saved machine */
	bool template;
	const struct cvmm_saved *saved;
	const struct cvmm_configuration *machine;
	bool verified;
};

static const char *kind_of(const struct cvmm_described_device *d, char text[32])
{
	if (d->kind)
		return d->kind;
	snprintf(text, 32, "id=%" PRIu32, d->id);
	return text;
}

/* Its file, or the socket of its back-end; "" if it has none. */
static const char *file_of(const struct cvmm_described_device *d)
{
	const char *file = d->socket ? vsu_file_value_name(d->socket) : d->file;

	return file ? file : "";
}

static void report_device(struct vmm_report *r, unsigned int number, const struct cvmm_described_device *d)
{
	const char *file = file_of(d);
	char title[32], kind[32];
	const struct vmm_fact facts[] = {
		{ "device", VMM_NUMBER(number), .place = VMM_IN_JSON },
		{ "kind", VMM_TEXT(kind_of(d, kind)), .label = "" },
		{ "file", VMM_TEXT(file), .label = "", .is_absent = !*file },
		{ "options", VMM_TEXT(d->properties), .label = "", .is_absent = *file || !*d->properties },
		{ .name = NULL },
	};

	snprintf(title, sizeof(title), "device %u", number);
	vmm_report_element(r, title, facts);
}

static void report_devices(struct vmm_report *r, const struct cvmm_configuration *machine, unsigned int n)
{
	struct cvmm_described_device d = { .size = sizeof(d) };
	unsigned int i;

	vmm_report_list(r, "devices");
	for (i = 0; i < n; i++)
		if (!cvmm_configuration_get_device(machine, i, &d, NULL))
			report_device(r, i, &d);
	vmm_report_end_list(r);
}

static const char *date_of(uint64_t seconds, char text[32])
{
	const time_t when = (time_t)seconds;
	struct tm tm;

	if (!seconds || !localtime_r(&when, &tm) || !strftime(text, 32, "%Y-%m-%d %H:%M:%S", &tm))
		return "unknown";
	return text;
}

static const char *sums_of(const struct shown *s)
{
	return s->verified ? "verified" : s->saved->has_sums ? "present; --verify compares them" : "none";
}

static const char *or_unknown(const char *text)
{
	return *text ? text : "unknown";
}

static void print_report(const struct shown *s, bool json, FILE *out)
{
	struct cvmm_description machine = { .size = sizeof(machine) };
	const struct cvmm_saved *f = s->saved;
	char date[32], ran[32];
	struct vmm_report r;

	(void)!cvmm_configuration_get_machine(s->machine, &machine, NULL);
	const struct vmm_fact facts[] = {
		{ "folder", VMM_TEXT(s->folder) },
		{ "template", VMM_BOOL(s->template), .label = "kind", .as = s->template ? "template" : "saved machine" },
		{ "name", VMM_TEXT(machine.name) },
		{ "saved_s", VMM_NUMBER(f->saved_s), .label = "date", .as = date_of(f->saved_s, date) },
		{ "version", VMM_TEXT(f->version), .as = or_unknown(f->version) },
		{ "kernel", VMM_TEXT(machine.kernel) },
		{ "cpus", VMM_NUMBER(f->cpus) },
		{ "max_cpus", VMM_NUMBER(machine.max_cpus), .label = "max-cpus",
		  .place = machine.max_cpus > f->cpus ? VMM_EVERYWHERE : VMM_IN_JSON },
		{ "processor", VMM_TEXT(f->processor), .as = or_unknown(f->processor) },
		{ "age_ns", VMM_NUMBER(f->age_ns), .label = "ran", .as = ran },
		{ "memory", VMM_BYTES(f->memory) },
		{ "bytes", VMM_ROOM(f->bytes), .label = "disk" },
		{ "base", VMM_TEXT(f->base), .is_absent = !f->base[0] },
		{ "changed", VMM_ROOM(f->changed), .is_absent = !f->base[0] },
		{ "checksums", VMM_BOOL(f->has_sums), .as = sums_of(s) },
		{ "verified", VMM_BOOL(s->verified), .place = VMM_IN_JSON },
		{ .name = NULL },
	};

	snprintf(ran, sizeof(ran), "%" PRIu64 " s", f->age_ns / 1000000000);
	vmm_report_begin(&r, json, WIDTH, out);
	vmm_report_facts(&r, facts);
	report_devices(&r, s->machine, machine.devices);
	vmm_report_end(&r);
}

/* -------------------------------------------------------------------- the run */

/* A template has its machine in a folder. */
static int choose_folder(const struct vmm_show_command *c, char path[PATH_MAX], bool *template,
			 struct vsu_error *err)
{
	struct stat st;

	snprintf(path, PATH_MAX, "%s/template", c->folder);
	*template = !lstat(path, &st) && S_ISREG(st.st_mode);
	return snprintf(path, PATH_MAX, "%s%s", c->folder, *template ? "/machine" : "") >= PATH_MAX ?
	       vsu_error_set(err, -ENAMETOOLONG, "the name of the folder is too long") : 0;
}

static int status_of(int rc)
{
	return cvmm_exit_status(CVMM_STEP_CONFIGURATION, rc == -EOPNOTSUPP || rc == -ENODATA ? -EBADMSG : rc);
}

static int read_machine(const char *folder, struct cvmm_configuration **out, struct vsu_error *err)
{
	struct cvmm_options *o;
	int rc = cvmm_options_new(&o, err);

	if (rc < 0)
		return rc;
	rc = cvmm_options_add(o, "from", folder, err);
	if (!rc)
		rc = cvmm_options_add(o, "dry-run", NULL, err);
	if (!rc)
		rc = cvmm_configuration_new(o, NULL, out, err);
	cvmm_options_free(o);
	return rc;
}

/* The machine is described without opening what its options name. */
static int print_machine(struct shown *s, bool json, FILE *out, struct vsu_error *err)
{
	struct cvmm_configuration *c;
	const int rc = read_machine(s->folder, &c, err);

	if (rc < 0)
		return status_of(rc);
	s->machine = c;
	print_report(s, json, out);
	cvmm_configuration_free(c);
	return 0;
}

int vmm_show_command_run(const struct vmm_show_command *c, FILE *out, struct vsu_error *err)
{
	char path[PATH_MAX];
	struct shown s = { .folder = path, .verified = c->verify };
	struct cvmm_saved *saved = NULL;
	int rc = choose_folder(c, path, &s.template, err);

	if (!rc)
		rc = cvmm_saved_read(path, c->verify, &saved, err);
	s.saved = saved;
	rc = rc < 0 ? status_of(rc) : print_machine(&s, c->json, out, err);
	cvmm_saved_free(saved);
	return rc;
}
