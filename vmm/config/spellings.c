/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Options of other programs, and cvmm's in their place. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <virtio-devices/vhost_user.h>

#include "config/foreign_values.h"
#include "config/spellings.h"
#include "config/device.h"

/* Sorted by what they are about; a word of several programs has one row. */
static const struct spelling {
	const char *theirs, *ours;
} spellings[] = {
	{ "-m", "--memory SIZE, as in --memory 512M" },
	{ "-object", "--memory size=SIZE,backend=KIND" },
	{ "--mem-size-mib", "--memory SIZE, as in --memory 512M" },
	{ "-name", "--name NAME" },
	{ "-smp", "--cpus N" },
	{ "-c", "--cpus N" },
	{ "--vcpus", "--cpus N" },
	{ "-cpu", "--cpu host, a level such as --cpu x86-64-v2, or a file of 'cvmm cpu'" },
	{ "-kernel", "the kernel's path as the first word: cvmm run KERNEL" },
	{ "--kernel", "the kernel's path as the first word: cvmm run KERNEL" },
	{ "--kernel-path", "the kernel's path as the first word: cvmm run KERNEL" },
	{ "--firmware", "a Linux kernel as the first word: cvmm run KERNEL" },
	{ "--image", "a command for images with a kernel: cvmm boot IMAGE" },
	{ "-bios", "a Linux kernel as the first word: cvmm run KERNEL" },
	{ "-initrd", "--initrd FILE" },
	{ "--initramfs", "--initrd FILE" },
	{ "-append", "--append TEXT, or --cmdline TEXT to replace the default" },
	{ "-p", "--append TEXT, or --cmdline TEXT to replace the default" },
	{ "--params", "--append TEXT, or --cmdline TEXT to replace the default" },
	{ "--boot-args", "--append TEXT, or --cmdline TEXT to replace the default" },
	{ "-drive", "--disk FILE, as in --disk root.img,readonly" },
	{ "-d", "--disk FILE, as in --disk root.img,readonly" },
	{ "-hda", "--disk FILE, as in --disk root.img,readonly" },
	{ "-blockdev", "--disk FILE, as in --disk root.img,readonly" },
	{ "-cdrom", "--disk FILE,readonly" },
	{ "--block", "--disk FILE, as in --disk root.img,readonly" },
	{ "--rwdisk", "--disk FILE" },
	{ "--rootfs", "--disk FILE with --append 'root=/dev/vda rw'" },
	{ "--root", "--disk FILE with --append 'root=/dev/vda ro'" },
	{ "--rwroot", "--disk FILE with --append 'root=/dev/vda rw'" },
	{ "--root-drive", "--disk FILE with --append 'root=/dev/vda rw'" },
	{ "-netdev", "--net TAP, or --net socket=PATH" },
	{ "-nic", "--net TAP, or --net socket=PATH" },
	{ "-net", "--net TAP, or --net socket=PATH" },
	{ "--tap-name", "--net TAP" },
	{ "--tap-device", "--net TAP" },
	{ "-fsdev", "--fs FOLDER" },
	{ "-virtfs", "--fs FOLDER" },
	{ "--shared-dir", "--fs FOLDER" },
	{ "--pmem-device", "--pmem FILE" },
	{ "--cid", "--vsock N" },
	{ "--vhost-user", "--device KIND,backend=user:SOCKET" },
	{ "--vhost-user-fs", "--fs tag=NAME,backend=user:SOCKET" },
	{ "-device", "--device KIND,key=value..." },
	{ "-chardev", "--console PROPERTIES" },
	{ "-serial", "--serial stdio, --serial null or --serial FILE" },
	{ "-nographic", "no need for it: the serial port is on the terminal" },
	{ "-display", "no need for it: the serial port is on the terminal" },
	{ "-enable-kvm", "no need for it: cvmm always uses KVM" },
	{ "-accel", "no need for it: cvmm always uses KVM" },
	{ "-machine", "--transport auto, mmio or pci" },
	{ "-M", "--transport auto, mmio or pci" },
	{ "-no-reboot", "no need for it: a reboot of the guest ends cvmm with status 2" },
	{ "-qmp", "--control SOCKET" },
	{ "-monitor", "--control SOCKET" },
	{ "-s", "--control SOCKET" },
	{ "-gdb", "--gdb SOCKET; with --gdb-wait the guest is paused at its start" },
	{ "--socket", "--control SOCKET" },
	{ "--api-sock", "--control SOCKET" },
	{ "--api-socket", "--control SOCKET" },
	{ "--config-file", "--config FILE" },
	{ "-snapshot", "--disk FILE,snapshot=on" },
	{ "-loadvm", "--from FOLDER, of the command 'save'" },
	{ "--restore", "--from FOLDER, of the command 'save'" },
	{ "-incoming", "--incoming ADDRESS" },
	{ "-runas", "--user NAME" },
	{ "-run-with", "--user NAME, or --jail" },
	{ "-sandbox", "--sandbox on, which is the default" },
	{ "--seccomp", "--sandbox on, which is the default; log; off" },
	{ "--no-seccomp", "--sandbox off" },
	{ "--disable-sandbox", "--sandbox off" },
	{ "--landlock", "--sandbox on, which is the default" },
};

static const struct spelling *find_spelling(const char *word, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++)
		if (strlen(spellings[i].theirs) == len &&
		    !memcmp(spellings[i].theirs, word, len))
			return &spellings[i];
	return NULL;
}

/* The kind in "--gpu" or "--blk". */
static bool is_device(const char *word, size_t len)
{
	return len > 2 && !memcmp(word, "--", 2) &&
	       (vmm_device_kind_find(word + 2, len - 2) ||
		virtdev_vhost_user_id_of(word + 2, len - 2));
}

static bool is_ours(const struct vsu_option *o, const char *word, size_t len)
{
	for (; o->name; o++)
		if (len == strlen(o->name) + 2 && !memcmp(word, "--", 2) &&
		    !memcmp(word + 2, o->name, len - 2))
			return true;
	return false;
}

/* The values of our options that are no text: a list of keys as the number of CPUs. */
static bool explain_value(const char *name, size_t len, const char *value,
			  struct vsu_error *err)
{
	char option[32];

	if (!value || len >= sizeof(option))
		return false;
	memcpy(option, name, len);
	option[len] = '\0';
	return vmm_foreign_value_check(option, value, err) < 0;
}

static bool explain_word(const struct vsu_option *options, const char *word,
			 const char *next, struct vsu_error *err)
{
	const size_t len = strcspn(word, "=");
	const struct spelling *s = find_spelling(word, len);
	const struct vmm_device_kind *kind;

	if (is_ours(options, word, len))
		return explain_value(word + 2, len - 2, word[len] ? word + len + 1 : next, err);
	if (s) {
		vsu_error_set(err, -ENOENT, "unknown option '%s'; cvmm has %s",
			      s->theirs, s->ours);
		return true;
	}
	if (!is_device(word, len))
		return false;
	kind = vmm_device_kind_find(word + 2, len - 2);
	if (kind)
		vsu_error_set(err, -ENOENT, "unknown option '%.*s'; use '--%s PROPERTIES'",
			      (int)len, word, vmm_device_shorthand(kind));
	else
		vsu_error_set(err, -ENOENT, "unknown option '%.*s'; use '--device %.*s,backend=user:SOCKET'",
			      (int)len, word, (int)len - 2, word + 2);
	return true;
}

void vmm_spellings_explain(const struct vsu_option *options, int argc,
			   char *const *argv, struct vsu_error *err)
{
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (argv[i][0] == '-' && explain_word(options, argv[i], argv[i + 1], err))
			return;
}
