/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The report of --dry-run: one line, or one object, for each thing. */
#include <config.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <vm-memory/kvm.h>
#include <vmm-sys-util/json.h>

#include "base/command_line.h"
#include "memory/populated.h"
#include "common/dry_run.h"
#include "config/option_rows.h"

/* All there is to say about a region. */
struct facts {
	const char *kind, *protection, *mapping, *slot;
	uint64_t gpa, len, fd_offset;
	const void *hva;
	int fd;
};

/* The kind of memory slot that KVM gets. */
static const char *slot_name(const struct vmem_block *block, bool rom)
{
	if (vmem_block_private_fd(block) >= 0)
		return "two-layer";
	if (vmem_block_is_bound(block))
		return "bound";
	return rom ? "readonly" : "plain";
}

/* The effect of a store by the guest. */
static const char *store_name(uint32_t flags)
{
	if (flags & VMEM_BLOCK_ROM)
		return "dropped";
	return flags & VMEM_BLOCK_SHARED ? "shared" : "kept-private";
}

/* Describes a block without its guest address. */
static void text_block(const struct vmem_block *block, uint32_t flags,
		       FILE *to)
{
	fprintf(to, "%s size=%" PRIu64 " page-size=%" PRIu64 " mapping=%s protection=%s fd=%d fd-offset=%" PRIu64 " seals=%#" PRIx32
		" guest-store=%s slot=%s populated=%" PRIu64 "\n",
		vmm_block_kind_name(block), vmem_block_len(block),
		vmem_block_page_size(block),
		flags & VMEM_BLOCK_SHARED ? "shared" : "private",
		flags & VMEM_BLOCK_WRITE ? "rw" : "r", vmem_block_fd(block),
		vmem_block_file_pos(block, 0), vmem_block_seals(block),
		store_name(flags), slot_name(block, vmem_block_flags(block) & VMEM_BLOCK_ROM), vmm_populated(block));
}

static void json_block(const struct vmem_block *block, uint32_t flags,
		       FILE *to)
{
	struct vsu_json j = { .to = to };

	vsu_json_open(&j, NULL, '{');
	vsu_json_text(&j, "kind", vmm_block_kind_name(block));
	vsu_json_u64(&j, "size", vmem_block_len(block));
	vsu_json_u64(&j, "page_size", vmem_block_page_size(block));
	vsu_json_text(&j, "mapping", flags & VMEM_BLOCK_SHARED ? "shared" : "private");
	vsu_json_text(&j, "protection", flags & VMEM_BLOCK_WRITE ? "rw" : "r");
	vsu_json_i64(&j, "fd", vmem_block_fd(block));
	vsu_json_u64(&j, "fd_offset", vmem_block_file_pos(block, 0));
	vsu_json_u64(&j, "seals", vmem_block_seals(block));
	vsu_json_text(&j, "guest_store", store_name(flags));
	vsu_json_text(&j, "slot", slot_name(block, vmem_block_flags(block) & VMEM_BLOCK_ROM));
	vsu_json_u64(&j, "populated", vmm_populated(block));
	vsu_json_close(&j, '}');
	fputc('\n', to);
}

void vmm_report_block(const struct vmem_block *block, FILE *to, bool json)
{
	const uint32_t flags = vmem_block_flags(block);

	if (json)
		json_block(block, flags, to);
	else
		text_block(block, flags, to);
}

static struct facts facts_of(const struct vmem_region *region)
{
	const struct vmem_block *block = vmem_region_block(region);
	const uint32_t flags = vmem_block_flags(block);
	struct facts f = {
		.kind = vmm_block_kind_name(block),
		.protection = flags & VMEM_BLOCK_WRITE ? "rw" : "r",
		.mapping = flags & VMEM_BLOCK_SHARED ? "shared" : "private",
		.slot = slot_name(block, vmem_region_is_rom(region)),
		.gpa = vmem_region_gpa(region), .len = vmem_region_len(region),
		.fd_offset = vmem_region_file_pos(region, 0),
		.hva = vmem_region_hva(region), .fd = vmem_block_fd(block),
	};

	return f;
}

static void text_region(const struct facts *f, FILE *to)
{
	fprintf(to, "memory %#" PRIx64 " %" PRIu64 " %s %s %s hva=%p",
		f->gpa, f->len, f->kind, f->mapping, f->protection, f->hva);
	if (f->fd >= 0)
		fprintf(to, " fd=%d fd_offset=%#" PRIx64, f->fd,
			f->fd_offset);
	fprintf(to, " slot=%s\n", f->slot);
}

static void json_region(const struct facts *f, struct vsu_json *to)
{
	vsu_json_open(to, NULL, '{');
	vsu_json_u64(to, "gpa", f->gpa);
	vsu_json_u64(to, "size", f->len);
	vsu_json_text(to, "kind", f->kind);
	vsu_json_text(to, "mapping", f->mapping);
	vsu_json_text(to, "protection", f->protection);
	vsu_json_u64(to, "hva", (uintptr_t)f->hva);
	vsu_json_i64(to, "fd", f->fd);
	vsu_json_u64(to, "fd_offset", f->fd_offset);
	vsu_json_text(to, "slot", f->slot);
	vsu_json_close(to, '}');
}

/* Names the process that serves the queues. */
static const char *server_name(const struct vmm_device_spec *spec)
{
	return spec->spawned ? "spawn" : spec->remote ? "user" : spec->kernel ? "kernel" : "inline";
}

/* The user names the back-end's socket. */
static bool is_of_user(const struct vmm_device *d)
{
	return d->spec.remote && !d->spec.spawned;
}

static void text_device(const struct vmm_device *d, FILE *to)
{
	fprintf(to, "device id=%" PRIu32, d->spec.id);
	if (d->slot)
		fprintf(to, " pci=0000:00:%02x.0", d->slot);
	else
		fprintf(to, " mmio=%#" PRIx64, d->gpa);
	fprintf(to, " irq=%" PRIu32 " backend=%s%s%s%s\n", d->irq,
		is_of_user(d) ? "user:" : server_name(&d->spec),
		is_of_user(d) ? d->spec.socket : "",
		d->spec.kind ? " kind=" : "",
		d->spec.kind ? d->spec.kind->name : "");
}

/* The windows of a device behind a socket, which is their owner's name. */
static const struct vmm_window *next_window(const struct vmm_machine *m,
					    const struct vmm_device *d,
					    const struct vmm_window *w)
{
	const struct vmm_window *end = m->shmem.windows + m->shmem.n;

	for (w = w ? w + 1 : m->shmem.windows; w < end; w++)
		if (strcmp(w->name, d->spec.socket) == 0)
			return w;
	return NULL;
}

static void text_windows(const struct vmm_machine *m,
			 const struct vmm_device *d, FILE *to)
{
	const struct vmm_window *w = NULL;

	while ((w = next_window(m, d, w)))
		fprintf(to, "window %#" PRIx64 " %" PRIu64 " shmid=%u backend=%s%s\n",
			w->gpa, w->len, w->shmid, is_of_user(d) ? "user:" : "spawn:",
			w->name);
}

static void json_windows(const struct vmm_machine *m,
			 const struct vmm_device *d, struct vsu_json *to)
{
	const struct vmm_window *w = NULL;

	vsu_json_open(to, "windows", '[');
	while ((w = next_window(m, d, w))) {
		vsu_json_open(to, NULL, '{');
		vsu_json_u64(to, "shmid", w->shmid);
		vsu_json_u64(to, "gpa", w->gpa);
		vsu_json_u64(to, "size", w->len);
		vsu_json_close(to, '}');
	}
	vsu_json_close(to, ']');
}

static void json_address(const struct vmm_device *d, struct vsu_json *to)
{
	char function[16];

	snprintf(function, sizeof(function), "0000:00:%02x.0", d->slot & 0xff);
	if (d->slot)
		vsu_json_text(to, "pci", function);
	else
		vsu_json_u64(to, "mmio", d->gpa);
	vsu_json_u64(to, "irq", d->irq);
}

static void json_device(const struct vmm_machine *m, const struct vmm_device *d,
			struct vsu_json *to)
{
	const char *on = is_of_user(d) ? d->spec.socket
					: vmm_device_describe(&d->spec).file;

	vsu_json_open(to, NULL, '{');
	vsu_json_u64(to, "id", d->spec.id);
	json_address(d, to);
	vsu_json_text(to, "backend", server_name(&d->spec));
	if (d->spec.kind)
		vsu_json_text(to, "kind", d->spec.kind->name);
	if (on)
		vsu_json_text(to, is_of_user(d) ? "socket" : "path", on);
	if (d->spec.remote)
		json_windows(m, d, to);
	vsu_json_close(to, '}');
}

static void report_text(const struct vmm_machine *m,
			const struct vmem_map *map, FILE *to)
{
	struct facts f;
	unsigned int i;

	fprintf(to, "cpus %u\n", m->config->cpus.n);
	if (m->config->cpus.max > m->config->cpus.n)
		fprintf(to, "max-cpus %u\n", m->config->cpus.max);
	for (i = 0; i < vmem_map_count(map); i++) {
		f = facts_of(vmem_map_region(map, i));
		text_region(&f, to);
	}
	for (i = 0; i < m->ndevices; i++)
		if (!m->devices[i].spec.absent)
			text_device(&m->devices[i], to);
	for (i = 0; i < m->ndevices; i++)
		text_windows(m, &m->devices[i], to);
}

/* The command line that makes this machine, for --config. */
static void json_arguments(const struct vmm_process_options *p, struct vsu_json *to)
{
	const struct vmm_option_row *row;
	char flags[4][24];
	const char *skipped[5] = { NULL };
	unsigned int n = 0;

	for (row = vmm_option_rows; row->option.name && n < 4; row++) {
		if (!row->of_report)
			continue;
		snprintf(flags[n], sizeof(flags[n]), "--%s", row->option.name);
		skipped[n] = flags[n];
		skipped[++n] = NULL;
	}
	vmm_command_line_member(to, p->given, p->ngiven, skipped);
}

static void report_json(const struct vmm_machine *m, const struct vmm_process_options *process,
			const struct vmem_map *map, FILE *to)
{
	struct vsu_json j = { .to = to };
	struct facts f;
	unsigned int i;

	vsu_json_open(&j, NULL, '{');
	vsu_json_u64(&j, "cpus", m->config->cpus.n);
	vsu_json_u64(&j, "max_cpus", m->config->cpus.max);
	vsu_json_open(&j, "memory", '[');
	for (i = 0; i < vmem_map_count(map); i++) {
		f = facts_of(vmem_map_region(map, i));
		json_region(&f, &j);
	}
	vsu_json_close(&j, ']');
	vsu_json_open(&j, "devices", '[');
	for (i = 0; i < m->ndevices; i++)
		if (!m->devices[i].spec.absent)
			json_device(m, &m->devices[i], &j);
	vsu_json_close(&j, ']');
	json_arguments(process, &j);
	vsu_json_close(&j, '}');
	fputc('\n', to);
}

void vmm_report(const struct vmm_machine *m, const struct vmm_process_options *process, FILE *to)
{
	const struct vmem_map *map = vmm_memory_map(&m->memory);

	if (process->json)
		report_json(m, process, map, to);
	else
		report_text(m, map, to);
}
