/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The options that are the remedy of a failure. */
#include <config.h>

#include "base/advice.h"
#include "common/remedy.h"
#include "log.h"

static const struct {
	const char *before, *after; /* the sentence */
} texts[] = {
#define ROW(advice) [VMM_ADVICE_ ## advice - VMM_ADVICE_MEMBER]
	ROW(MEMBER) = { "option --", "" },
	ROW(MEMORY) = { "", "; increase --memory" },
	ROW(KERNEL) = { "", "; name one with --kernel" },
	ROW(MODULES) = { "", "; name its modules with --modules" },
	ROW(NO_MODULES) = { "", "; name their folder with --modules, or --modules=none if it needs none" },
	ROW(TRANSPORT) = { "", "; leave --transport out" },
	ROW(TEMPLATES) = { "", "; name one with --folder" },
#undef ROW
};

_Static_assert(sizeof(texts) / sizeof(texts[0]) == VMM_ADVICE_END - VMM_ADVICE_MEMBER, "an advice has no text");

void vmm_remedy_add(struct vsu_error *err)
{
	const struct vsu_error why = *err;
	const uint32_t row = why.arg - VMM_ADVICE_MEMBER;

	if (why.msg[0] && row < sizeof(texts) / sizeof(texts[0]))
		vsu_error_set(err, why.code, "%s%s%s", texts[row].before, why.msg, texts[row].after);
}

void vmm_complain(const struct vsu_error *err)
{
	struct vsu_error why = *err;

	vmm_remedy_add(&why);
	prog_complain(&why);
}

int vmm_complain_end(int status, const struct vsu_error *err)
{
	if (status || err->msg[0])
		vmm_complain(err);
	return status;
}
