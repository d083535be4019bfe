/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about kernels that are loaded with all that they are given. */
#include <config.h>

#include <string.h>

#include <vm-arch/arch.h>
#include <vm-arch/cpu_choice.h>
#include <vm-arch/load.h>
#include <vm-memory/backend.h>
#include <vmm-sys-util/fd.h>

#include "../guest.h"
#include "../guests.h"

static struct vsu_error err;

#define OK(call) ck_assert_msg(!(call), "%s", err.msg)

/* Its result, and nothing stays open. */
static int load(struct vmem_map *map, const char *name, const char *cmdline, struct varch_loaded *loaded)
{
	static const struct varch_board board = { .ncpus = 1, .generation_gpa = VARCH_GENERATION_GPA };
	static const struct varch_file none;
	const int before = vsu_fd_count();
	struct varch_file kernel;
	const struct varch_load load = {
		.map = map, .kernel = &kernel, .initrd = &none, .cmdline = cmdline, .board = &board,
	};
	int rc = varch_file_open(&kernel, "kernel", name, &err);

	if (!rc)
		rc = varch_load_kernel(&kernel, map, loaded, &err);
	if (!rc)
		rc = varch_load_hand_over(&load, loaded, &err);
	varch_file_close(&kernel);
	ck_assert_int_eq(vsu_fd_count(), before);
	return rc;
}

static int try_load(const char *memory, const char *name, const char *cmdline)
{
	struct varch_loaded loaded;
	struct vmem_map *map;
	int rc;

	OK(vmem_map_from_properties(memory, 0, NULL, &map, &err));
	rc = load(map, name, cmdline, &loaded);
	vmem_map_unref(map);
	return rc;
}

static struct varch_cpus *cpus;

static void on_power(void *opaque, uint8_t status)
{
	(void)opaque;
	varch_cpus_end(cpus, status, "%s", "");
}

/* The ports of the guest's devices read as ones: its bytes are sent. */
static int run_to_end(void)
{
	struct pollfd p = { cpus->event_fd, POLLIN, 0 };
	struct vsu_error why;
	int status = -1;

	OK(varch_cpus_start(cpus, &err));
	do
		poll(&p, 1, -1);
	while (!varch_cpus_dispatch(cpus));
	varch_cpus_stop(cpus, &status, &why);
	return status;
}

START_TEST(kernel_runs_to_its_end)
{
	static const struct varch_cpu_choice host = { .model = VARCH_CPU_HOST };
	struct varch_power power = { .power = on_power };
	struct varch_bus memory = { .n = 0 }, ports = { .n = 0 };
	struct varch_vm kvm;
	const struct varch_cpus_config config = { .kvm = &kvm, .n = 1, .hooks = { .memory = &memory, .ports = &ports } };
	struct varch_loaded loaded;
	struct varch_slots *slots;
	struct vmem_map *map;

	OK(vmem_map_from_properties("size=16M", 0, NULL, &map, &err));
	OK(load(map, guest_word("builtin:selftest"), "", &loaded));
	OK(varch_power_add(&power, &ports, &err));
	OK(varch_vm_open(&kvm, NULL, &err));
	OK(varch_slots_new(&kvm, &slots));
	OK(varch_slots_apply(slots, map, &err));
	OK(varch_cpus_new(&config, &cpus, &err));
	OK(varch_load_cpu(&loaded, &kvm, cpus->cpu[0].fd, 0, 1, &host, &err));
	ck_assert_int_eq(run_to_end(), 0);
	varch_cpus_free(cpus);
	varch_slots_free(slots);
	varch_power_free(&power);
	varch_vm_close(&kvm);
	vmem_map_unref(map);
}
END_TEST

static const struct {
	const char *kernel, *memory;
	int code;
} refusals[] = {
	{ "/nowhere", "size=16M", -ENOENT },
	{ "/proc/self/exe", "size=16M", -EBADMSG },
	{ "builtin:selftest", "size=64k", -EFAULT },
};

START_TEST(kernel_that_cannot_be_loaded_is_refused)
{
	ck_assert_int_eq(try_load(refusals[_i].memory, guest_word(refusals[_i].kernel), ""), refusals[_i].code);
	ck_assert_str_ne(err.msg, "");
}
END_TEST

START_TEST(command_line_has_a_limit)
{
	char line[5000] = { 0 };

	memset(line, 'x', 4095);
	OK(try_load("size=16M", guest_word("builtin:selftest"), line));
	line[4095] = 'x';
	ck_assert_int_eq(try_load("size=16M", guest_word("builtin:selftest"), line), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("load");
	TCase *tc = tcase_create("load");
	const char *why = no_guest_file();

	tcase_add_test_unless(tc, no_guest(), kernel_runs_to_its_end);
	tcase_add_loop_test_unless(tc, why, kernel_that_cannot_be_loaded_is_refused, 0, COUNT(refusals));
	tcase_add_test_unless(tc, why, command_line_has_a_limit);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
