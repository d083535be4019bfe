/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The report of --dry-run: one line, or one object, for each thing. */
#include <config.h>

#include <string.h>

#include <vm-memory/kvm.h>

#include "base/command_line.h"
#include "common/dry_run.h"
#include "config/option_rows.h"
#include "memory/populated.h"
#include "report.h"

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

static const char *mapping_name(uint32_t flags)
{
	return flags & VMEM_BLOCK_SHARED ? "shared" : "private";
}

static const char *protection_name(uint32_t flags)
{
	return flags & VMEM_BLOCK_WRITE ? "rw" : "r";
}

void vmm_report_block(const struct vmem_block *block, FILE *to, bool json)
{
	const uint32_t flags = vmem_block_flags(block);
	const struct vmm_fact facts[] = {
		{ "kind", VMM_TEXT(vmm_block_kind_name(block)), .label = "" },
		{ "size", VMM_NUMBER(vmem_block_len(block)) },
		{ "page_size", VMM_NUMBER(vmem_block_page_size(block)), .label = "page-size" },
		{ "mapping", VMM_TEXT(mapping_name(flags)) },
		{ "protection", VMM_TEXT(protection_name(flags)) },
		{ "fd", VMM_SIGNED(vmem_block_fd(block)) },
		{ "fd_offset", VMM_NUMBER(vmem_block_file_pos(block, 0)), .label = "fd-offset" },
		{ "seals", VMM_HEX(vmem_block_seals(block)) },
		{ "guest_store", VMM_TEXT(store_name(flags)), .label = "guest-store" },
		{ "slot", VMM_TEXT(slot_name(block, flags & VMEM_BLOCK_ROM)) },
		{ "populated", VMM_NUMBER(vmm_populated(block)) },
		{ .name = NULL },
	};

	vmm_report_line(facts, json, to);
}

static void report_region(struct vmm_report *r, const struct vmem_region *region)
{
	const struct vmem_block *block = vmem_region_block(region);
	const uint32_t flags = vmem_block_flags(block);
	const int fd = vmem_block_fd(block);
	const enum vmm_place of_file = fd < 0 ? VMM_IN_JSON : VMM_EVERYWHERE;
	const struct vmm_fact facts[] = {
		{ "gpa", VMM_HEX(vmem_region_gpa(region)), .label = "" },
		{ "size", VMM_NUMBER(vmem_region_len(region)), .label = "" },
		{ "kind", VMM_TEXT(vmm_block_kind_name(block)), .label = "" },
		{ "mapping", VMM_TEXT(mapping_name(flags)), .label = "" },
		{ "protection", VMM_TEXT(protection_name(flags)), .label = "" },
		{ "hva", VMM_HEX((uintptr_t)vmem_region_hva(region)) },
		{ "fd", VMM_SIGNED(fd), .place = of_file },
		{ "fd_offset", VMM_HEX(vmem_region_file_pos(region, 0)), .place = of_file },
		{ "slot", VMM_TEXT(slot_name(block, vmem_region_is_rom(region))) },
		{ .name = NULL },
	};

	vmm_report_element(r, "memory", facts);
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

static void report_windows(struct vmm_report *r, const struct vmm_machine *m, const struct vmm_device *d)
{
	const struct vmm_window *w = NULL;
	char backend[128];

	vmm_report_list(r, "windows");
	while (d->spec.remote && (w = next_window(m, d, w))) {
		const struct vmm_fact facts[] = {
			{ "gpa", VMM_HEX(w->gpa), .label = "" },
			{ "size", VMM_NUMBER(w->len), .label = "" },
			{ "shmid", VMM_NUMBER(w->shmid) },
			{ "backend", VMM_TEXT(backend), .place = VMM_IN_TEXT },
			{ .name = NULL },
		};

		snprintf(backend, sizeof(backend), "%s:%s", server_name(&d->spec), w->name);
		vmm_report_element(r, "window", facts);
	}
	vmm_report_end_list(r);
}

/* In text the windows follow the devices. */
static void report_device(struct vmm_report *r, const struct vmm_machine *m, const struct vmm_device *d)
{
	char function[16];
	const struct vmm_fact facts[] = {
		{ "id", VMM_NUMBER(d->spec.id) },
		{ "pci", VMM_TEXT(function), .is_absent = !d->slot },
		{ "mmio", VMM_HEX(d->gpa), .is_absent = d->slot },
		{ "irq", VMM_NUMBER(d->irq) },
		{ "backend", VMM_TEXT(server_name(&d->spec)) },
		{ "socket", VMM_TEXT(is_of_user(d) ? d->spec.socket : NULL), .place = VMM_IS_JOINED, .label = "" },
		{ "kind", VMM_TEXT(d->spec.kind ? d->spec.kind->name : NULL) },
		{ "path", VMM_TEXT(is_of_user(d) ? NULL : vmm_device_describe(&d->spec).file), .place = VMM_IN_JSON },
		{ .name = NULL },
	};

	snprintf(function, sizeof(function), "0000:00:%02x.0", d->slot & 0xff);
	vmm_report_element(r, "device", facts);
	if (r->is_json && d->spec.remote)
		report_windows(r, m, d);
}

/* The command line that makes this machine, for --config. */
static void write_arguments(const struct vmm_process_options *p, struct vsu_json *to)
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

void vmm_report(const struct vmm_machine *m, const struct vmm_process_options *process, FILE *to)
{
	const struct vmem_map *map = vmm_memory_map(&m->memory);
	const unsigned int n = m->config->cpus.n, max = m->config->cpus.max;
	const struct vmm_fact facts[] = {
		{ "cpus", VMM_NUMBER(n) },
		{ "max_cpus", VMM_NUMBER(max), .label = "max-cpus", .place = max > n ? VMM_EVERYWHERE : VMM_IN_JSON },
		{ .name = NULL },
	};
	struct vmm_report r;
	unsigned int i;

	vmm_report_begin(&r, process->json, 0, to);
	vmm_report_facts(&r, facts);
	vmm_report_list(&r, "memory");
	for (i = 0; i < vmem_map_count(map); i++)
		report_region(&r, vmem_map_region(map, i));
	vmm_report_end_list(&r);
	vmm_report_list(&r, "devices");
	for (i = 0; i < m->ndevices; i++)
		if (!m->devices[i].spec.absent)
			report_device(&r, m, &m->devices[i]);
	vmm_report_end_list(&r);
	for (i = 0; i < m->ndevices && !r.is_json; i++)
		report_windows(&r, m, &m->devices[i]);
	if (r.is_json)
		write_arguments(process, &r.json);
	vmm_report_end(&r);
}
