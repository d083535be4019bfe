/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The report of --dry-run: one line, or one object, for each thing. */
#include <config.h>

#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include <vm-memory/kvm.h>

#include "common/dry_run.h"
#include "common/run_line.h"
#include "report.h"

/* The effect of a store by the guest. */
static const char *store_name(uint32_t flags)
{
	if (flags & VMEM_BLOCK_ROM)
		return "dropped";
	return flags & VMEM_BLOCK_SHARED ? "shared" : "kept-private";
}

static const char *mapping_name(bool shared)
{
	return shared ? "shared" : "private";
}

static const char *protection_name(bool writable)
{
	return writable ? "rw" : "r";
}

void vmm_report_block(const struct vmem_block *block, FILE *to, bool json)
{
	const uint32_t flags = vmem_block_flags(block);
	const struct vmm_fact facts[] = {
		{ "kind", VMM_TEXT(vmem_kind_name(vmem_block_kind(block))), .label = "" },
		{ "size", VMM_NUMBER(vmem_block_len(block)) },
		{ "page_size", VMM_NUMBER(vmem_block_page_size(block)), .label = "page-size" },
		{ "mapping", VMM_TEXT(mapping_name(flags & VMEM_BLOCK_SHARED)) },
		{ "protection", VMM_TEXT(protection_name(flags & VMEM_BLOCK_WRITE)) },
		{ "fd", VMM_SIGNED(vmem_block_fd(block)) },
		{ "fd_offset", VMM_NUMBER(vmem_block_file_pos(block, 0)), .label = "fd-offset" },
		{ "seals", VMM_HEX(vmem_block_seals(block)) },
		{ "guest_store", VMM_TEXT(store_name(flags)), .label = "guest-store" },
		{ "slot", VMM_TEXT(vmem_block_slot_name(block, flags & VMEM_BLOCK_ROM)) },
		{ "populated", VMM_NUMBER(vmem_block_present(block)) },
		{ .name = NULL },
	};

	vmm_report_line(facts, json, to);
}

static void report_piece(struct vmm_report *r, const struct cvmm_memory_piece *p)
{
	const enum vmm_place of_file = p->block_fd < 0 ? VMM_IN_JSON : VMM_EVERYWHERE;
	const struct vmm_fact facts[] = {
		{ "gpa", VMM_HEX(p->gpa), .label = "" },
		{ "size", VMM_NUMBER(p->bytes), .label = "" },
		{ "kind", VMM_TEXT(p->backend), .label = "" },
		{ "mapping", VMM_TEXT(mapping_name(p->shared)), .label = "" },
		{ "protection", VMM_TEXT(protection_name(p->writable)), .label = "" },
		{ "hva", VMM_HEX((uintptr_t)p->mapped) },
		{ "fd", VMM_SIGNED(p->block_fd), .place = of_file },
		{ "fd_offset", VMM_HEX(p->offset), .place = of_file },
		{ "slot", VMM_TEXT(p->slot) },
		{ .name = NULL },
	};

	vmm_report_element(r, "memory", facts);
}

static void report_windows(struct vmm_report *r, struct cvmm_machine *m, unsigned int device,
			   const struct cvmm_device *d)
{
	struct cvmm_window w = { .size = sizeof(w) };
	char backend[128];
	unsigned int i;

	snprintf(backend, sizeof(backend), "%s:%s", d->server, d->socket);
	vmm_report_list(r, "windows");
	for (i = 0; !cvmm_machine_get_window(m, i, &w, NULL); i++) {
		const struct vmm_fact facts[] = {
			{ "gpa", VMM_HEX(w.gpa), .label = "" },
			{ "size", VMM_NUMBER(w.bytes), .label = "" },
			{ "shmid", VMM_NUMBER(w.shmid) },
			{ "backend", VMM_TEXT(backend), .place = VMM_IN_TEXT },
			{ .name = NULL },
		};

		if (w.device == device)
			vmm_report_element(r, "window", facts);
	}
	vmm_report_end_list(r);
}

static void report_device(struct vmm_report *r, struct cvmm_machine *m, unsigned int number,
			  const struct cvmm_device *d)
{
	const bool is_of_user = d->socket && !strcmp(d->server, "user");
	char function[16];
	const struct vmm_fact facts[] = {
		{ "id", VMM_NUMBER(d->id) },
		{ "pci", VMM_TEXT(function), .is_absent = !d->slot },
		{ "mmio", VMM_HEX(d->gpa), .is_absent = d->slot },
		{ "irq", VMM_NUMBER(d->irq) },
		{ "backend", VMM_TEXT(d->server) },
		{ "socket", VMM_TEXT(is_of_user ? d->socket : NULL), .place = VMM_IS_JOINED, .label = "" },
		{ "kind", VMM_TEXT(d->kind) },
		{ "path", VMM_TEXT(is_of_user ? NULL : d->file), .place = VMM_IN_JSON },
		{ .name = NULL },
	};

	snprintf(function, sizeof(function), "0000:00:%02x.0", d->slot & 0xff);
	vmm_report_element(r, "device", facts);
	if (r->is_json && d->socket)
		report_windows(r, m, number, d);
}

/* In text, windows follow the devices. */
void vmm_report(struct cvmm_machine *m, const struct vmm_program_options *process, FILE *to)
{
	struct cvmm_statistics s = { .size = sizeof(s) };
	struct cvmm_memory_piece p = { .size = sizeof(p) };
	struct cvmm_device d = { .size = sizeof(d) };
	struct vmm_report r;
	unsigned int i;

	(void)!cvmm_machine_get_statistics(m, &s, NULL);
	const struct vmm_fact facts[] = {
		{ "cpus", VMM_NUMBER(s.cpus) },
		{ "max_cpus", VMM_NUMBER(s.max_cpus), .label = "max-cpus",
		  .place = s.max_cpus > s.cpus ? VMM_EVERYWHERE : VMM_IN_JSON },
		{ .name = NULL },
	};

	vmm_report_begin(&r, process->json, 0, to);
	vmm_report_facts(&r, facts);
	vmm_report_list(&r, "memory");
	for (i = 0; !cvmm_machine_get_memory(m, i, &p, NULL); i++)
		report_piece(&r, &p);
	vmm_report_end_list(&r);
	vmm_report_list(&r, "devices");
	for (i = 0; i < s.devices; i++)
		if (!cvmm_machine_get_device(m, i, &d, NULL))
			report_device(&r, m, i, &d);
	vmm_report_end_list(&r);
	for (i = 0; i < s.devices && !r.is_json; i++)
		if (!cvmm_machine_get_device(m, i, &d, NULL) && d.socket)
			report_windows(&r, m, i, &d);
	if (r.is_json)
		vmm_run_line_write(process->line, &r.json);
	vmm_report_end(&r);
}
