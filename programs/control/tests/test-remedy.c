/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the options that sentences of the machine's rooms receive on a command line. */
#include <config.h>

#include <errno.h>

#include <cvmm/configuration.h>
#include <cvmm/exec.h>
#include <vm-agent/initrd.h>
#include <vm-arch/advice.h>

#include "control/remedy.h"
#include "util.h"

static const struct {
	uint32_t advice;
	const char *sentence;
} remedies[] = {
	{ CVMM_EXEC_ADVICE_MEMBER, "option --WHAT: WHY" },
	{ CVMM_ADVICE_NO_KERNEL, "WHAT: WHY; try 'cvmm run builtin:selftest'" },
	{ CVMM_ADVICE_TLS, "WHAT: WHY; start cvmm with --sandbox=on,tls,folder=FOLDER, the folder of the certificates" },
	{ CVMM_ADVICE_COMMAND, "WHAT: WHY; use 'cvmm ctl', which starts it, or unix: or tcp:" },
	{ CVMM_ADVICE_POSTCOPY, "WHAT: WHY; cvmm's daemons permit it with --allow-postcopy" },
	{ CVMM_ADVICE_FOLDER, "WHAT: WHY; in a sandbox, start cvmm with --sandbox=on,folder=FOLDER, the folder of the file" },
	{ VARCH_ADVICE_MEMORY, "WHAT: WHY; increase --memory" },
	{ VARCH_ADVICE_MEMORY_AT_0, "WHAT: WHY; place some with --memory at=0" },
	{ VARCH_ADVICE_MEMORY_AT_1G, "WHAT: WHY; place some with --memory at=0x40000000" },
	{ VAGENT_ADVICE_KERNEL, "WHAT: WHY; name one with --kernel" },
	{ VARCH_ADVICE_CPU_PLAIN, "WHAT: WHY; start the guest with --cpu=plain, or on another host" },
	{ VARCH_ADVICE_CPU_PORTABLE, "WHAT: WHY; --cpu=plain, a level such as --cpu=x86-64-v3 or a file of 'cvmm cpu' saves a portable one" },
	{ VARCH_ADVICE_CPU_COMMON, "WHAT: WHY; 'cvmm cpu FILE...' prints what all hosts have" },
	{ VARCH_ADVICE_CPU_DESCRIPTION, "WHAT: WHY; 'cvmm cpu' writes all words" },
	{ VARCH_ADVICE_MODULES, "WHAT: WHY; name its modules with --modules" },
	{ VAGENT_ADVICE_NO_MODULES, "WHAT: WHY; name their folder with --modules, or --modules=none if it needs none" },
	{ VARCH_ADVICE_TRANSPORT, "WHAT: WHY; leave --transport out" },
	{ CVMM_EXEC_ADVICE_FOLDERS, "WHAT: WHY; make it again with 'cvmm template make NAME --folders=N'" },
	{ CVMM_EXEC_ADVICE_TEMPLATES, "WHAT: WHY; name one with --folder" },
	{ CVMM_EXEC_ADVICE_MEMBER - 1, "WHAT: WHY" },
	{ 1, "WHAT: WHY" },
	{ 0, "WHAT: WHY" },
};

START_TEST(advice_is_an_option_of_the_command_line)
{
	struct vsu_error err = VSU_ERROR_INIT;

	vsu_error_set(&err, -ENOENT, "WHAT: WHY");
	err.arg = remedies[_i].advice;
	vmm_remedy_add(&err);
	ck_assert_str_eq(err.msg, remedies[_i].sentence);
	ck_assert_int_eq(err.code, -ENOENT);
	vmm_remedy_add(&err);
	ck_assert_str_eq(err.msg, remedies[_i].sentence);
}
END_TEST

START_TEST(success_has_no_remedy)
{
	struct vsu_error err = { .arg = VARCH_ADVICE_MEMORY };

	vmm_remedy_add(&err);
	ck_assert_str_eq(err.msg, "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("remedy");
	TCase *tc = tcase_create("remedy");

	tcase_add_loop_test(tc, advice_is_an_option_of_the_command_line, 0, sizeof(remedies) / sizeof(remedies[0]));
	tcase_add_test(tc, success_has_no_remedy);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
