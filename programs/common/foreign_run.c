/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Options of QEMU, Firecracker, crosvm, Cloud Hypervisor, lkvm, and docker. */
#include <config.h>

#include <stdio.h>
#include <string.h>

#include <vmm-sys-util/parse.h>

#include "common/foreign_words.h"

/* ------------------------------------------------------------------ values */

/* The file of "-drive file=FILE,if=virtio" or of "FILE,o_direct=on". */
static bool find_file(const char *value, char out[VMM_FOREIGN_TEXT])
{
	return vmm_foreign_item(value, "file path filename path_on_host pathname", out);
}

/* Also "FOLDER:TAG:KEY=VALUE" of crosvm. */
static bool find_folder(const char *value, char out[VMM_FOREIGN_TEXT])
{
	if (strcspn(value, ":") > strcspn(value, "="))
		return vmm_foreign_item(value, "path shared_dir source", out);
	snprintf(out, VMM_FOREIGN_TEXT, "%s", value);
	out[strcspn(out, ":,")] = '\0';
	return *out;
}

static bool find_tap(const char *value, char out[VMM_FOREIGN_TEXT])
{
	return vmm_foreign_item(value, "ifname tap tap-name", out) && strcmp(out, "tap") != 0;
}

static bool is_no_user_network(const char *value, char out[VMM_FOREIGN_TEXT])
{
	return !vmm_foreign_item(value, "type", out) ||
	       (strcmp(out, "user") != 0 && strcmp(out, "passt") != 0 && strcmp(out, "slirp") != 0);
}

static bool is_network(const char *value, char out[VMM_FOREIGN_TEXT])
{
	return !vmm_foreign_item(value, "type", out) || strcmp(out, "none") != 0;
}

static bool count_cpus(const char *value, char out[VMM_FOREIGN_TEXT])
{
	uint64_t n;

	return vmm_foreign_item(value, "cpus num-cores boot", out) && !vsu_parse_u64(out, &n);
}

/* A socket of a chardev or monitor: "unix:PATH,server,nowait" or "path=PATH". */
static bool socket_path(const char *value, char out[VMM_FOREIGN_TEXT])
{
	size_t skip;

	if (!vmm_foreign_item(value, "path", out))
		return false;
	skip = strncmp(out, "unix:", 5) ? 0 : 5;
	memmove(out, out + skip, strlen(out + skip) + 1);
	return *out && !strchr(out, ':') && strcmp(out, "stdio") != 0;
}

static bool is_stdio(const char *value, char out[VMM_FOREIGN_TEXT])
{
	return vmm_foreign_item(value, "type", out) && !strcmp(out, "stdio");
}

static bool is_no_stdio(const char *value, char out[VMM_FOREIGN_TEXT])
{
	return !is_stdio(value, out);
}

/* The size of "-object memory-backend-memfd,id=m,size=1G". */
static bool object_size(const char *value, char out[VMM_FOREIGN_TEXT])
{
	return strstr(value, "size=") && vmm_foreign_memory(strstr(value, "size="), out);
}

static bool find_cid(const char *value, char out[VMM_FOREIGN_TEXT])
{
	uint64_t n;

	return vmm_foreign_item(value, "cid guest-cid guest_cid", out) && !vsu_parse_u64(out, &n);
}

/* Neither "FOLDER:FOLDER" nor "PORT:PORT", which docker has behind the letters of lkvm. */
static bool is_no_pair(const char *value, char out[VMM_FOREIGN_TEXT])
{
	(void)out;
	return !*value || !strchr("/.~0123456789", *value) || !strchr(value, ':');
}

/* -------------------------------------------------------------------- rows */

#define KERNEL "the kernel's path as the first word: cvmm run %"
#define FIRMWARE "leave it out: there is no firmware; 'cvmm boot IMAGE' boots an image by its own kernel, 'cvmm run KERNEL' a Linux kernel"
#define APPEND "--append=%, or --cmdline=TEXT to replace the default"
#define DISK "--disk=%"
#define USER_NET "--net=passt"
#define SERIAL "--serial=stdio, null, FILE, pty or socket:PATH"
#define CONTROL "--control=%, and 'cvmm ctl' in place of a monitor"
#define NO_SCREEN "leave it out: there is no screen; the serial port is on the terminal"
#define ALWAYS_KVM "leave it out: cvmm always uses KVM"
#define NOT_NEEDED "leave it out: this is not needed"
#define NO_DEVICE "leave it out: cvmm has no such device; 'cvmm help devices' lists them"
#define NO_PASSING "leave it out: devices of the host cannot be passed to the guest"
#define SANDBOX "leave it out: --sandbox=on is the default"
#define CONTAINERS "'cvmm exec -- COMMAND' runs a program, 'cvmm exec --oci=IMAGE' an image of containers"
#define LOG "--log-level=LEVEL, and 2>% for a file"

const struct vmm_foreign_word vmm_foreign_run[] = {
	{ .theirs = "-it -ti -itd -dit -td -dt -t --interactive --rm --privileged --read-only", .ours = CONTAINERS, .elsewhere = true },
	{ .theirs = "-e --env --env-file -w --workdir --entrypoint --pull --restart --cap-add --cap-drop", .ours = CONTAINERS, .value = "VALUE", .elsewhere = true },
	{ .theirs = "-v -p", .ours = CONTAINERS, .value = "VALUE", .is_other = is_no_pair, .elsewhere = true },
	{ .theirs = "-m --mem-size-mib --mem-size", .ours = "--memory=%", .value = "SIZE", .convert = vmm_foreign_memory },
	{ .theirs = "-object", .ours = "--memory=size=%,backend=KIND", .value = "SIZE", .convert = object_size },
	{ .theirs = "-mem-path --mem-path", .ours = "--memory=size=SIZE,backend=file,mem-path=%", .value = "FILE" },
	{ .theirs = "-mem-prealloc", .ours = "--memory=SIZE,prealloc=on" },
	{ .theirs = "--hugepages", .ours = "--memory=SIZE,backend=memfd,hugetlb=on" },
	{ .theirs = "--hugetlbfs", .ours = "--memory=SIZE,backend=memfd,hugetlb=on", .value = "FOLDER" },
	{ .theirs = "--memory-zone", .ours = "--memory=size=SIZE for each piece", .value = "ZONE" },
	{ .theirs = "-overcommit --swap --lock-guest-memory --unmap-guest-memory-on-fork --lockmem", .ours = NOT_NEEDED, .value = "VALUE" },
	{ .theirs = "-name --id", .ours = "--name=%", .value = "NAME", .convert = find_file },
	{ .theirs = "-uuid", .ours = "--name=%", .value = "UUID" },
	{ .theirs = "-smp -c --vcpus", .ours = "--cpus=%", .value = "N", .convert = count_cpus },
	{ .theirs = "-cpu --cpu-template", .ours = "--cpu=host, a level such as --cpu=x86-64-v2, or a file of 'cvmm cpu'", .value = "MODEL" },
	{ .theirs = "-numa --numa --cpu-affinity --cpu-cluster --rt-cpus --boot-cpu --core-types", .ours = "leave it out: the guest has one node, and taskset(1) chooses CPUs of the host", .value = "VALUE" },
	{ .theirs = "--no-smt --core-scheduling --protected-vm --unprotected-vm --split-irqchip --no-i8042 --no-rtc --no-legacy --no-balloon --no-rng --pmu --no-pmu --disable-virtio-intx", .ours = NOT_NEEDED },
	{ .theirs = "-kernel --kernel-path --kernel -k", .ours = KERNEL, .value = "KERNEL" },
	{ .theirs = "-bios --bios --firmware -pflash --flash --igvm", .ours = FIRMWARE, .value = "FILE" },
	{ .theirs = "--image -i", .ours = "the command for images with a kernel: cvmm boot %", .value = "IMAGE" },
	{ .theirs = "-initrd --initramfs", .ours = "--initrd=%", .value = "FILE" },
	{ .theirs = "-dtb --dtb --android-fstab -acpitable -smbios -fw_cfg --oem-strings -option-rom", .ours = NOT_NEEDED, .value = "FILE" },
	{ .theirs = "-append -p --params --boot-args", .ours = APPEND, .value = "TEXT" },
	{ .theirs = "-drive --drive -d -hda -hdb -hdc -hdd -blockdev -sd --block -b --rwdisk --blk -mtdblock", .ours = DISK, .value = "FILE", .convert = find_file },
	{ .theirs = "-cdrom", .ours = "--disk=%,readonly", .value = "FILE" },
	{ .theirs = "-fda -fdb -iscsi", .ours = NO_DEVICE, .value = "FILE" },
	{ .theirs = "-snapshot", .ours = "--disk=FILE,snapshot=on" },
	{ .theirs = "--rwroot --rootfs --root-drive", .ours = "--disk=% with --append='root=/dev/vda rw'", .value = "FILE", .convert = find_file },
	{ .theirs = "--root", .ours = "--disk=% with --append='root=/dev/vda ro'", .value = "FILE", .convert = find_file },
	{ .theirs = "-netdev -nic -net --network -n", .ours = USER_NET, .value = "NETWORK", .is_other = is_no_user_network },
	{ .theirs = "-net -nic --network -n", .ours = "leave it out: there is no card without --net", .value = "NETWORK", .is_other = is_network },
	{ .theirs = "-netdev -nic -net --network -n", .ours = "--net=%, or --net=socket=PATH", .value = "TAP", .convert = find_tap },
	{ .theirs = "--tap-name --tap-device --tap", .ours = "--net=%", .value = "TAP" },
	{ .theirs = "--tap-fd", .ours = "--net=fd=%", .value = "N" },
	{ .theirs = "--mac", .ours = "--net=TAP,mac=%", .value = "MAC" },
	{ .theirs = "--host-ip --netmask --host_ip --guest-ip --host-mac", .ours = "leave it out: configure the interface on the host", .value = "ADDRESS" },
	{ .theirs = "--vhost-net", .ours = "--net=TAP,backend=kernel" },
	{ .theirs = "-fsdev -virtfs --shared-dir --share --volume --dir --9p --virtiofs", .ours = "--fs=%", .value = "FOLDER", .convert = find_folder },
	{ .theirs = "--pmem-device --rw-pmem-device", .ours = "--pmem=%", .value = "FILE", .convert = find_file },
	{ .theirs = "--cid --guest-cid --vhost-vsock", .ours = "--vsock=%", .value = "CID", .convert = find_cid },
	{ .theirs = "--vhost-user", .ours = "--device=KIND,backend=user:%", .value = "SOCKET", .convert = socket_path },
	{ .theirs = "--vhost-user-fs", .ours = "--fs=tag=NAME,backend=user:%", .value = "SOCKET", .convert = socket_path },
	{ .theirs = "--vhost-user-blk --vhost-user-net --vhost-user-console --vhost-user-vsock --vhost-user-gpu --vhost-user-snd", .ours = "--device=KIND,backend=user:%", .value = "SOCKET", .convert = socket_path },
	{ .theirs = "-device --user-device --generic-vhost-user", .ours = "--device=KIND,KEY=VALUE; 'cvmm help devices' lists the kinds", .value = "DEVICE" },
	{ .theirs = "--vfio --vfio-pci --vdpa -usb -usbdevice --pci", .ours = NO_PASSING, .value = "DEVICE" },
	{ .theirs = "-tpmdev --tpm --software-tpm -watchdog --watchdog -audio -audiodev -soundhw --sound --virtio-snd --battery --sgx-epc --goldfish -parallel -debugcon --debug-console -virtioconsole --input --wayland-sock --x-display", .ours = NO_DEVICE, .value = "DEVICE" },
	{ .theirs = "--host-data --platform --pci-segment --rate-limit-group --async-executor --file-backed-mapping --hypervisor --pivot-root --pci-hotplug-slots", .ours = NOT_NEEDED, .value = "VALUE" },
	{ .theirs = "-serial", .ours = "leave it out: the serial port is on the terminal", .value = "PORT", .is_other = is_no_stdio },
	{ .theirs = "-serial --tty", .ours = SERIAL, .value = "PORT" },
	{ .theirs = "-chardev", .ours = "--console=PROPERTIES, or " SERIAL, .value = "PROPERTIES" },
	{ .theirs = "-nographic -display -vga -vnc -spice -sdl -curses -full-screen --gpu-display --vnc --gtk --sdl -k", .ours = NO_SCREEN },
	{ .theirs = "-enable-kvm -no-kvm -accel --kvm", .ours = ALWAYS_KVM },
	{ .theirs = "-machine -M", .ours = "leave it out, or write --transport=auto, mmio or pci", .value = "MACHINE" },
	{ .theirs = "-no-reboot", .ours = "leave it out: a reboot of the guest ends cvmm with status 2" },
	{ .theirs = "-action", .ours = "--reboot=exit or --reboot=restart", .value = "ACTION" },
	{ .theirs = "-no-shutdown", .ours = "leave it out: cvmm ends with its guest" },
	{ .theirs = "-boot --boot", .ours = "leave it out: the kernel is the first word, and the order of the disks is that of the options", .value = "ORDER" },
	{ .theirs = "-qmp -qmp-pretty -monitor -mon --socket -s --api-sock --api-socket --api-socket-path --event-monitor", .ours = CONTROL, .value = "SOCKET", .convert = socket_path },
	{ .theirs = "-gdb", .ours = "--gdb=%; with --gdb-wait the guest is paused at its start", .value = "SOCKET", .convert = socket_path },
	{ .theirs = "-S", .ours = "--gdb=SOCKET --gdb-wait, which pauses the guest at its start" },
	{ .theirs = "--config-file -readconfig", .ours = "--config=%, a file of 'cvmm run --dry-run --json'", .value = "FILE" },
	{ .theirs = "-writeconfig", .ours = "--dry-run --json >%", .value = "FILE" },
	{ .theirs = "-loadvm --restore", .ours = "--from=%, a folder of 'cvmm ctl SOCKET save FOLDER'", .value = "FOLDER", .convert = find_file },
	{ .theirs = "-incoming", .ours = "--incoming=%", .value = "ADDRESS" },
	{ .theirs = "-only-migratable", .ours = NOT_NEEDED },
	{ .theirs = "-runas", .ours = "--user=%", .value = "NAME" },
	{ .theirs = "-run-with -chroot", .ours = "--user=NAME, or --jail", .value = "VALUE" },
	{ .theirs = "-sandbox --seccomp --seccomp-filter --seccomp-policy-dir --seccomp-level --landlock-rules", .ours = SANDBOX "; log and off are others", .value = "VALUE" },
	{ .theirs = "--landlock --seccomp-log-failures", .ours = SANDBOX "; log and off are others" },
	{ .theirs = "--no-seccomp --disable-sandbox", .ours = "--sandbox=off" },
	{ .theirs = "-daemonize --daemonize", .ours = "leave it out: start cvmm by a service manager, as the unit cvmm@.service does" },
	{ .theirs = "-pidfile --pid-file --pidfile", .ours = "leave it out: cvmm stays in the foreground, and 'cvmm ps' lists machines", .value = "FILE" },
	{ .theirs = "-D --log-file --log-path", .ours = LOG, .value = "FILE" },
	{ .theirs = "--level -trace -msg --log", .ours = "--log-level=error, warning, info or debug", .value = "LEVEL" },
	{ .theirs = "--metrics-path", .ours = "--control=SOCKET, and 'cvmm ctl SOCKET stats --prometheus'", .value = "FILE" },
	{ .theirs = "--metadata --mmds-size-limit --http-api-max-payload-size --module --start-time-us --start-time-cpu-us --parent-cpu-time-us --snapshot-version", .ours = NOT_NEEDED, .value = "VALUE" },
	{ .theirs = "--no-api --boot-timer --show-level --show-log-origin --enable-pci --describe-snapshot", .ours = NOT_NEEDED },
	{ .theirs = "-nodefaults -no-user-config -no-acpi -no-hpet -no-fd-bootchk -cpu-pm -preconfig -localtime -perfmap -singlestep", .ours = NOT_NEEDED },
	{ .theirs = "-set -global -rtc -icount -watchdog-action -plugin -compat -L -tb-size -semihosting-config -prom-env -echr -add-fd", .ours = NOT_NEEDED, .value = "VALUE" },
	{ .theirs = "-balloon", .ours = "--balloon=SIZE", .value = "DEVICE" },
	{ .theirs = "--timeout", .ours = "'timeout %' before the command line ends the machine after this time", .value = "TIME" },
	{ .theirs = "-v", .ours = "--verbose" },
	{ .theirs = "-version", .ours = "--version, without a command: cvmm --version" },
	{ .theirs = NULL },
};
