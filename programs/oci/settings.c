/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads the settings of machines. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/option_place.h>

#include "oci/settings.h"

#define USUAL_FILE "/etc/cvmm-oci.conf"
#define MIB UINT64_C(0x100000)
/* The guest's kernel uses this beside the limit of a container. */
#define GUEST_MEMORY (64 * MIB)
#define MIN_MEMORY (128 * MIB)

enum { KERNEL, MODULES, INIT, APPEND, LOG, DAEMONS, MEMORY, CPUS, START, TEMPLATES, EMULATE };
static const struct vsu_option rows[] = {
	[KERNEL] = { .name = "kernel", .kind = VSU_OPTION_STRING, .arg = "FILE", .help = "kernel of the guests" },
	[MODULES] = { .name = "modules", .kind = VSU_OPTION_STRING, .arg = "FOLDER|none", .help = "its modules" },
	[INIT] = { .name = "init", .kind = VSU_OPTION_STRING, .arg = "FILE", .help = "first program of the guests" },
	[APPEND] = { .name = "append", .kind = VSU_OPTION_STRING, .arg = "TEXT", .help = "text for its command line" },
	[LOG] = { .name = "log", .kind = VSU_OPTION_STRING, .arg = "FILE", .help = "file for its messages" },
	[DAEMONS] = { .name = "daemons", .kind = VSU_OPTION_STRING, .arg = "FOLDER", .help = "daemons of an emulated machine" },
	[MEMORY] = { .name = "memory", .kind = VSU_OPTION_SIZE, .arg = "SIZE", .min = MIN_MEMORY, .max = UINT64_MAX >> 1,
		     .help = "memory of a container without a limit" },
	[CPUS] = { .name = "cpus", .kind = VSU_OPTION_U64, .arg = "N", .min = 1, .max = 255, .help = "CPUs of such a container" },
	[START] = { .name = "start-timeout", .kind = VSU_OPTION_TIME, .arg = "TIME", .min = 1, .max = UINT32_MAX,
		    .help = "limit of the start of a guest" },
	[TEMPLATES] = { .name = "templates", .kind = VSU_OPTION_STRING, .arg = "FOLDER", .help = "templates of machines" },
	[EMULATE] = { .name = "emulate", .kind = VSU_OPTION_FLAG, .help = "emulate the processor by QEMU" },
	{ .name = NULL },
};

static const struct vsu_place places[] = {
	[KERNEL] = VSU_PLACE(struct oci_settings, kernel),
	[MODULES] = VSU_PLACE(struct oci_settings, modules),
	[INIT] = VSU_PLACE(struct oci_settings, init),
	[APPEND] = VSU_PLACE(struct oci_settings, append),
	[LOG] = VSU_PLACE(struct oci_settings, log),
	[DAEMONS] = VSU_PLACE(struct oci_settings, daemons),
	[MEMORY] = VSU_PLACE(struct oci_settings, memory),
	[CPUS] = VSU_PLACE(struct oci_settings, cpus),
	[START] = VSU_PLACE(struct oci_settings, start_ms),
	[TEMPLATES] = VSU_PLACE(struct oci_settings, templates),
	[EMULATE] = VSU_PLACE(struct oci_settings, emulate),
};

static int store_setting(void *opaque, unsigned int index, const struct vsu_option_value *value, struct vsu_error *err)
{
	(void)err;
	vsu_place_store(&places[index], opaque, value);
	return 0;
}

static int read_line(struct oci_settings *s, char *line, struct vsu_error *err)
{
	char *value = strchr(line, '=');

	if (!*line || *line == '#')
		return 0;
	if (!value)
		return vsu_error_set(err, -EINVAL, "'%s' is not NAME=VALUE", line);
	*value++ = '\0';
	return vsu_option_parse_pair(rows, "setting", line, value, store_setting, s, err);
}

static int read_lines(struct oci_settings *s, struct vsu_error *err)
{
	char *line = s->text, *end;
	int rc = 0;

	for (; !rc && line; line = end) {
		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		rc = read_line(s, line, err);
	}
	return rc;
}

/* Engines determine the current folder. */
static int check_templates(const struct oci_settings *s, struct vsu_error *err)
{
	if (s->templates && s->templates[0] != '/')
		return vsu_error_set(err, -EINVAL, "setting templates: '%s' is not an absolute path", s->templates);
	return s->templates && s->emulate ?
	       vsu_error_set(err, -EINVAL, "setting templates has no effect beside emulate=on: a template is a machine of KVM") : 0;
}

int oci_settings_read(struct oci_settings *s, const char *path, struct vsu_error *err)
{
	const char *name = path ? path : USUAL_FILE;
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -errno : 0;
	int rc;

	*s = (struct oci_settings){ .memory = 1024 * MIB, .cpus = 1, .start_ms = 120000 };
	if (n == -ENOENT && !path)
		return 0;
	n = n < 0 ? n : vsu_fd_read_full(fd, s->text, sizeof(s->text));
	vsu_fd_close(&fd);
	if (n < 0)
		return vsu_error_sys(err, (int)n, "cannot read the settings '%s'", name);
	if (n == (ssize_t)sizeof(s->text))
		return vsu_error_set(err, -E2BIG, "the settings '%s' have more than %d bytes", name, OCI_SETTINGS_BYTES - 1);
	s->text[n] = '\0';
	rc = read_lines(s, err);
	rc = rc < 0 ? rc : check_templates(s, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "%s", name) : 0;
}

uint64_t oci_settings_memory(const struct oci_settings *s, const struct oci_resources *r)
{
	uint64_t bytes;

	if (r->memory_limit <= 0)
		return s->memory;
	bytes = ((uint64_t)r->memory_limit + GUEST_MEMORY + MIB - 1) / MIB * MIB;
	return bytes < MIN_MEMORY ? MIN_MEMORY : bytes;
}

/* A part of a CPU is a whole one of the guest. */
unsigned int oci_settings_cpus(const struct oci_settings *s, const struct oci_resources *r)
{
	const long online = sysconf(_SC_NPROCESSORS_ONLN);
	const uint64_t most = online > 0 ? (uint64_t)online : 1;
	uint64_t n = s->cpus;

	if (r->cpu_quota > 0 && r->cpu_period > 0)
		n = ((uint64_t)r->cpu_quota + (uint64_t)r->cpu_period - 1) / (uint64_t)r->cpu_period;
	return (unsigned int)(n > most ? most : n);
}
