/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Records of the SIGBUS handler, one page each. */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stddef.h>

#include <vm-arch/poison.h>
#include <vmm-sys-util/event.h>

#include "cpu/poisoned.h"

/* Page accessed by this thread, set by its signal handler. 0: none. */
static __thread volatile sig_atomic_t in_guest;
static __thread volatile uint64_t touched;

void varch_poison_enter(void)
{
	touched = 0;
	in_guest = 1;
}

bool varch_poison_leave(uint64_t *hva)
{
	in_guest = 0;
	*hva = touched;
	return touched != 0;
}

static bool note_early(struct varch_poison *p, uint64_t hva)
{
	uint64_t none = 0;
	int fd = __atomic_load_n(&p->wake_fd, __ATOMIC_RELAXED);

	if (fd < 0)
		return false;
	__atomic_compare_exchange_n(&p->early, &none, hva, false,
				    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
	vsu_event_signal_own(fd);
	return true;
}

bool varch_poison_note(struct varch_poison *p, const void *siginfo)
{
	const siginfo_t *si = siginfo;
	const uint64_t hva = (uint64_t)(uintptr_t)si->si_addr;
	const int saved = errno;
	bool noted = false;

	if (si->si_code == BUS_MCEERR_AR && in_guest) {
		touched = hva;
		noted = true;
	} else if (si->si_code == BUS_MCEERR_AO) {
		noted = p && note_early(p, hva);
	}
	errno = saved;
	return noted;
}
