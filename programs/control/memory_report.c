/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reports the guest's memory and its windows to the control socket. */
#include <config.h>

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "control/machine_socket.h"
#include "control/status.h"
#include "report.h"

/* The name that a file had when it was opened; NULL: it is none. */
static const char *file_of(const struct cvmm_memory_piece *p, char path[PATH_MAX])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", p->fd);
	n = p->fd < 0 ? -1 : readlink(link, path, PATH_MAX - 1);
	path[n < 0 ? 0 : n] = '\0';
	return n < 0 ? NULL : path;
}

static void write_piece(const struct cvmm_memory_piece *p, struct vsu_json *to)
{
	char path[PATH_MAX];
	const char *file = file_of(p, path);
	const struct vmm_fact facts[] = {
		{ "gpa", VMM_NUMBER(p->gpa) },
		{ "size", VMM_NUMBER(p->bytes) },
		{ "backend", VMM_TEXT(p->backend) },
		{ "shared", VMM_BOOL(p->shared) },
		{ "rom", VMM_BOOL(p->rom) },
		{ "file", VMM_TEXT(file) },
		{ "offset", VMM_NUMBER(p->offset), .is_absent = !file },
		{ "readonly", VMM_BOOL(p->readonly), .is_absent = !file },
		{ "present", VMM_NUMBER(p->present), .is_absent = !p->has_present },
		{ "private_bytes", VMM_NUMBER(p->private_bytes), .is_absent = !p->has_private },
		{ "shared_bytes", VMM_NUMBER(p->shared_bytes), .is_absent = !p->has_private },
		{ "conversions", VMM_NUMBER(p->conversions), .is_absent = !p->has_private },
		{ "failed_conversions", VMM_NUMBER(p->failed_conversions), .is_absent = !p->has_private },
		{ "released_bytes", VMM_NUMBER(p->released_bytes), .is_absent = !p->has_private },
		{ .name = NULL },
	};

	vmm_report_object(NULL, facts, to);
}

static void write_window(const struct cvmm_window *w, struct vsu_json *to)
{
	const struct vmm_fact facts[] = {
		{ "shmid", VMM_NUMBER(w->shmid) },
		{ "device", VMM_NUMBER(w->device) },
		{ "gpa", VMM_NUMBER(w->gpa) },
		{ "size", VMM_NUMBER(w->bytes) },
		{ "mappings", VMM_NUMBER(w->mappings) },
		{ "mapped", VMM_NUMBER(w->mapped) },
		{ .name = NULL },
	};

	vmm_report_object(NULL, facts, to);
}

void vmm_memory_report(struct cvmm_machine *m, struct vsu_json *to)
{
	struct cvmm_memory_piece p = { .size = sizeof(p) };
	struct cvmm_window w = { .size = sizeof(w) };
	unsigned int i;

	vsu_json_open(to, "memory", '[');
	for (i = 0; !cvmm_machine_get_memory(m, i, &p, NULL); i++)
		write_piece(&p, to);
	vsu_json_close(to, ']');
	vsu_json_open(to, "windows", '[');
	for (i = 0; !cvmm_machine_get_window(m, i, &w, NULL); i++)
		write_window(&w, to);
	vsu_json_close(to, ']');
}

int vmm_memory_report_command(void *opaque, char *const *words, FILE *answer,
			      struct vsu_error *err)
{
	const struct vmm_machine_socket *c = opaque;
	struct vsu_json to = { .to = answer, .more = true };

	(void)words;
	(void)err;
	vmm_memory_report(c->machine, &to);
	return 0;
}
