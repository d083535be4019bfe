/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The options that are the remedy of a failure. */
#include <config.h>

#include <cvmm/configuration.h>
#include <cvmm/exec.h>
#include <vm-agent/initrd.h>
#include <vm-arch/advice.h>

#include "control/remedy.h"
#include "log.h"

static const struct {
	uint32_t advice;
	const char *before, *after; /* the sentence */
} texts[] = {
	{ CVMM_EXEC_ADVICE_MEMBER, "option --", "" },
	{ CVMM_ADVICE_NO_KERNEL, "", "; try 'cvmm run builtin:selftest'" },
	{ CVMM_ADVICE_TLS, "", "; start cvmm with --sandbox=on,tls,folder=FOLDER, the folder of the certificates" },
	{ CVMM_ADVICE_COMMAND, "", "; use 'cvmm ctl', which starts it, or unix: or tcp:" },
	{ CVMM_ADVICE_POSTCOPY, "", "; cvmm's daemons permit it with --allow-postcopy" },
	{ CVMM_ADVICE_FOLDER, "", "; in a sandbox, start cvmm with --sandbox=on,folder=FOLDER, the folder of the file" },
	{ VARCH_ADVICE_MEMORY, "", "; increase --memory" },
	{ VARCH_ADVICE_MEMORY_AT_0, "", "; place some with --memory at=0" },
	{ VARCH_ADVICE_MEMORY_AT_1G, "", "; place some with --memory at=0x40000000" },
	{ VARCH_ADVICE_CPU_PLAIN, "", "; start the guest with --cpu=plain, or on another host" },
	{ VARCH_ADVICE_CPU_PORTABLE, "", "; --cpu=plain, a level such as --cpu=x86-64-v3 or a file of 'cvmm cpu' saves a portable one" },
	{ VARCH_ADVICE_CPU_COMMON, "", "; 'cvmm cpu FILE...' prints what all hosts have" },
	{ VARCH_ADVICE_CPU_DESCRIPTION, "", "; 'cvmm cpu' writes all words" },
	{ VARCH_ADVICE_MODULES, "", "; name its modules with --modules" },
	{ VARCH_ADVICE_TRANSPORT, "", "; leave --transport out" },
	{ CVMM_EXEC_ADVICE_FOLDERS, "", "; make it again with 'cvmm template make NAME --folders=N'" },
	{ CVMM_EXEC_ADVICE_TEMPLATES, "", "; name one with --folder" },
	{ VAGENT_ADVICE_KERNEL, "", "; name one with --kernel" },
	{ VAGENT_ADVICE_NO_MODULES, "", "; name their folder with --modules, or --modules=none if it needs none" },
};

void vmm_remedy_add(struct vsu_error *err)
{
	const struct vsu_error why = *err;
	unsigned int i;

	for (i = 0; why.msg[0] && i < sizeof(texts) / sizeof(texts[0]); i++)
		if (texts[i].advice == why.arg)
			vsu_error_set(err, why.code, "%s%s%s", texts[i].before, why.msg, texts[i].after);
}

/* As prog_complain(), with the remedy. */
static void complain_remedied(const struct vsu_error *err)
{
	struct vsu_error why = *err;

	vmm_remedy_add(&why);
	prog_complain(&why);
}

int vmm_complain_end(int status, const struct vsu_error *err)
{
	if (status || err->msg[0])
		complain_remedied(err);
	return status;
}
