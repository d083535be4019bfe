/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about kernels of other monitors; tests/boot/ has those of their files. */
#include <config.h>

#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include <vmm-sys-util/fd.h>

#include <vm-arch/boot.h>
#include "../guest.h"
#include "../guests.h"

static struct vsu_error err;

#define OK(call) ck_assert_msg(!(call), "%s", err.msg)

static struct vmem_map *map_new(const char *properties)
{
	struct vmem_map *map;

	OK(vmem_map_from_properties(properties, 0, NULL, &map, &err));
	return map;
}

/* The status that the guest writes. It reads ones from all ports: its bytes are sent. */
static uint8_t run_to_end(const struct varch_kvm_cpu *cpu)
{
	struct kvm_run *run = cpu->run;
	uint8_t *data;

	do {
		ck_assert_int_eq(ioctl(cpu->fd, KVM_RUN, 0), 0);
		ck_assert_uint_eq(run->exit_reason, KVM_EXIT_IO);
		data = (uint8_t *)run + run->io.data_offset;
		if (run->io.direction == KVM_EXIT_IO_IN)
			memset(data, 0xff, run->io.size);
	} while (run->io.port != VARCH_PORT_END || run->io.direction != KVM_EXIT_IO_OUT);
	return *data;
}

START_TEST(kernel_runs_to_its_end)
{
	const int before = vsu_fd_count();
	const struct varch_kernel_config config = { .size = sizeof(config), .kernel = guest_word("builtin:selftest") };
	struct vmem_map *map = map_new("size=16M");
	struct varch_kernel *kernel;
	struct varch_kvm_cpu cpu;
	struct varch_kvm *kvm;

	OK(varch_kernel_load(map, &config, &kernel, &err));
	OK(varch_kvm_new(NULL, &kvm, &err));
	OK(varch_kvm_set_memory(kvm, map, &err));
	OK(varch_kvm_add_cpu(kvm, 0, &cpu, &err));
	ck_assert_int_eq(varch_kernel_enter(kernel, kvm, &cpu, 1, &err), -EINVAL);
	OK(varch_kernel_enter(kernel, kvm, &cpu, 0, &err));
	ck_assert_uint_eq(run_to_end(&cpu), 0);
	varch_kvm_remove_cpu(&cpu);
	varch_kvm_free(kvm);
	varch_kernel_free(kernel);
	vmem_map_unref(map);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

static const struct varch_kernel_device devices[20];

static const struct {
	struct varch_kernel_config config;
	const char *memory;
	int code;
} refusals[] = {
	{ { .size = 0, .kernel = "builtin:selftest" }, "size=16M", -EINVAL },
	{ { .size = sizeof(struct varch_kernel_config) }, "size=16M", -EINVAL },
	{ { .size = sizeof(struct varch_kernel_config), .kernel = "builtin:nothing" }, "size=16M", -ENOENT },
	{ { .size = sizeof(struct varch_kernel_config), .kernel = "/nowhere" }, "size=16M", -ENOENT },
	{ { .size = sizeof(struct varch_kernel_config), .kernel = "/proc/self/exe" }, "size=16M", -EBADMSG },
	{ { .size = sizeof(struct varch_kernel_config), .kernel = "builtin:selftest",
	    .initrd = "/nowhere" }, "size=16M", -ENOENT },
	{ { .size = sizeof(struct varch_kernel_config), .kernel = "builtin:selftest",
	    .ncpus = 1000 }, "size=16M", -EINVAL },
	{ { .size = sizeof(struct varch_kernel_config), .kernel = "builtin:selftest",
	    .devices = devices, .ndevices = 20 }, "size=16M", -ENOSPC },
	{ { .size = sizeof(struct varch_kernel_config), .kernel = "builtin:selftest" }, "size=64k", -EFAULT },
};

START_TEST(kernel_that_cannot_be_loaded_is_refused)
{
	const int before = vsu_fd_count();
	struct varch_kernel_config config = refusals[_i].config;
	struct vmem_map *map = map_new(refusals[_i].memory);
	struct varch_kernel *kernel;

	config.kernel = config.kernel ? guest_word(config.kernel) : NULL;
	ck_assert_int_eq(varch_kernel_load(map, &config, &kernel, &err),
			 refusals[_i].code);
	ck_assert_str_ne(err.msg, "");
	vmem_map_unref(map);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

START_TEST(command_line_has_a_limit)
{
	char line[5000] = { 0 };
	const struct varch_kernel_config config = {
		.size = sizeof(config), .kernel = guest_word("builtin:selftest"), .cmdline = line,
	};
	struct vmem_map *map = map_new("size=16M");
	struct varch_kernel *kernel;

	memset(line, 'x', 4095);
	OK(varch_kernel_load(map, &config, &kernel, &err));
	varch_kernel_free(kernel);
	line[4095] = 'x';
	ck_assert_int_eq(varch_kernel_load(map, &config, &kernel, &err), -EINVAL);
	vmem_map_unref(map);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kernel_parts");
	TCase *tc = tcase_create("kernel_parts");
	const char *why = no_guest_file();

	tcase_add_test_unless(tc, no_guest(), kernel_runs_to_its_end);
	tcase_add_loop_test_unless(tc, why, kernel_that_cannot_be_loaded_is_refused, 0, COUNT(refusals));
	tcase_add_test_unless(tc, why, command_line_has_a_limit);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
