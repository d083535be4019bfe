/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The registers, and target.xml (gdb's feature aarch64.core). */
#include <config.h>

#include <string.h>

#include "target/gdb_registers.h"

#define R64(name, type) "<reg name=\"" name "\" bitsize=\"64\" type=\"" type "\"/>"
#define HEAD "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target><architecture>aarch64</architecture>"
#define X(n) R64("x" n, "int")

static const char xml[] =
	HEAD "<feature name=\"org.gnu.gdb.aarch64.core\">"
	X("0") X("1") X("2") X("3") X("4") X("5") X("6") X("7") X("8") X("9") X("10")
	X("11") X("12") X("13") X("14") X("15") X("16") X("17") X("18") X("19") X("20")
	X("21") X("22") X("23") X("24") X("25") X("26") X("27") X("28") X("29") X("30")
	R64("sp", "data_ptr") R64("pc", "code_ptr")
	"<reg name=\"cpsr\" bitsize=\"32\" type=\"int\"/></feature></target>";

const char *varch_gdb_target_xml(void)
{
	return xml;
}

size_t varch_gdb_register_size(unsigned int number)
{
	return number < VARCH_GDB_GENERAL ? 8 : number < VARCH_GDB_REGISTERS ? 4 : 0;
}

static size_t offset_of(unsigned int number)
{
	return number < VARCH_GDB_GENERAL ? number * sizeof(uint64_t) :
					  offsetof(struct varch_gdb_registers, cpsr);
}

size_t varch_gdb_register_get(const struct varch_gdb_registers *regs, unsigned int number, void *bytes)
{
	const size_t size = varch_gdb_register_size(number);

	memcpy(bytes, (const char *)regs + offset_of(number), size);
	return size;
}

size_t varch_gdb_register_set(struct varch_gdb_registers *regs, unsigned int number, const void *bytes)
{
	const size_t size = varch_gdb_register_size(number);

	memcpy((char *)regs + offset_of(number), bytes, size);
	return size;
}
