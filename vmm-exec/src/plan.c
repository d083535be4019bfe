/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Makes what the machine of one command consists of. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <vm-agent/initrd.h>
#include <vm-agent/request.h>
#include <vm-arch/arch.h>
#include <vm-arch/kernel.h>
#include <vm-arch/kernel_version.h>
#include <vm-arch/vm.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/path.h>

#include "advice.h"
#include "plan.h"
#include "plan_folders.h"
#include "plan_network.h"

#define CMDLINE "console=ttyS0 quiet panic=-1 " VAGENT_WORD

bool vmm_plan_is_builtin(const char *kernel)
{
	return kernel && varch_kernel_name_is_builtin(kernel) > 0;
}

/* A KVM or a kernel that cannot be opened is reported by the machine. */
int vmm_plan_check_kvm(const char *kernel, const char *remedy, struct vsu_error *err)
{
	struct varch_vm kvm;
	bool emulates;

	if ((kernel && varch_kernel_name_is_builtin(kernel) != 0) || varch_vm_open(&kvm, NULL, NULL) < 0)
		return 0;
	emulates = varch_emulates_level0(&kvm);
	varch_vm_close(&kvm);
	return emulates ? vsu_error_set(err, -EOPNOTSUPP, "this host's KVM does not run privilege level 0 on the processor, which Linux requires; use a host with VT-x or AMD-V%s", remedy) : 0;
}

/* ----------------------------------------------------------------- the words */

/* The first port is the guest's terminal hvc0, which nothing uses; its socket is read by nobody. */
static int add_console(struct vmm_plan *p, struct vsu_error *err)
{
	static const char *const names[] = { VAGENT_PORT_NAMES };
	char ports[256] = "";
	int i;

	for (i = 0; i < VAGENT_PORTS; i++)
		snprintf(ports + strlen(ports), sizeof(ports) - strlen(ports), ",port=%s:fd:%d",
			 names[i], vagent_session_port(p->session, i));
	return vmm_plan_mark_own(p, vmm_plan_add_word(p, err, "--console=fd=%d,name=cvmm.unused%s", p->unused[0], ports));
}

/* The serial port has words of its own, which are names of files here. */
static int add_log(struct vmm_plan *p, const char *log, struct vsu_error *err)
{
	return vmm_plan_add_word(p, err, "--serial=%s%s", log && *log != '/' ? "./" : "", log ? log : "null");
}

static int add_others(struct vmm_plan *p, const char *const *options, struct vsu_error *err)
{
	int rc = 0;

	while (!rc && options && *options)
		rc = vmm_plan_add_word(p, err, "%s", *options++);
	return rc;
}

/* A machine that boots and a clone have the same ends. */
static int add_ends(struct vmm_plan *p, const struct cvmm_exec_config *c, struct vsu_error *err)
{
	int rc = add_log(p, c->log, err);

	if (!rc)
		rc = add_others(p, c->options, err);
	return rc < 0 ? rc : add_console(p, err);
}

static int add_boot(struct vmm_plan *p, struct vsu_error *err)
{
	int rc = p->initrd_fd < 0 ? 0 : vmm_plan_add_word(p, err, "--initrd=fd:%d:initrd", p->initrd_fd);

	if (!rc)
		rc = vmm_plan_add_word(p, err, "--device=rng");
	if (!rc)
		rc = vmm_plan_add_word(p, err, "--cmdline=%s", p->cmdline);
	return rc < 0 ? rc : vmm_plan_add_word(p, err, "%s", p->kernel);
}

/* Before the caller's options, which may have further pieces of memory. */
static int add_size(struct vmm_plan *p, const struct cvmm_exec_config *c, struct vsu_error *err)
{
	const int rc = vmm_plan_add_word(p, err, "--memory=%s", c->memory ? c->memory : "1G");

	return rc < 0 ? rc : vmm_plan_add_word(p, err, "--cpus=%u", c->cpus ? c->cpus : 1);
}

/* ------------------------------------------------------------------- initrd */

static int find_modules(const struct vmm_plan *p, const struct cvmm_exec_config *c,
			char folder[VAGENT_INITRD_FOLDER], struct vsu_error *err)
{
	char version[VARCH_KERNEL_VERSION];
	int rc;

	if (c->modules)
		return 0;
	rc = varch_kernel_version(p->kernel, version, err);
	return rc < 0 ? rc : vagent_initrd_folder(version, folder, err);
}

#define MAX_MODULES 7

/* A NULL ends the names. */
static void name_modules(const struct vmm_plan *p, const struct cvmm_exec_config *c, const char *names[MAX_MODULES])
{
	unsigned int n = 0;

	names[n++] = "virtio_pci";
	names[n++] = "virtio_console";
	names[n++] = "virtiofs";
	if (c->network || p->card[0] >= 0)
		names[n++] = "virtio_net";
	if (c->image)
		names[n++] = "virtio_blk";
	if (c->image || !c->writable_root)
		names[n++] = "overlay";
	names[n] = NULL;
}

static int make_initrd(struct vmm_plan *p, const struct cvmm_exec_config *c, const char *init,
		       struct vsu_error *err)
{
	static const char *const others[] = { "virtio_mmio", "pvpanic_mmio", "virtio_rng", NULL };
	const char *names[MAX_MODULES];
	char folder[VAGENT_INITRD_FOLDER];
	const struct vagent_initrd initrd = {
		.size = sizeof(initrd),
		.init = c->init ? c->init : init, .modules = c->modules ? c->modules : folder,
		.names = names, .others = others, .later = c->image ? vagent_initrd_file_systems() : NULL,
		.boot = "/boot", .may_fail = &p->may_lack_modules,
	};
	int rc = c->init ? vsu_path_check_links(c->init, err) : 0;

	if (rc < 0)
		return cvmm_priv_advise(err, vsu_error_prefix(err, rc, "init"), CVMM_EXEC_ADVICE_MEMBER);
	rc = c->modules ? vsu_path_check_links(c->modules, err) : 0;
	if (rc < 0)
		return cvmm_priv_advise(err, vsu_error_prefix(err, rc, "modules"), CVMM_EXEC_ADVICE_MEMBER);
	rc = find_modules(p, c, folder, err);
	name_modules(p, c, names);
	return rc < 0 ? rc : vagent_initrd_make(&initrd, &p->initrd_fd, err);
}

/* ------------------------------------------------------------------ request */

/* Records that the devices of the machine determine: the same for each command. */
static int add_parts(struct vmm_plan *p, const struct cvmm_exec_config *c, struct vsu_error *err)
{
	struct vagent_request *r = &p->parts;
	int rc;

	vagent_request_add(r, 'R', "%s", c->writable_root ? "rw" : "ro");
	rc = vmm_plan_add_network(p, r, c->network, err);
	if (!rc)
		rc = vmm_plan_share_folders(p, r, c, err);
	return rc < 0 ? rc : vagent_request_check(r, err);
}

struct vagent_command vmm_plan_command_of(const struct cvmm_exec_config *c)
{
	return (struct vagent_command){
		.size = sizeof(struct vagent_command),
		.words = c->command, .environment = c->environment, .folder = c->folder, .hostname = c->hostname,
		.terminal = c->terminal, .rows = c->rows, .columns = c->columns,
	};
}

static int make_request(const struct vmm_plan *p, struct vagent_request *r,
			const struct cvmm_exec_config *c, struct vsu_error *err)
{
	const struct vagent_command command = vmm_plan_command_of(c);
	const int rc = vagent_request_add_command(r, &command, err);

	vagent_request_add_all(r, &p->parts);
	return rc < 0 ? rc : vagent_request_check(r, err);
}

/* ---------------------------------------------------------------------- all */

static int new_session(struct vmm_plan *p, const struct vagent_session_config *s, struct vsu_error *err)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->unused) < 0)
		return vsu_error_sys(err, -errno, "cannot make a socket");
	return vagent_session_new(&p->session, s, err);
}

static struct vagent_session_config describe_command(const struct cvmm_exec_config *c,
						  const struct vagent_request *r)
{
	static const int none[] = { -1, -1, -1 };
	const int *streams = c->streams ? c->streams : none;

	return (struct vagent_session_config){
		.size = sizeof(struct vagent_session_config),
		.request = r->records, .request_len = r->len, .timeout_ms = c->timeout_ms,
		.in = streams[0], .out = streams[1], .err = streams[2],
	};
}

static int make_session(struct vmm_plan *p, const struct cvmm_exec_config *c, struct vsu_error *err)
{
	struct vagent_request r = { NULL, 0, 0 };
	struct vagent_session_config s;
	int rc = p->waits ? 0 : make_request(p, &r, c, err);

	s = describe_command(c, &r);
	s.clone = vmm_plan_is_clone(p);
	s.waits = p->waits;
	if (!rc)
		rc = new_session(p, &s, err);
	vagent_request_free(&r);
	return rc;
}

int vmm_plan_request(struct vmm_plan *p, const struct cvmm_exec_config *c, struct vsu_error *err)
{
	struct vagent_request r = { NULL, 0, 0 };
	struct vagent_session_config s;
	int rc = make_request(p, &r, c, err);

	s = describe_command(c, &r);
	if (!rc)
		rc = vagent_session_request(p->session, &s, err);
	vagent_request_free(&r);
	return rc;
}

/* Another file system may have another folder at this path: that of a container, or a new one. */
static void put_folder(FILE *f, const struct vmm_plan_folder *folder)
{
	struct stat st;

	if (!stat(folder->path, &st))
		fprintf(f, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	fputc('\0', f);
}

char *vmm_plan_describe(const struct vmm_plan *p, size_t *len)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, len);
	unsigned int n;
	int i;

	if (!f)
		return NULL;
	fwrite(PACKAGE_VERSION, 1, sizeof(PACKAGE_VERSION), f);
	for (i = 0; i < p->nwords; i++)
		if (!p->is_own[i])
			fwrite(p->words[i], 1, strlen(p->words[i]) + 1, f);
	for (n = 0; n < p->nfolders; n++)
		put_folder(f, &p->folders[n]);
	if (!fclose(f))
		return text;
	free(text);
	return NULL;
}

static int find_kernel(struct vmm_plan *p, const char *kernel, struct vsu_error *err)
{
	int rc;

	if (!kernel)
		return vagent_host_kernel("/boot", "/lib/modules", p->kernel, err);
	rc = vsu_path_check_links(kernel, err);
	if (rc < 0)
		return cvmm_priv_advise(err, vsu_error_prefix(err, rc, "kernel"), CVMM_EXEC_ADVICE_MEMBER);
	if (strlen(kernel) >= sizeof(p->kernel))
		return vsu_error_set(err, -ENAMETOOLONG, "the path of the kernel is too long");
	strcpy(p->kernel, kernel);
	return 0;
}

static int find_boot_files(struct vmm_plan *p, const struct cvmm_exec_config *c, const char *init,
			   struct vsu_error *err)
{
	int rc = find_kernel(p, c->kernel, err);

	if (!rc && vmm_plan_is_builtin(p->kernel) && (c->modules || c->init))
		rc = cvmm_priv_advise(err, vsu_error_set(err, -EINVAL, "%s has no effect on the kernel '%s', which has no initrd; leave it out",
						   c->modules ? "modules" : "init", p->kernel), CVMM_EXEC_ADVICE_MEMBER);
	if (!rc && asprintf(&p->cmdline, CMDLINE "%s%s%s", c->image && !c->kernel ? " " VAGENT_KERNEL_WORD : "",
			    c->append ? " " : "", c->append ? c->append : "") < 0) {
		p->cmdline = NULL;
		rc = vsu_error_set(err, -ENOMEM, "no memory for options");
	}
	return rc < 0 || vmm_plan_is_builtin(p->kernel) ? rc : make_initrd(p, c, init, err);
}

static int make_booting(struct vmm_plan *p, const struct cvmm_exec_config *c, const char *init,
			struct vsu_error *err)
{
	int rc = find_boot_files(p, c, init, err);

	if (!rc)
		rc = vmm_plan_add_word(p, err, "run");
	if (!rc)
		rc = add_parts(p, c, err);
	if (!rc)
		rc = make_session(p, c, err);
	if (!rc)
		rc = add_size(p, c, err);
	if (!rc)
		rc = add_ends(p, c, err);
	return rc < 0 ? rc : add_boot(p, err);
}

static int make_clone(struct vmm_plan *p, const struct cvmm_exec_config *c, struct vsu_error *err)
{
	int rc = vmm_plan_add_word(p, err, "run");

	if (!rc)
		rc = vmm_plan_add_word(p, err, "--from=%s/machine", vmm_plan_template(p)->path);
	if (!rc)
		rc = vmm_plan_add_word(p, err, "--clone");
	if (!rc)
		rc = add_parts(p, c, err);
	if (!rc)
		rc = make_session(p, c, err);
	return rc < 0 ? rc : add_ends(p, c, err);
}

void vmm_plan_init(struct vmm_plan *p)
{
	*p = (struct vmm_plan){ .initrd_fd = -1, .unused = { -1, -1 }, .card = { -1, -1 } };
}

int vmm_plan_use_template(struct vmm_plan *p, const char *name, struct vsu_error *err)
{
	struct vsu_error why = VSU_ERROR_INIT;
	int rc = cvmm_template_open(NULL, name, &p->template, err);

	if (!rc)
		rc = cvmm_priv_template_check_machine(vmm_plan_template(p), err);
	if (rc < 0 || cvmm_template_check(p->template, &why) != -EPROTO)
		return rc;
	return vsu_error_set(err, -EPROTO, "%s", why.msg);
}

int vmm_plan_make(struct vmm_plan *p, const struct cvmm_exec_config *c, const char *init,
		  struct vsu_error *err)
{
	return vmm_plan_is_clone(p) ? make_clone(p, c, err) : make_booting(p, c, init, err);
}

/* Devices that clones use. */
static int add_spare_devices(struct vmm_plan *p, const struct cvmm_template_info *t, struct vsu_error *err)
{
	int rc = vmm_plan_add_word(p, err, "run");

	if (!rc && t->cards)
		rc = vmm_plan_add_unused_card(p, err);
	if (!rc)
		rc = vmm_plan_add_spare_folder(p, t->path, VAGENT_ROOT_TAG, err);
	return rc < 0 ? rc : vmm_plan_add_spare_folders(p, t->path, 0, t->folders, err);
}

int vmm_plan_make_template(struct vmm_plan *p, const struct cvmm_exec_config *c, const char *init,
			   const struct cvmm_template_info *t, struct vsu_error *err)
{
	const struct vagent_session_config s = {
		.size = sizeof(s),
		.timeout_ms = c->timeout_ms, .in = -1, .out = -1, .err = -1,
	};
	int rc = t->cards ? vmm_plan_open_card(p, err) : 0;

	if (!rc)
		rc = find_boot_files(p, c, init, err);
	if (!rc)
		rc = add_spare_devices(p, t, err);
	if (!rc)
		rc = new_session(p, &s, err);
	if (!rc)
		rc = add_size(p, c, err);
	if (!rc)
		rc = add_ends(p, c, err);
	return rc < 0 ? rc : add_boot(p, err);
}

/* A card reads the peer of its socket, which stays. */
void vmm_plan_close_given(struct vmm_plan *p)
{
	vagent_session_close_ports(p->session);
	vsu_fd_close(&p->initrd_fd);
	vsu_fd_close(&p->unused[0]);
	vsu_fd_close(&p->card[0]);
}

void vmm_plan_free(struct vmm_plan *p)
{
	while (p->nwords)
		free(p->words[--p->nwords]);
	while (p->nfolders) {
		p->nfolders--;
		free(p->folders[p->nfolders].path);
		free(p->folders[p->nfolders].hidden);
	}
	cvmm_priv_hidden_free(p->hidden);
	vagent_request_free(&p->parts);
	free(p->cmdline);
	vsu_fd_close(&p->initrd_fd);
	vsu_fd_close(&p->unused[0]);
	vsu_fd_close(&p->unused[1]);
	vsu_fd_close(&p->card[0]);
	vsu_fd_close(&p->card[1]);
	vagent_session_free(p->session);
	cvmm_template_close(p->template);
}

struct vagent_end vmm_plan_end(const struct vmm_plan *p, int status, const char *hint,
			    struct vsu_error *err)
{
	struct vagent_end end = { VAGENT_END_MACHINE, status };
	struct vsu_error why = VSU_ERROR_INIT;

	if (!vagent_session_end(p->session, &end)) {
		(void)!vagent_session_status(p->session, &why);
		*err = why;
		return end;
	}
	if (p->may_lack_modules && (status == VSU_EXIT_PANIC || !err->msg[0]))
		vsu_error_set(err, -EFAULT, "the guest's kernel ended before the command, perhaps because it cannot load its compressed modules (CONFIG_MODULE_DECOMPRESS, Linux 5.17 and later); %s keeps its messages", hint);
	else if (status == VSU_EXIT_PANIC)
		vsu_error_set(err, -EFAULT, "the guest's kernel panicked; %s keeps its messages", hint);
	else if (!err->msg[0])
		vsu_error_set(err, -EFAULT, "the guest ended before its command did; %s keeps its kernel's messages", hint);
	return end;
}

int vmm_plan_status(const struct vmm_plan *p, int status, const char *hint, struct vsu_error *err)
{
	const struct vagent_end end = vmm_plan_end(p, status, hint, err);

	return vagent_end_status(&end);
}
