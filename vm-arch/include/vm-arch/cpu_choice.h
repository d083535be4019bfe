/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The choice of --cpu, as a value of the architecture.
 *
 * Threads: no state.
 */
#ifndef VARCH_CPU_CHOICE_H
#define VARCH_CPU_CHOICE_H

#if defined(__aarch64__) || defined(VARCH_ARM64)
#include <vm-arch/arm64/cpu_choice.h>
#else
#include <vm-arch/x86/cpu_choice.h>
#endif

#endif
