/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The kind "console": a terminal and ports of a guest. */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <device-kinds/kind.h>
#include <device-kinds/port_log.h>
#include <virtio-devices/console.h>
#include <vmm-sys-util/parse.h>

#include "warn.h"

#define MAX_STREAMS 8
#define SOCKET "socket:"

struct console {
	uint64_t stdio, pty;
	const char *socket, *fd, *name;
	uint64_t rows_first;
	const char *streams[MAX_STREAMS];
	const char *log;
	uint64_t log_size;
};
static_assert(sizeof(struct console) <= DEVKIND_MAX_CONFIG,
	      "a kind's config");
static_assert(1 + MAX_STREAMS <= DEVKIND_MAX_SOCKETS, "a console's sockets");

static const struct devkind_key keys[] = {
	{ .option = { .name = "stdio", .kind = VSU_OPTION_FLAG,
		      .help = "on standard input and output" },
	  .refers = DEVKIND_REFERS_STDIO,
	  .offset = offsetof(struct console, stdio) },
	{ .option = { .name = "pty", .kind = VSU_OPTION_FLAG,
		      .help = "on a new pseudoterminal, whose path is logged" },
	  .refers = DEVKIND_REFERS_TERMINAL,
	  .offset = offsetof(struct console, pty) },
	{ .option = { .name = "socket", .kind = VSU_OPTION_STRING,
		      .arg = "PATH",
		      .help = "on a UNIX socket, for one client at a time" },
	  .daemon_name = "console-socket",
	  .refers = DEVKIND_REFERS_SOCKET,
	  .offset = offsetof(struct console, socket) },
	{ .option = { .name = "fd", .kind = VSU_OPTION_STRING, .arg = "N",
		      .help = "on an inherited descriptor" },
	  .daemon_name = "console-fd",
	  .refers = DEVKIND_REFERS_DESCRIPTOR,
	  .offset = offsetof(struct console, fd) },
	{ .option = { .name = "name", .kind = VSU_OPTION_STRING, .arg = "NAME",
		      .help = "name of the port in the guest" },
	  .refers = DEVKIND_REFERS_TEXT,
	  .offset = offsetof(struct console, name),
	  .max_len = VIRTDEV_CONSOLE_MAX_NAME },
	{ .option = { .name = "rows-first", .kind = VSU_OPTION_FLAG,
		      .help = "send port sizes with rows first, for older Linux" },
	  .offset = offsetof(struct console, rows_first) },
	{ .option = { .name = "port", .kind = VSU_OPTION_STRING,
		      .arg = "NAME:pty|fd:N|socket:PATH", .repeat = true,
		      .help = "additional port" },
	  .refers = DEVKIND_REFERS_PORT,
	  .offset = offsetof(struct console, streams),
	  .max_times = MAX_STREAMS },
	{ .option = { .name = "log", .kind = VSU_OPTION_STRING, .arg = "FILE",
		      .help = "append what the guest prints on the console to FILE" },
	  .daemon_name = "console-log",
	  .refers = DEVKIND_REFERS_LOG,
	  .offset = offsetof(struct console, log) },
	{ .option = { .name = "log-size", .kind = VSU_OPTION_SIZE, .arg = "BYTES",
		      .min = DEVKIND_PORT_LOG_MIN, .max = DEVKIND_PORT_LOG_MAX,
		      .preset = DEVKIND_PORT_LOG_PRESET,
		      .help = "size at which the log moves to FILE.1" },
	  .daemon_name = "console-log-size",
	  .offset = offsetof(struct console, log_size) },
	{ .option = { .name = NULL } },
};

/* ------------------------------------------------------- ends on the host */

static int open_pty(const struct devkind_host *to, const char *who,
		    struct virtdev_port **out, struct vsu_error *err)
{
	char where[64];
	int rc = virtdev_port_pty_new(out, where, sizeof(where), err);

	if (!rc)
		devkind_priv_warn(to, NULL, "%s is on %s", who, where);
	return rc;
}

/* Useful only for a port that the guest never writes to, so warn. */
static bool is_for_reading_alone(int fd)
{
	const int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_ACCMODE) == O_RDONLY;
}

static int open_fd(const struct devkind_host *to, const char *who, const char *text,
		   struct virtdev_port **out, struct vsu_error *err)
{
	uint64_t fd;
	int rc = vsu_parse_u64(text, &fd);

	if (rc < 0 || fd > INT_MAX)
		return vsu_error_set(err, -EINVAL,
				     "%s: '%s' is not the number of a descriptor",
				     who, text);
	rc = virtdev_port_fds_new((int)fd, (int)fd, out, err);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "%s", who);
	if (is_for_reading_alone((int)fd))
		devkind_priv_warn(to, NULL,
				"%s: descriptor %d is read-only, so output of the guest is discarded; open it for both, such as '%d<>FILE'",
				who, (int)fd, (int)fd);
	return 0;
}

static int open_stdio(const struct devkind_common *common,
		      struct virtdev_port **out, struct vsu_error *err)
{
	return common->open_stdio ?
	       common->open_stdio(common->stdio, out, err) :
	       virtdev_port_fds_new(STDIN_FILENO, STDOUT_FILENO, out, err);
}

/* "pty", "fd:N" or "socket:PATH". */
static int open_stream(const struct devkind_host *to, const char *who, const char *how,
		       struct virtdev_port **out, struct vsu_error *err)
{
	if (!strcmp(how, "pty"))
		return open_pty(to, who, out, err);
	if (!strncmp(how, "fd:", 3))
		return open_fd(to, who, how + 3, out, err);
	if (!strncmp(how, SOCKET, strlen(SOCKET)))
		return virtdev_port_socket_new(how + strlen(SOCKET), out, err);
	return vsu_error_set(err, -EINVAL,
			     "%s: '%s' is not pty, fd:N or socket:PATH",
			     who, how);
}

static int open_first(const struct console *c,
		      const struct devkind_common *common,
		      struct virtdev_port **out, struct vsu_error *err)
{
	const int ways = !!c->stdio + !!c->pty + !!c->socket + !!c->fd;

	if (ways != 1)
		return vsu_error_set(err, -EINVAL,
				     "a console requires one of stdio, pty, socket or fd; %s",
				     ways ? "more than one is specified"
					  : "none is specified");
	if (c->stdio)
		return open_stdio(common, out, err);
	if (c->pty)
		return open_pty(common->host, "console", out, err);
	return c->fd ? open_fd(common->host, "console", c->fd, out, err)
		     : virtdev_port_socket_new(c->socket, out, err);
}

/* ------------------------------------------------------------------- its log */

static void on_log_failure(void *opaque, const char *text)
{
	devkind_priv_warn(opaque, "console log", "%s", text);
}

static uint64_t log_add(void *log, const struct iovec *iov, int n)
{
	return devkind_port_log_add(log, iov, n);
}

static void log_close(void *log)
{
	devkind_port_log_close(log);
}

/* NULL: none. The source of a migration has the file locked until it ends. */
static int log_open(const struct console *c, const struct devkind_common *common,
		    struct devkind_port_log **out, struct vsu_error *err)
{
	const struct devkind_port_log_config config = {
		.path = c->log, .size = c->log_size,
		.shared = common->unlocked, .trial = common->trial,
		.warn = on_log_failure,
		.opaque = (void *)(uintptr_t)common->host,
	};

	*out = NULL;
	if (c->log)
		return devkind_port_log_open(&config, out, err);
	return c->log_size ? vsu_error_set(err, -EINVAL, "log-size needs 'log=FILE'") : 0;
}

static int set_log_locked(struct virtdev *dev, bool locked, struct vsu_error *err)
{
	struct devkind_port_log *log = virtdev_console_recorder(dev, 0);

	if (!log)
		return 0;
	if (locked)
		return devkind_port_log_hold(log, err);
	devkind_port_log_release(log);
	return 0;
}

/* --------------------------------------------------------------- the device */

static uint32_t count_streams(const struct console *c)
{
	uint32_t n = 0;

	while (n < MAX_STREAMS && c->streams[n])
		n++;
	return n;
}

/* "NAME:HOW" */
static int add_stream(const struct devkind_host *to, struct virtdev *dev, const char *text,
		      struct vsu_error *err)
{
	const char *colon = strchr(text, ':');
	struct virtdev_console_port port = { .size = sizeof(port) };
	char name[VIRTDEV_CONSOLE_MAX_NAME + 1], who[80];
	uint32_t id;
	int rc;

	if (!colon || colon == text || colon - text >= (int)sizeof(name))
		return vsu_error_set(err, -EINVAL,
				     "port '%s' has no name of 1 to %u bytes before a colon",
				     text, VIRTDEV_CONSOLE_MAX_NAME);
	snprintf(name, sizeof(name), "%.*s", (int)(colon - text), text);
	snprintf(who, sizeof(who), "port %s", name);
	port.name = name;
	rc = open_stream(to, who, colon + 1, &port.host, err);
	if (rc < 0)
		return rc;
	rc = virtdev_console_add(dev, &port, &id, err);
	if (rc < 0)
		virtdev_port_free(port.host);
	return rc;
}

/* The guest identifies its ports by their names. */
static int check_names(const struct console *c, struct vsu_error *err)
{
	uint32_t i, j, n = count_streams(c);

	for (i = 0; i < n; i++) {
		const char *text = c->streams[i];
		const size_t len = strcspn(text, ":");
		bool taken = c->name && strlen(c->name) == len &&
			     !strncmp(c->name, text, len);

		for (j = 0; j < i; j++)
			taken |= strcspn(c->streams[j], ":") == len &&
				 !strncmp(c->streams[j], text, len);
		if (taken)
			return vsu_error_set(err, -EINVAL,
					     "port '%s': another port has the name '%.*s'; choose a unique one",
					     text, (int)len, text);
	}
	return 0;
}

static int make_device(const struct console *c, struct virtdev_port *host,
		       const struct devkind_common *common,
		       struct virtdev **out, struct vsu_error *err)
{
	struct virtdev_console_port port = {
		.size = sizeof(port), .host = host, .name = c->name,
		.console = true,
	};
	const struct virtdev_console_config config = {
		.size = sizeof(config), .port = &port,
		.max_ports = 1 + count_streams(c),
		.queue_size_max = common->queue_size,
		.rows_first = c->rows_first,
	};

	struct devkind_port_log *log;
	int rc = log_open(c, common, &log, err);

	if (rc < 0)
		return rc;
	if (log) {
		port.record = log_add;
		port.free_recorder = log_close;
		port.recorder = log;
	}
	rc = virtdev_console_new(&config, out, err);
	if (rc < 0)
		devkind_port_log_close(log);
	return rc;
}

static int console_open(const void *config,
			const struct devkind_common *common,
			struct virtdev **out, struct vsu_error *err)
{
	const struct console *c = config;
	struct virtdev_port *host;
	struct virtdev *dev;
	uint32_t i;
	int rc;

	if (common->queues > 1)
		return vsu_error_set(err, -EINVAL,
				     "a console of %" PRIu32 " queues; their number depends on its ports: leave out 'queues'",
				     common->queues);
	rc = check_names(c, err);
	if (!rc)
		rc = open_first(c, common, &host, err);
	if (rc < 0)
		return rc;
	rc = make_device(c, host, common, &dev, err);
	if (rc < 0) {
		virtdev_port_free(host);
		return rc;
	}
	for (i = 0; !rc && i < count_streams(c); i++)
		rc = add_stream(common->host, dev, c->streams[i], err);
	if (rc < 0) {
		virtdev_free(dev);
		return rc;
	}
	*out = dev;
	return 0;
}

static const struct devkind kind = {
	.name = "console", .summary = "a console with additional ports",
	.id = VIRTDEV_ID_CONSOLE, .has_daemon = true, .max_queues = 64, .own_queues = 1,
	.min_queue_size = 2, .queue_size = "256", .keys = keys,
	.value = { .refusal = "begin with 'stdio', 'pty', 'socket=PATH', 'fd=N' or 'backend=user:SOCKET'" },
	.open = console_open, .set_locked = set_log_locked,
};

const struct devkind *devkind_console(void)
{
	return &kind;
}
