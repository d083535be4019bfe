/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about options that are found among the words of a command line. */
#include <config.h>

#include <string.h>

#include "common/option_words.h"
#include "common/program_options.h"
#include "util.h"

static struct vsu_option table[VMM_RUN_ROWS];

static void setup(void)
{
	vmm_run_table(table);
}

START_TEST(option_is_found_among_words)
{
	char line[] = "--append --from=a --FROM=b --KERNEL=c --from d -- --from=e", *words[8], *w;
	struct vmm_option_word word = { .used = 0 };
	int n = 0;

	for (w = strtok(line, " "); w; w = strtok(NULL, " "))
		words[n++] = w;
	ck_assert_int_eq(vmm_option_words_find(table, words, 8, "from", &word), 4);
	ck_assert_str_eq(word.value, "d");
	ck_assert_int_eq(word.used, 2);
	ck_assert_int_eq(vmm_option_words_find(table, words, 4, "from", &word), 4);
	ck_assert_ptr_null(vmm_option_word_at(table, words + 3, 1).row);
	/* its value is missing */
	ck_assert_int_eq(vmm_option_words_find(table, words, 5, "from", &word), 4);
	ck_assert(!word.value && word.used == 1);
	ck_assert_int_eq(vmm_option_words_find(table, words + 6, 2, "from", &word), 2);
}
END_TEST

START_TEST(operand_is_no_option)
{
	ck_assert_ptr_null(vmm_option_row(table, "KERNEL", 6));
	ck_assert_str_eq(vmm_option_row(table, "jail", 4)->name, "jail");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("option_words");
	TCase *tc = tcase_create("option_words");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, option_is_found_among_words);
	tcase_add_test(tc, operand_is_no_option);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
