/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about descriptions of processors: words, what they refuse, and what two have in common. */
#include <config.h>

#include "../../util.h"
#include "arch/x86/cpu_description.h"

#define KEYS "vendor=AuthenticAMD family=23 model=1 stepping=2 "

static struct varch_cpu_description d;
static struct vsu_error err;

static int parse(const char *text)
{
	vsu_error_clear(&err);
	return varch_cpu_description_parse(&d, text, &err);
}

static bool has(const char *name)
{
	return varch_cpu_set_has(&d.features, (unsigned int)varch_cpu_feature_find(name, strlen(name)));
}

/* The words of d. */
static const char *written(void)
{
	static char text[VARCH_CPU_MAX_TEXT];

	ck_assert_int_eq(varch_cpu_description_write(&d, ' ', text, sizeof(text)), (int)strlen(text));
	return text;
}

START_TEST(words_are_separated_by_blanks_lines_commas_and_comments)
{
	ck_assert_msg(!parse("# of a host\n" KEYS "\n\n  sse3,avx2\t# more: fma\r\nsse4.1#"), "%s", err.msg);
	ck_assert_str_eq(d.vendor, "AuthenticAMD");
	ck_assert_uint_eq(d.family, 23);
	ck_assert_uint_eq(d.model, 1);
	ck_assert_uint_eq(d.stepping, 2);
	ck_assert(has("sse3") && has("avx2") && has("sse4.1") && !has("fma"));
	ck_assert_str_eq(written(), KEYS "sse3 sse4.1 avx2");
}
END_TEST

static const struct { const char *text, *msg; } refused[] = {
	{ "", "it has no 'vendor='" },
	{ "# " KEYS, "it has no 'vendor='" },
	{ "vendor=AuthenticAMD family=6 model=1", "it has no 'stepping='" },
	{ KEYS "\nsse3\nsse5", "line 3: 'sse5' is not a feature that this version knows; remove it" },
	{ KEYS "SSE3", "line 1: 'SSE3' is not a feature that this version knows; remove it" },
	{ KEYS "sse3 sse3", "line 1: 'sse3' is given twice" },
	{ KEYS "# a\nmodel=1", "line 2: 'model=1' is given twice" },
	{ "vendor=AMD", "line 1: 'vendor=AMD' is not a vendor of 12 letters, such as vendor=GenuineIntel" },
	{ "vendor=Authentic4MD", "line 1: 'vendor=Authentic4MD' is not a vendor of 12 letters, such as vendor=GenuineIntel" },
	{ "family=271", "line 1: 'family=271' is not a number up to 270" },
	{ "family=", "line 1: 'family=' is not a number up to 270" },
	{ "model=-1", "line 1: 'model=-1' is not a number up to 255" },
	{ "\n\nstepping=16", "line 3: 'stepping=16' is not a number up to 15" },
	{ "stepping=4294967297", "line 1: 'stepping=4294967297' is not a number up to 15" },
	{ "vendor=GenuineIntel family=7 model=16 stepping=0", "model=16 is impossible in family=7, which has models up to 15" },
	{ "a\x1b[2J", "line 1: a word is longer than 32 characters, or has others than ASCII" },
	{ "\xc3\xa4", "line 1: a word is longer than 32 characters, or has others than ASCII" },
	{ "\nabcdefghijklmnopqrstuvwxyz0123456", "line 2: a word is longer than 32 characters, or has others than ASCII" },
};

START_TEST(d1_64_impossible_description_is_refused_with_its_line)
{
	static const struct varch_cpu_description none;

	memset(&d, 0, sizeof(d));
	ck_assert_int_eq(parse(refused[_i].text), -EBADMSG);
	ck_assert_str_eq(err.msg, refused[_i].msg);
	ck_assert_mem_eq(&d, &none, sizeof(d));
}
END_TEST

START_TEST(every_feature_has_a_name_and_a_bit_of_its_own)
{
	const struct varch_cpu_feature *f, *other;

	for (f = varch_cpu_features; f->name; f++) {
		ck_assert_uint_lt(f->bit, 32);
		ck_assert_int_eq(varch_cpu_feature_find(f->name, strlen(f->name)), (int)(f - varch_cpu_features));
		for (other = f + 1; other->name; other++)
			ck_assert_msg(other->function != f->function || other->index != f->index ||
				      other->reg != f->reg || other->bit != f->bit, "%s", f->name);
	}
}
END_TEST

START_TEST(all_features_are_written_and_read_again)
{
	struct varch_cpu_description all;
	unsigned int i;

	ck_assert_int_eq(parse(KEYS), 0);
	for (i = 0; varch_cpu_features[i].name; i++)
		varch_cpu_set_add(&d.features, i);
	all = d;
	ck_assert_msg(!parse(written()), "%s", err.msg);
	ck_assert_mem_eq(&d.features, &all.features, sizeof(all.features));
}
END_TEST

START_TEST(text_without_room_is_refused)
{
	char text[sizeof(KEYS "sse3") - 1];

	ck_assert_int_eq(parse(KEYS "sse3"), 0);
	ck_assert_int_eq(varch_cpu_description_write(&d, ' ', text, sizeof(text)), -ENOSPC);
	ck_assert_int_eq(varch_cpu_description_write(&d, ' ', text, 10), -ENOSPC);
}
END_TEST

/* Signatures of processors that were sold. */
static const struct { uint32_t eax; unsigned int family, model, stepping; } processors[] = {
	{ 0x00800f12, 23, 1, 2 }, { 0x00a20f10, 25, 0x21, 0 }, { 0x000906ea, 6, 0x9e, 10 },
	{ 0x00000f61, 15, 6, 1 }, { 0x00000543, 5, 4, 3 },
};

START_TEST(processor_of_a_table_is_described)
{
	static union {
		struct kvm_cpuid2 table;
		unsigned char room[sizeof(struct kvm_cpuid2) + 3 * sizeof(struct kvm_cpuid_entry2)];
	} u = { .table.nent = 0 };

	u.table.nent = 3;
	u.table.entries[0] = (struct kvm_cpuid_entry2){ .ebx = 0x68747541, .edx = 0x69746e65, .ecx = 0x444d4163 };
	u.table.entries[1] = (struct kvm_cpuid_entry2){ .function = 1, .eax = processors[_i].eax, .ecx = 1 };
	u.table.entries[2] = (struct kvm_cpuid_entry2){ .function = 7, .index = 1, .eax = 1u << 4 };
	ck_assert_int_eq(varch_cpu_description_of(&d, &u.table, &err), 0);
	ck_assert_str_eq(d.vendor, "AuthenticAMD");
	ck_assert_uint_eq(d.family, processors[_i].family);
	ck_assert_uint_eq(d.model, processors[_i].model);
	ck_assert_uint_eq(d.stepping, processors[_i].stepping);
	ck_assert_uint_eq(varch_cpu_description_signature(&d), processors[_i].eax);
	ck_assert_ptr_nonnull(strstr(written(), "sse3 avx-vnni"));
	u.table.entries[0].ebx = 0;
	ck_assert_int_eq(varch_cpu_description_of(&d, &u.table, &err), -EOPNOTSUPP);
}
END_TEST

static const struct { const char *first, *second, *common; } pairs[] = {
	{ "family=23 model=1 stepping=2 sse3 avx aes", "family=25 model=0 stepping=0 sse3 aes avx2",
	  "vendor=AuthenticAMD family=23 model=1 stepping=2 sse3 aes" },
	{ "family=25 model=1 stepping=0 sse3", "family=25 model=0 stepping=5 avx2",
	  "vendor=AuthenticAMD family=25 model=0 stepping=5" },
	{ "family=6 model=1 stepping=4 rdpid", "family=6 model=1 stepping=3 rdpid",
	  "vendor=AuthenticAMD family=6 model=1 stepping=3 rdpid" },
};

START_TEST(common_processor_is_the_older_one_with_the_features_of_both)
{
	char text[128];
	struct varch_cpu_description first, second;

	snprintf(text, sizeof(text), "vendor=AuthenticAMD %s", pairs[_i].first);
	ck_assert_int_eq(parse(text), 0);
	first = d;
	snprintf(text, sizeof(text), "vendor=AuthenticAMD %s", pairs[_i].second);
	ck_assert_int_eq(parse(text), 0);
	second = d;
	ck_assert_int_eq(varch_cpu_description_limit(&d, &first, &err), 0);
	ck_assert_str_eq(written(), pairs[_i].common);
	d = first;
	ck_assert_int_eq(varch_cpu_description_limit(&d, &second, &err), 0);
	ck_assert_str_eq(written(), pairs[_i].common);
}
END_TEST

START_TEST(vendors_have_nothing_in_common)
{
	struct varch_cpu_description first;

	ck_assert_int_eq(parse(KEYS), 0);
	first = d;
	ck_assert_int_eq(parse("vendor=GenuineIntel family=6 model=1 stepping=2"), 0);
	assert_refused(varch_cpu_description_limit(&d, &first, &err), -EOPNOTSUPP,
		       "processors of GenuineIntel and AuthenticAMD have no common description; a guest cannot move between vendors",
		       err);
}
END_TEST

/* A file with n bytes of this text and then of blanks. */
static int read_file(const char *text, size_t len, size_t n)
{
	char name[] = "description.XXXXXX";
	int fd = mkstemp(name);

	ck_assert_int_ge(fd, 0);
	unlink(name);
	ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
	while (len++ < n)
		ck_assert_int_eq(write(fd, " ", 1), 1);
	ck_assert_int_eq((int)lseek(fd, 0, SEEK_SET), 0);
	vsu_error_clear(&err);
	return varch_cpu_description_read(&d, fd, &err);
}

START_TEST(d1_64_file_is_read_up_to_its_limit)
{
	ck_assert_msg(!read_file(KEYS "fma", sizeof(KEYS "fma") - 1, VARCH_CPU_MAX_TEXT - 1), "%s", err.msg);
	ck_assert(has("fma"));
	ck_assert_int_eq(read_file(KEYS, sizeof(KEYS) - 1, VARCH_CPU_MAX_TEXT), -E2BIG);
	ck_assert_str_eq(err.msg, "it has more than 16383 bytes");
	ck_assert_int_eq(read_file(KEYS "\0fma", sizeof(KEYS "\0fma") - 1, 0), -EBADMSG);
	ck_assert_str_eq(err.msg, "byte 49 is 0");
	ck_assert_int_eq(varch_cpu_description_read(&d, -EACCES, &err), -EACCES);
	ck_assert_int_eq(varch_cpu_description_read(&d, open(".", O_RDONLY | O_CLOEXEC), &err), -EISDIR);
}
END_TEST

START_TEST(names_that_do_not_fit_are_counted)
{
	static const struct varch_cpu_set none;
	char names[40];

	ck_assert_int_eq(parse(KEYS "sse3 pclmulqdq ssse3 fma cx16 pcid"), 0);
	ck_assert_uint_eq(varch_cpu_set_names(&d.features, &none, names, sizeof(names)), 6);
	ck_assert_str_eq(names, "sse3, pclmulqdq, ssse3, fma and 2 more");
	ck_assert_uint_eq(varch_cpu_set_names(&d.features, &d.features, names, sizeof(names)), 0);
	ck_assert_str_eq(names, "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cpu_description");
	TCase *tc = tcase_create("cpu_description");

	tcase_add_test(tc, words_are_separated_by_blanks_lines_commas_and_comments);
	tcase_add_loop_test(tc, d1_64_impossible_description_is_refused_with_its_line, 0, (int)COUNT(refused));
	tcase_add_test(tc, every_feature_has_a_name_and_a_bit_of_its_own);
	tcase_add_test(tc, all_features_are_written_and_read_again);
	tcase_add_test(tc, text_without_room_is_refused);
	tcase_add_loop_test(tc, processor_of_a_table_is_described, 0, (int)COUNT(processors));
	tcase_add_loop_test(tc, common_processor_is_the_older_one_with_the_features_of_both, 0, (int)COUNT(pairs));
	tcase_add_test(tc, vendors_have_nothing_in_common);
	tcase_add_test(tc, d1_64_file_is_read_up_to_its_limit);
	tcase_add_test(tc, names_that_do_not_fit_are_counted);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
