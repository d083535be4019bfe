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
#include <vmm-sys-util/json.h>
#include <vmm-sys-util/option_place.h>

#include "api/configuration.h"
#include "cli/show_command.h"
#include "config/device.h"
#include "config/options.h"
#include "common/plain.h"
#include "machine/exit_status.h"
#include "transfer/saved_folder.h"

#define MIB_BITS 20

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
	struct vmm_saved_facts facts;
	const struct vmm_config *machine;
	bool verified;
};

/* Texts are those of the folder. */
static void print_text(FILE *out, const char *name, const char *text)
{
	fprintf(out, "%-10s ", name);
	vmm_print_plain(text, out);
	fputc('\n', out);
}

static const char *kind_of(const struct vmm_device_spec *spec, char text[32])
{
	if (spec->kind)
		return spec->kind->name;
	snprintf(text, 32, "id=%" PRIu32, spec->id);
	return text;
}

/* Its file, or the socket of its back-end; "" if it has none. */
static const char *file_of(const struct vmm_device_spec *spec)
{
	const char *file = spec->remote && !spec->spawned ? vsu_file_value_name(spec->socket) :
							    vmm_device_file(spec);

	return file ? file : "";
}

/* Its properties as typed, behind the kind of --device. */
static const char *options_of(const struct vmm_config *machine, unsigned int i)
{
	const char *list = machine->devices[i].list;

	if (!list || machine->devices[i].how != VMM_DEVICE_ANY)
		return list ? list : "";
	list += strcspn(list, ",");
	return list + (*list == ',');
}

static void print_devices(const struct shown *s, FILE *out)
{
	char text[VMM_DEVICE_TEXT_MAX + 64], name[32], kind[32];
	const struct vmm_device_spec *spec;
	const char *what;
	unsigned int i;

	for (i = 0; i < s->machine->ndevices; i++) {
		spec = &s->machine->specs[i];
		if (spec->absent)
			continue;
		snprintf(name, sizeof(name), "device %u", i);
		what = *file_of(spec) ? file_of(spec) : options_of(s->machine, i);
		snprintf(text, sizeof(text), "%s%s%s", kind_of(spec, kind), *what ? " " : "", what);
		print_text(out, name, text);
	}
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
	return s->verified ? "verified" : s->facts.sums ? "present; --verify compares them" : "none";
}

static void print_rows(const struct shown *s, FILE *out)
{
	const struct vmm_saved_facts *f = &s->facts;
	char date[32];

	print_text(out, "folder", s->folder);
	print_text(out, "kind", s->template ? "template" : "saved machine");
	if (s->machine->name)
		print_text(out, "name", s->machine->name);
	print_text(out, "date", date_of(f->saved_s, date));
	print_text(out, "version", f->version[0] ? f->version : "unknown");
	print_text(out, "kernel", s->machine->kernel);
	fprintf(out, "%-10s %" PRIu32 "\n", "cpus", f->cpus);
	if (s->machine->cpus.max > f->cpus)
		fprintf(out, "%-10s %u\n", "max-cpus", s->machine->cpus.max);
	print_text(out, "processor", f->processor[0] ? f->processor : "unknown");
	fprintf(out, "%-10s %" PRIu64 " s\n", "ran", f->age_ns / 1000000000);
	fprintf(out, "%-10s %" PRIu64 "M\n", "memory", f->memory >> MIB_BITS);
	fprintf(out, "%-10s %" PRIu64 "M\n", "disk", (f->bytes + (1u << MIB_BITS) - 1) >> MIB_BITS);
	if (f->base[0]) {
		print_text(out, "base", f->base);
		fprintf(out, "%-10s %" PRIu64 "M\n", "changed", (f->changed + (1u << MIB_BITS) - 1) >> MIB_BITS);
	}
	print_text(out, "checksums", sums_of(s));
	print_devices(s, out);
}

static void write_devices(const struct shown *s, struct vsu_json *to)
{
	const struct vmm_device_spec *spec;
	char kind[32];
	unsigned int i;

	vsu_json_open(to, "devices", '[');
	for (i = 0; i < s->machine->ndevices; i++) {
		spec = &s->machine->specs[i];
		if (spec->absent)
			continue;
		vsu_json_open(to, NULL, '{');
		vsu_json_u64(to, "device", i);
		vsu_json_text(to, "kind", kind_of(spec, kind));
		if (file_of(spec)[0])
			vsu_json_text(to, "file", file_of(spec));
		else if (*options_of(s->machine, i))
			vsu_json_text(to, "options", options_of(s->machine, i));
		vsu_json_close(to, '}');
	}
	vsu_json_close(to, ']');
}

static void print_json(const struct shown *s, FILE *out)
{
	const struct vmm_saved_facts *f = &s->facts;
	struct vsu_json to = { .to = out };

	vsu_json_open(&to, NULL, '{');
	vsu_json_text(&to, "folder", s->folder);
	vsu_json_bool(&to, "template", s->template);
	if (s->machine->name)
		vsu_json_text(&to, "name", s->machine->name);
	vsu_json_u64(&to, "saved_s", f->saved_s);
	vsu_json_text(&to, "version", f->version);
	vsu_json_text(&to, "kernel", s->machine->kernel);
	vsu_json_u64(&to, "cpus", f->cpus);
	vsu_json_u64(&to, "max_cpus", s->machine->cpus.max);
	vsu_json_text(&to, "processor", f->processor);
	vsu_json_u64(&to, "age_ns", f->age_ns);
	vsu_json_u64(&to, "memory", f->memory);
	vsu_json_u64(&to, "bytes", f->bytes);
	if (f->base[0]) {
		vsu_json_text(&to, "base", f->base);
		vsu_json_u64(&to, "changed", f->changed);
	}
	vsu_json_bool(&to, "checksums", f->sums);
	vsu_json_bool(&to, "verified", s->verified);
	write_devices(s, &to);
	vsu_json_close(&to, '}');
	fputc('\n', out);
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
	return vmm_exit_status(VMM_STAGE_CONFIGURATION, rc == -EOPNOTSUPP || rc == -ENODATA ? -EBADMSG : rc);
}

/* The command line of the saved machine, without opening what it names. */
static int print_machine(struct shown *s, bool json, FILE *out, struct vsu_error *err)
{
	static char run[] = "run", from[] = "--from", dry_run[] = "--dry-run";
	char *argv[] = { run, from, (char *)(uintptr_t)s->folder, dry_run, NULL };
	struct vmm_configuration c;
	struct vmm_options options = { .machine.kernel = NULL }, saved = { .machine.kernel = NULL };
	int rc = vmm_configuration_read(&c, 4, argv, NULL, NULL, err), status;

	status = rc < 0 ? status_of(rc) : vmm_configuration_parse(&c, &options, &saved, err);
	if (!status) {
		s->machine = &options.machine;
		(json ? print_json : print_rows)(s, out);
		vmm_options_free(&options);
	}
	vmm_configuration_free(&c);
	return status;
}

int vmm_show_command_run(const struct vmm_show_command *c, FILE *out, struct vsu_error *err)
{
	char path[PATH_MAX];
	struct shown s = { .folder = path, .verified = c->verify };
	int rc = choose_folder(c, path, &s.template, err);

	if (!rc)
		rc = vmm_saved_folder_read(path, c->verify, &s.facts, err);
	return rc < 0 ? status_of(rc) : print_machine(&s, c->json, out, err);
}
