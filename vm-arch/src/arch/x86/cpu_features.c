/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The table of features, and sets of its rows. */
#include <config.h>

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "arch/x86/cpu_features.h"

#define ANY VARCH_CPUID_ANY
#define BASIC_ECX 1, ANY, VARCH_ECX
#define LEAF7_EBX 7, 0, VARCH_EBX
#define LEAF7_ECX 7, 0, VARCH_ECX
#define LEAF7_EDX 7, 0, VARCH_EDX
#define MORE7_EAX 7, 1, VARCH_EAX
#define MORE7_EDX 7, 1, VARCH_EDX
#define LAST7_EDX 7, 2, VARCH_EDX
#define STATE_EAX 0xd, 1, VARCH_EAX
#define EXTENDED_ECX 0x80000001, ANY, VARCH_ECX
#define EXTENDED_EDX 0x80000001, ANY, VARCH_EDX
#define SIZES_EBX 0x80000008, ANY, VARCH_EBX

/*
 * Omitted: features whose MSRs differ between hosts (arch-capabilities), whose state has
 * another offset on another processor (protection keys) or is in XSS or more than 4 KiB (CET,
 * AMX), nested virtualisation, and performance counters.
 */
const struct varch_cpu_feature varch_cpu_features[] = {
	{ 2, BASIC_ECX, 0, "sse3" },
	{ 0, BASIC_ECX, 1, "pclmulqdq" },
	{ 2, BASIC_ECX, 9, "ssse3" },
	{ 3, BASIC_ECX, 12, "fma" },
	{ 2, BASIC_ECX, 13, "cx16" },
	{ 0, BASIC_ECX, 17, "pcid" },
	{ 2, BASIC_ECX, 19, "sse4.1" },
	{ 2, BASIC_ECX, 20, "sse4.2" },
	{ 3, BASIC_ECX, 22, "movbe" },
	{ 2, BASIC_ECX, 23, "popcnt" },
	{ 0, BASIC_ECX, 25, "aes" },
	{ 3, BASIC_ECX, 26, "xsave" },
	{ 3, BASIC_ECX, 28, "avx" },
	{ 3, BASIC_ECX, 29, "f16c" },
	{ 0, BASIC_ECX, 30, "rdrand" },
	{ 0, LEAF7_EBX, 0, "fsgsbase" },
	{ 0, LEAF7_EBX, 1, "tsc-adjust" },
	{ 3, LEAF7_EBX, 3, "bmi1" },
	{ 0, LEAF7_EBX, 4, "hle" },
	{ 3, LEAF7_EBX, 5, "avx2" },
	{ 0, LEAF7_EBX, 7, "smep" },
	{ 3, LEAF7_EBX, 8, "bmi2" },
	{ 0, LEAF7_EBX, 9, "erms" },
	{ 0, LEAF7_EBX, 10, "invpcid" },
	{ 0, LEAF7_EBX, 11, "rtm" },
	{ 4, LEAF7_EBX, 16, "avx512f" },
	{ 4, LEAF7_EBX, 17, "avx512dq" },
	{ 0, LEAF7_EBX, 18, "rdseed" },
	{ 0, LEAF7_EBX, 19, "adx" },
	{ 0, LEAF7_EBX, 20, "smap" },
	{ 0, LEAF7_EBX, 21, "avx512ifma" },
	{ 0, LEAF7_EBX, 23, "clflushopt" },
	{ 0, LEAF7_EBX, 24, "clwb" },
	{ 4, LEAF7_EBX, 28, "avx512cd" },
	{ 0, LEAF7_EBX, 29, "sha-ni" },
	{ 4, LEAF7_EBX, 30, "avx512bw" },
	{ 4, LEAF7_EBX, 31, "avx512vl" },
	{ 0, LEAF7_ECX, 1, "avx512vbmi" },
	{ 0, LEAF7_ECX, 2, "umip" },
	{ 0, LEAF7_ECX, 5, "waitpkg" },
	{ 0, LEAF7_ECX, 6, "avx512vbmi2" },
	{ 0, LEAF7_ECX, 8, "gfni" },
	{ 0, LEAF7_ECX, 9, "vaes" },
	{ 0, LEAF7_ECX, 10, "vpclmulqdq" },
	{ 0, LEAF7_ECX, 11, "avx512vnni" },
	{ 0, LEAF7_ECX, 12, "avx512bitalg" },
	{ 0, LEAF7_ECX, 14, "avx512vpopcntdq" },
	{ 0, LEAF7_ECX, 16, "la57" },
	{ 0, LEAF7_ECX, 22, "rdpid" },
	{ 0, LEAF7_ECX, 25, "cldemote" },
	{ 0, LEAF7_ECX, 27, "movdiri" },
	{ 0, LEAF7_ECX, 28, "movdir64b" },
	{ 0, LEAF7_EDX, 4, "fsrm" },
	{ 0, LEAF7_EDX, 8, "avx512vp2intersect" },
	{ 0, LEAF7_EDX, 10, "md-clear" },
	{ 0, LEAF7_EDX, 14, "serialize" },
	{ 0, LEAF7_EDX, 16, "tsxldtrk" },
	{ 0, LEAF7_EDX, 23, "avx512fp16" },
	{ 0, LEAF7_EDX, 26, "spec-ctrl" },
	{ 0, LEAF7_EDX, 27, "stibp" },
	{ 0, LEAF7_EDX, 28, "flush-l1d" },
	{ 0, LEAF7_EDX, 31, "ssbd" },
	{ 0, MORE7_EAX, 0, "sha512" },
	{ 0, MORE7_EAX, 1, "sm3" },
	{ 0, MORE7_EAX, 2, "sm4" },
	{ 0, MORE7_EAX, 4, "avx-vnni" },
	{ 0, MORE7_EAX, 5, "avx512bf16" },
	{ 0, MORE7_EAX, 7, "cmpccxadd" },
	{ 0, MORE7_EAX, 10, "fzrm" },
	{ 0, MORE7_EAX, 11, "fsrs" },
	{ 0, MORE7_EAX, 12, "fsrc" },
	{ 0, MORE7_EAX, 23, "avx-ifma" },
	{ 0, MORE7_EDX, 4, "avx-vnni-int8" },
	{ 0, MORE7_EDX, 5, "avx-ne-convert" },
	{ 0, MORE7_EDX, 10, "avx-vnni-int16" },
	{ 0, MORE7_EDX, 14, "prefetchi" },
	{ 0, LAST7_EDX, 0, "psfd" },
	{ 0, LAST7_EDX, 1, "ipred-ctrl" },
	{ 0, LAST7_EDX, 2, "rrsba-ctrl" },
	{ 0, LAST7_EDX, 3, "ddpd-u" },
	{ 0, LAST7_EDX, 4, "bhi-ctrl" },
	{ 0, LAST7_EDX, 5, "mcdt-no" },
	{ 0, STATE_EAX, 0, "xsaveopt" },
	{ 0, STATE_EAX, 1, "xsavec" },
	{ 0, STATE_EAX, 2, "xgetbv1" },
	{ 2, EXTENDED_ECX, 0, "lahf" },
	{ 0, EXTENDED_ECX, 4, "cr8legacy" },
	{ 3, EXTENDED_ECX, 5, "lzcnt" },
	{ 0, EXTENDED_ECX, 6, "sse4a" },
	{ 0, EXTENDED_ECX, 7, "misalignsse" },
	{ 0, EXTENDED_ECX, 8, "prefetchw" },
	{ 0, EXTENDED_ECX, 11, "xop" },
	{ 0, EXTENDED_ECX, 16, "fma4" },
	{ 0, EXTENDED_ECX, 21, "tbm" },
	{ 0, EXTENDED_EDX, 22, "mmxext" },
	{ 0, EXTENDED_EDX, 25, "fxsr-opt" },
	{ 0, EXTENDED_EDX, 26, "pages-1g" },
	{ 0, SIZES_EBX, 0, "clzero" },
	{ 0, SIZES_EBX, 2, "xsaveerptr" },
	{ 0, SIZES_EBX, 9, "wbnoinvd" },
	{ 0, SIZES_EBX, 12, "ibpb" },
	{ 0, SIZES_EBX, 14, "ibrs" },
	{ 0, SIZES_EBX, 15, "amd-stibp" },
	{ 0, SIZES_EBX, 17, "stibp-always-on" },
	{ 0, SIZES_EBX, 24, "amd-ssbd" },
	{ 0, SIZES_EBX, 26, "ssb-no" },
	{ 0, SIZES_EBX, 28, "amd-psfd" },
	{ 0, SIZES_EBX, 29, "btc-no" },
	{ .name = NULL },
};

static_assert(sizeof(varch_cpu_features) / sizeof(varch_cpu_features[0]) <= VARCH_CPU_MAX_FEATURES,
	      "a set has a bit for each feature");

struct varch_cpu_set varch_cpu_set_of_level(unsigned int level)
{
	struct varch_cpu_set set = { .bits = { 0 } };
	unsigned int i;

	for (i = 0; varch_cpu_features[i].name; i++)
		if (varch_cpu_features[i].level && varch_cpu_features[i].level <= level)
			varch_cpu_set_add(&set, i);
	return set;
}

struct varch_cpu_set varch_cpu_set_of_table(struct kvm_cpuid2 *table)
{
	struct varch_cpu_set set = { .bits = { 0 } };
	const struct varch_cpu_feature *f = varch_cpu_features;
	struct kvm_cpuid_entry2 *e;

	for (; f->name; f++) {
		e = varch_cpuid_find(table, f->function, f->index);
		if (e && *varch_cpuid_register(e, f->reg) >> f->bit & 1)
			varch_cpu_set_add(&set, (unsigned int)(f - varch_cpu_features));
	}
	return set;
}

uint32_t varch_cpu_set_bits(const struct varch_cpu_set *set, uint32_t function, uint32_t index,
			  enum varch_cpuid_reg reg)
{
	const struct varch_cpu_feature *f = varch_cpu_features;
	uint32_t bits = 0;

	for (; f->name; f++)
		if (f->function == function && f->index == index && f->reg == reg &&
		    varch_cpu_set_has(set, (unsigned int)(f - varch_cpu_features)))
			bits |= 1u << f->bit;
	return bits;
}

int varch_cpu_feature_find(const char *name, size_t len)
{
	int i;

	for (i = 0; varch_cpu_features[i].name; i++)
		if (strlen(varch_cpu_features[i].name) == len &&
		    !memcmp(varch_cpu_features[i].name, name, len))
			return i;
	return -1;
}

unsigned int varch_cpu_set_names(const struct varch_cpu_set *set, const struct varch_cpu_set *other,
			       char *names, size_t room)
{
	unsigned int i, n = 0, left = 0;
	const char *name;
	size_t len = 0;

	names[0] = '\0';
	for (i = 0; varch_cpu_features[i].name; i++) {
		if (!varch_cpu_set_has(set, i) || varch_cpu_set_has(other, i))
			continue;
		name = varch_cpu_features[i].name;
		n++;
		if (left || len + strlen(name) + sizeof(", and 999 more") > room)
			left++;
		else
			len += (size_t)snprintf(names + len, room - len, "%s%s", len ? ", " : "", name);
	}
	if (left)
		snprintf(names + len, room - len, " and %u more", left);
	return n;
}
