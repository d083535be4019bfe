/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Progress of a save and of a migration, as members of the status and of events. */
#include <config.h>

#include "machine/progress.h"

void vmm_progress_write_save(const struct cvmm_progress *p, struct prog_json *to)
{
	prog_json_open(to, "saving", '{');
	prog_json_u64(to, "done", p->save_done);
	prog_json_u64(to, "total", p->save_total);
	prog_json_close(to, '}');
}

void vmm_progress_write_migration(const struct cvmm_progress *p, struct prog_json *to)
{
	static const char *const phases[] = {
		[CVMM_PHASE_CONNECTING] = "connecting", [CVMM_PHASE_COPYING] = "copying",
		[CVMM_PHASE_STOPPED] = "stopped", [CVMM_PHASE_UNKNOWN] = "unknown",
		[CVMM_PHASE_POSTCOPY] = "post-copy",
	};

	if (p->phase == CVMM_PHASE_NONE)
		return;
	prog_json_open(to, "migration", '{');
	prog_json_text(to, "phase", phases[p->phase]);
	prog_json_u64(to, "round", p->round);
	prog_json_u64(to, "sent", p->sent);
	prog_json_u64(to, "left", p->left);
	prog_json_u64(to, "throttle", p->throttle);
	prog_json_close(to, '}');
}
