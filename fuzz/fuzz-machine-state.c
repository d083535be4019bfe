/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The state of a saved machine. The first byte of an input selects what follows: 0 the
 * bytes of a state; else sections, each an index of a name, an instance, 16 bits of
 * length and the content, which become a state with correct checksums. A checked state
 * is loaded into memory options, controllers and a CPU of a KVM that refuses all calls.
 */
#include <config.h>

#include <stdint.h>
#include <stdlib.h>

#include <vm-arch/arch.h>
#include <vmm-sys-util/state.h>

#include "arch/own.h"
#include "memory/image.h"
#include "memory/memory_options.h"
#include "play.h"
#include "transfer/save.h"

#define MAX_SECTIONS 64

static const char *const names[] = {
	"machine", "memory", "clock", "irqchip", "cpu", "serial", "device", "base", "changed",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_section(struct vsu_state_writer *w, struct input *in)
{
	const char *name = names[take(in, 1) % (sizeof(names) / sizeof(names[0]))];
	const uint32_t instance = (uint32_t)take(in, 1);
	size_t len = (size_t)take(in, 2);

	if (len > (size_t)(in->end - in->p))
		len = (size_t)(in->end - in->p);
	vsu_state_section(w, name, instance);
	vsu_state_put(w, in->p, len);
	vsu_state_section_end(w);
	in->p += len;
}

/* With a wrong checksum the state would be refused before its content is read. */
static void build_state(struct vsu_state_writer *w, struct input *in)
{
	unsigned int n;

	vsu_state_begin(w, vmm_state_kinds);
	for (n = 0; n < MAX_SECTIONS && in->p < in->end; n++)
		put_section(w, in);
	if (vsu_state_finish(w) < 0)
		abort();
}

/* The machine that continues has two pieces. */
static void load_memory(const struct vsu_state *state, bool shared)
{
	static const struct vmm_memory_lists lists = {
		.list = { "size=4M", "size=64K,share=on" }, .n = 2, .what = "--memory",
	};
	struct vmm_image_source source = { .path = "/a,b" };
	struct vmm_image_pieces pieces = { .parts = 0 };
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmm_image_changed changed;
	struct vmm_memory_specs saved;
	struct vmm_image_base base;

	if (vmm_memory_specs_read(&saved, &lists, NULL) < 0)
		abort();
	if (!vmm_image_base_get(&base, state, &err)) {
		source.base_path = "/base";
		source.base = &base;
	}
	if (!vmm_image_changed_get(&changed, state, &err))
		(void)vmm_image_changed_bytes(&changed);
	(void)!vmm_image_pieces(state, &source, shared, &saved, &pieces, &err);
	vmm_memory_specs_free(&pieces.specs);
	vmm_image_base_free(&base);
	vmm_memory_specs_free(&saved);
}

static void load_state(const struct vsu_state *state)
{
	const struct varch_vm kvm = { .kvm_fd = -1, .vm_fd = -1 };
	struct vsu_error err = VSU_ERROR_INIT;

	load_memory(state, false);
	load_memory(state, true);
	(void)!varch_vm_load(&kvm, state, &err);
	(void)!varch_cpu_load(&kvm, -1, 0, state, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };
	struct vsu_state_writer w = { .section = 0 };
	struct vsu_error err = VSU_ERROR_INIT;
	struct vsu_state state;

	if (!size)
		return 0;
	if (take(&in, 1)) {
		build_state(&w, &in);
		state = (struct vsu_state){ w.out.bytes, w.out.len };
	} else {
		state = (struct vsu_state){ in.p, (size_t)(in.end - in.p) };
	}
	if (!vsu_state_check(&state, vmm_state_kinds, &err))
		load_state(&state);
	free(w.out.bytes);
	return 0;
}
