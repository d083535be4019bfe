/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The table of commands, and those that only read. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/json.h>
#include <vmm-sys-util/option_place.h>

#include "oci/commands.h"
#include "oci/feature_list.h"

/* The only operand of most commands. */
struct id_options {
	const char *id;
};

static const struct vsu_option id_rows[] = {
	{ .name = "ID", .kind = VSU_OPTION_OPERAND },
	{ .name = NULL },
};

static int store_id(void *opaque, unsigned int index, const struct vsu_option_value *value, struct vsu_error *err)
{
	(void)index;
	(void)err;
	((struct id_options *)opaque)->id = value->text;
	return 0;
}

static int parse_id(int argc, char **argv, struct id_options *o, struct vsu_error *err)
{
	const int rc = vsu_option_parse_argv(id_rows, argc, argv, store_id, o, NULL, err);

	return rc < 0 || o->id ? rc : vsu_error_set(err, -EINVAL, "%s: the id of a container is missing", argv[0]);
}

/* ----------------------------------------------------------------------- state */

static int print_state(const char *root, const char *id, struct vsu_error *err)
{
	int folder = oci_state_open(root, id, err);
	struct oci_state s;
	int rc;

	if (folder < 0)
		return folder;
	rc = oci_state_read(root, folder, id, &s, err);
	if (!rc)
		oci_state_print(&s, stdout);
	oci_state_fini(&s);
	vsu_fd_close(&folder);
	return rc;
}

static int run_state(struct oci_context *c, int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct id_options o = { NULL };
	int rc = parse_id(argc, argv, &o, &err);

	rc = rc < 0 ? rc : print_state(c->root, o.id, &err);
	return rc < 0 ? oci_report_failure(&c->report, &err) : EXIT_SUCCESS;
}

/* ------------------------------------------------------------------------ list */

enum { LIST_FORMAT, LIST_QUIET };
static const char *const formats[] = { "table", "json", NULL };
static const struct vsu_option list_rows[] = {
	[LIST_FORMAT] = { .name = "format", .kind = VSU_OPTION_CHOICE, .choices = formats, .preset = "table",
			  .help = "form of the list" },
	[LIST_QUIET] = { .name = "quiet", .kind = VSU_OPTION_FLAG, .letter = 'q', .help = "print ids only" },
	{ .name = NULL },
};

struct list_options {
	int format;
	bool quiet;
};

static const struct vsu_place list_places[] = {
	[LIST_FORMAT] = VSU_PLACE(struct list_options, format),
	[LIST_QUIET] = VSU_PLACE(struct list_options, quiet),
};

static int store_list(void *opaque, unsigned int index, const struct vsu_option_value *value, struct vsu_error *err)
{
	(void)err;
	vsu_place_store(&list_places[index], opaque, value);
	return 0;
}

struct listing {
	struct list_options options;
	bool more;
};

static void list_row(void *opaque, const struct oci_state *s)
{
	const time_t created = (time_t)s->created;
	struct listing *l = opaque;
	char when[32];
	struct tm tm;

	if (l->options.quiet) {
		printf("%s\n", s->id);
		return;
	}
	if (l->options.format) {
		fputs(l->more ? "," : "[", stdout);
		l->more = true;
		oci_state_print(s, stdout);
		return;
	}
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&created, &tm));
	printf("%-24s %-8d %-10s %-24s %s\n", s->id, (int)s->pid, oci_status_name(s->status), when, s->bundle);
}

static int run_list(struct oci_context *c, int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct listing l = { .more = false };
	int rc = vsu_option_parse_argv(list_rows, argc, argv, store_list, &l.options, NULL, &err);
	const bool has_frame = !l.options.quiet;

	if (rc < 0)
		return oci_report_failure(&c->report, &err);
	if (has_frame && !l.options.format)
		printf("%-24s %-8s %-10s %-24s %s\n", "ID", "PID", "STATUS", "CREATED", "BUNDLE");
	rc = oci_state_each(c->root, list_row, &l, &err);
	if (has_frame && l.options.format)
		puts(l.more ? "]" : "[]");
	return rc < 0 ? oci_report_failure(&c->report, &err) : EXIT_SUCCESS;
}

/* -------------------------------------------------------------------- features */

static int run_features(struct oci_context *c, int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;

	if (argc > 1) {
		vsu_error_set(&err, -EINVAL, "features: '%s' is no word of this command", argv[1]);
		return oci_report_failure(&c->report, &err);
	}
	oci_features_print(stdout);
	return EXIT_SUCCESS;
}

const struct oci_command oci_commands[] = {
	{ "state", " ID", "print the state of a container as JSON", NULL, run_state },
	{ "create", " ID", "make the machine of a container, and prepare its process", oci_create_rows, oci_create },
	{ "start", " ID", "execute the process of a container", NULL, oci_start },
	{ "kill", " ID [SIGNAL]", "send a signal to the process of a container, SIGTERM by default", oci_kill_rows, oci_kill },
	{ "delete", " ID", "remove a container that has ended", oci_delete_rows, oci_delete },
	{ "exec", " ID", "execute a further process in a container", oci_exec_rows, oci_exec },
	{ "events", " ID", "print statistics of a container as lines of JSON", oci_events_rows, oci_events },
	{ "ps", " ID", "list the processes of a container by their numbers in the guest", oci_ps_rows, oci_ps },
	{ "pause", " ID", "stop the machine of a container", NULL, oci_pause },
	{ "resume", " ID", "continue the machine of a container", NULL, oci_resume },
	{ "update", " ID", "change limits of a container", oci_update_rows, oci_update },
	{ "list", "", "list the containers", list_rows, run_list },
	{ "features", "", "print what this runtime supports as JSON", NULL, run_features },
	{ .name = NULL },
};
