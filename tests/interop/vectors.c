/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A program for arm64 guests of arm64-acpi, which are saved and moved while it runs. It keeps
 * values in SVE's vectors, predicates and first-fault register, and a signed pointer;
 * SIGUSR1 makes it compare them.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>

#define HAS_SVE (1ul << 22)	/* HWCAP_SVE and HWCAP_PACA of <asm/hwcap.h> */
#define HAS_SIGNING (1ul << 30)
#define MAX_VECTOR 256u
#define POINTER UINT64_C(0x12345678)
#define MODIFIER UINT64_C(7)

static volatile sig_atomic_t asked;

/* Values of the registers z9, p5 and FFR. */
struct values {
	unsigned char vector[MAX_VECTOR], predicate[MAX_VECTOR / 8], first_fault[MAX_VECTOR / 8];
};

static void on_signal(int signal)
{
	(void)signal;
	asked = 1;
}

/* One statement, so that no other code uses the registers between the loads and the stores. */
static void keep_vectors(const struct values *in, struct values *out)
{
	__asm__ volatile(".arch armv8.2-a+sve\n"
			 "	ldr	p5, [%[ffr]]\n"
			 "	wrffr	p5.b\n"
			 "	ldr	p5, [%[p]]\n"
			 "	ldr	z9, [%[z]]\n"
			 "1:	ldr	w9, [%[flag]]\n"
			 "	cbz	w9, 1b\n"
			 "	str	z9, [%[zout]]\n"
			 "	str	p5, [%[pout]]\n"
			 "	rdffr	p5.b\n"
			 "	str	p5, [%[ffrout]]\n"
			 : : [z] "r"(in->vector), [p] "r"(in->predicate), [ffr] "r"(in->first_fault),
			     [zout] "r"(out->vector), [pout] "r"(out->predicate), [ffrout] "r"(out->first_fault),
			     [flag] "r"(&asked) : "x9", "v9", "memory");
}

static uint64_t sign(uint64_t pointer)
{
	__asm__ volatile(".arch armv8.3-a\n	pacia %0, %1" : "+r"(pointer) : "r"(MODIFIER));
	return pointer;
}

static uint64_t authenticate(uint64_t pointer)
{
	__asm__ volatile(".arch armv8.3-a\n	autia %0, %1" : "+r"(pointer) : "r"(MODIFIER));
	return pointer;
}

/* FFR may hold only a run of true elements from the first on. */
static void fill(struct values *v, unsigned int bytes)
{
	unsigned int i;

	memset(v, 0, sizeof(*v));
	for (i = 0; i < bytes; i++)
		v->vector[i] = (unsigned char)(7 * i + 1);
	for (i = 0; i < bytes / 8; i++)
		v->predicate[i] = (unsigned char)(5 * i + 3);
	v->first_fault[0] = 0x0f;
}

int main(void)
{
	const unsigned long has = getauxval(AT_HWCAP);
	const unsigned int bytes = has & HAS_SVE ? (unsigned int)prctl(PR_SVE_GET_VL) & PR_SVE_VL_LEN_MASK : 0;
	const uint64_t pointer = has & HAS_SIGNING ? sign(POINTER) : POINTER;
	static struct values in, out;

	fill(&in, bytes);
	signal(SIGUSR1, on_signal);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("\nvectors of %u bits, the pointer is %s\n", 8 * bytes, pointer == POINTER ? "plain" : "signed");
	for (;;) {
		asked = 0;
		if (bytes)
			keep_vectors(&in, &out);
		while (!asked)
			;
		if (has & HAS_SIGNING && authenticate(pointer) != POINTER)
			puts("\nthe signature is wrong");
		else
			puts(!bytes || !memcmp(&in, &out, sizeof(in)) ? "\nthe registers are kept" : "\nthe registers have changed");
	}
}
