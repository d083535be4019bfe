/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The report of --dry-run: one line, or one object, for each thing. */
#include <config.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <vm-memory/kvm.h>

#include "memory/populated.h"
#include "cli/dry_run.h"
#include "config/option_rows.h"
#include "kvm/uapi.h"
#include "json.h"

/* All there is to say about a region. */
struct facts {
	const char *kind, *protection, *mapping, *slot;
	uint64_t gpa, len, fd_offset;
	const void *hva;
	int fd;
};

static const char *slot_name(const struct vmem_block *block, uint32_t flags)
{
	if (vmem_block_private_fd(block) >= 0)
		return "two-layer";
	if (flags & KVM_MEM_GUEST_MEMFD)
		return "bound";
	return flags & KVM_MEM_READONLY ? "readonly" : "plain";
}

/* The effect of a store by the guest. */
static const char *store_name(uint32_t flags)
{
	if (flags & VMEM_BLOCK_ROM)
		return "dropped";
	return flags & VMEM_BLOCK_SHARED ? "shared" : "kept-private";
}

/* The kind of memory slot that KVM gets for this block. */
static const char *block_slot(const struct vmem_block *block)
{
	if (vmem_block_is_bound(block))
		return slot_name(block, KVM_MEM_GUEST_MEMFD);
	return slot_name(block, vmem_block_flags(block) & VMEM_BLOCK_ROM ?
			 KVM_MEM_READONLY : 0);
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
		store_name(flags), block_slot(block), vmm_populated(block));
}

static void json_block(const struct vmem_block *block, uint32_t flags,
		       FILE *to)
{
	fprintf(to, "{\"kind\":\"%s\",\"size\":%" PRIu64
		",\"page_size\":%" PRIu64 ",\"mapping\":\"%s\",\"protection\":\"%s\",\"fd\":%d,\"fd_offset\":%" PRIu64
		",\"seals\":%" PRIu32 ",\"guest_store\":\"%s\",\"slot\":\"%s\",\"populated\":%" PRIu64 "}\n",
		vmm_block_kind_name(block), vmem_block_len(block),
		vmem_block_page_size(block),
		flags & VMEM_BLOCK_SHARED ? "shared" : "private",
		flags & VMEM_BLOCK_WRITE ? "rw" : "r", vmem_block_fd(block),
		vmem_block_file_pos(block, 0), vmem_block_seals(block),
		store_name(flags), block_slot(block), vmm_populated(block));
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
		.slot = slot_name(block, vmm_slot_flags(region)),
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

static void json_region(const struct facts *f, FILE *to)
{
	fprintf(to, "{\"gpa\":%" PRIu64 ",\"size\":%" PRIu64 ",\"kind\":\"%s\",\"mapping\":\"%s\",\"protection\":\"%s\",\"hva\":%" PRIuPTR
		",\"fd\":%d,\"fd_offset\":%" PRIu64 ",\"slot\":\"%s\"}",
		f->gpa, f->len, f->kind, f->mapping, f->protection,
		(uintptr_t)f->hva, f->fd, f->fd_offset, f->slot);
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
			 const struct vmm_device *d, FILE *to)
{
	const struct vmm_window *w = NULL;
	const char *comma = "";

	fputs(",\"windows\":[", to);
	while ((w = next_window(m, d, w))) {
		fprintf(to, "%s{\"shmid\":%u,\"gpa\":%" PRIu64 ",\"size\":%" PRIu64 "}",
			comma, w->shmid, w->gpa, w->len);
		comma = ",";
	}
	fputc(']', to);
}

static void json_device(const struct vmm_machine *m, const struct vmm_device *d,
			FILE *to)
{
	const char *on = is_of_user(d) ? d->spec.socket
					: vmm_device_describe(&d->spec).file;

	fprintf(to, "{\"id\":%" PRIu32 ",", d->spec.id);
	if (d->slot)
		fprintf(to, "\"pci\":\"0000:00:%02x.0\"", d->slot);
	else
		fprintf(to, "\"mmio\":%" PRIu64, d->gpa);
	fprintf(to, ",\"irq\":%" PRIu32 ",\"backend\":\"%s\"", d->irq,
		server_name(&d->spec));
	if (d->spec.kind)
		fprintf(to, ",\"kind\":\"%s\"", d->spec.kind->name);
	if (on) {
		fprintf(to, ",\"%s\":", is_of_user(d) ? "socket" : "path");
		prog_json_string(on, to);
	}
	if (d->spec.remote)
		json_windows(m, d, to);
	fputc('}', to);
}

static void report_text(const struct vmm_machine *m,
			const struct vmem_map *map, FILE *to)
{
	struct facts f;
	unsigned int i;

	fprintf(to, "cpus %u\n", m->options->cpus);
	for (i = 0; i < vmem_map_count(map); i++) {
		f = facts_of(vmem_map_region(map, i));
		text_region(&f, to);
	}
	for (i = 0; i < m->ndevices; i++)
		text_device(&m->devices[i], to);
	for (i = 0; i < m->ndevices; i++)
		text_windows(m, &m->devices[i], to);
}

/* The command line that makes this machine, for --config. */
static void json_arguments(const struct vmm_options *o, FILE *to)
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
	prog_json_words(o->given, o->ngiven, skipped, to);
}

static void report_json(const struct vmm_machine *m,
			const struct vmem_map *map, FILE *to)
{
	struct facts f;
	unsigned int i;

	fprintf(to, "{\"cpus\":%u,\"memory\":[", m->options->cpus);
	for (i = 0; i < vmem_map_count(map); i++) {
		f = facts_of(vmem_map_region(map, i));
		fputs(i ? "," : "", to);
		json_region(&f, to);
	}
	fputs("],\"devices\":[", to);
	for (i = 0; i < m->ndevices; i++) {
		fputs(i ? "," : "", to);
		json_device(m, &m->devices[i], to);
	}
	fputs("],\"arguments\":[", to);
	json_arguments(m->options, to);
	fputs("]}\n", to);
}

void vmm_report(const struct vmm_machine *m, FILE *to, bool json)
{
	const struct vmem_map *map = vmm_memory_map(&m->memory);

	if (json)
		report_json(m, map, to);
	else
		report_text(m, map, to);
}
