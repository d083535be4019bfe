/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The devices that processes of a container may open. A process with CAP_MKNOD can make the node of any device,
 * for example of the agent's ports, through which it would be the agent. Making nodes is permitted, as in other runtimes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "init/guest.h"

#define ANY UINT32_MAX

static const struct {
	uint32_t major, minor;
} permitted[] = {
	{ 1, 3 },	/* null */
	{ 1, 5 },	/* zero */
	{ 1, 7 },	/* full */
	{ 1, 8 },	/* random */
	{ 1, 9 },	/* urandom */
	{ 5, 0 },	/* tty */
	{ 5, 2 },	/* ptmx */
	{ 136, ANY },	/* terminals of devpts */
};
#define PERMITTED (sizeof(permitted) / sizeof(permitted[0]))
#define MAX_INSTRUCTIONS (16 + 4 * PERMITTED)

struct program {
	struct bpf_insn instructions[MAX_INSTRUCTIONS];
	uint32_t n;
};

static void add_step(struct program *p, uint8_t code, uint8_t to, uint8_t from, int16_t jump, int32_t value)
{
	p->instructions[p->n++] = (struct bpf_insn){ .code = code, .dst_reg = to & 0xf, .src_reg = from & 0xf, .off = jump, .imm = value };
}

static void end_with(struct program *p, int32_t result)
{
	add_step(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, result);
	add_step(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void load_word(struct program *p, uint8_t to, size_t offset)
{
	add_step(p, BPF_LDX | BPF_MEM | BPF_W, to, BPF_REG_1, (int16_t)offset, 0);
}

/* The upper half of the access is what the process wants, the lower one the type of the device. */
static void write_program(struct program *p)
{
	unsigned int i;

	load_word(p, BPF_REG_2, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	load_word(p, BPF_REG_4, offsetof(struct bpf_cgroup_dev_ctx, major));
	load_word(p, BPF_REG_5, offsetof(struct bpf_cgroup_dev_ctx, minor));
	add_step(p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
	add_step(p, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_3, 0, 0, 16);
	add_step(p, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_3, 0, 2, BPF_DEVCG_ACC_MKNOD);
	end_with(p, 1);
	add_step(p, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, 0xffff);
	add_step(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_2, 0, 2, BPF_DEVCG_DEV_CHAR);
	end_with(p, 0);
	for (i = 0; i < PERMITTED; i++) {
		add_step(p, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_4, 0, permitted[i].minor == ANY ? 2 : 3, (int32_t)permitted[i].major);
		if (permitted[i].minor != ANY)
			add_step(p, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_5, 0, 2, (int32_t)permitted[i].minor);
		end_with(p, 1);
	}
	end_with(p, 0);
}

static int call_bpf(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static int load_program(const struct program *p)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uintptr_t)p->instructions;
	attr.insn_cnt = p->n;
	attr.license = (uintptr_t)"";
	return call_bpf(BPF_PROG_LOAD, &attr);
}

/* A kernel may lack groups (EBADF: an ordinary folder) or such programs. The group keeps the program. */
void vagent_priv_child_filter_devices(const struct guest_container *c)
{
	struct program p = { .n = 0 };
	union bpf_attr attr;
	int folder, program;
	char path[64];

	snprintf(path, sizeof(path), CONTAINER_GROUP, c->number);
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	write_program(&p);
	program = folder < 0 ? -1 : load_program(&p);
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)folder;
	attr.attach_bpf_fd = (uint32_t)program;
	attr.attach_type = BPF_CGROUP_DEVICE;
	if (program >= 0 && call_bpf(BPF_PROG_ATTACH, &attr) < 0 && errno != EBADF)
		vagent_priv_child_fail(VAGENT_FAILED, "cannot restrict the devices of the container: %s", strerror(errno));
	if (program >= 0)
		close(program);
	if (folder >= 0)
		close(folder);
}
