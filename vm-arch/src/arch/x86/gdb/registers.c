/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The table of registers, and target.xml (gdb's features i386.core, sse and segments). */
#include <config.h>

#include <assert.h>

#include "arch/x86/gdb/registers.h"

#define FEATURE(name, content) "<feature name=\"org.gnu.gdb.i386." name "\">" content "</feature>"
#define REGISTER(name, bits, type) "<reg name=\"" name "\" bitsize=\"" bits "\" type=\"" type "\"/>"
#define GROUPED(name, group) "<reg name=\"" name "\" bitsize=\"32\" type=\"int\" group=\"" group "\"/>"
#define VECTOR(id, type, count) "<vector id=\"" id "\" type=\"" type "\" count=\"" count "\"/>"
#define FIELD(name, type) "<field name=\"" name "\" type=\"" type "\"/>"
#define R64(name) REGISTER(name, "64", "int64")
#define R32(name) REGISTER(name, "32", "int32")
#define ST(n) REGISTER("st" n, "80", "i387_ext")
#define FPU(name) GROUPED(name, "float")
#define XMM(n) REGISTER("xmm" n, "128", "vec128")

#define GENERAL \
	R64("rax") R64("rbx") R64("rcx") R64("rdx") R64("rsi") R64("rdi") \
	REGISTER("rbp", "64", "data_ptr") REGISTER("rsp", "64", "data_ptr") \
	R64("r8") R64("r9") R64("r10") R64("r11") R64("r12") R64("r13") R64("r14") R64("r15") \
	REGISTER("rip", "64", "code_ptr") R32("eflags") \
	R32("cs") R32("ss") R32("ds") R32("es") R32("fs") R32("gs")
#define X87 \
	ST("0") ST("1") ST("2") ST("3") ST("4") ST("5") ST("6") ST("7") \
	FPU("fctrl") FPU("fstat") FPU("ftag") FPU("fiseg") FPU("fioff") FPU("foseg") FPU("fooff") FPU("fop")
#define VECTORS \
	VECTOR("v4f", "ieee_single", "4") VECTOR("v2d", "ieee_double", "2") VECTOR("v16i8", "int8", "16") \
	VECTOR("v8i16", "int16", "8") VECTOR("v4i32", "int32", "4") VECTOR("v2i64", "int64", "2") \
	"<union id=\"vec128\">" FIELD("v4_float", "v4f") FIELD("v2_double", "v2d") FIELD("v16_int8", "v16i8") \
	FIELD("v8_int16", "v8i16") FIELD("v4_int32", "v4i32") FIELD("v2_int64", "v2i64") FIELD("uint128", "uint128") "</union>"
#define SSE \
	XMM("0") XMM("1") XMM("2") XMM("3") XMM("4") XMM("5") XMM("6") XMM("7") \
	XMM("8") XMM("9") XMM("10") XMM("11") XMM("12") XMM("13") XMM("14") XMM("15") GROUPED("mxcsr", "vector")

#define HEAD "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target><architecture>i386:x86-64</architecture>"

static const char xml[] =
	HEAD FEATURE("core", GENERAL X87) FEATURE("sse", VECTORS SSE)
	FEATURE("segments", R64("fs_base") R64("gs_base")) "</target>";

#define MEMBER(member) (sizeof(((struct varch_x86_registers *)0)->member))
#define ROW(n, member) { n, (unsigned int)(MEMBER(member) / (n)) }

static const struct varch_gdb_register_row rows[] = {
	ROW(VARCH_X86_GENERAL, general), ROW(1, eflags), ROW(6, segments), ROW(8, st), ROW(8, fpu),
	ROW(16, xmm), ROW(1, mxcsr), ROW(1, fs_base), ROW(1, gs_base),
};

static_assert(sizeof(struct varch_x86_registers) == MEMBER(general) + MEMBER(eflags) + MEMBER(segments) + MEMBER(st) +
	      MEMBER(fpu) + MEMBER(xmm) + MEMBER(mxcsr) + MEMBER(fs_base) + MEMBER(gs_base), "gaps");
static_assert(sizeof(struct varch_x86_registers) <= VARCH_GDB_MAX_REGISTERS, "too many registers");

const struct varch_gdb_target varch_x86_target = {
	.size = sizeof(varch_x86_target), .xml = xml, .rows = rows, .nrows = sizeof(rows) / sizeof(rows[0]),
	.counter = VARCH_X86_RIP, .trap = 0xcc,	/* int3 */
};
