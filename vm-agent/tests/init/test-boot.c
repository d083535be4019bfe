/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the first process of a guest: modules, file systems, ports, and the system that it
 * boots. It runs in a folder with the files of a guest; calls of the kernel are lines on a port.
 */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/random.h>
#include <net/if.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../suite.h"
#include "rig.h"

#define MINIMAL (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static char folder[32];
static const char *failing;	/* the begin of the line of a call that fails */
static int failure;		/* its errno */
static unsigned int waits;
static bool has_card;		/* the guest has a network interface */
static bool writable_root;	/* it is not an overlay */
static pid_t number;		/* of the first process, as getpid() returns it */

/* ------------------------------------------------------------ calls of the kernel */

/* The call's result: 0, or -1 if the test chose that. */
static int called(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int called(const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line) - 1, fmt, ap);
	va_end(ap);
	line[len++] = '\n';
	(void)!write(vagent_priv_ports[VAGENT_OUT], line, (size_t)len);
	if (!failing || strncmp(line, failing, strlen(failing)) != 0)
		return 0;
	errno = failure;
	return -1;
}

#pragma GCC visibility push(default)
int __wrap_mount(const char *what, const char *where, const char *type, unsigned long flags, const void *data);
int __wrap_umount2(const char *where, int flags);
int __wrap_chroot(const char *path);
int __wrap_chdir(const char *path);
void __wrap_sync(void);
bool __wrap_vagent_init_await(bool (*is_there)(void *opaque), void *opaque, int ms);
int __wrap_statfs(const char *path, struct statfs *s);
int __wrap_execl(const char *path, const char *arg, ...);
long __wrap_syscall(long call, ...);
pid_t __wrap_getpid(void);
int __wrap_clock_settime(clockid_t clock, const struct timespec *now);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __real_ioctl(int fd, unsigned long request, ...);
int __real_chroot(const char *path);
int __real_chdir(const char *path);
#pragma GCC visibility pop

int __wrap_mount(const char *what, const char *where, const char *type, unsigned long flags, const void *data)
{
	return called("mount %s %s %s %lx %s", what, where, type ? type : "-", flags,
		      data ? (const char *)data : "-");
}

int __wrap_umount2(const char *where, int flags)
{
	return called("umount %s %x", where, (unsigned int)flags);
}

int __wrap_chroot(const char *path)
{
	return called("chroot %s", path);
}

int __wrap_chdir(const char *path)
{
	return called("chdir %s", path);
}

void __wrap_sync(void)
{
	called("waited %u", waits);
}

bool __wrap_vagent_init_await(bool (*is_there)(void *opaque), void *opaque, int ms)
{
	if (is_there(opaque))
		return true;
	waits += (unsigned int)ms;
	return false;
}

/* Only the root and /run are mounted. */
int __wrap_statfs(const char *path, struct statfs *s)
{
	char real[PATH_MAX];

	memset(s, 0, sizeof(*s));
	if (!realpath(path, real))
		return -1;
	s->f_type = !strcmp(real, "/run") || !strncmp(real, "/run/", 5) ? TMPFS_MAGIC :
		    writable_root ? FUSE_SUPER_MAGIC : OVERLAYFS_SUPER_MAGIC;
	return 0;
}

int __wrap_execl(const char *path, const char *arg, ...)
{
	(void)called("execute %s %s", path, arg);
	errno = ENOENT;
	return -1;
}

long __wrap_syscall(long call, ...)
{
	char content[8] = "";
	const char *options;
	va_list ap;
	int fd, flags;

	va_start(ap, call);
	fd = va_arg(ap, int);
	options = va_arg(ap, const char *);
	flags = va_arg(ap, int);
	va_end(ap);
	(void)!pread(fd, content, sizeof(content) - 1, 0);
	return called("module %d %s %s%d", call == SYS_finit_module, content, options, flags);
}

int __wrap_clock_settime(clockid_t clock, const struct timespec *now)
{
	return called("clock %d %lld.%09ld", clock == CLOCK_REALTIME, (long long)now->tv_sec, now->tv_nsec);
}

/* Answers the requests to the network card of a guest. */
static int configure_card(unsigned long request, const struct ifreq *r)
{
	const unsigned char *mac = (const unsigned char *)r->ifr_hwaddr.sa_data;

	if (request == SIOCSIFHWADDR)
		return called("mac %s %02x:%02x:%02x:%02x:%02x:%02x", r->ifr_name, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	if (request == SIOCSIFMTU)
		return called("mtu %s %d", r->ifr_name, r->ifr_mtu);
	return request == SIOCSIFFLAGS ? called("up %s", r->ifr_name) : 0;
}

static bool is_of_card(unsigned long request, const struct ifreq *r)
{
	return has_card && request >= SIOCGIFFLAGS && request <= SIOCSIFHWADDR && !strcmp(r->ifr_name, "eth0");
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	const struct rand_pool_info *pool;
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	pool = arg;
	if (request == RNDADDENTROPY)
		return called("entropy %d %.*s", pool->entropy_count, pool->buf_size, (const char *)pool->buf);
	if (request == RNDRESEEDCRNG)
		return called("reseed");
	if (is_of_card(request, arg))
		return configure_card(request, arg);
	return __real_ioctl(fd, request, arg);
}

pid_t __wrap_getpid(void)
{
	return number;
}

/* ------------------------------------------------------------- the guest's files */

static void add_file(const char *name, const char *text)
{
	char path[128], *slash;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	for (slash = path + strlen(folder); (slash = strchr(slash + 1, '/')); *slash = '/') {
		*slash = '\0';
		mkdir(path, 0755);
	}
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	fclose(f);
}

static void move(const char *from, const char *to)
{
	char former[128], path[128];

	snprintf(former, sizeof(former), "%s/%s", folder, from);
	snprintf(path, sizeof(path), "%s/%s", folder, to);
	ck_assert_int_eq(rename(former, path), 0);
}

static bool has_file(const char *name)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static void add_card(void)
{
	has_card = true;
	add_file("sys/class/net/sit0/address", "");
	add_file("sys/class/net/eth0/device/vendor", "");
}

static bool has_folder(const char *name)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && (st.st_mode & 0777) == 0755;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void setup(void)
{
	strcpy(folder, "/tmp/agent.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	chmod(folder, 0755);
	umask(022);
	add_file("newroot/sys/fs/cgroup/cgroup.procs", "");
	failing = NULL;
	failure = ENODEV;
	number = 1;
}

static void teardown(void)
{
	agent_rig_end();
	nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static bool enter(void)
{
	return unshare((geteuid() ? CLONE_NEWUSER : 0) | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS) == 0 &&
	       __real_chroot(folder) == 0 && __real_chdir("/") == 0;
}

static agent_part *part;

static void run_part(char *records, size_t len)
{
	if (!enter())
		_exit(98);
	part(records, len);
	called("returned");
}

static void guest_runs(agent_part *what, const char *records, size_t len)
{
	part = what;
	agent_rig_start(run_part, records, len);
}

static const char *cannot_enter(void)
{
	int status = -1;
	pid_t pid;

	strcpy(folder, "/");
	pid = fork();
	if (!pid)
		_exit(!enter());
	waitpid(pid, &status, 0);
	return status ? "cannot change the root folder" : NULL;
}

/* ---------------------------------------------------------------------- modules */

static void load(char *records, size_t len)
{
	(void)records;
	(void)len;
	vagent_priv_load_modules();
}

START_TEST(modules_are_loaded_in_their_order)
{
	add_file("modules/order", "required b.ko\noptional a.ko.xz\nrequired c.ko.zst\nodd\n");
	add_file("modules/a.ko.xz", "A");
	add_file("modules/b.ko", "B");
	add_file("modules/c.ko.zst", "C");
	guest_runs(load, "", 0);
	port_has(VAGENT_OUT, "module 1 B 0\nmodule 1 A 4\nmodule 1 C 4\nreturned\n");
}
END_TEST

START_TEST(optional_modules_may_fail)
{
	add_file("modules/order", "optional absent.ko\noptional b.ko\n");
	add_file("modules/b.ko", "B");
	failing = "module";
	guest_runs(load, "", 0);
	port_has(VAGENT_OUT, "module 1 B 0\nreturned\n");
}
END_TEST

START_TEST(required_module_ends_the_guest)
{
	add_file("modules/order", _i ? "required absent.ko\n" : "required b.ko\n");
	add_file("modules/b.ko", "B");
	failing = "module";
	guest_runs(load, "", 0);
	ck_assert_str_eq(agent_failed(), _i ?
			 "the guest's kernel cannot load the module absent.ko: No such file or directory" :
			 "the guest's kernel cannot load the module b.ko: No such device");
}
END_TEST

static const struct { const char *name; int failure; const char *why; } unloadable[] = {
	{ "a.ko.xz", EOPNOTSUPP,
	  "the guest's kernel cannot load the compressed module a.ko.xz (it lacks CONFIG_MODULE_DECOMPRESS for this format)" },
	{ "a.ko.zst", EINVAL,
	  "the guest's kernel cannot load the compressed module a.ko.zst (it lacks CONFIG_MODULE_DECOMPRESS for this format)" },
	{ "a.ko", EINVAL, "the guest's kernel cannot load the module a.ko: Invalid argument" },
	{ "a.ko.xz", ENOENT, "the guest's kernel cannot load the module a.ko.xz: No such file or directory" },
};

/* Kernels since 5.17 decompress modules, older ones do not know the flag. */
START_TEST(kernel_that_cannot_decompress_is_named)
{
	char path[32], order[32];

	snprintf(path, sizeof(path), "modules/%s", unloadable[_i].name);
	snprintf(order, sizeof(order), "required %s\n", unloadable[_i].name);
	add_file("modules/order", order);
	add_file(path, "A");
	failing = "module";
	failure = unloadable[_i].failure;
	guest_runs(load, "", 0);
	ck_assert_str_eq(agent_failed(), unloadable[_i].why);
}
END_TEST

static void load_later(char *records, size_t len)
{
	load(records, len);
	called("later");
	vagent_init_load_modules_until("built_in");
	vagent_init_load_modules_until("b");
}

START_TEST(later_modules_are_loaded_up_to_a_name)
{
	add_file("modules/order", "later 1-a.ko\nrequired 2-r.ko\nlater 3-b.ko.xz\nlater 4-bc.ko\n");
	add_file("modules/1-a.ko", "A");
	add_file("modules/2-r.ko", "R");
	add_file("modules/3-b.ko.xz", "B");
	guest_runs(load_later, "", 0);
	port_has(VAGENT_OUT, "module 1 R 0\nlater\nmodule 1 A 0\nmodule 1 B 4\nreturned\n");
}
END_TEST

START_TEST(guest_without_modules_continues)
{
	guest_runs(load, "", 0);
	port_has(VAGENT_OUT, "returned\n");
}
END_TEST

/* ----------------------------------------------------------------- file systems */

static const char *mount_image(bool writable)
{
	return writable ? "/image/@" : "/image";
}

static void enter_root(char *records, size_t len)
{
	struct agent_request r;

	vagent_priv_read_request(&r, records, len);
	vagent_priv_enter_root(&r, r.image ? mount_image(r.writable_root) : NULL);
}

#define SYSTEM									\
	"mount proc /newroot/proc proc e -\n"					\
	"mount sysfs /newroot/sys sysfs e -\n"					\
	"mount cgroup2 /newroot/sys/fs/cgroup cgroup2 e nsdelegate\n"			\
	"mount devtmpfs /newroot/dev devtmpfs 2 mode=0755\n"			\
	"mount devtmpfs /newroot/dev - 22 mode=0755,size=4M\n"			\
	"mount devpts /newroot/dev/pts devpts a mode=0620,ptmxmode=0666,gid=5\n"	\
	"mount tmpfs /newroot/dev/shm tmpfs 6 mode=1777,size=50%\n"			\
	"mount mqueue /newroot/dev/mqueue mqueue e -\n"			\
	"mount tmpfs /newroot/run tmpfs 6 mode=0755,size=20%\n"
#define MEMORY "mount tmpfs /upper tmpfs 0 size=50%,mode=0755\n"
#define OPTIONS ",redirect_dir=on,metacopy=off,index=off,nfs_export=off"
#define OVERLAY	"mount overlay /newroot overlay 0 lowerdir=/lower,upperdir=/upper/files,workdir=/upper/work" OPTIONS "\n"
#define SWITCH "chdir /newroot\nmount . / - 2000 -\nchroot .\nchdir /\n"

START_TEST(root_is_below_an_overlay)
{
	guest_runs(enter_root, "Atrue\0Rro", 9);
	port_has(VAGENT_OUT, "mount root /lower virtiofs 1 -\n" MEMORY OVERLAY SYSTEM SWITCH "returned\n");
	ck_assert(has_folder("upper/files") && has_folder("upper/work") && has_folder("newroot/dev/shm"));
}
END_TEST

START_TEST(root_of_an_image_is_below_an_overlay)
{
	guest_runs(enter_root, "Atrue\0Rro\0I", 11);
	port_has(VAGENT_OUT, MEMORY "mount overlay /newroot overlay 0 "
		 "lowerdir=/image,upperdir=/upper/files,workdir=/upper/work" OPTIONS "\n" SYSTEM SWITCH "returned\n");
}
END_TEST

START_TEST(root_of_an_image_is_writable_on_request)
{
	guest_runs(enter_root, "Atrue\0Rrw\0I", 11);
	port_has(VAGENT_OUT, "mount /image/@ /newroot - 1000 -\n" SYSTEM SWITCH "returned\n");
}
END_TEST

static const struct { const char *name, *target; } links[] = {
	{ "fd", "/proc/self/fd" }, { "stdin", "/proc/self/fd/0" }, { "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" }, { "core", "/proc/kcore" },
};

/* "bash -c 'cat <(echo a)'" opens the first, "echo x >/dev/stderr" another one. */
START_TEST(devices_have_links_to_the_streams)
{
	char path[128], target[64] = "";

	guest_runs(enter_root, "Atrue\0Rro", 9);
	port_has(VAGENT_OUT, "mount root /lower virtiofs 1 -\n" MEMORY OVERLAY SYSTEM SWITCH "returned\n");
	snprintf(path, sizeof(path), "%s/newroot/dev/%s", folder, links[_i].name);
	ck_assert_int_gt(readlink(path, target, sizeof(target) - 1), 0);
	ck_assert_str_eq(target, links[_i].target);
}
END_TEST

static const char *const optional[] = {
	"mount cgroup2", "mount mqueue", "mount devtmpfs /newroot/dev - ",
};

START_TEST(kernel_may_lack_a_file_system)
{
	failing = optional[_i];
	guest_runs(enter_root, "Atrue\0Rro", 9);
	port_has(VAGENT_OUT, "mount root /lower virtiofs 1 -\n" MEMORY OVERLAY SYSTEM SWITCH "returned\n");
}
END_TEST

/* sysfs of a kernel without control groups has no folder for them, and makes none. */
START_TEST(kernel_without_control_groups_has_no_folder_of_them)
{
	move("newroot/sys/fs", "newroot/sys/none");
	guest_runs(enter_root, "Atrue\0Rro", 9);
	port_has(VAGENT_OUT, "mount root /lower virtiofs 1 -\n" MEMORY OVERLAY "mount proc /newroot/proc proc e -\n"
		 "mount sysfs /newroot/sys sysfs e -\nmount devtmpfs /newroot/dev devtmpfs 2 mode=0755\n");
}
END_TEST

START_TEST(run_has_a_folder_for_locks_of_all_users)
{
	char path[128];
	struct stat st;

	guest_runs(enter_root, "Atrue\0Rro", 9);
	port_has(VAGENT_OUT, "mount root /lower virtiofs 1 -\n" MEMORY OVERLAY SYSTEM SWITCH "returned\n");
	snprintf(path, sizeof(path), "%s/newroot/run/lock", folder);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 01777);
}
END_TEST

/* Folders are mounted where absolute links of the root lead. */
START_TEST(root_is_writable_on_request)
{
	static const char records[] = "Atrue\0Rrw\0Da:ro:/a\0Dbcd:rw:/b/c";

	guest_runs(enter_root, records, sizeof(records));
	port_has(VAGENT_OUT, "mount root /newroot virtiofs 0 -\n" SYSTEM SWITCH
		 "mount a /a virtiofs 1 -\nmount bcd /b/c virtiofs 0 -\nreturned\n");
	ck_assert(has_folder("a") && has_folder("b/c"));
}
END_TEST

static const struct { const char *failing, *why; } unmountable[] = {
	{ "mount root", "cannot mount root at /lower (virtiofs): No such device" },
	{ "mount overlay", "cannot mount overlay at /newroot (overlay): No such device" },
	{ "mount tmpfs /newroot/run", "cannot mount tmpfs at /newroot/run (tmpfs): No such device" },
	{ "chdir /n", "cannot make /newroot the root: No such device" },
	{ "mount . /", "cannot make /newroot the root: No such device" },
	{ "chroot", "cannot make /newroot the root: No such device" },
	{ "chdir /\n", "cannot make /newroot the root: No such device" },
};

START_TEST(failure_of_a_file_system_ends_the_guest)
{
	failing = unmountable[_i].failing;
	guest_runs(enter_root, "Atrue\0Rro", 9);
	ck_assert_str_eq(agent_failed(), unmountable[_i].why);
}
END_TEST

START_TEST(file_in_place_of_a_folder_ends_the_guest)
{
	move("newroot", "before");
	add_file("newroot", "");
	guest_runs(enter_root, "Atrue\0Rro", 9);
	ck_assert_str_eq(agent_failed(),
			 "cannot make the folder /newroot/proc: Not a directory");
}
END_TEST

/* ------------------------------------------------------------------------ ports */

/* Closes those of the rig but the one for lines; the control port is that of the folder. */
static void open_ports(char *records, size_t len)
{
	static const char *const texts[] = { "c", "i", "o" };
	char text[8];
	unsigned int i;
	int lines = vagent_priv_ports[VAGENT_OUT];

	(void)records;
	(void)len;
	for (i = 0; i < VAGENT_PORTS; i++)
		vagent_priv_ports[i] = -1;
	vagent_priv_open_ports();
	for (i = 0; i < VAGENT_PORTS; i++) {
		const ssize_t n = read(vagent_priv_ports[i], text, sizeof(text));

		if (n != 1 || text[0] != texts[i][0] || !(fcntl(vagent_priv_ports[i], F_GETFL) & O_NONBLOCK) ||
		    (fcntl(vagent_priv_ports[i], F_GETFL) & O_ACCMODE) != O_RDWR ||
		    !(fcntl(vagent_priv_ports[i], F_GETFD) & FD_CLOEXEC))
			_exit(97);
	}
	vagent_priv_ports[VAGENT_OUT] = lines;
}

START_TEST(ports_are_found_by_their_names)
{
	add_file("sys/class/virtio-ports/vport0p2/name", "cvmm.in\n");
	add_file("sys/class/virtio-ports/vport0p3/name", "cvmm.control\n");
	add_file("sys/class/virtio-ports/vport0p4/name", "other\n");
	add_file("sys/class/virtio-ports/vport0p5/name", "cvmm.out\n");
	add_file("dev/vport0p2", "i");
	add_file("dev/vport0p3", "c");
	add_file("dev/vport0p4", "x");
	add_file("dev/vport0p5", "o");
	guest_runs(open_ports, "", 0);
	port_has(VAGENT_OUT, "returned\n");
}
END_TEST

/* The process ends, by which the kernel panics. */
static void assert_panic(void)
{
	int status = 0;

	ck_assert_int_eq(waitpid(agent_rig_process(), &status, 0), agent_rig_process());
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 1);
}

/* Lines are on standard error of the agent: no port is open that it could report to. */
static void lack_ports(char *records, size_t len)
{
	const int lines = vagent_priv_ports[VAGENT_OUT];

	(void)records;
	(void)len;
	vagent_priv_ports[VAGENT_CONTROL] = -1;
	dup2(lines, STDERR_FILENO);
	vagent_priv_open_ports();
}

static const struct { const char *given, *kept; } panics[] = {
	{ "0\n", "-1" }, { "30\n", "30\n" }, { "-1\n", "-1\n" },
};

/* A kernel without a driver for pvpanic reboots then. */
START_TEST(machine_without_ports_panics)
{
	char path[128], value[8] = "";
	FILE *f;

	add_file("proc/sys/kernel/printk", "7777");
	add_file("proc/sys/kernel/panic", panics[_i].given);
	add_file("sys/class/virtio-ports/vport0p3/name", "cvmm.other\n");
	guest_runs(lack_ports, "", 0);
	port_has(VAGENT_OUT, "cvmm-init: the machine has no ports for the streams of a command\n"
		 "waited 30000\n");
	assert_panic();
	snprintf(path, sizeof(path), "%s/proc/sys/kernel/panic", folder);
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_gt(fread(value, 1, sizeof(value) - 1, f), 0);
	fclose(f);
	ck_assert_str_eq(value, panics[_i].kept);
}
END_TEST

/* ------------------------------------------------------------------ a whole guest */

static void boot_image(void)
{
	vagent_init_fail("an image");
}

static void start_kernel(void)
{
	char line[VAGENT_INIT_CMDLINE];

	vagent_init_cmdline_without(VAGENT_KERNEL_WORD, line);
	called("own kernel: %s", line);
}

static void run(const struct vagent_init_images *images)
{
	char line[32];

	snprintf(line, sizeof(line), "ended %d", vagent_init_run(images));
	called("%s", line);
}

static void run_main(char *records, size_t len)
{
	static const struct vagent_init_images images = {
		.boot = boot_image, .mount = mount_image, .start_kernel = start_kernel,
	};

	(void)records;
	(void)len;
	run(&images);
}

static void run_without_images(char *records, size_t len)
{
	(void)records;
	(void)len;
	run(NULL);
}

#define EARLY									\
	"mount proc /proc proc e -\nmount sysfs /sys sysfs e -\n"		\
	"mount devtmpfs /dev devtmpfs 2 mode=0755\n"
#define MOVES									\
	"mount /proc /newroot/proc - 2000 -\nmount /sys /newroot/sys - 2000 -\n"	\
	"mount /dev /newroot/dev - 2000 -\n"

START_TEST(disk_image_is_booted_by_a_word)
{
	add_file("proc/cmdline", "quiet " VAGENT_IMAGE_WORD " -- root=share");
	guest_runs(run_main, "", 0);
	ck_assert_str_eq(agent_failed(), "an image");
}
END_TEST

START_TEST(disk_image_is_refused_without_a_boot_loader)
{
	add_file("proc/cmdline", VAGENT_IMAGE_WORD);
	guest_runs(run_without_images, "", 0);
	ck_assert_str_eq(agent_failed(),
			 "this first program does not boot disk images; cvmm-boot-init does");
}
END_TEST

static const struct { const char *cmdline, *mount, *init; } booted[] = {
	{ "a root=share rw", "mount share /newroot virtiofs 0 \n", "/sbin/init" },
	{ "root=x root=share rwx", "mount share /newroot virtiofs 1 \n", "/sbin/init" },
	{ "root=/dev/vda rootfstype=ext4 rootflags=a,b=c init=/bin/sh rw\n",
	  "mount /dev/vda /newroot ext4 0 a,b=c\n", "/bin/sh" },
	{ "root=/dev/vda", "mount /dev/vda /newroot xfs 1 \nmount /dev/vda /newroot ext4 1 \n", "/sbin/init" },
};

START_TEST(root_of_the_command_line_is_booted)
{
	char lines[512] = "", had[512] = "";

	add_file("proc/cmdline", booted[_i].cmdline);
	add_file("proc/filesystems", "nodev\tproc\n\txfs\nnodev\ttmpfs\n\text4\n\tother\n");
	add_file("dev/vda", "");
	failing = "mount /dev/vda /newroot xfs";
	snprintf(lines, sizeof(lines), EARLY "%s" MOVES SWITCH "execute %s %s\n", booted[_i].mount,
		 booted[_i].init, booted[_i].init);
	guest_runs(run_main, "", 0);
	host_reads(VAGENT_OUT, had, strlen(lines));
	ck_assert_str_eq(had, lines);
	snprintf(lines, sizeof(lines), "cannot execute %s of the root: No such file or directory", booted[_i].init);
	ck_assert_str_eq(agent_failed(), lines);
	ck_assert(has_folder("newroot"));
}
END_TEST

START_TEST(what_cannot_move_is_unmounted)
{
	add_file("proc/cmdline", "root=share");
	failing = "mount /sys";
	guest_runs(run_main, "", 0);
	port_has(VAGENT_OUT, EARLY "mount share /newroot virtiofs 1 \nmount /proc /newroot/proc - 2000 -\n"
		 "mount /sys /newroot/sys - 2000 -\numount /sys 2\nmount /dev /newroot/dev - 2000 -\n" SWITCH);
}
END_TEST

/* ext3 and ext2 would print errors. */
START_TEST(root_is_mounted_as_its_superblock_has_it)
{
	static const char ext4[] = "\x53\xef";
	char path[128];
	FILE *f;

	add_file("proc/cmdline", "root=/dev/vda");
	add_file("proc/filesystems", "\text3\n\text2\n\text4\n\txfs\n");
	add_file("dev/vda", "");
	snprintf(path, sizeof(path), "%s/dev/vda", folder);
	f = fopen(path, "re+");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fseek(f, 0x438, SEEK_SET), 0);
	ck_assert_int_ge(fputs(ext4, f), 0);
	fclose(f);
	failing = _i ? "mount /dev/vda /newroot ext4" : NULL;	/* without the driver */
	guest_runs(run_main, "", 0);
	if (_i)
		port_has(VAGENT_OUT, EARLY "mount /dev/vda /newroot ext4 1 \nmount /dev/vda /newroot ext3 1 \n" MOVES);
	else
		port_has(VAGENT_OUT, EARLY "mount /dev/vda /newroot ext4 1 \n" MOVES);
}
END_TEST

static const struct { const char *cmdline, *failing, *why; } unbootable[] = {
	{ "", NULL, "the kernel's command line has no root=/dev/NAME, root=UUID=, LABEL=, PARTUUID=, PARTLABEL= or root=TAG" },
	{ "root=share", "mount share", "cannot mount the root share as virtiofs: No such device" },
	{ "root=/dev/vda", "mount /dev/vda", "cannot mount the root /dev/vda: No such device" },
	{ "root=share", "mount sysfs", "cannot mount sysfs at /sys (sysfs): No such device" },
};

START_TEST(failed_boot_has_a_reason)
{
	add_file("proc/cmdline", unbootable[_i].cmdline);
	add_file("proc/filesystems", "\text4\n");
	failing = unbootable[_i].failing;
	guest_runs(run_main, "", 0);
	ck_assert_str_eq(agent_failed(), unbootable[_i].why);
}
END_TEST

static void lack_control(char *records, size_t len)
{
	vagent_priv_ports[VAGENT_CONTROL] = -1;
	run_main(records, len);
}

/* The root's device is awaited for a bounded time. */
START_TEST(absent_device_panics)
{
	add_file("proc/cmdline", "root=/dev/vda rootfstype=ext4");
	failing = "mount /dev/vda";
	guest_runs(lack_control, "", 0);
	port_has(VAGENT_OUT, EARLY "mount /dev/vda /newroot ext4 1 \nwaited 10000\n");
	assert_panic();
}
END_TEST

/* Writes bytes into a file that add_file() has made. */
static void put_bytes(const char *name, off_t at, const void *bytes, size_t len)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ck_assert_int_eq(pwrite(fd, bytes, len, at), (ssize_t)len);
	ck_assert_int_eq(ftruncate(fd, 0x20000), 0);
	close(fd);
}

/* A disk with an MBR, and its second partition, which has ext4. */
static void add_disk(const char *disk, const char *partition)
{
	char name[64];

	snprintf(name, sizeof(name), "sys/class/block/%s/size", disk);
	add_file(name, "");
	snprintf(name, sizeof(name), "dev/%s", disk);
	add_file(name, "");
	put_bytes(name, 440, "\x34\x12\xcd\xab", 4);
	put_bytes(name, 446 + 16 + 4, "\x83", 1);
	put_bytes(name, 510, "\x55\xaa", 2);
	snprintf(name, sizeof(name), "sys/class/block/%s/size", partition);
	add_file(name, "");
	snprintf(name, sizeof(name), "dev/%s", partition);
	add_file(name, "");
	put_bytes(name, 0x438, "\x53\xef", 2);
	put_bytes(name, 0x468, "\x01\x23\x45\x67\x89\xab\xcd\xef\x10\x32\x54\x76\x98\xba\xdc\xfe", 16);
	put_bytes(name, 0x478, "system", 6);
}

static const struct { const char *root, *disk, *partition; } named_roots[] = {
	{ "PARTUUID=abcd1234-02", "vda", "vda2" },
	{ "PARTUUID=ABCD1234-02", "nvme0n1", "nvme0n1p2" },
	{ "UUID=01234567-89ab-cdef-1032-547698badcfe", "vda", "vda2" },
	{ "LABEL=system", "vda", "vda2" },
};

START_TEST(root_is_found_by_its_name)
{
	char line[256], had[256] = "";

	snprintf(line, sizeof(line), "root=%s rootfstype=ext4", named_roots[_i].root);
	add_file("proc/cmdline", line);
	add_disk(named_roots[_i].disk, named_roots[_i].partition);
	guest_runs(run_main, "", 0);
	snprintf(line, sizeof(line), EARLY "mount /dev/%s /newroot ext4 1 \n", named_roots[_i].partition);
	host_reads(VAGENT_OUT, had, strlen(line));
	ck_assert_str_eq(had, line);
}
END_TEST

static const char *const absent[] = { "PARTUUID=abcd1234-03", "PARTLABEL=root", "UUID=0", "LABEL=syste" };

START_TEST(root_without_a_device_has_a_reason)
{
	char line[128];

	snprintf(line, sizeof(line), "root=%s", absent[_i]);
	add_file("proc/cmdline", line);
	add_disk("vda", "vda2");
	guest_runs(run_main, "", 0);
	snprintf(line, sizeof(line), "cannot mount the root: no disk or partition has %s", absent[_i]);
	ck_assert_str_eq(agent_failed(), line);
}
END_TEST

START_TEST(program_of_another_process_ends)
{
	number = 2;
	guest_runs(run_main, "", 0);
	port_has(VAGENT_OUT, "ended 64\n");
}
END_TEST

static void agent_is_ready(void)
{
	struct { struct vagent_header h; uint32_t version; } m;

	host_reads(VAGENT_CONTROL, &m, sizeof(m));
	ck_assert_uint_eq(m.h.type, VAGENT_READY);
	ck_assert_uint_eq(m.h.len, sizeof(m.version));
	ck_assert_uint_eq(m.version, VAGENT_VERSION);
}

START_TEST(command_runs_on_the_kernel_of_its_image_by_a_word)
{
	add_file("proc/cmdline", "quiet " VAGENT_KERNEL_WORD " a=\"b  c\" " VAGENT_WORD " " VAGENT_KERNEL_WORD "\n");
	guest_runs(run_main, "", 0);
	agent_is_ready();
	port_has(VAGENT_OUT, EARLY "own kernel: quiet a=\"b  c\" " VAGENT_WORD "\n");
}
END_TEST

static void serve_system(const char *request, uint32_t len)
{
	add_file("proc/cmdline", "quiet cvmm.exec\n");
	guest_runs(run_main, "", 0);
	agent_is_ready();
	host_sends(VAGENT_GUEST, request, len);
	port_has(VAGENT_OUT, EARLY "mount root /newroot virtiofs 0 -\n" SYSTEM SWITCH);
	agent_sent(VAGENT_SERVES);
}


static void join(const char *what)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)agent_rig_process(), what);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(setns(fd, 0), 0);
	close(fd);
}

START_TEST(guest_has_a_name_and_a_loopback_interface)
{
	static const char unnamed[] = "Rrw", named[] = "Rrw\0Hother";
	struct ifreq lo = { .ifr_name = "lo" };
	char name[64];

	serve_system(_i ? named : unnamed, _i ? sizeof(named) : sizeof(unnamed));
	if (geteuid())
		join("user");
	join("uts");
	join("net");
	ck_assert_int_eq(gethostname(name, sizeof(name)), 0);
	ck_assert_str_eq(name, _i ? "other" : "cvmm");
	ck_assert_int_eq(ioctl(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), SIOCGIFFLAGS, &lo), 0);
	ck_assert(lo.ifr_flags & IFF_UP);
}
END_TEST

static const struct { const char *network, *why; } unconfigured[] = {
	{ "", "the host requested an invalid network: " },
	{ "192.0.2.2 - - - 0", "the host requested an invalid network: 192.0.2.2 - - - 0" },
	{ "192.0.2.2/24 - - -", "the host requested an invalid network: 192.0.2.2/24 - - -" },
	{ "192.0.2.2/33 - - - 0", "the host requested an invalid network: 192.0.2.2/33 - - - 0" },
	{ "192.0.2/24 - - - 0", "the host requested an invalid network: 192.0.2/24 - - - 0" },
	{ "192.0.2.2/24 gateway - - 0", "the host requested an invalid network: 192.0.2.2/24 gateway - - 0" },
	{ "192.0.2.2/24 - resolver - 0", "the host requested an invalid network: 192.0.2.2/24 - resolver - 0" },
	{ "-/0 - - 52:54:00:12:34 0", "the host requested an invalid network: -/0 - - 52:54:00:12:34 0" },
	{ "-/0 - - 0x:54:00:12:34:56 0", "the host requested an invalid network: -/0 - - 0x:54:00:12:34:56 0" },
	{ "-/0 - - 52:54:0:12:34:56 0", "the host requested an invalid network: -/0 - - 52:54:0:12:34:56 0" },
	{ "-/0 - - 52:54:00:12:34:5x 0", "the host requested an invalid network: -/0 - - 52:54:00:12:34:5x 0" },
	{ "192.0.2.2/24 192.0.2.1 192.0.2.3 - 0", "the guest has no network interface (its kernel needs the driver virtio_net)" },
	{ "-/0 - - 52:54:00:12:34:56 0", "the guest has no network interface (its kernel needs the driver virtio_net)" },
};

START_TEST(network_requires_addresses_and_an_interface)
{
	char request[128];
	const int len = snprintf(request, sizeof(request), "Rrw%cN%s", 0, unconfigured[_i].network);

	add_file("proc/cmdline", "quiet cvmm.exec\n");
	guest_runs(run_main, "", 0);
	agent_is_ready();
	host_sends(VAGENT_GUEST, request, (uint32_t)len + 1);
	ck_assert_str_eq(agent_failed(), unconfigured[_i].why);
}
END_TEST

/* A call with these words fails, if the agent makes it. */
static const struct { const char *network, *call; bool made; } cards[] = {
	{ "-/0 - - 02:00:00:00:00:0a 1400", "mac eth0 02:00:00:00:00:0a\n", true },
	{ "-/0 - - 02:00:00:00:00:0a 1400", "mtu eth0 1400\n", true },
	{ "-/0 - - 02:00:00:00:00:0a 0", "mtu", false }, { "-/0 - - - 0", "mac", false },
	{ "-/0 - - - 0", "up eth0\n", true },
};

START_TEST(card_has_the_address_and_the_mtu_of_the_request)
{
	char request[128];
	const int len = snprintf(request, sizeof(request), "Rrw%cN%s", 0, cards[_i].network);

	add_card();
	failing = cards[_i].call;
	add_file("proc/cmdline", "quiet cvmm.exec\n");
	guest_runs(run_main, "", 0);
	agent_is_ready();
	host_sends(VAGENT_GUEST, request, (uint32_t)len + 1);
	if (cards[_i].made)
		ck_assert_str_eq(agent_failed(), "cannot configure the network interface eth0: No such device");
	else
		agent_sent(VAGENT_SERVES);
}
END_TEST

#define RESOLVER "/etc/resolv.conf"
#define OF_ROOT "the guest's " RESOLVER " does not exist, and would be in a file system that the agent does not change; make the file there, or leave out 'rw' of the root or the folder that is mounted on /etc"

/* A file or a dangling link of a root, or none; what the link refers to then, or why it does not. */
static const struct { bool writable; const char *text, *link, *made, *why; } resolvers[] = {
	{ .text = "nameserver 192.0.2.9\n", .made = RESOLVER },
	{ .made = RESOLVER },
	{ .link = "/run/none/resolv.conf", .made = RESOLVER },
	{ .link = "../var/none/resolv.conf", .made = RESOLVER },
	{ .writable = true, .text = "nameserver 192.0.2.9\n", .made = RESOLVER },
	{ .writable = true, .link = "/run/none/resolv.conf", .made = "/run/none/resolv.conf" },
	{ .writable = true, .link = "../run/resolv.conf", .made = "/run/resolv.conf" },
	{ .writable = true, .why = OF_ROOT },
	{ .writable = true, .link = "../var/resolv.conf", .why = OF_ROOT },
	{ .writable = true, .link = "/var/none/resolv.conf", .why = OF_ROOT },
};

static void add_link(const char *target, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	ck_assert_int_eq(symlink(target, path), 0);
}

static void use_resolver(bool writable)
{
	static const char ro[] = "Rro\0N-/0 - 192.0.2.3 - 0";
	static const char rw[] = "Rrw\0N-/0 - 192.0.2.3 - 0";

	add_card();
	writable_root = writable;
	add_file("run/cvmm", "");
	add_file("proc/cmdline", "quiet cvmm.exec\n");
	guest_runs(run_main, "", 0);
	agent_is_ready();
	host_sends(VAGENT_GUEST, writable ? rw : ro, writable ? sizeof(rw) : sizeof(ro));
}

static void resolver_has(const char *name, const char *text)
{
	char path[128], had[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "re");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fread(had, 1, sizeof(had) - 1, f), strlen(text));
	ck_assert_str_eq(had, text);
	fclose(f);
}

/* A mounted file hides one that exists. */
START_TEST(resolver_requires_no_file_of_the_root)
{
	const char *text = resolvers[_i].text, *made = resolvers[_i].made;

	add_file("etc/passwd", "");
	add_file("var/log/none", "");
	if (text)
		add_file("etc/resolv.conf", text);
	if (resolvers[_i].link)
		add_link(resolvers[_i].link, "etc/resolv.conf");
	use_resolver(resolvers[_i].writable);
	if (made) {
		agent_sent(VAGENT_SERVES);
		resolver_has(made, text ? text : "");
	} else {
		ck_assert_str_eq(agent_failed(), resolvers[_i].why);
	}
	ck_assert(!has_folder("var/none") && !has_file("var/resolv.conf"));
	ck_assert_int_eq(has_file("etc/resolv.conf"), made && strncmp(made, "/run", 4));
}
END_TEST

START_TEST(root_without_the_folder_of_the_resolver_has_it_in_memory)
{
	use_resolver(false);
	agent_sent(VAGENT_SERVES);
	resolver_has("etc/resolv.conf", "");
}
END_TEST

START_TEST(resolver_that_is_not_mounted_ends_the_guest)
{
	failing = "mount /run/cvmm.resolv.conf";
	failure = ENOENT;
	use_resolver(false);
	ck_assert_str_eq(agent_failed(), "cannot mount " RESOLVER ": No such file or directory");
}
END_TEST

static const struct vagent_moment moment = {
	.seconds = 1000000001, .nanoseconds = 2,
	.entropy = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde",
};
#define ENTROPY "entropy 512 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcde"

static void guest_waits(void)
{
	add_file("proc/cmdline", "cvmm.exec");
	guest_runs(run_main, "", 0);
	agent_is_ready();
	port_has(VAGENT_OUT, EARLY);
}

/* Twice: a clone continues after its template has received them. */
START_TEST(clock_and_random_numbers_are_the_hosts)
{
	add_file("dev/random", "");
	guest_waits();
	if (_i) {
		host_sends(VAGENT_HELLO, NULL, 0);
		agent_is_ready();
	}
	host_sends(VAGENT_MOMENT, &moment, sizeof(moment));
	port_has(VAGENT_OUT, "clock 1 1000000001.000000002\n" ENTROPY);
	port_has(VAGENT_OUT, "\nreseed\n");
	host_sends(VAGENT_HELLO, NULL, 0);
	agent_is_ready();
}
END_TEST

/* Read ahead in the template; the first guest keeps it. */
START_TEST(clone_discards_what_an_entropy_device_has_read)
{
	char path[64], bytes[256] = "";
	int fd, left;

	snprintf(path, sizeof(path), "%s/dev/hwrng", folder);
	add_file("dev/random", "");
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	guest_waits();
	if (_i)
		host_sends(VAGENT_HELLO, NULL, 0);
	if (_i)
		agent_is_ready();
	host_sends(VAGENT_MOMENT, &moment, sizeof(moment));
	host_sends(VAGENT_HELLO, NULL, 0);
	agent_is_ready();
	ck_assert_int_eq(ioctl(fd, FIONREAD, &left), 0);
	ck_assert_int_eq(left, _i ? 0 : (int)sizeof(bytes));
	close(fd);
}
END_TEST

static const struct { bool cloned; const char *failing, *why; } moments[] = {
	{ false, "reseed", NULL },
	{ true, "reseed", "cannot reseed the random numbers of a clone: No such device" },
	{ true, "entropy", "cannot reseed the random numbers of a clone: No such device" },
	{ false, "clock", "cannot set the clock: No such device" },
};

START_TEST(e3_27_only_a_clone_requires_random_numbers)
{
	add_file("dev/random", "");
	failing = moments[_i].failing;
	guest_waits();
	if (moments[_i].cloned) {
		host_sends(VAGENT_HELLO, NULL, 0);
		agent_is_ready();
	}
	host_sends(VAGENT_MOMENT, &moment, sizeof(moment));
	if (moments[_i].why) {
		ck_assert_str_eq(agent_failed(), moments[_i].why);
	} else {
		host_sends(VAGENT_HELLO, NULL, 0);
		agent_is_ready();
	}
}
END_TEST

START_TEST(time_has_its_length)
{
	guest_waits();
	host_sends(VAGENT_MOMENT, &moment, sizeof(moment) - 1);
	ck_assert_str_eq(agent_failed(), "the host sent its time in 79 bytes");
}
END_TEST

START_TEST(guest_comes_first)
{
	const uint32_t process = 1;

	add_file("proc/cmdline", "cvmm.exec");
	guest_runs(run_main, "", 0);
	agent_is_ready();
	host_sends(VAGENT_START, &process, sizeof(process));
	ck_assert_str_eq(agent_failed(), "the host sent message 7 before GUEST");
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, modules_are_loaded_in_their_order);
	tcase_add_test(tc, optional_modules_may_fail);
	tcase_add_loop_test(tc, required_module_ends_the_guest, 0, 2);
	tcase_add_loop_test(tc, kernel_that_cannot_decompress_is_named, 0, (int)(sizeof(unloadable) / sizeof(unloadable[0])));
	tcase_add_test(tc, later_modules_are_loaded_up_to_a_name);
	tcase_add_test(tc, guest_without_modules_continues);
	tcase_add_test(tc, root_is_below_an_overlay);
	tcase_add_test(tc, root_of_an_image_is_below_an_overlay);
	tcase_add_test(tc, root_of_an_image_is_writable_on_request);
	tcase_add_test(tc, root_is_writable_on_request);
	tcase_add_loop_test(tc, kernel_may_lack_a_file_system, 0, sizeof(optional) / sizeof(optional[0]));
	tcase_add_test(tc, kernel_without_control_groups_has_no_folder_of_them);
	tcase_add_test(tc, run_has_a_folder_for_locks_of_all_users);
	tcase_add_loop_test(tc, devices_have_links_to_the_streams, 0, sizeof(links) / sizeof(links[0]));
	tcase_add_loop_test(tc, failure_of_a_file_system_ends_the_guest, 0,
			    sizeof(unmountable) / sizeof(unmountable[0]));
	tcase_add_test(tc, file_in_place_of_a_folder_ends_the_guest);
	tcase_add_test(tc, ports_are_found_by_their_names);
	tcase_add_loop_test(tc, machine_without_ports_panics, 0, sizeof(panics) / sizeof(panics[0]));
	tcase_add_test(tc, disk_image_is_booted_by_a_word);
	tcase_add_test(tc, disk_image_is_refused_without_a_boot_loader);
	tcase_add_test(tc, command_runs_on_the_kernel_of_its_image_by_a_word);
	tcase_add_loop_test(tc, root_of_the_command_line_is_booted, 0, sizeof(booted) / sizeof(booted[0]));
	tcase_add_test(tc, what_cannot_move_is_unmounted);
	tcase_add_loop_test(tc, root_is_mounted_as_its_superblock_has_it, 0, 2);
	tcase_add_loop_test(tc, failed_boot_has_a_reason, 0, sizeof(unbootable) / sizeof(unbootable[0]));
	tcase_add_test(tc, absent_device_panics);
	tcase_add_loop_test(tc, root_is_found_by_its_name, 0, sizeof(named_roots) / sizeof(named_roots[0]));
	tcase_add_loop_test(tc, root_without_a_device_has_a_reason, 0, sizeof(absent) / sizeof(absent[0]));
	tcase_add_test(tc, program_of_another_process_ends);
	tcase_add_loop_test(tc, guest_has_a_name_and_a_loopback_interface, 0, 2);
	tcase_add_loop_test(tc, network_requires_addresses_and_an_interface, 0,
			    sizeof(unconfigured) / sizeof(unconfigured[0]));
	tcase_add_loop_test(tc, card_has_the_address_and_the_mtu_of_the_request, 0, sizeof(cards) / sizeof(cards[0]));
	tcase_add_loop_test(tc, resolver_requires_no_file_of_the_root, 0, sizeof(resolvers) / sizeof(resolvers[0]));
	tcase_add_test(tc, root_without_the_folder_of_the_resolver_has_it_in_memory);
	tcase_add_test(tc, resolver_that_is_not_mounted_ends_the_guest);
	tcase_add_loop_test(tc, clock_and_random_numbers_are_the_hosts, 0, 2);
	tcase_add_loop_test(tc, clone_discards_what_an_entropy_device_has_read, 0, 2);
	tcase_add_loop_test(tc, e3_27_only_a_clone_requires_random_numbers, 0, 4);
	tcase_add_test(tc, time_has_its_length);
	tcase_add_test(tc, guest_comes_first);
}

int main(void)
{
	Suite *s;
	TCase *tc;
	const char *why = cannot_enter();

	if (why) {
		printf("1..0 # SKIP %s\n", why);
		return EXIT_SUCCESS;
	}
	s = suite_create("agent");
	tc = tcase_create("boot");
	tcase_add_checked_fixture(tc, setup, teardown);
	add_tests(tc);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
