/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the CPUID table of a guest, shaped from tables made up here. */
#include <config.h>

#include <vm-arch/advice.h>

#include "../../util.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/cpuid_compare.h"
#include "arch/x86/kvm_x86.h"

static union {
	struct kvm_cpuid2 table;
	unsigned char room[sizeof(struct kvm_cpuid2) +
			   VARCH_CPUID_MAX * sizeof(struct kvm_cpuid_entry2)];
} u;

static void add(uint32_t function, uint32_t index, uint32_t eax, uint32_t ebx,
		uint32_t ecx, uint32_t edx)
{
	u.table.entries[u.table.nent++] = (struct kvm_cpuid_entry2){
		.function = function, .index = index, .eax = eax, .ebx = ebx,
		.ecx = ecx, .edx = edx,
	};
}

/* A large AMD processor, as KVM would offer it on a host of 128 threads. */
static void setup(void)
{
	u.table.nent = 0;
	add(0, 0, 0x1f, 0x68747541, 0x444d4163, 0x69746e65);
	add(1, 0, 0x00a10f11, 0x7f800800, 0xfffa3203, 0x178bfbff);
	add(4, 0, 0xfc01c121, 0x01c0003f, 63, 0);
	add(4, 3, 0xfc1fc163, 0x03c0003f, 0x3fff, 0);
	add(5, 0, 64, 64, 3, 0);
	add(7, 0, 1, UINT32_MAX, UINT32_MAX, 0);
	add(0xa, 0, 0x07300402, 0, 0, 0);
	add(0xb, 0, 1, 2, 0x100, 77);
	add(0xb, 1, 7, 128, 0x201, 77);
	add(0xd, 0, 0x207, 832, 832, 0);
	add(0x12, 0, 3, 0, 0, 0);
	add(0x14, 0, 1, 0xf, 7, 0);
	add(0x1f, 0, 1, 2, 0x100, 77);
	add(KVM_CPUID_SIGNATURE, 0, KVM_CPUID_FEATURES, 0, 0, 0);
	add(KVM_CPUID_FEATURES, 0, 0x0100007b, 0, 0, 0);
	add(0x80000000, 0, 0x80000021, 0, 0, 0);
	add(0x80000001, 0, 0x00a10f11, 0, 0x75c237ff, 0x2fd3fbff);
	add(0x80000002, 0, 1, 2, 3, 4);
	add(0x80000007, 0, 0, 0, 0, 0x100);
	add(0x80000008, 0, 0x3030, 0x791ef257, 0x707f, 0);
	add(0x8000001d, 0, 0x121 | 127 << 14, 0, 0, 0);
	add(0x8000001d, 3, 0x163 | 127 << 14, 0, 0, 0);
	add(0x8000001e, 0, 77, 0x126, 0x305, 0);
	add(0x8000001f, 0, 1, 51, 500, 0);
}

static void shape_choice(const struct varch_cpu_choice *choice, unsigned int cpu,
			 unsigned int ncpus)
{
	const struct varch_cpuid_config config = {
		.choice = *choice, .cpu = cpu, .ncpus = ncpus,
		.tsc_deadline = true,
	};

	ck_assert_int_eq(varch_cpuid_shape(&u.table, &config), 0);
}

static void shape(enum varch_cpu_model model, unsigned int cpu,
		  unsigned int ncpus)
{
	const struct varch_cpu_choice choice = { .model = model };

	shape_choice(&choice, cpu, ncpus);
}

static const struct kvm_cpuid_entry2 *leaf(uint32_t function, uint32_t index)
{
	uint32_t i;

	for (i = 0; i < u.table.nent; i++)
		if (u.table.entries[i].function == function &&
		    u.table.entries[i].index == index)
			return &u.table.entries[i];
	return NULL;
}

START_TEST(cpuid_identifies_the_hypervisor_and_the_timer)
{
	shape((enum varch_cpu_model)_i, 0, 1);
	ck_assert(leaf(1, 0)->ecx >> 31);
	ck_assert(leaf(1, 0)->ecx & 1 << 24);
	ck_assert_uint_eq(leaf(KVM_CPUID_FEATURES, 0)->eax, 0x0100007b);
}
END_TEST

static const struct { unsigned int cpu, ncpus, bits; } cpus[] = {
	{ 0, 1, 0 }, { 1, 2, 1 }, { 2, 3, 2 }, { 7, 8, 3 }, { 63, 64, 6 },
};

START_TEST(topology_is_one_socket_of_cores)
{
	const unsigned int cpu = cpus[_i].cpu, n = cpus[_i].ncpus;

	shape(VARCH_CPU_HOST, cpu, n);
	ck_assert_uint_eq(leaf(1, 0)->ebx >> 24, cpu);
	ck_assert_uint_eq(leaf(1, 0)->ebx >> 16 & 0xff, 1u << cpus[_i].bits);
	ck_assert_uint_eq(leaf(1, 0)->edx >> 28 & 1, n > 1);
	ck_assert_uint_eq(leaf(0xb, 0)->eax, 0);
	ck_assert_uint_eq(leaf(0xb, 0)->ebx, 1);
	ck_assert_uint_eq(leaf(0xb, 1)->eax, cpus[_i].bits);
	ck_assert_uint_eq(leaf(0xb, 1)->ebx, n);
	ck_assert_uint_eq(leaf(0xb, 2)->ecx, 2);
	ck_assert_uint_eq(leaf(0xb, 2)->edx, cpu);
	ck_assert_uint_eq(leaf(0x1f, 1)->edx, cpu);
	ck_assert_uint_eq(leaf(0x80000008, 0)->ecx, cpus[_i].bits << 12 | (n - 1));
	ck_assert_uint_eq(leaf(0x8000001e, 0)->eax, cpu);
	ck_assert_uint_eq(leaf(0x8000001e, 0)->ebx, cpu);
}
END_TEST

/* A CPU that is added has the table of CPU 0, which another host may have made. */
START_TEST(table_of_one_cpu_becomes_that_of_another)
{
	static struct kvm_cpuid_entry2 want[VARCH_CPUID_MAX];
	const unsigned int n = cpus[_i].ncpus;
	uint32_t len;

	shape(VARCH_CPU_HOST, cpus[_i].cpu, n);
	len = u.table.nent;
	memcpy(want, u.table.entries, len * sizeof(want[0]));
	shape(VARCH_CPU_HOST, 0, n);
	varch_cpuid_set_number(&u.table, cpus[_i].cpu);
	ck_assert_uint_eq(u.table.nent, len);
	ck_assert_mem_eq(u.table.entries, want, len * sizeof(want[0]));
}
END_TEST

START_TEST(caches_are_shared_by_the_guest_s_cores)
{
	shape(VARCH_CPU_HOST, 0, 8);
	ck_assert_uint_eq(leaf(4, 0)->eax >> 14 & 0xfff, 0);
	ck_assert_uint_eq(leaf(4, 3)->eax >> 14 & 0xfff, 7);
	ck_assert_uint_eq(leaf(4, 3)->eax >> 26, 7);
	ck_assert_uint_eq(leaf(0x8000001d, 3)->eax >> 14 & 0xfff, 7);
	ck_assert_uint_eq(leaf(0x8000001d, 0)->eax >> 14 & 0xfff, 0);
}
END_TEST

START_TEST(unsupported_features_are_masked)
{
	shape(VARCH_CPU_HOST, 0, 1);
	ck_assert_ptr_null(leaf(0x12, 0));	/* enclaves */
	ck_assert_ptr_null(leaf(0x14, 0));	/* processor trace */
	ck_assert_ptr_null(leaf(0x8000001f, 0)); /* memory encryption */
	ck_assert_uint_eq(leaf(7, 0)->ebx & (1u << 2 | 1u << 25), 0);
	ck_assert_uint_eq(leaf(7, 0)->ecx & 1u << 30, 0);
	ck_assert_ptr_nonnull(leaf(0xd, 0));
}
END_TEST

START_TEST(empty_model_name_is_that_of_the_host)
{
	static const uint32_t name[12] = { 'a', 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 };

	varch_cpuid_name(&u.table, name);	/* some is there already */
	ck_assert_uint_eq(leaf(0x80000002, 0)->eax, 1);
	memset(&u.table.entries[17].eax, 0, 16);
	varch_cpuid_name(&u.table, name);
	ck_assert_uint_eq(leaf(0x80000002, 0)->eax, 'a');
	ck_assert_uint_eq(leaf(0x80000002, 0)->edx, 4);
}
END_TEST

START_TEST(plain_model_has_what_every_host_has)
{
	uint32_t i;

	shape(VARCH_CPU_PLAIN, 1, 2);
	ck_assert_uint_eq(leaf(1, 0)->eax, 0x00060fb1);
	ck_assert_uint_eq(leaf(1, 0)->ecx & (1u << 12 | 1u << 26 | 1u << 28), 0); /* FMA, XSAVE, AVX */
	ck_assert_uint_eq(leaf(1, 0)->ecx & 0x00b00201, 0x00b00201); /* x86-64-v2 */
	ck_assert_uint_eq(leaf(0, 0)->eax, 0xb);
	ck_assert_uint_eq(leaf(0x80000000, 0)->eax, 0x80000008);
	ck_assert_uint_eq(leaf(0x80000001, 0)->edx & 0x20100800, 0x20100800); /* 64 bits, NX, SYSCALL */
	ck_assert_uint_eq(leaf(0x80000001, 0)->edx & 1u << 26, 0); /* pages of 1 GiB: no v2 */
	ck_assert_int_eq(memcmp(&leaf(0x80000002, 0)->eax, "cvmm plain", 10), 0);
	ck_assert_ptr_nonnull(leaf(0xb, 0));
	ck_assert_uint_eq(leaf(0x80000008, 0)->eax & 0xff, 0x30);
	for (i = 0; i < u.table.nent; i++)
		ck_assert_msg(u.table.entries[i].function <= 4 ||
			      u.table.entries[i].function == 0xb ||
			      u.table.entries[i].function >> 8 == 0x400000 ||
			      (u.table.entries[i].function >= 0x80000000 &&
			       u.table.entries[i].function <= 0x80000008),
			      "leaf %#x", u.table.entries[i].function);
}
END_TEST

START_TEST(plain_model_is_the_same_on_two_hosts)
{
	static struct kvm_cpuid_entry2 first[VARCH_CPUID_MAX];
	uint32_t n, i;

	shape(VARCH_CPU_PLAIN, 0, 4);
	n = u.table.nent;
	memcpy(first, u.table.entries, n * sizeof(first[0]));
	setup();
	for (i = 0; i < u.table.nent; i++) {	/* a host that has all */
		if (u.table.entries[i].function == 1)
			u.table.entries[i].ecx = u.table.entries[i].edx = UINT32_MAX;
		if (u.table.entries[i].function == 0x80000001)
			u.table.entries[i].ecx = u.table.entries[i].edx = UINT32_MAX;
	}
	shape(VARCH_CPU_PLAIN, 0, 4);
	ck_assert_uint_eq(u.table.nent, n);
	for (i = 0; i < n; i++) {
		if (first[i].function == 1)	/* what the first one has, the second has */
			ck_assert_uint_eq(first[i].ecx & ~u.table.entries[i].ecx, 0);
		else if (first[i].function != 0x80000001)
			ck_assert_mem_eq(&u.table.entries[i], &first[i], sizeof(first[i]));
	}
}
END_TEST

/* Components of a large processor: AVX, AVX-512 and protection keys, and compaction. */
static void add_state(void)
{
	add(0xd, 1, 0xf, 0, 0, 0);
	add(0xd, 2, 256, 576, 0, 0);
	add(0xd, 5, 64, 832, 0, 0);
	add(0xd, 6, 512, 896, 0, 0);
	add(0xd, 7, 1024, 1408, 0, 0);
	add(0xd, 9, 8, 2432, 0, 0);
	varch_cpuid_find(&u.table, 0xd, 0)->eax = 0x2e7;
}

static const struct {
	enum varch_cpu_model model;
	uint32_t features, state, size;
	unsigned int components;
} levels[] = {
	{ VARCH_CPU_V3, 0x128, 7, 832, 1 },
	{ VARCH_CPU_V4, 0xd0030128, 0xe7, 2432, 4 },
};

START_TEST(level_has_its_features_and_their_state_only)
{
	unsigned int i, n = 0;

	add_state();
	add(7, 1, 0x10, 0, 0, 0);	/* AVX-VNNI */
	shape(levels[_i].model, 0, 1);
	ck_assert_uint_eq(leaf(7, 0)->ebx, levels[_i].features);
	ck_assert_uint_eq(leaf(7, 0)->ecx, 0);
	ck_assert_ptr_null(leaf(7, 1));
	ck_assert_uint_eq(leaf(1, 0)->ecx & 0x34401000, 0x34401000); /* FMA to F16C */
	ck_assert_uint_eq(leaf(1, 0)->ecx & 1u << 25, 0); /* AES is of no level */
	ck_assert(leaf(0x80000001, 0)->ecx & 1u << 5);
	ck_assert_uint_eq(leaf(0, 0)->eax, 0xd);
	ck_assert_uint_eq(leaf(0xd, 0)->eax, levels[_i].state);
	ck_assert_uint_eq(leaf(0xd, 0)->ecx, levels[_i].size);
	for (i = 1; i < 16; i++)
		n += leaf(0xd, i) != NULL;
	ck_assert_uint_eq(n, levels[_i].components);
}
END_TEST

START_TEST(second_level_is_the_plain_model)
{
	static __typeof__(u) plain;

	shape(VARCH_CPU_PLAIN, 0, 2);
	memcpy(&plain, &u, sizeof(u));
	setup();
	shape(VARCH_CPU_V2, 0, 2);
	ck_assert_uint_eq(u.table.nent, plain.table.nent);
	ck_assert_mem_eq(u.table.entries, plain.table.entries, u.table.nent * sizeof(u.table.entries[0]));
}
END_TEST

static int check(enum varch_cpu_model model, struct vsu_error *err)
{
	const struct varch_cpu_choice choice = { .model = model };

	return varch_cpu_model_check(&u.table, &choice, err);
}

START_TEST(features_of_a_level_that_this_host_lacks_are_named)
{
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(check(VARCH_CPU_V4, &err), 0);
	varch_cpuid_find(&u.table, 7, 0)->ebx &= ~(1u << 5 | 1u << 16);
	ck_assert_int_eq(check(VARCH_CPU_V2, &err), 0);
	assert_refused(check(VARCH_CPU_V4, &err), -EOPNOTSUPP,
		       "this host's KVM lacks features of the level x86-64-v4: avx2, avx512f; choose a lower level", err);
	u.table.nent = 0;
	ck_assert_int_eq(check(VARCH_CPU_V4, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "avx512vl, lahf, lzcnt; choose"));
	ck_assert_int_eq(check(VARCH_CPU_PLAIN, &err), 0);
}
END_TEST

/* A processor that is described by these features. */
static struct varch_cpu_choice described(const char *features)
{
	struct varch_cpu_choice choice;
	char text[256];

	snprintf(text, sizeof(text), "list:vendor=AuthenticAMD,family=23,model=1,stepping=2,%s", features);
	ck_assert_int_eq(varch_cpu_choice_read(&choice, text, NULL), 0);
	ck_assert_int_eq(choice.model, VARCH_CPU_DESCRIBED);
	return choice;
}

START_TEST(described_processor_has_its_features_only)
{
	const struct varch_cpu_choice choice = described("sse3,aes,xsave,avx,smep,avx-vnni,xsavec,lahf,pages-1g,ibpb");

	add_state();
	add(7, 1, 0x10 | 1, 0, 0, 0);
	add(7, 2, 0, 0, 0, 1);
	shape_choice(&choice, 0, 1);
	ck_assert_uint_eq(leaf(1, 0)->eax, 0x00800f12);
	ck_assert_uint_eq(leaf(1, 0)->ecx & ~(1u << 21 | 1u << 24 | 1u << 27 | 1u << 31), 1u | 1u << 25 | 1u << 26 | 1u << 28);
	ck_assert_uint_eq(leaf(7, 0)->ebx, 1u << 7);
	ck_assert_uint_eq(leaf(7, 0)->eax, 1);
	ck_assert_uint_eq(leaf(7, 1)->eax, 0x10);
	ck_assert_ptr_null(leaf(7, 2));
	ck_assert_uint_eq(leaf(0xd, 0)->eax, 7);
	ck_assert_uint_eq(leaf(0xd, 0)->ebx, 832);
	ck_assert_uint_eq(leaf(0xd, 1)->eax, 2);	/* without XSAVES */
	ck_assert_ptr_null(leaf(0xd, 5));
	ck_assert_uint_eq(leaf(0x80000001, 0)->ecx, 1);
	ck_assert(leaf(0x80000001, 0)->edx & 1u << 26);
	ck_assert_uint_eq(leaf(0x80000008, 0)->ebx, 1u << 12);
	ck_assert_mem_eq(&leaf(0x80000002, 0)->eax, "cvmm described p", 16);
}
END_TEST

START_TEST(described_processor_without_xsave_has_no_state)
{
	const struct varch_cpu_choice choice = described("sse3,smep");

	add_state();
	varch_cpuid_find(&u.table, 1, 0)->ecx |= 1u << 27;
	shape_choice(&choice, 0, 1);
	ck_assert_uint_eq(leaf(1, 0)->ecx & (1u << 26 | 1u << 27), 0);
	ck_assert_uint_eq(leaf(0, 0)->eax, 0xb);
	ck_assert_uint_eq(leaf(7, 0)->ebx, 1u << 7);
	ck_assert_ptr_null(leaf(0xd, 0));
}
END_TEST

START_TEST(features_of_a_description_that_this_host_lacks_are_named)
{
	struct varch_cpu_choice choice = described("sse3,avx2,aes,waitpkg");
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_msg(!varch_cpu_model_check(&u.table, &choice, &err), "%s", err.msg);
	varch_cpuid_find(&u.table, 7, 0)->ebx &= ~(1u << 5);
	varch_cpuid_find(&u.table, 7, 0)->ecx &= ~(1u << 5);
	assert_refused(varch_cpu_model_check(&u.table, &choice, &err), -EOPNOTSUPP,
		       "this host's KVM lacks features of the described processor: avx2, waitpkg", err);
	ck_assert_uint_eq(err.arg, VARCH_ADVICE_CPU_COMMON);
	memcpy(choice.described.vendor, "GenuineIntel", sizeof("GenuineIntel"));
	assert_refused(varch_cpu_model_check(&u.table, &choice, &err), -EOPNOTSUPP,
		       "the described processor is of GenuineIntel, and this host's of AuthenticAMD; use a level such as x86-64-v2", err);
}
END_TEST

START_TEST(host_satisfies_its_own_description)
{
	struct varch_cpu_choice choice = { .model = VARCH_CPU_DESCRIBED };

	ck_assert_int_eq(varch_cpu_description_of(&choice.described, &u.table, NULL), 0);
	ck_assert_int_eq(varch_cpu_model_check(&u.table, &choice, NULL), 0);
}
END_TEST

START_TEST(other_text_is_no_processor)
{
	struct varch_cpu_choice choice;

	ck_assert_int_eq(varch_cpu_choice_read(&choice, "x86-64-v5", NULL), -ENOENT);
	ck_assert_int_eq(varch_cpu_choice_read(&choice, "", NULL), -ENOENT);
	ck_assert_int_eq(varch_cpu_choice_read(&choice, "list:sse3", NULL), -EBADMSG);
	ck_assert_int_eq(varch_cpu_choice_read(&choice, "x86-64-v4", NULL), 0);
	ck_assert_int_eq(choice.model, VARCH_CPU_V4);
}
END_TEST

START_TEST(empty_or_full_table_is_safe)
{
	const struct varch_cpuid_config config = { .ncpus = 2 };

	u.table.nent = 0;
	ck_assert_int_eq(varch_cpuid_shape(&u.table, &config), 0);
	ck_assert_uint_eq(u.table.nent, 0);
	setup();
	while (u.table.nent < VARCH_CPUID_MAX)
		add(0x80000021, u.table.nent, 0, 0, 0, 0);
	u.table.nent = VARCH_CPUID_MAX;
	ck_assert_int_eq(varch_cpuid_shape(&u.table, &config), 0);
	setup();
	u.table.entries[7].function = 0x80000021; /* one less to remove */
	while (u.table.nent < VARCH_CPUID_MAX)
		add(0x80000021, u.table.nent, 0, 0, 0, 0);
	u.table.entries[8].function = u.table.entries[12].function = 0x80000021;
	u.table.entries[10].function = u.table.entries[11].function = 0x80000021;
	u.table.entries[23].function = 0x80000021;
	ck_assert_int_eq(varch_cpuid_shape(&u.table, &config), -ENOSPC);
}
END_TEST

#define AVX2 (1u << 5)

/* A copy whose leaf 7 lacks these features in EBX. */
static void copy_without(uint32_t lacks, struct kvm_cpuid2 *to)
{
	memcpy(to, &u, sizeof(u));
	varch_cpuid_find(to, 7, 0)->ebx &= ~lacks;
}

START_TEST(feature_that_this_host_lacks_is_named)
{
	struct vsu_error err = VSU_ERROR_INIT;
	static __typeof__(u) here, shown;

	copy_without(AVX2, &here.table);
	copy_without(AVX2, &shown.table);
	ck_assert_int_eq(varch_cpuid_compare(&u.table, &here.table, &shown.table, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "CPUID leaf 0x7 ebx bits 0x20 (avx2)"));
	ck_assert_uint_eq(err.arg, VARCH_ADVICE_CPU_PORTABLE);
}
END_TEST

/* KVM emulates some features that it does not list as supported. */
START_TEST(feature_in_one_of_the_tables_of_this_host_is_present)
{
	static __typeof__(u) here, shown;

	copy_without(_i ? 0 : AVX2, &here.table);
	copy_without(_i ? AVX2 : 0, &shown.table);
	ck_assert_int_eq(varch_cpuid_compare(&u.table, &here.table, &shown.table, NULL), 0);
}
END_TEST

START_TEST(bits_of_a_running_machine_are_no_features)
{
	static __typeof__(u) here;

	memcpy(&here, &u, sizeof(u));
	varch_cpuid_find(&here.table, 1, VARCH_CPUID_ANY)->ecx &= ~(1u << 24 | 1u << 27 | 1u << 31);
	varch_cpuid_find(&here.table, 7, 0)->ecx &= ~(1u << 4);
	ck_assert_int_eq(varch_cpuid_compare(&u.table, &here.table, &here.table, NULL), 0);
}
END_TEST

/* Whatever a guest of one host may use, the other has, or refuses the guest. */
START_TEST(each_feature_with_a_name_is_compared)
{
	const struct varch_cpu_feature *f = &varch_cpu_features[_i];
	static __typeof__(u) saved, here;
	struct vsu_error err = VSU_ERROR_INIT;
	struct kvm_cpuid_entry2 *e;

	memset(&saved, 0, sizeof(saved));
	saved.table.nent = 1;
	saved.table.entries[0] = (struct kvm_cpuid_entry2){ .function = f->function };
	saved.table.entries[0].index = f->index == VARCH_CPUID_ANY ? 0 : f->index;
	memcpy(&here, &saved, sizeof(here));
	e = varch_cpuid_find(&saved.table, f->function, f->index);
	*varch_cpuid_register(e, f->reg) = 1u << f->bit;
	ck_assert_int_eq(varch_cpuid_compare(&saved.table, &here.table, &here.table, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, f->name));
	ck_assert_int_eq(varch_cpuid_compare(&saved.table, &saved.table, &here.table, NULL), 0);
}
END_TEST

static int count_features(void)
{
	int n = 0;

	while (varch_cpu_features[n].name)
		n++;
	return n;
}

START_TEST(host_without_a_leaf_lacks_its_features)
{
	static __typeof__(u) here;

	memcpy(&here, &u, sizeof(u));
	varch_cpuid_find(&here.table, 0xd, 0)->function = 5;
	ck_assert_int_eq(varch_cpuid_compare(&u.table, &here.table, &here.table, NULL), -EOPNOTSUPP);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cpuid");
	TCase *tc = tcase_create("cpuid");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, cpuid_identifies_the_hypervisor_and_the_timer, 0, 2);
	tcase_add_loop_test(tc, topology_is_one_socket_of_cores, 0, (int)COUNT(cpus));
	tcase_add_loop_test(tc, table_of_one_cpu_becomes_that_of_another, 0, (int)COUNT(cpus));
	tcase_add_test(tc, caches_are_shared_by_the_guest_s_cores);
	tcase_add_test(tc, unsupported_features_are_masked);
	tcase_add_test(tc, empty_model_name_is_that_of_the_host);
	tcase_add_test(tc, plain_model_has_what_every_host_has);
	tcase_add_test(tc, plain_model_is_the_same_on_two_hosts);
	tcase_add_loop_test(tc, level_has_its_features_and_their_state_only, 0, COUNT(levels));
	tcase_add_test(tc, second_level_is_the_plain_model);
	tcase_add_test(tc, features_of_a_level_that_this_host_lacks_are_named);
	tcase_add_test(tc, described_processor_has_its_features_only);
	tcase_add_test(tc, described_processor_without_xsave_has_no_state);
	tcase_add_test(tc, features_of_a_description_that_this_host_lacks_are_named);
	tcase_add_test(tc, host_satisfies_its_own_description);
	tcase_add_test(tc, other_text_is_no_processor);
	tcase_add_test(tc, empty_or_full_table_is_safe);
	tcase_add_test(tc, feature_that_this_host_lacks_is_named);
	tcase_add_loop_test(tc, feature_in_one_of_the_tables_of_this_host_is_present, 0, 2);
	tcase_add_test(tc, bits_of_a_running_machine_are_no_features);
	tcase_add_loop_test(tc, each_feature_with_a_name_is_compared, 0, count_features());
	tcase_add_test(tc, host_without_a_leaf_lacks_its_features);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
