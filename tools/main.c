/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* vhost-user-tool: inspects vhost-user back-ends and transfers data. */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/ids.h>
#include <virtio-devices/vhost_user.h>
#include <vmm-sys-util/option.h>
#include <vmm-sys-util/option_place.h>
#include <vmm-sys-util/parse.h>

#include "copy.h"
#include "log.h"
#include "process.h"
#include "tool.h"

#define PROGRAM "vhost-user-tool"
#define MAX_DEPTH 256
#define MAX_QUEUE 255
#define MAX_TIMEOUT_MS 1000000000

/* Destination members for the rows of an option table. */
#define PLACE(member) VSU_PLACE(struct tool_args, member)

/* Rows of an option, by the kind of its value. */
#define FLAG(name_, help_) { .name = name_, .kind = VSU_OPTION_FLAG, .help = help_ }
#define TEXT(name_, arg_, help_, ...) \
	{ .name = name_, .kind = VSU_OPTION_STRING, .arg = arg_, .help = help_, __VA_ARGS__ }
#define NUMBER(name_, arg_, min_, max_, help_, preset_) \
	{ .name = name_, .kind = VSU_OPTION_U64, .arg = arg_, .min = min_, .max = max_, \
	  .help = help_, .preset = preset_ }
#define TIME(name_, min_, help_) \
	{ .name = name_, .kind = VSU_OPTION_TIME, .min = min_, .max = MAX_TIMEOUT_MS, .help = help_ }
#define CHOICE(name_, arg_, choices_, help_, ...) \
	{ .name = name_, .kind = VSU_OPTION_CHOICE, .arg = arg_, .choices = choices_, .help = help_, \
	  __VA_ARGS__ }
#define OPERAND(name_) { .name = name_, .kind = VSU_OPTION_OPERAND }

#define NAME(id, name) name,
static const char *const devices[] = { VIRTDEV_FOR_EACH_NAME(NAME) "none", NULL };
static const char *const measured_devices[] = { "blk", "fs", "net", NULL };

/* Rows shared by several tables. */
#define ROW_SOCKET OPERAND("SOCKET")
#define ROW_FILE OPERAND("FILE")
#define ROW_DEVICE \
	CHOICE("device", "NAME", devices, "kind of device: blk, net, ...; none: generic names only",)
#define TRANSFER_ROWS \
	TIME("timeout", 0, "fail when no request completes for this long (default 30; 0: never)"), \
	FLAG("progress", "show progress even if standard error is not a terminal")

static const struct vsu_option main_options[] = {
	VSU_OPTION_ROW_HELP, VSU_OPTION_ROW_VERSION, { .name = NULL }
};
static const struct vsu_place main_places[] = { PLACE(help), PLACE(version) };

static const struct vsu_option info_options[] = {
	FLAG("json", "print one JSON object"),
	ROW_DEVICE, VSU_OPTION_ROW_HELP, ROW_SOCKET, { .name = NULL }
};
static const struct vsu_place info_places[] = {
	PLACE(json), PLACE(device), PLACE(help), PLACE(socket)
};

static const struct vsu_option copy_options[] = {
	{ .name = "offset", .kind = VSU_OPTION_SIZE, .arg = "SIZE",
	  .help = "offset on the disk",
	  .preset = "0" },
	{ .name = "length", .kind = VSU_OPTION_SIZE, .arg = "SIZE",
	  .max = INT64_MAX,
	  .help = "number of bytes to copy",
	  .preset = "all" },
	NUMBER("queue-depth", "N", 1, MAX_DEPTH, "maximum number of requests in flight", "16"),
	NUMBER("queue", "INDEX", 0, MAX_QUEUE, "the virtqueue to use", "0"),
	TRANSFER_ROWS,
	VSU_OPTION_ROW_HELP, ROW_SOCKET, ROW_FILE, { .name = NULL }
};
static const struct vsu_place copy_places[] = {
	PLACE(offset), PLACE(length), PLACE(depth), PLACE(queue),
	PLACE(timeout_ms), PLACE(progress), PLACE(help), PLACE(socket),
	PLACE(file)
};

static const struct vsu_option bench_options[] = {
	CHOICE("device", "NAME", measured_devices, "kind of device: blk, fs or net", .preset = "blk"),
	TEXT("request", "NAME,...", "blk: io; fs: getattr, lookup, read, readdir (default all); net: send (default), echo",),
	TEXT("file", "NAME", "fs: file in the shared folder, for lookup and read",),
	TEXT("depth", "N,...", "requests in flight on each queue, 1 to 256", .preset = "1,32"),
	TEXT("size", "SIZE,...", "bytes of a request, 512 to 256k (default 4k); of a frame, 60 to 9k (default 64)",),
	TEXT("queues", "N,...", "number of queues, 1 to 16", .preset = "1"),
	TIME("time", 1, "duration of each measurement (default 2)"),
	NUMBER("write", "PERCENT", 0, 100, "blk: that many requests overwrite random blocks: the data is lost", "0"),
	TEXT("against", "SOCKET", "also measure this back-end, in turns",),
	TEXT("command", "CMD", "start the back-end of SOCKET by this shell command",),
	TEXT("svg", "FILE", "also write a plot to a file",),
	FLAG("json", "print one JSON object"),
	TRANSFER_ROWS,
	VSU_OPTION_ROW_HELP, ROW_SOCKET, { .name = NULL }
};
static const struct vsu_place bench_places[] = {
	PLACE(device), PLACE(requests), PLACE(shared_file), PLACE(depths), PLACE(sizes), PLACE(queue_counts), PLACE(time_ms), PLACE(write_percent),
	PLACE(against), PLACE(command), PLACE(svg), PLACE(json), PLACE(timeout_ms), PLACE(progress), PLACE(help), PLACE(socket)
};

static const struct vsu_option trace_options[] = {
	FLAG("json", "print one JSON object per line"),
	TEXT("pcapng", "FILE", "also write the messages to a file for Wireshark",),
	ROW_DEVICE,
	FLAG("front-end-listens", "the front-end listens on CONNECT, the back-end connects to LISTEN"),
	VSU_OPTION_ROW_HELP,
	OPERAND("LISTEN"),
	OPERAND("CONNECT"), { .name = NULL }
};
static const struct vsu_place trace_places[] = {
	PLACE(json), PLACE(pcapng), PLACE(device), PLACE(front_end_listens),
	PLACE(help), PLACE(socket), PLACE(file)
};

/* Options of cases for back-ends and of those for front-ends. */
#define CHECK_ROWS \
	FLAG("list", "print the cases and end"), \
	TEXT("junit", "FILE", "also write the results to a file in the format of JUnit",), \
	TEXT("only", "PATTERN", "only cases with such names, for example 'features.*'",), \
	TIME("reply-timeout", 1, "wait this long for each reply (default 2)")

static const struct vsu_option check_options[] = {
	TEXT("command", "CMD", "start the back-end by this shell command, again whenever it ends",),
	CHOICE("device", "NAME", devices, "also try requests of this device, which change its data",),
	CHECK_ROWS,
	VSU_OPTION_ROW_HELP, ROW_SOCKET, { .name = NULL }
};
static const struct vsu_place check_places[] = {
	PLACE(command), PLACE(device), PLACE(list), PLACE(junit), PLACE(only),
	PLACE(reply_timeout_ms), PLACE(help), PLACE(socket)
};

static const struct vsu_option frontend_options[] = {
	CHECK_ROWS,
	VSU_OPTION_ROW_HELP,
	OPERAND("LISTEN"), { .name = NULL }
};
static const struct vsu_place frontend_places[] = {
	PLACE(list), PLACE(junit), PLACE(only), PLACE(reply_timeout_ms), PLACE(help), PLACE(socket)
};

struct command {
	const char *name;
	const char *operands;	/* for the usage line */
	const char *second;	/* what the second operand is; NULL: there is none */
	const char *what;	/* one line of help */
	const struct vsu_option *options;
	const struct vsu_place *places;	/* for the rows */
	enum vsu_exit (*run)(const struct tool_args *args,
			     struct vsu_error *err);
};

static struct copy_args copy_args_of(const struct tool_args *args)
{
	return (struct copy_args){
		.socket = args->socket, .file = args->file, .offset = args->offset,
		.length = args->length, .depth = args->depth, .queue = args->queue,
		.timeout_ms = args->timeout_ms, .progress = args->progress,
	};
}

static enum vsu_exit blk_read(const struct tool_args *args, struct vsu_error *err)
{
	const struct copy_args copy = copy_args_of(args);

	return copy_from_disk(&copy, err);
}

static enum vsu_exit blk_write(const struct tool_args *args, struct vsu_error *err)
{
	const struct copy_args copy = copy_args_of(args);

	return copy_to_disk(&copy, err);
}

static const struct command commands[] = {
	{ "info", "SOCKET", NULL, "prints features and configuration of a back-end",
	  info_options, info_places, tool_info },
	{ "blk-read", "SOCKET FILE", "file",
	  "copies from a disk to a file, or to standard output (-)",
	  copy_options, copy_places, blk_read },
	{ "blk-write", "SOCKET FILE", "file",
	  "copies a file, or standard input (-), to a disk",
	  copy_options, copy_places, blk_write },
	{ "bench", "SOCKET", NULL, "measures the requests of a device, and prints a table",
	  bench_options, bench_places, tool_bench },
	{ "check", "SOCKET", NULL,
	  "checks a back-end against the specification, and prints TAP",
	  check_options, check_places, tool_check },
	{ "check-frontend", "LISTEN -- CMD...", "command behind --",
	  "checks a front-end that CMD starts, and prints TAP",
	  frontend_options, frontend_places, tool_check_frontend },
	{ "trace", "LISTEN CONNECT", "socket to connect to",
	  "shows the messages between a front-end and a back-end",
	  trace_options, trace_places, tool_trace },
};

#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

/* ------------------------------------------------------------------ options */

struct parse {
	struct tool_args args;
	const struct vsu_place *places;
};

FILE *tool_create(const char *path, struct vsu_error *err)
{
	FILE *file = fopen(path, "we");

	if (!file)
		vsu_error_sys(err, -errno, "cannot create '%s'", path);
	return file;
}

enum vsu_exit tool_close(FILE *file, const char *path, enum vsu_exit status, struct vsu_error *err)
{
	int rc = ferror(file) ? -EIO : 0;

	if (fclose(file) && rc == 0)
		rc = -errno;
	if (rc < 0)
		vsu_error_sys(err, rc, "cannot write '%s'", path);
	return rc < 0 ? VSU_EXIT_INPUT : status;
}

uint32_t tool_device_id(const char *device)
{
	return device ? virtdev_vhost_user_id_of(device, strlen(device)) : 0;
}

static int take_option(void *opaque, unsigned int index,
		       const struct vsu_option_value *value,
		       struct vsu_error *err)
{
	struct parse *p = opaque;

	(void)err;
	if (!vmm_log_take(&p->places[index], value))
		(void)vsu_place_store(&p->places[index], &p->args, value);
	return 0;
}

/* --------------------------------------------------------------------- help */

static void show_options(const struct vsu_option *table)
{
	char text[4096];

	vsu_option_help(table, text, sizeof(text));
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
	show_options(main_options);
	printf("\n" PROGRAM " COMMAND --help shows a command's options.\n");
}

static void show_command_help(const struct command *c)
{
	printf("usage: " PROGRAM " %s %s [OPTION...]\n\n%s: %s\n", c->name,
	       c->operands, c->name, c->what);
	show_options(c->options);
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
	if ((args->socket && (args->file || args->argv || !c->second)) || args->list)
		return VSU_EXIT_OK;
	vsu_error_set(err, -EINVAL, "%s: %s is missing; write " PROGRAM
		      " %s %s", c->name, args->socket ? c->second : "socket",
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
		.args = { .depth = 16, .timeout_ms = 30000, .reply_timeout_ms = 2000,
			  .length = COPY_ALL, .time_ms = 2000, .depths = "1,32",
			  .queue_counts = "1" },
		.places = c->places,
	};
	enum vsu_exit status;
	int rc;

	if (c->run == tool_check_frontend)
		argc = split(argc, argv, &p.args);
	rc = vsu_option_parse_argv(c->options, argc, argv, take_option, &p,
				   NULL, err);
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
	struct parse p = { .places = main_places };
	const struct command *c;
	int first, rc;

	rc = vsu_option_parse_argv(main_options, argc, argv, take_option, &p,
				   &first, err);
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
