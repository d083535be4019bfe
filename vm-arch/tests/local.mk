# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
#
# The tests, included by ../Makefile.am: a program is one line of a list.
if BUILD_VM_ARCH
unit_tests = \
	tests/acpi/test-plug \
	tests/arch/arm64/acpi/test-tables \
	tests/arch/arm64/boot/test-compressed_image \
	tests/arch/arm64/boot/test-device_tree \
	tests/arch/arm64/boot/test-efi \
	tests/arch/arm64/boot/test-fdt \
	tests/arch/arm64/boot/test-linux_image \
	tests/arch/arm64/test-caches \
	tests/arch/arm64/test-pl031 \
	tests/arch/arm64/test-pl061 \
	tests/boot/test-info \
	tests/bus/test-bus \
	tests/bus/test-pci_host \
	tests/decompress/test-decompress \
	tests/decompress/test-kernel_version \
	tests/serial/test-serial \
	tests/vm/test-msi \
	$(NULL)
# With kernels, registers or addresses of x86, or on a KVM of it.
if ARCH_X86
unit_tests += \
	tests/boot/test-load \
	tests/vm/test-vm \
	tests/arch/x86/acpi/test-acpi \
	tests/arch/x86/acpi/test-iasl \
	tests/arch/x86/boot/test-bzimage \
	tests/arch/x86/boot/test-elf \
	tests/arch/x86/test-cpu_description \
	tests/arch/x86/test-cpu_state \
	tests/arch/x86/test-cpuid \
	tests/arch/x86/test-mce \
	tests/arch/x86/test-msrs \
	tests/arch/x86/test-ports \
	tests/arch/x86/test-tables \
	tests/boot/test-initrd \
	tests/cpu/test-cpu_exit \
	tests/cpu/test-cpus \
	tests/places/test-places \
	tests/slots/test-slots \
	tests/vm/test-open \
	$(NULL)
endif
if ARCH_ARM64
unit_tests += \
	tests/arch/arm64/test-cpu_state \
	tests/arch/arm64/test-exits \
	tests/arch/arm64/test-gic_state \
	tests/arch/arm64/test-vm \
	$(NULL)
endif
if BUILD_GDB
unit_tests += \
	tests/gdb/test-packet \
	tests/gdb/test-stub \
	$(NULL)
endif
check_PROGRAMS += $(unit_tests)
TESTS += $(unit_tests)
endif
LDADD = libvm-arch-private.la $(VM_MEMORY_LIBS) $(VMM_SYS_UTIL_LIBS) $(CHECK_LIBS)
# What needs no processor of arm64 is tested on any, by objects of the tests.
if HAVE_ZLIB
with_gzip = -DBOOTS_GZIP=1
endif
for_arm64 = $(AM_CPPFLAGS) -DVARCH_ARM64
tests_arch_arm64_boot_test_compressed_image_CPPFLAGS = $(for_arm64) $(with_gzip)
tests_arch_arm64_boot_test_compressed_image_SOURCES = tests/arch/arm64/boot/test-compressed_image.c \
	src/arch/arm64/boot/compressed_image.c \
	src/arch/arm64/boot/compressed_image.h \
	src/arch/arm64/boot/linux_image.c \
	src/arch/arm64/boot/linux_image.h \
	src/decompress/gzip.c
tests_arch_arm64_boot_test_compressed_image_LDADD = $(LDADD) $(ZLIB_LIBS)
tests_decompress_test_decompress_CPPFLAGS = $(AM_CPPFLAGS) $(with_gzip)
tests_decompress_test_decompress_SOURCES = tests/decompress/test-decompress.c src/decompress/gzip.c
tests_decompress_test_decompress_LDADD = $(LDADD) $(ZLIB_LIBS)
tests_decompress_test_kernel_version_CPPFLAGS = $(AM_CPPFLAGS) $(with_gzip)
tests_decompress_test_kernel_version_SOURCES = tests/decompress/test-kernel_version.c src/decompress/gzip.c
tests_decompress_test_kernel_version_LDADD = $(LDADD) $(ZLIB_LIBS)
tests_decompress_test_decompress_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=calloc
tests_arch_arm64_acpi_test_tables_CPPFLAGS = $(for_arm64)
tests_arch_arm64_acpi_test_tables_SOURCES = tests/arch/arm64/acpi/test-tables.c \
	src/acpi/aml.c \
	src/acpi/aml.h \
	src/acpi/block.c \
	src/acpi/block.h \
	src/acpi/devices.c \
	src/acpi/devices.h \
	src/arch/arm64/acpi/dsdt.c \
	src/arch/arm64/acpi/dsdt.h \
	src/arch/arm64/acpi/tables.c \
	src/arch/arm64/acpi/tables.h \
	src/arch/arm64/acpi/topology.c \
	src/arch/arm64/acpi/topology.h
tests_arch_arm64_boot_test_device_tree_CPPFLAGS = $(for_arm64)
tests_arch_arm64_boot_test_device_tree_SOURCES = tests/arch/arm64/boot/test-device_tree.c \
	src/arch/arm64/boot/device_tree.c \
	src/arch/arm64/boot/device_tree.h \
	src/arch/arm64/boot/fdt.c \
	src/arch/arm64/boot/fdt.h \
	src/arch/arm64/caches.c \
	src/arch/arm64/caches.h
tests_arch_arm64_test_caches_CPPFLAGS = $(for_arm64)
tests_arch_arm64_test_caches_SOURCES = tests/arch/arm64/test-caches.c \
	src/arch/arm64/caches.c \
	src/arch/arm64/caches.h
tests_arch_arm64_boot_test_efi_CPPFLAGS = $(for_arm64)
tests_arch_arm64_boot_test_efi_SOURCES = tests/arch/arm64/boot/test-efi.c \
	src/arch/arm64/boot/efi.c \
	src/arch/arm64/boot/efi.h
tests_arch_arm64_boot_test_fdt_CPPFLAGS = $(for_arm64)
tests_arch_arm64_boot_test_fdt_SOURCES = tests/arch/arm64/boot/test-fdt.c \
	src/arch/arm64/boot/fdt.c \
	src/arch/arm64/boot/fdt.h
tests_arch_arm64_boot_test_linux_image_CPPFLAGS = $(for_arm64)
tests_arch_arm64_boot_test_linux_image_SOURCES = tests/arch/arm64/boot/test-linux_image.c \
	src/arch/arm64/boot/linux_image.c \
	src/arch/arm64/boot/linux_image.h
tests_arch_arm64_test_pl031_CPPFLAGS = $(for_arm64)
tests_arch_arm64_test_pl031_SOURCES = tests/arch/arm64/test-pl031.c \
	src/arch/arm64/pl031.c \
	src/arch/arm64/pl031.h
tests_arch_arm64_test_pl061_CPPFLAGS = $(for_arm64)
tests_arch_arm64_test_pl061_SOURCES = tests/arch/arm64/test-pl061.c \
	src/arch/arm64/pl061.c \
	src/arch/arm64/pl061.h
tests_arch_x86_test_cpu_state_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=varch_ioctl -Wl,--wrap=varch_vm_capability
tests_arch_arm64_test_cpu_state_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=varch_ioctl -Wl,--wrap=varch_vm_capability
tests_arch_arm64_test_exits_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=varch_ioctl
tests_arch_arm64_test_gic_state_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=varch_ioctl -Wl,--wrap=varch_vm_capability
tests_arch_arm64_test_vm_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=varch_vm_capability
tests_arch_x86_test_msrs_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=varch_ioctl
