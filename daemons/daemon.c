/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Command line, help and errors of the vhost-user daemons. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "daemon.h"
#include "process.h"

/* Mappings that a front-end may cause: all of its memory slots and to spare. */
#define MAX_MAPPINGS 1024u

struct command_line {
	const struct daemon *daemon;
	void *opaque;
	struct serve serve;
	bool have_fd, capabilities, help, version;
};

static int take_option(void *opaque, unsigned int index,
		       const struct vsu_option_value *value,
		       struct vsu_error *err)
{
	struct command_line *cl = opaque;

	switch (index) {
	case DAEMON_SOCKET_PATH:
		cl->serve.socket_path = value->text;
		return 0;
	case DAEMON_FD:
		cl->serve.fd = (int)value->number;
		cl->have_fd = true;
		return 0;
	case DAEMON_PRINT_CAPABILITIES:
		cl->capabilities = value->number;
		return 0;
	case DAEMON_ALLOW_FUSE:
		cl->serve.served_files = value->number;
		return 0;
	case DAEMON_LOG_LEVEL:
		prog_log_set_level((enum prog_log_level)value->number);
		return 0;
	case DAEMON_VERBOSE:
		prog_log_set_level(PROG_LOG_INFO);
		return 0;
	case DAEMON_HELP:
		cl->help = value->number;
		return 0;
	case DAEMON_VERSION:
		cl->version = value->number;
		return 0;
	}
	return cl->daemon->option(cl->opaque, index, value, err);
}

static int parse(struct command_line *cl, int argc, char **argv,
		 struct vsu_error *err)
{
	int rc = vsu_option_parse_argv(cl->daemon->options, argc, argv,
				       take_option, cl, NULL, err);

	if (rc < 0)
		return rc == -ENOENT ? VSU_EXIT_USAGE : VSU_EXIT_DATA;
	return VSU_EXIT_OK;
}

/* A run needs a socket: one that is given by number, or a path to listen on. */
static int check_socket(const struct command_line *cl, struct vsu_error *err)
{
	bool have_path = cl->serve.socket_path != NULL;

	if (have_path && cl->have_fd) {
		vsu_error_set(err, -EINVAL,
			      "--socket-path and --fd are both given; give one");
		return VSU_EXIT_DATA;
	}
	if (!have_path && !cl->have_fd) {
		vsu_error_set(err, -EINVAL,
			      "neither --socket-path=PATH nor --fd=N is given; give one");
		return VSU_EXIT_USAGE;
	}
	return VSU_EXIT_OK;
}

static int print_help(const struct daemon *daemon)
{
	char text[4096];

	vsu_option_help(daemon->options, text, sizeof(text));
	printf("Usage: %s OPTION...\n%s\n\n%s", daemon->name, daemon->summary,
	       text);
	return VSU_EXIT_OK;
}

static int run(const struct command_line *cl, struct vsu_error *err)
{
	struct vmem_sigbus *sigbus;
	struct virtdev *dev = NULL;
	int status = check_socket(cl, err);

	if (status != VSU_EXIT_OK)
		return status;
	if (prog_handle_signals(MAX_MAPPINGS, &sigbus, err) < 0)
		return VSU_EXIT_HOST;
	status = cl->daemon->make(cl->opaque, sigbus, &dev, err);
	if (status == VSU_EXIT_OK)
		status = serve_device(&cl->serve, dev, sigbus, err);
	/* the table lives as long as its handler: until the program ends */
	virtdev_free(dev);
	return status;
}

int daemon_main(const struct daemon *daemon, void *opaque, int argc,
		char **argv)
{
	struct command_line cl = {
		.daemon = daemon,
		.opaque = opaque,
		.serve = { .fd = -1 },
	};
	struct vsu_error err = VSU_ERROR_INIT;
	int status;

	prog_begin(daemon->name);
	status = parse(&cl, argc, argv, &err);
	if (status == VSU_EXIT_OK && cl.help)
		return print_help(daemon);
	if (status == VSU_EXIT_OK && cl.version)
		return printf("%s %s\n", daemon->name, PACKAGE_VERSION) < 0;
	if (status == VSU_EXIT_OK && cl.capabilities)
		return puts(daemon->capabilities) < 0;
	if (status == VSU_EXIT_OK)
		status = run(&cl, &err);
	if (status != VSU_EXIT_OK)
		prog_complain(&err);
	return status;
}
