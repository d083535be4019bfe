/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about KVM for other monitors, under guest code in a map. */
#include <config.h>

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

#include <vmm-sys-util/fd.h>
#include <vm-memory/backend.h>

#include <vm-arch/kvm.h>
#include "../guest.h"

static struct vsu_error err;

#define OK(call) ck_assert_msg(!(call), "%s", err.msg)

static struct vmem_map *map_new(const char *properties, uint64_t gpa)
{
	struct vmem_map *map;

	OK(vmem_map_from_properties(properties, gpa, NULL, &map, &err));
	return map;
}

START_TEST(vm_leaves_no_descriptor)
{
	const int before = vsu_fd_count();
	struct vmem_map *map = map_new("size=1M", 0);
	struct varch_kvm_cpu cpu;
	struct varch_kvm *kvm;

	OK(varch_kvm_new(NULL, &kvm, &err));
	OK(varch_kvm_set_memory(kvm, map, &err));
	vmem_map_unref(map);
	OK(varch_kvm_add_cpu(kvm, 0, &cpu, &err));
	varch_kvm_remove_cpu(&cpu);
	varch_kvm_remove_cpu(&cpu);
	varch_kvm_free(kvm);
	varch_kvm_free(NULL);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

START_TEST(device_may_be_a_descriptor)
{
	const int before = vsu_fd_count();
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	struct varch_kvm *kvm;

	OK(varch_kvm_new(&fd, &kvm, &err));
	varch_kvm_free(kvm);
	ck_assert_int_ge(fcntl(fd, F_GETFD), 0);
	vsu_fd_close(&fd);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	ck_assert_int_lt(varch_kvm_new(&fd, &kvm, &err), 0);
	vsu_fd_close(&fd);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

START_TEST(cpu_exists_once)
{
	struct varch_kvm_cpu cpu, again;
	struct varch_kvm *kvm;

	OK(varch_kvm_new(NULL, &kvm, &err));
	OK(varch_kvm_add_cpu(kvm, 0, &cpu, &err));
	ck_assert_uint_ge(cpu.run_len, sizeof(struct kvm_run));
	ck_assert_int_eq(varch_kvm_add_cpu(kvm, 0, &again, &err), -EEXIST);
	ck_assert_ptr_null(again.run);
	varch_kvm_remove_cpu(&again);
	varch_kvm_remove_cpu(&cpu);
	varch_kvm_free(kvm);
}
END_TEST

/* Real mode: mov $42, %al; out %al, $0xf4. */
static const unsigned char out_42[] = { 0xb0, 0x2a, 0xe6, 0xf4 };

static uint8_t run_until_port(const struct varch_kvm_cpu *cpu)
{
	struct kvm_regs regs = { .rip = 0x1000, .rflags = 2 };
	struct kvm_sregs sregs;

	ck_assert_int_eq(ioctl(cpu->fd, KVM_GET_SREGS, &sregs), 0);
	sregs.cs.base = sregs.cs.selector = 0;
	ck_assert_int_eq(ioctl(cpu->fd, KVM_SET_SREGS, &sregs), 0);
	ck_assert_int_eq(ioctl(cpu->fd, KVM_SET_REGS, &regs), 0);
	ck_assert_int_eq(ioctl(cpu->fd, KVM_RUN, 0), 0);
	ck_assert_uint_eq(cpu->run->exit_reason, KVM_EXIT_IO);
	return ((uint8_t *)cpu->run)[cpu->run->io.data_offset];
}

START_TEST(guest_has_the_memory_of_the_last_map)
{
	struct vmem_map *maps[2] = { map_new("size=1M", 0), map_new("size=2M", 0) };
	struct varch_kvm_cpu cpu;
	struct varch_kvm *kvm;
	unsigned int i;

	OK(varch_kvm_new(NULL, &kvm, &err));
	OK(varch_kvm_add_cpu(kvm, 0, &cpu, &err));
	for (i = 0; i < 2; i++) {
		OK(varch_kvm_set_memory(kvm, maps[i], &err));
		OK(vmem_write_exact(vmem_map_view(maps[i]), 0x1000, out_42,
				    sizeof(out_42)));
		OK(vmem_write_exact(vmem_map_view(maps[i]), 0x1001, &i, 1));
		ck_assert_uint_eq(run_until_port(&cpu), i);
	}
	varch_kvm_remove_cpu(&cpu);
	varch_kvm_free(kvm);
	vmem_map_unref(maps[0]);
	vmem_map_unref(maps[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kvm_parts");
	TCase *tc = tcase_create("kvm_parts");
	const char *why = no_kvm();

	tcase_add_test_unless(tc, why, vm_leaves_no_descriptor);
	tcase_add_test_unless(tc, why, device_may_be_a_descriptor);
	tcase_add_test_unless(tc, why, cpu_exists_once);
	tcase_add_test_unless(tc, why, guest_has_the_memory_of_the_last_map);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
