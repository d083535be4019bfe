/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A program of a Linux guest that starts another kernel without the firmware, like
 * kexec(8), which small systems lack:
 *
 *   kexec load KERNEL INITRD LINE    LINE is the kernel's command line
 *   kexec start                      does not reset the devices
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/reboot.h>
#include <sys/reboot.h>
#include <sys/syscall.h>

static int load(char **argv)
{
	int kernel = open(argv[0], O_RDONLY | O_CLOEXEC);
	int initrd = open(argv[1], O_RDONLY | O_CLOEXEC);

	if (syscall(SYS_kexec_file_load, kernel, initrd, strlen(argv[2]) + 1,
		    argv[2], 0ul) < 0) {
		perror("kexec: the kernel is not loaded");
		return 1;
	}
	return 0;
}

static int start(void)
{
	reboot((int)LINUX_REBOOT_CMD_KEXEC);
	perror("kexec: the kernel does not start");
	return 1;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "load"))
		return load(argv + 2);
	if (argc == 2 && !strcmp(argv[1], "start"))
		return start();
	fprintf(stderr, "kexec load KERNEL INITRD LINE | kexec start\n");
	return 2;
}
