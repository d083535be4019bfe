/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The guest's physical addresses and interrupts, as its architecture has them.
 *
 * Threads: no state.
 */
#ifndef VARCH_LAYOUT_H
#define VARCH_LAYOUT_H

#if defined(__aarch64__) || defined(VARCH_ARM64)
#include <vm-arch/arm64/layout.h>
#else
#include <vm-arch/x86/layout.h>
#endif

#endif
