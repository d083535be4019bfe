/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes lines for a person or for an engine. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/json.h>

#include "oci/report.h"
#include "plain.h"

#define NAME "cvmm-oci"

static const char *const levels[] = { "debug", "warning", "error" };

int oci_report_open(struct oci_report *r, const char *path, struct vsu_error *err)
{
	r->fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	return r->fd < 0 ? vsu_error_sys(err, -errno, "option --log: cannot open '%s'", path) : 0;
}

static void write_json(FILE *to, const char *level, const char *text)
{
	struct vsu_json j = { .to = to };
	const time_t now = time(NULL);
	char when[32];
	struct tm tm;

	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	vsu_json_open(&j, NULL, '{');
	vsu_json_text(&j, "level", level);
	vsu_json_text(&j, "msg", text);
	vsu_json_text(&j, "time", when);
	vsu_json_close(&j, '}');
	putc('\n', to);
}

/* A sentence of a monitor, which a guest may control, could have any characters. */
static void write_text(FILE *to, enum oci_report_level level, const char *text)
{
	fputs(level == OCI_REPORT_WARNING ? NAME ": warning: " : NAME ": ", to);
	vmm_print_plain(text, to);
	putc('\n', to);
}

/* One write for a line, because several processes may append to the file. */
void oci_report_line(const struct oci_report *r, enum oci_report_level level, const char *fmt, ...)
{
	struct vsu_error text = VSU_ERROR_INIT;
	char *line = NULL;
	size_t len = 0;
	va_list ap;
	FILE *to;

	if (level == OCI_REPORT_DEBUG && !r->has_details)
		return;
	va_start(ap, fmt);
	vsu_error_setv(&text, -EINVAL, fmt, ap);
	va_end(ap);
	to = open_memstream(&line, &len);
	if (!to)
		return;
	if (r->format == OCI_REPORT_JSON)
		write_json(to, levels[level], text.msg);
	else
		write_text(to, level, text.msg);
	if (!fclose(to) && vsu_fd_write_full(r->fd < 0 ? STDERR_FILENO : r->fd, line, len) < 0)
		errno = 0;	/* nobody can be notified */
	free(line);
}

int oci_report_failure(const struct oci_report *r, const struct vsu_error *err)
{
	oci_report_line(r, OCI_REPORT_ERROR, "%s", err->msg);
	return EXIT_FAILURE;
}

void oci_report_close(struct oci_report *r)
{
	vsu_fd_close(&r->fd);
}
