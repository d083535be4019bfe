/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* vhost-user-tool: inspects vhost-user back-ends and transfers data. */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/ids.h>
#include <vmm-sys-util/option.h>
#include <vmm-sys-util/option_place.h>
#include <vmm-sys-util/parse.h>

#include "log.h"
#include "process.h"
#include "tool.h"

#define PROGRAM "vhost-user-tool"
#define MAX_DEPTH 256
#define MAX_QUEUE 255
#define MAX_TIMEOUT_MS 1000000000

/* An option, and the member of the arguments that has its value. */
struct row {
	struct vsu_option option;
	struct vsu_place place;
};

#define MAX_ROWS 20

/* Rows by the kind of the value. */
#define ROW(member, ...) { { __VA_ARGS__ }, VSU_PLACE(struct tool_args, member) }
#define FLAG(name_, member, help_) \
	ROW(member, .name = name_, .kind = VSU_OPTION_FLAG, .help = help_)
#define TEXT(name_, member, arg_, help_, ...) \
	ROW(member, .name = name_, .kind = VSU_OPTION_STRING, .arg = arg_, .help = help_, __VA_ARGS__)
#define NUMBER(name_, member, arg_, min_, max_, help_, preset_) \
	ROW(member, .name = name_, .kind = VSU_OPTION_U64, .arg = arg_, .min = min_, .max = max_, \
	    .help = help_, .preset = preset_)
#define TIME(name_, member, min_, help_) \
	ROW(member, .name = name_, .kind = VSU_OPTION_TIME, .min = min_, .max = MAX_TIMEOUT_MS, \
	    .help = help_)
#define CHOICE(name_, member, arg_, choices_, help_, ...) \
	ROW(member, .name = name_, .kind = VSU_OPTION_CHOICE, .arg = arg_, .choices = choices_, \
	    .help = help_, __VA_ARGS__)
#define OPERAND(name_, member) ROW(member, .name = name_, .kind = VSU_OPTION_OPERAND)

#define NAME(id, name) name,
static const char *const devices[] = { VIRTDEV_FOR_EACH_NAME(NAME) "none", NULL };
static const char *const measured_devices[] = { "blk", "fs", "net", NULL };

/* Rows shared by several tables. */
#define ROW_HELP { VSU_OPTION_ROW_HELP, VSU_PLACE(struct tool_args, help) }
#define ROW_SOCKET OPERAND("SOCKET", copy.socket)
#define ROW_LISTEN OPERAND("LISTEN", copy.socket)
#define ROW_DEVICE \
	CHOICE("device", device, "NAME", devices, "kind of device: blk, net, ...; none: generic names only",)
#define TRANSFER_ROWS \
	TIME("timeout", copy.timeout_ms, 0, "fail when no request completes for this long (default 30; 0: never)"), \
	FLAG("progress", copy.progress, "show progress even if standard error is not a terminal")
#define ROW_END { { .name = NULL }, { VSU_PLACE_NONE, 0 } }

static const struct row main_rows[] = {
	ROW_HELP, { VSU_OPTION_ROW_VERSION, VSU_PLACE(struct tool_args, version) }, ROW_END
};

static const struct row info_rows[] = {
	FLAG("json", json, "print one JSON object"),
	ROW_DEVICE, ROW_HELP, ROW_SOCKET, ROW_END
};

static const struct row copy_rows[] = {
	ROW(copy.offset, .name = "offset", .kind = VSU_OPTION_SIZE, .arg = "SIZE",
	    .help = "offset on the disk", .preset = "0"),
	ROW(copy.length, .name = "length", .kind = VSU_OPTION_SIZE, .arg = "SIZE", .max = INT64_MAX,
	    .help = "number of bytes to copy", .preset = "all"),
	NUMBER("queue-depth", copy.depth, "N", 1, MAX_DEPTH, "maximum number of requests in flight", "16"),
	NUMBER("queue", copy.queue, "INDEX", 0, MAX_QUEUE, "the virtqueue to use", "0"),
	TRANSFER_ROWS,
	ROW_HELP, ROW_SOCKET, OPERAND("FILE", copy.file), ROW_END
};

static const struct row bench_rows[] = {
	CHOICE("device", device, "NAME", measured_devices, "kind of device: blk, fs or net", .preset = "blk"),
	TEXT("request", requests, "NAME,...", "blk: io; fs: getattr, lookup, read, readdir (default all); net: send (default), echo",),
	TEXT("file", shared_file, "NAME", "fs: file in the shared folder, for lookup and read",),
	TEXT("depth", depths, "N,...", "requests in flight on each queue, 1 to 256", .preset = "1,32"),
	TEXT("size", sizes, "SIZE,...", "bytes of a request, 512 to 256k (default 4k); of a frame, 60 to 9k (default 64)",),
	TEXT("queues", queue_counts, "N,...", "number of queues, 1 to 16", .preset = "1"),
	TIME("time", time_ms, 1, "duration of each measurement (default 2)"),
	NUMBER("write", write_percent, "PERCENT", 0, 100, "blk: that many requests overwrite random blocks: the data is lost", "0"),
	TEXT("against", against, "SOCKET", "also measure this back-end, in turns",),
	TEXT("command", command, "CMD", "start the back-end of SOCKET by this shell command",),
	TEXT("svg", svg, "FILE", "also write a plot to a file",),
	FLAG("json", json, "print one JSON object"),
	TRANSFER_ROWS,
	ROW_HELP, ROW_SOCKET, ROW_END
};

static const struct row trace_rows[] = {
	FLAG("json", json, "print one JSON object per line"),
	TEXT("pcapng", pcapng, "FILE", "also write the messages to a file for Wireshark",),
	ROW_DEVICE,
	FLAG("front-end-listens", front_end_listens, "the front-end listens on CONNECT, the back-end connects to LISTEN"),
	ROW_HELP, ROW_LISTEN, OPERAND("CONNECT", copy.file), ROW_END
};

/* Options of cases for back-ends and of those for front-ends. */
#define CHECK_ROWS \
	FLAG("list", list, "print the cases and end"), \
	TEXT("junit", junit, "FILE", "also write the results to a file in the format of JUnit",), \
	TEXT("only", only, "PATTERN", "only cases with such names, for example 'features.*'",), \
	TIME("reply-timeout", reply_timeout_ms, 1, "wait this long for each reply (default 2)")

static const struct row check_rows[] = {
	TEXT("command", command, "CMD", "start the back-end by this shell command, again whenever it ends",),
	CHOICE("device", device, "NAME", devices, "also try requests of this device, which change its data",),
	CHECK_ROWS, ROW_HELP, ROW_SOCKET, ROW_END
};

static const struct row frontend_rows[] = { CHECK_ROWS, ROW_HELP, ROW_LISTEN, ROW_END };

struct command {
	const char *name;
	const char *operands;	/* for the usage line */
	const char *second;	/* what the second operand is; NULL: there is none */
	const char *what;	/* one line of help */
	const struct row *rows;
	enum vsu_exit (*run)(const struct tool_args *args,
			     struct vsu_error *err);
};

static enum vsu_exit blk_read(const struct tool_args *args, struct vsu_error *err)
{
	return copy_from_disk(&args->copy, err);
}

static enum vsu_exit blk_write(const struct tool_args *args, struct vsu_error *err)
{
	return copy_to_disk(&args->copy, err);
}

static const struct command commands[] = {
	{ "info", "SOCKET", NULL, "prints features and configuration of a back-end",
	  info_rows, tool_info },
	{ "blk-read", "SOCKET FILE", "file",
	  "copies from a disk to a file, or to standard output (-)",
	  copy_rows, blk_read },
	{ "blk-write", "SOCKET FILE", "file",
	  "copies a file, or standard input (-), to a disk",
	  copy_rows, blk_write },
	{ "bench", "SOCKET", NULL, "measures the requests of a device, and prints a table",
	  bench_rows, tool_bench },
	{ "check", "SOCKET", NULL,
	  "checks a back-end against the specification, and prints TAP",
	  check_rows, tool_check },
	{ "check-frontend", "LISTEN -- CMD...", "command behind --",
	  "checks a front-end that CMD starts, and prints TAP",
	  frontend_rows, tool_check_frontend },
	{ "trace", "LISTEN CONNECT", "socket to connect to",
	  "shows the messages between a front-end and a back-end",
	  trace_rows, tool_trace },
};

#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

/* ------------------------------------------------------------------ options */

struct parse {
	struct tool_args args;
	const struct row *rows;
};

static void get_options(const struct row *rows, struct vsu_option options[MAX_ROWS])
{
	do
		*options++ = rows->option;
	while ((rows++)->option.name);
}

static int take_option(void *opaque, unsigned int index,
		       const struct vsu_option_value *value,
		       struct vsu_error *err)
{
	struct parse *p = opaque;

	(void)err;
	if (!vmm_log_take(&p->rows[index].place, value))
		(void)vsu_place_store(&p->rows[index].place, &p->args, value);
	return 0;
}

/* --------------------------------------------------------------------- help */

static void show_options(const struct row *rows)
{
	struct vsu_option options[MAX_ROWS];
	char text[4096];

	get_options(rows, options);
	vsu_option_help(options, text, sizeof(text));
	printf("\noptions:\n%s", text);
}

static void show_help(void)
{
	const struct command *c;

	printf("usage: " PROGRAM " COMMAND SOCKET [FILE] [OPTION...]\n\n"
	       "Talks to the vhost-user back-end that listens on SOCKET, or traces it.\n\n"
	       "commands:\n");
	for (c = commands; c < commands + NCOMMANDS; c++)
		printf("  %-14s %-16s  %s\n", c->name, c->operands, c->what);
	show_options(main_rows);
	printf("\n" PROGRAM " COMMAND --help shows a command's options.\n");
}

static void show_command_help(const struct command *c)
{
	printf("usage: " PROGRAM " %s %s [OPTION...]\n\n%s: %s\n", c->name,
	       c->operands, c->name, c->what);
	show_options(c->rows);
}

/* ----------------------------------------------------------------- commands */

static const struct command *find_command(const char *name,
					  struct vsu_error *err)
{
	const char *names[NCOMMANDS + 1] = { NULL };
	const char *nearest;
	size_t i;

	for (i = 0; i < NCOMMANDS; i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
		names[i] = commands[i].name;
	}
	nearest = vsu_nearest(name, names);
	if (nearest)
		vsu_error_set(err, -ENOENT, "unknown command '%s'; did you mean '%s'?",
			      name, nearest);
	else
		vsu_error_set(err, -ENOENT, "unknown command '%s'; the commands are info, blk-read, blk-write, bench, check, check-frontend and trace",
			      name);
	return NULL;
}

static enum vsu_exit status_of(int rc)
{
	return rc == -ENOENT ? VSU_EXIT_USAGE : VSU_EXIT_DATA;
}

static enum vsu_exit check_operands(const struct command *c,
				    const struct tool_args *args,
				    struct vsu_error *err)
{
	if ((args->copy.socket && (args->copy.file || args->argv || !c->second)) || args->list)
		return VSU_EXIT_OK;
	vsu_error_set(err, -EINVAL, "%s: %s is missing; write " PROGRAM
		      " %s %s", c->name, args->copy.socket ? c->second : "socket",
		      c->name, c->operands);
	return VSU_EXIT_USAGE;
}

/* Cuts argv at "--"; the rest is stored in args. Returns the number of words before. */
static int split(int argc, char *const *argv, struct tool_args *args)
{
	int i;

	for (i = 1; i < argc; i++)
		if (!strcmp(argv[i], "--")) {
			args->argv = argv[i + 1] ? &argv[i + 1] : NULL;
			return i;
		}
	return argc;
}

static enum vsu_exit run_command(const struct command *c, int argc,
				 char *const *argv, struct vsu_error *err)
{
	struct parse p = {
		.args = { .copy = { .depth = 16, .length = COPY_ALL, .timeout_ms = 30000 },
			  .reply_timeout_ms = 2000, .time_ms = 2000, .depths = "1,32",
			  .queue_counts = "1" },
		.rows = c->rows,
	};
	struct vsu_option options[MAX_ROWS];
	enum vsu_exit status;
	int rc;

	if (c->run == tool_check_frontend)
		argc = split(argc, argv, &p.args);
	get_options(c->rows, options);
	rc = vsu_option_parse_argv(options, argc, argv, take_option, &p, NULL, err);
	if (rc < 0)
		return status_of(rc);
	if (p.args.help) {
		show_command_help(c);
		return VSU_EXIT_OK;
	}
	status = check_operands(c, &p.args, err);
	return status == VSU_EXIT_OK ? c->run(&p.args, err) : status;
}

static enum vsu_exit run(int argc, char *const *argv, struct vsu_error *err)
{
	struct parse p = { .rows = main_rows };
	struct vsu_option options[MAX_ROWS];
	const struct command *c;
	int first, rc;

	get_options(main_rows, options);
	rc = vsu_option_parse_argv(options, argc, argv, take_option, &p, &first, err);
	if (rc < 0)
		return status_of(rc);
	if (p.args.help) {
		show_help();
		return VSU_EXIT_OK;
	}
	if (p.args.version) {
		puts(PROGRAM " " PACKAGE_VERSION);
		return VSU_EXIT_OK;
	}
	if (first >= argc) {
		vsu_error_set(err, -ENOENT, "no command; the commands are info, blk-read, blk-write, bench, check, check-frontend and trace");
		return VSU_EXIT_USAGE;
	}
	c = find_command(argv[first], err);
	return c ? run_command(c, argc - first, argv + first, err) :
		   VSU_EXIT_USAGE;
}

int main(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	enum vsu_exit status;

	prog_begin(PROGRAM);
	/* a closed pipe and the file size limit become write errors with a message
	 * instead of signals */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	status = run(argc, argv, &err);
	if (status != VSU_EXIT_OK)
		prog_complain(&err);
	return prog_end((int)status);
}
