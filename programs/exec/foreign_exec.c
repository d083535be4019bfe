/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Options of docker, podman, virtme-ng and krunvm, for exec. */
#include <config.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <vmm-sys-util/parse.h>

#include "common/foreign_words.h"

/* ------------------------------------------------------------------ values */

/* "SOURCE[:TARGET[:OPTIONS]]": a folder has its own path in the guest. Writable unless "ro". */
static bool convert_volume(const char *value, char out[VMM_FOREIGN_TEXT])
{
	const size_t len = strcspn(value, ":");
	const char *options = value[len] ? strchr(value + len + 1, ':') : NULL;
	const bool readonly = options && (!strncmp(options, ":ro", 3) || strstr(options, ",ro"));

	snprintf(out, VMM_FOREIGN_TEXT, "%.*s%s", (int)(len < VMM_FOREIGN_TEXT ? len : 0), value, readonly ? "" : ",rw");
	return len;
}

/* virtme-ng's -v is a flag. */
static bool is_no_volume(const char *value, char out[VMM_FOREIGN_TEXT])
{
	(void)out;
	return !strchr("/.~", *value) && !strchr(value, ':');
}

static bool convert_mount(const char *value, char out[VMM_FOREIGN_TEXT])
{
	const bool readonly = strstr(value, "readonly") || strstr(value, ",ro");

	if (!strchr(value, '=') || !vmm_foreign_item(value, "source src", out))
		return false;
	snprintf(out + strlen(out), VMM_FOREIGN_TEXT - strlen(out), "%s", readonly ? "" : ",rw");
	return true;
}

/* "type=tmpfs" and others without a folder of the host. */
static bool is_no_bind(const char *value, char out[VMM_FOREIGN_TEXT])
{
	return *value && !convert_mount(value, out);
}

/* "GUEST=HOST" or a path. */
static bool host_folder(const char *value, char out[VMM_FOREIGN_TEXT])
{
	const char *equals = strchr(value, '=');

	snprintf(out, VMM_FOREIGN_TEXT, "%s", equals ? equals + 1 : value);
	return *out;
}

/* A command of virtme-ng rather than a variable. */
static bool is_no_variable(const char *value, char out[VMM_FOREIGN_TEXT])
{
	(void)out;
	return value[strcspn(value, " =")] == ' ';
}

/* "80" is a port of the guest. */
static bool convert_port(const char *value, char out[VMM_FOREIGN_TEXT])
{
	snprintf(out, VMM_FOREIGN_TEXT, "%s%s%s", value, strchr(value, ':') ? "" : ":", strchr(value, ':') ? "" : value);
	return true;
}

static bool is_command(const char *value, char out[VMM_FOREIGN_TEXT])
{
	uint64_t n;

	(void)out;
	return vsu_parse_u64(value, &n) < 0;
}

/* Few ports are that low, and few machines have more CPUs. */
static bool is_cpus(const char *value, char out[VMM_FOREIGN_TEXT])
{
	uint64_t n;

	(void)out;
	return !vsu_parse_u64(value, &n) && n <= 20;
}

static bool is_network(const char *value, char out[VMM_FOREIGN_TEXT])
{
	(void)out;
	return strcmp(value, "none") != 0;
}

/* "ALL", "NET_ADMIN" or "CAP_NET_ADMIN", in the words of setpriv(1). */
static bool convert_capability(const char *value, char out[VMM_FOREIGN_TEXT])
{
	const char *from = strncasecmp(value, "CAP_", 4) ? value : value + 4;
	size_t i;

	for (i = 0; from[i] && i < 64; i++)
		out[i] = (char)tolower((unsigned char)from[i]);
	out[i] = '\0';
	return i;
}

/* -------------------------------------------------------------------- rows */

#define OWN_KERNEL "leave it out: the machine has a kernel of its own, and its command all rights in it"
#define ENDS "leave it out: a machine ends with its command, and nothing of it remains"
#define MEMORY "leave it out: --memory=SIZE is all that the machine has"
#define HOSTS "leave it out: names are those of /etc/hosts of the root"
#define SHARE "leave it out; on the host, 'systemd-run --scope -p CPUWeight=N' before the command line gives it a share of the CPUs"
#define NO_IMAGE "leave it out: images of registries are not fetched; --oci=containers-storage:NAME runs one of this host"
#define QEMU "leave it out: only --emulate starts QEMU, which has no other options"
#define BOOT "leave it out; 'cvmm boot IMAGE' and 'cvmm run KERNEL' have devices of any kind"

const struct vmm_foreign_word vmm_foreign_exec[] = {
	{ .theirs = "--rm", .ours = ENDS },
	{ .theirs = "-d --detach -itd -dit -td -dt -id -di", .ours = "write & behind the command line: the machine ends with its command" },
	{ .theirs = "-i --interactive", .ours = "leave it out: the command has the standard input of cvmm" },
	{ .theirs = "-it -ti", .ours = "leave it out: on a terminal, the command has one, too" },
	{ .theirs = "-t --tty", .ours = "leave it out on a terminal; elsewhere, --terminal=on" },
	{ .theirs = "-v --volume", .ours = "--dir=%, which the command finds at the same path", .value = "FOLDER,rw",
	  .convert = convert_volume, .is_other = is_no_volume },
	{ .theirs = "-v --verbose --show-boot-console", .ours = "--log=FILE for the messages of the kernel" },
	{ .theirs = "--volumes", .ours = "--dir=%", .value = "FOLDER,rw", .convert = convert_volume },
	{ .theirs = "--mount", .ours = "--dir=%, which the command finds at the same path", .value = "FOLDER,rw",
	  .convert = convert_mount, .is_other = is_no_bind },
	{ .theirs = "--mount --tmpfs --volumes-from --volume-driver", .ours = "leave it out: what the command writes to the root stays in memory; --dir=FOLDER shares a folder", .value = "PATH" },
	{ .theirs = "--rwdir --rw-dir", .ours = "--dir=%,rw", .value = "FOLDER", .convert = host_folder },
	{ .theirs = "--rodir --ro-dir", .ours = "--dir=%", .value = "FOLDER", .convert = host_folder },
	{ .theirs = "--overlay-rwdir --overlay-dir", .ours = "leave it out: what the command writes to the root stays in memory", .value = "FOLDER" },
	{ .theirs = "--read-only --readonly --ro", .ours = "leave it out: what the command writes to the root stays in memory" },
	{ .theirs = "-e", .ours = "--env=%", .value = "NAME=VALUE", .is_other = is_no_variable },
	{ .theirs = "-e --exec", .ours = "the command behind two dashes: -- %", .value = "COMMAND" },
	{ .theirs = "--env-file", .ours = "--env=NAME=VALUE for each line of %", .value = "FILE" },
	{ .theirs = "--env-host", .ours = "--env=NAME for each variable of this process" },
	{ .theirs = "-w --workdir --working-dir --cwd -C --work-dir", .ours = "--chdir=%", .value = "FOLDER" },
	{ .theirs = "--pwd", .ours = "leave it out: the command begins in the current folder" },
	{ .theirs = "-u", .ours = "--user=%", .value = "USER" },
	{ .theirs = "--group-add", .ours = "the groups behind two dashes: -- setpriv --groups=% COMMAND", .value = "GROUPS" },
	{ .theirs = "-p", .ours = "--net=passt --publish=%", .value = "PORT:PORT", .convert = convert_port, .is_other = is_cpus },
	{ .theirs = "-p", .ours = "--cpus=% if these are processors, or --net=passt --publish=PORT:%", .value = "N" },
	{ .theirs = "--port", .ours = "--net=passt --publish=%", .value = "PORT:PORT", .convert = convert_port },
	{ .theirs = "-P --publish-all", .ours = "--net=passt --publish=PORT:PORT for each port" },
	{ .theirs = "--expose", .ours = "--net=passt --publish=%", .value = "PORT:PORT", .convert = convert_port },
	{ .theirs = "-m --mem", .ours = "--memory=%", .value = "SIZE", .convert = vmm_foreign_memory },
	{ .theirs = "--memory-swap --memory-reservation --memory-swappiness --kernel-memory --shm-size --oom-score-adj", .ours = MEMORY, .value = "SIZE" },
	{ .theirs = "--oom-kill-disable", .ours = MEMORY },
	{ .theirs = "--smp --vcpus --cpu-count", .ours = "--cpus=%", .value = "N" },
	{ .theirs = "-c --cpu-shares", .ours = SHARE, .value = "N", .is_other = is_command },
	{ .theirs = "-c", .ours = "the command behind two dashes: -- sh -c '%'", .value = "COMMAND" },
	{ .theirs = "--cpu-quota --cpu-period --cpu-rt-period --cpu-rt-runtime --blkio-weight", .ours = SHARE, .value = "N" },
	{ .theirs = "--cpuset-cpus --cpuset-mems", .ours = "'taskset --cpu-list %' before the command line, on the host", .value = "LIST" },
	{ .theirs = "--numa", .ours = "leave it out: the machine has one node", .value = "NODE" },
	{ .theirs = "--container-name", .ours = "--name=%", .value = "NAME" },
	{ .theirs = "--domainname", .ours = "--hostname=NAME.%", .value = "DOMAIN" },
	{ .theirs = "--cidfile --pidfile --label -l --label-file --annotation --restart --stop-signal --stop-timeout --pod --requires", .ours = ENDS, .value = "VALUE" },
	{ .theirs = "--replace", .ours = ENDS },
	{ .theirs = "--log-driver --log-opt", .ours = "redirect the output of cvmm exec, as any program's", .value = "VALUE" },
	{ .theirs = "-a --append-cmdline --kopt --kopts", .ours = "--append=%", .value = "TEXT" },
	{ .theirs = "--attach --detach-keys", .ours = "leave it out: the command has the streams of cvmm", .value = "STREAM" },
	{ .theirs = "--sig-proxy", .ours = "leave it out: signals are passed to the command" },
	{ .theirs = "--entrypoint", .ours = "the program behind two dashes: -- %", .value = "COMMAND" },
	{ .theirs = "--pull --platform --arch --arch-variant --variant --os --authfile --creds", .ours = NO_IMAGE, .value = "VALUE" },
	{ .theirs = "--network -n --network-mode", .ours = "leave it out: the machine has no network without --net", .value = "NAME", .is_other = is_network },
	{ .theirs = "--network -n --network-mode", .ours = "--net=passt, which connects as this user does", .value = "NAME" },
	{ .theirs = "--dns --resolver", .ours = "--net=passt,resolver=%", .value = "IP" },
	{ .theirs = "--ip --ip-address", .ours = "--net=passt,address=%/24,gateway=IP", .value = "IP" },
	{ .theirs = "--dns-search --dns-option --dns-opt --add-host --hosts-file --link --network-alias --net-alias", .ours = HOSTS, .value = "NAME" },
	{ .theirs = "--no-hosts --no-hostname", .ours = HOSTS },
	{ .theirs = "--ip6 --mac-address --net-mac-address --link-local-ip", .ours = "leave it out: passt chooses it, and --net=tap:NAME is for other networks", .value = "ADDRESS" },
	{ .theirs = "--privileged", .ours = OWN_KERNEL },
	{ .theirs = "--cap-add --device-cgroup-rule --userns --uidmap --gidmap --subuidname --pid --ipc --uts --cgroupns --cgroups --cgroup-parent --runtime --isolation --systemd --security-opt --pids-limit --storage-opt --group-entry --passwd-entry", .ours = OWN_KERNEL, .value = "VALUE" },
	{ .theirs = "--cap-drop", .ours = "the capability behind two dashes: -- setpriv --bounding-set=-% COMMAND", .value = "NAME", .convert = convert_capability },
	{ .theirs = "--ulimit", .ours = "the limit behind two dashes: -- prlimit --% COMMAND", .value = "NAME=N" },
	{ .theirs = "--sysctl", .ours = "--append=sysctl.%", .value = "NAME=VALUE" },
	{ .theirs = "--umask", .ours = "the mask behind two dashes: -- sh -c 'umask % && COMMAND'", .value = "MODE" },
	{ .theirs = "--tz", .ours = "--env=TZ=%", .value = "ZONE" },
	{ .theirs = "--device --gpus --usb --vfio --pci", .ours = "leave it out: devices of the host cannot be passed to the command", .value = "DEVICE" },
	{ .theirs = "--rootfs --root-dir --rootdir", .ours = "--root=%", .value = "FOLDER", .convert = host_folder },
	{ .theirs = "--http-proxy --no-healthcheck --preserve-fds --passwd --quiet -q", .ours = "leave it out: this is not needed" },
	{ .theirs = "--health-cmd --health-interval --health-retries --health-timeout --health-start-period", .ours = ENDS, .value = "VALUE" },
	{ .theirs = "--secret", .ours = "--dir=FOLDER with the file, or --env=NAME", .value = "NAME" },
	{ .theirs = "-r --run --kimg -k --kernel-image", .ours = "--kernel=%, or leave it out for that of the host", .value = "FILE" },
	{ .theirs = "--kdir", .ours = "--kernel=%/arch/x86/boot/bzImage --modules=none", .value = "FOLDER" },
	{ .theirs = "--mods --moddir", .ours = "--modules=%", .value = "FOLDER" },
	{ .theirs = "--initrd --initramfs", .ours = "leave it out: cvmm makes the initrd; --modules=FOLDER names its modules", .value = "FILE" },
	{ .theirs = "--no-kvm --disable-kvm --tcg", .ours = "--emulate" },
	{ .theirs = "--qemu-opts --qemu-opt -o --qemu --qemu-bin", .ours = QEMU, .value = "TEXT" },
	{ .theirs = "--disable-microvm --force-initramfs --force-9p --no-virtme-ng-init --busybox --empty-passwords --snaps", .ours = "leave it out: this is not needed" },
	{ .theirs = "-D --disk --blk-disk", .ours = "--image=% for an image with a root", .value = "FILE" },
	{ .theirs = "--graphics -g --sound --ssh --console --vsock --balloon", .ours = BOOT },
	{ .theirs = "--script-sh", .ours = "the command behind two dashes: -- sh -c '%'", .value = "COMMAND" },
	{ .theirs = "--script-exec", .ours = "the command behind two dashes: -- %", .value = "COMMAND" },
	{ .theirs = "--dry-run --show-command", .ours = "leave it out; 'cvmm run --dry-run' describes a machine" },
	{ .theirs = "--no-network --offline", .ours = "leave it out: the machine has no network without --net" },
	{ .theirs = NULL },
};
