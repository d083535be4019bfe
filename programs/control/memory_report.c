/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reports the guest's memory and its windows to the control socket. */
#include <config.h>

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include <vmm-sys-util/json.h>

#include "control/commands.h"
#include "control/memory_report.h"
#include <cvmm/status.h>

/* The file that a name had when it was opened, and the part that the piece maps. */
static void write_file(const struct cvmm_memory_piece *p, struct vsu_json *to)
{
	char link[64], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", p->fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return;
	path[n] = '\0';
	vsu_json_text(to, "file", path);
	vsu_json_u64(to, "offset", p->offset);
	vsu_json_bool(to, "readonly", p->readonly);
}

static void write_piece(const struct cvmm_memory_piece *p, struct vsu_json *to)
{
	vsu_json_open(to, NULL, '{');
	vsu_json_u64(to, "gpa", p->gpa);
	vsu_json_u64(to, "size", p->bytes);
	vsu_json_text(to, "backend", p->backend);
	vsu_json_bool(to, "shared", p->shared);
	vsu_json_bool(to, "rom", p->rom);
	if (p->fd >= 0)
		write_file(p, to);
	if (p->has_present)
		vsu_json_u64(to, "present", p->present);
	if (p->has_private) {
		vsu_json_u64(to, "private_bytes", p->private_bytes);
		vsu_json_u64(to, "shared_bytes", p->shared_bytes);
		vsu_json_u64(to, "conversions", p->conversions);
		vsu_json_u64(to, "failed_conversions", p->failed_conversions);
		vsu_json_u64(to, "released_bytes", p->released_bytes);
	}
	vsu_json_close(to, '}');
}

static void write_window(const struct cvmm_window *w, struct vsu_json *to)
{
	vsu_json_open(to, NULL, '{');
	vsu_json_u64(to, "shmid", w->shmid);
	vsu_json_u64(to, "device", w->device);
	vsu_json_u64(to, "gpa", w->gpa);
	vsu_json_u64(to, "size", w->bytes);
	vsu_json_u64(to, "mappings", w->mappings);
	vsu_json_u64(to, "mapped", w->mapped);
	vsu_json_close(to, '}');
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
	const struct vmm_commands *c = opaque;
	struct vsu_json to = { .to = answer, .more = true };

	(void)words;
	(void)err;
	vmm_memory_report(c->machine, &to);
	return 0;
}
