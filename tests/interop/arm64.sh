# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# An emulated arm64 machine with KVM, for kernel.sh and guest.sh: QEMU emulates EL2, and
# the kernel and programs come from scripts/arm64-root. Exits with 77 if that is
# unavailable.

INITRD_ROOT=$("$INTEROP/../../scripts/arm64-root") || exit 77
CVMM_KERNEL_MODULES=$(echo "$INITRD_ROOT"/usr/lib/modules/*)
CVMM_KERNEL_IMAGE=$INITRD_ROOT/boot/vmlinuz-${CVMM_KERNEL_MODULES##*/}
QEMU=qemu-system-aarch64
# QEMU computes the architected signatures of pointers slowly, and Linux signs each return address.
GUEST_MACHINE=${GUEST_MACHINE:-virt,virtualization=on,gic-version=3} GUEST_CPU=max,pauth-impdef=on
GUEST_SERIAL=pci-serial GUEST_LINE='console=ttyAMA0 results=ttyS0'
