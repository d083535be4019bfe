/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The start information of a kernel that is entered by PVH (Xen's public headers,
 * arch-x86/hvm/start_info.h, version 1).
 */
#ifndef VARCH_BOOT_PVH_START_INFO_H
#define VARCH_BOOT_PVH_START_INFO_H

#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

#include "arch/x86/boot/handover.h"

/* Writes it to gpa and behind; its address goes into ebx. */
int varch_pvh_hand_over(const struct varch_handover *handover,
		      const struct vmem_view *view, uint64_t gpa);

#endif
