/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Plans the machine of one command. */
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
#include <vm-arch/kernel.h>
#include <vm-arch/kernel_version.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/path.h>
#include <vmm-sys-util/sized.h>
#include <vmm-sys-util/text.h>

#include "advice.h"
#include "plan.h"
#include "plan_command.h"
#include "plan_folders.h"
#include "plan_network.h"
#include "template.h"

#define CMDLINE "console=ttyS0 quiet panic=-1 " VAGENT_WORD
/* The name of the console's first port, which is the guest's terminal hvc0, and is not used. */
#define UNUSED "cvmm.unused"

/* --------------------------------------------------------------------- options */

static int port_of(const struct cvmm_exec_parts *parts, int i)
{
	return parts->guest ? vagent_guest_port(parts->guest, (enum vagent_port)i) : vagent_session_port(parts->session, (enum vagent_port)i);
}

static int add_console(struct cvmm_exec_plan *p, struct vsu_error *err)
{
	static const char *const names[] = { VAGENT_PORT_NAMES };
	struct cvmm_property properties[2 + VAGENT_PORTS];
	char fd[16], ports[VAGENT_PORTS][64];
	int i;

	snprintf(fd, sizeof(fd), "%d", p->unused[0]);
	properties[0] = (struct cvmm_property){ "fd", fd };
	properties[1] = (struct cvmm_property){ "name", UNUSED };
	for (i = 0; i < VAGENT_PORTS; i++) {
		snprintf(ports[i], sizeof(ports[i]), "%s:fd:%d", names[i], port_of(&p->parts, i));
		properties[2 + i] = (struct cvmm_property){ "port", ports[i] };
	}
	return cvmm_options_add_properties(p->options, "console", properties, 2 + VAGENT_PORTS, err);
}

/* Words of the serial port's own are names of files here. */
static int add_log(struct cvmm_exec_plan *p, const char *log, struct vsu_error *err)
{
	return cvmm_priv_plan_add(p, err, "serial", "%s%s", log && *log != '/' ? "./" : "", log ? log : "null");
}

static int add_others(struct cvmm_exec_plan *p, const char *const *options, struct vsu_error *err)
{
	size_t n = 0;

	while (options && options[n])
		n++;
	return n ? cvmm_options_add_words(p->options, n, options, err) : 0;
}

/* A machine that boots and a clone have the same ends. */
static int add_ends(struct cvmm_exec_plan *p, const struct cvmm_exec_config *c, struct vsu_error *err)
{
	int rc = add_log(p, c->log, err);

	if (!rc)
		rc = add_others(p, c->options, err);
	return rc < 0 ? rc : add_console(p, err);
}

static int add_boot(struct cvmm_exec_plan *p, struct vsu_error *err)
{
	int rc = p->parts.initrd_fd < 0 ? 0 : cvmm_priv_plan_add(p, err, "initrd", "fd:%d:initrd", p->parts.initrd_fd);

	if (!rc)
		rc = cvmm_options_add(p->options, "device", "rng", err);
	if (!rc)
		rc = cvmm_options_add(p->options, "cmdline", p->cmdline, err);
	return rc < 0 ? rc : cvmm_options_add(p->options, "kernel", p->kernel, err);
}

/* Added before the caller's options, which may have further pieces of memory. */
static int add_size(struct cvmm_exec_plan *p, const struct cvmm_exec_config *c, struct vsu_error *err)
{
	int rc = cvmm_options_add(p->options, "memory", c->memory ? c->memory : "1G", err);

	return rc < 0 ? rc : cvmm_priv_plan_add(p, err, "cpus", "%u", c->cpus ? c->cpus : 1);
}

/* ------------------------------------------------------------------- initrd */

static int find_modules(const struct cvmm_exec_plan *p, const struct cvmm_exec_config *c,
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
static void name_modules(const struct cvmm_exec_config *c, bool has_card, const char *names[MAX_MODULES])
{
	unsigned int n = 0;

	names[n++] = "virtio_pci";
	names[n++] = "virtio_console";
	names[n++] = "virtiofs";
	if (has_card)
		names[n++] = "virtio_net";
	if (c->image)
		names[n++] = "virtio_blk";
	if (c->image || !c->writable_root)
		names[n++] = "overlay";
	names[n] = NULL;
}

static int check_member(const char *path, const char *member, struct vsu_error *err)
{
	int rc = path ? vsu_path_check_links(path, err) : 0;

	return rc < 0 ? cvmm_priv_advise(err, vsu_error_prefix(err, rc, "%s", member), CVMM_EXEC_ADVICE_MEMBER) : 0;
}

static int make_initrd(struct cvmm_exec_plan *p, const struct cvmm_exec_config *c, bool has_card,
		       struct vsu_error *err)
{
	static const char *const others[] = { "virtio_mmio", "pvpanic_mmio", "virtio_rng", NULL };
	const char *names[MAX_MODULES];
	char folder[VAGENT_INITRD_FOLDER];
	const struct vagent_initrd initrd = {
		.size = sizeof(initrd),
		.init = c->init ? c->init : c->image ? BOOT_INIT_PROGRAM : INIT_PROGRAM,
		.modules = c->modules ? c->modules : folder,
		.names = names, .others = others, .later = c->image ? vagent_initrd_file_systems() : NULL,
		.boot = "/boot", .may_fail = &p->may_lack_modules,
	};
	int rc = check_member(c->init, "init", err);

	if (!rc)
		rc = check_member(c->modules, "modules", err);
	if (rc < 0)
		return rc;
	rc = find_modules(p, c, folder, err);
	name_modules(c, has_card, names);
	return rc < 0 ? rc : vagent_initrd_make(&initrd, &p->parts.initrd_fd, err);
}

/* ------------------------------------------------------------------- the files */

static int find_kernel(struct cvmm_exec_plan *p, const char *kernel, struct vsu_error *err)
{
	int rc;

	if (!kernel)
		return vagent_host_kernel("/boot", "/lib/modules", p->kernel, err);
	rc = check_member(kernel, "kernel", err);
	if (rc < 0)
		return rc;
	if (strlen(kernel) >= sizeof(p->kernel))
		return vsu_error_set(err, -ENAMETOOLONG, "the path of the kernel is too long");
	strcpy(p->kernel, kernel);
	return 0;
}

/* A kernel of the library's own boot protocol has no initrd, and each KVM runs it. */
static int check_initrd(const struct cvmm_exec_plan *p, const struct cvmm_exec_config *c, bool has_initrd,
			struct vsu_error *err)
{
	if (has_initrd || (!c->modules && !c->init))
		return 0;
	return cvmm_priv_advise(err, vsu_error_set(err, -EINVAL, "%s has no effect on the kernel '%s', which has no initrd; leave it out",
						   c->modules ? "modules" : "init", p->kernel), CVMM_EXEC_ADVICE_MEMBER);
}

static int find_boot_files(struct cvmm_exec_plan *p, const struct cvmm_exec_config *c, bool has_card,
			   struct vsu_error *err)
{
	bool has_initrd;
	int rc = find_kernel(p, c->kernel, err);

	if (rc < 0)
		return rc;
	has_initrd = varch_kernel_name_is_builtin(p->kernel) <= 0;
	rc = check_initrd(p, c, has_initrd, err);
	if (!rc && asprintf(&p->cmdline, CMDLINE "%s%s%s", c->image && !c->kernel ? " " VAGENT_KERNEL_WORD : "",
			    c->append ? " " : "", c->append ? c->append : "") < 0) {
		p->cmdline = NULL;
		rc = vsu_error_set(err, -ENOMEM, "no memory for options");
	}
	p->parts.kernel = p->kernel;
	p->parts.cmdline = p->cmdline;
	return rc < 0 || !has_initrd ? rc : make_initrd(p, c, has_card, err);
}

/* ---------------------------------------------------------------------- plans */

/* Records that the devices of the machine determine: the same for each command. */
static int add_records(struct cvmm_exec_plan *p, const struct cvmm_exec_config *c, struct vsu_error *err)
{
	struct vagent_request *r = &p->records;
	int rc;

	vagent_request_add(r, 'R', "%s", c->writable_root ? "rw" : "ro");
	rc = cvmm_priv_plan_add_network(p, r, c->network, err);
	if (!rc)
		rc = cvmm_priv_plan_share_folders(p, r, c, err);
	return rc < 0 ? rc : vagent_request_check(r, err);
}

static int make_connection(struct cvmm_exec_plan *p, const struct cvmm_exec_config *c, struct vsu_error *err)
{
	return p->kind == PLAN_SHARED ? cvmm_priv_plan_make_guest(p, c, err) : cvmm_priv_plan_make_session(p, c, err);
}

static int plan_booting(struct cvmm_exec_plan *p, const struct cvmm_exec_config *c, struct vsu_error *err)
{
	int rc = find_boot_files(p, c, c->network != NULL, err);

	if (!rc)
		rc = add_records(p, c, err);
	if (!rc)
		rc = make_connection(p, c, err);
	if (!rc)
		rc = add_size(p, c, err);
	if (!rc)
		rc = add_ends(p, c, err);
	return rc < 0 ? rc : add_boot(p, err);
}

static int use_template(struct cvmm_exec_plan *p, const char *name, struct vsu_error *err)
{
	struct vsu_error why = VSU_ERROR_INIT;
	int rc = cvmm_template_open(NULL, name, &p->template, err);

	p->parts.template_of = p->template;
	if (!rc)
		rc = cvmm_priv_template_check_machine(cvmm_priv_plan_template(p), err);
	if (rc < 0 || cvmm_template_check(p->template, &why) != -EPROTO)
		return rc;
	return vsu_error_set(err, -EPROTO, "%s", why.msg);
}

static int begin_clone(struct cvmm_exec_plan *p, const char *from, struct vsu_error *err)
{
	int rc = use_template(p, from, err);

	if (!rc)
		rc = cvmm_priv_plan_add(p, err, "from", "%s/machine", cvmm_priv_plan_template(p)->path);
	return rc < 0 ? rc : cvmm_options_add(p->options, "clone", NULL, err);
}

static int plan_clone(struct cvmm_exec_plan *p, const struct cvmm_exec_config *c, struct vsu_error *err)
{
	int rc = begin_clone(p, c->from, err);

	if (!rc)
		rc = add_records(p, c, err);
	if (!rc)
		rc = make_connection(p, c, err);
	return rc < 0 ? rc : add_ends(p, c, err);
}

/* Devices that clones use. */
static int add_spare_devices(struct cvmm_exec_plan *p, const struct cvmm_template_info *t, struct vsu_error *err)
{
	int rc = t->cards ? cvmm_priv_plan_add_spare_card(p, err) : 0;

	if (!rc)
		rc = cvmm_priv_plan_add_spare_folder(p, t->path, VAGENT_ROOT_TAG, err);
	return rc < 0 ? rc : cvmm_priv_plan_add_spare_folders(p, t->path, 0, t->folders, err);
}

static int plan_template(struct cvmm_exec_plan *p, const struct cvmm_exec_config *c,
			 const struct cvmm_template_info *t, struct vsu_error *err)
{
	const struct vagent_session_config s = {
		.size = sizeof(s),
		.timeout_ms = c->timeout_ms, .in = -1, .out = -1, .err = -1,
	};
	int rc = find_boot_files(p, c, t->cards > 0, err);

	if (!rc)
		rc = add_spare_devices(p, t, err);
	if (!rc)
		rc = vagent_session_new(&p->parts.session, &s, err);
	if (!rc)
		rc = add_size(p, c, err);
	if (!rc)
		rc = add_ends(p, c, err);
	return rc < 0 ? rc : add_boot(p, err);
}

/* ------------------------------------------------------------------ containers */

/* The members of a machine. Containers need no root of it, and so no driver of overlays. */
static struct cvmm_exec_config describe_machine(const struct cvmm_guest_config *c)
{
	return (struct cvmm_exec_config){
		.size = sizeof(struct cvmm_exec_config), .writable_root = true, .folders = c->folders,
		.nfolders = c->nfolders, .kernel = c->kernel, .modules = c->modules, .init = c->init,
		.append = c->append, .log = c->log, .memory = c->memory, .cpus = c->cpus, .options = c->options,
	};
}

/* The devices of a guest and its connection, which sends their records. */
static int add_agent(struct cvmm_exec_plan *p, const struct cvmm_guest_config *c,
		     const struct cvmm_exec_config *machine, struct vsu_error *err)
{
	struct vagent_interface interfaces[VAGENT_MAX_INTERFACES];
	struct cvmm_priv_card addresses[VAGENT_MAX_INTERFACES];
	struct vagent_share shares[CVMM_EXEC_MAX_FOLDERS];
	const struct vagent_guest_config g = {
		.size = sizeof(g), .timeout_ms = c->timeout_ms, .clone = p->template != NULL, .shares = shares,
		.nshares = c->nfolders, .interfaces = interfaces, .ninterfaces = c->ncards,
	};
	int rc = c->ncards <= VAGENT_MAX_INTERFACES ? 0 :
		 vsu_error_set(err, -EINVAL, "%u network cards; the maximum is %d", c->ncards, VAGENT_MAX_INTERFACES);

	if (!rc)
		rc = cvmm_priv_plan_add_cards(p, c, addresses, interfaces, err);
	if (!rc)
		rc = cvmm_priv_plan_share_as_is(p, machine, shares, err);
	return rc < 0 ? rc : vagent_guest_new(&p->parts.guest, &g, err);
}

static int plan_booting_guest(struct cvmm_exec_plan *p, const struct cvmm_guest_config *c, struct vsu_error *err)
{
	const struct cvmm_exec_config machine = describe_machine(c);
	int rc = find_boot_files(p, &machine, c->ncards > 0, err);

	if (!rc)
		rc = add_agent(p, c, &machine, err);
	if (!rc)
		rc = add_size(p, &machine, err);
	if (!rc)
		rc = add_ends(p, &machine, err);
	return rc < 0 ? rc : add_boot(p, err);
}

static int plan_cloned_guest(struct cvmm_exec_plan *p, const struct cvmm_guest_config *c, struct vsu_error *err)
{
	const struct cvmm_exec_config machine = describe_machine(c);
	int rc = begin_clone(p, c->from, err);

	if (!rc)
		rc = add_agent(p, c, &machine, err);
	return rc < 0 ? rc : add_ends(p, &machine, err);
}

/* ------------------------------------------------------------------------ life */

/* Stores a plan that is complete, or frees it. */
static int finish_plan(struct cvmm_exec_plan *p, int rc, struct cvmm_exec_plan **out)
{
	if (rc < 0)
		cvmm_exec_plan_free(p);
	else
		*out = p;
	return rc;
}

static int new_plan(struct cvmm_exec_plan **out, struct vsu_error *err)
{
	struct cvmm_exec_plan *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return vsu_error_set(err, -ENOMEM, "no memory for a command");
	p->parts.initrd_fd = p->card[0] = p->card[1] = p->unused[0] = p->unused[1] = -1;
	p->parts.shares = p->shares;
	rc = cvmm_options_new(&p->options, err);
	if (!rc && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->unused) < 0)
		rc = vsu_error_sys(err, -errno, "cannot make a socket");
	p->parts.options = p->options;
	return finish_plan(p, rc, out);
}

/* kind: of the plan. */
static int make_plan(const struct cvmm_exec_config *config, int kind, struct cvmm_exec_plan **out,
		     struct vsu_error *err)
{
	struct cvmm_exec_config c;
	struct cvmm_exec_plan *p;
	int rc = vsu_copy_sized(&c, sizeof(c), config, "struct cvmm_exec_config", err);

	if (!rc)
		rc = new_plan(&p, err);
	if (rc < 0)
		return rc;
	p->kind = kind;
	rc = c.from ? plan_clone(p, &c, err) : plan_booting(p, &c, err);
	return finish_plan(p, rc, out);
}

int cvmm_exec_plan_new(const struct cvmm_exec_config *config, struct cvmm_exec_plan **out,
		       struct vsu_error *err)
{
	return make_plan(config, PLAN_COMMAND, out, err);
}

int cvmm_exec_plan_new_waiting(const struct cvmm_exec_config *config, struct cvmm_exec_plan **out,
			       struct vsu_error *err)
{
	return make_plan(config, PLAN_WAITS, out, err);
}

int cvmm_exec_plan_new_shared(const struct cvmm_exec_config *config, struct cvmm_exec_plan **out,
			      struct vsu_error *err)
{
	return make_plan(config, PLAN_SHARED, out, err);
}

int cvmm_exec_plan_new_template(const struct cvmm_exec_config *config, const struct cvmm_template *t,
				struct cvmm_exec_plan **out, struct vsu_error *err)
{
	struct cvmm_exec_config c;
	struct cvmm_exec_plan *p;
	int rc = vsu_copy_sized(&c, sizeof(c), config, "struct cvmm_exec_config", err);

	if (!rc)
		rc = new_plan(&p, err);
	if (rc < 0)
		return rc;
	rc = plan_template(p, &c, cvmm_template_get_info(t), err);
	return finish_plan(p, rc, out);
}

int cvmm_exec_plan_new_guest(const struct cvmm_guest_config *config, struct cvmm_exec_plan **out,
			     struct vsu_error *err)
{
	struct cvmm_guest_config c;
	struct cvmm_exec_plan *p;
	int rc = vsu_copy_sized(&c, sizeof(c), config, "struct cvmm_guest_config", err);

	if (!rc)
		rc = new_plan(&p, err);
	if (rc < 0)
		return rc;
	rc = c.from ? plan_cloned_guest(p, &c, err) : plan_booting_guest(p, &c, err);
	return finish_plan(p, rc, out);
}

/* A card reads the peer of its socket, which stays. */
void cvmm_exec_plan_close_given(struct cvmm_exec_plan *p)
{
	if (p->parts.guest)
		vagent_guest_close_ports(p->parts.guest);
	else
		vagent_session_close_ports(p->parts.session);
	vsu_fd_close(&p->parts.initrd_fd);
	vsu_fd_close(&p->unused[0]);
	vsu_fd_close(&p->card[0]);
}

void cvmm_exec_plan_free(struct cvmm_exec_plan *p)
{
	if (!p)
		return;
	while (p->parts.nshares) {
		p->parts.nshares--;
		free(p->shares[p->parts.nshares].path);
		free(p->shares[p->parts.nshares].hidden);
	}
	cvmm_options_free(p->options);
	cvmm_priv_hidden_free(p->hidden);
	vagent_request_free(&p->records);
	vagent_request_free(&p->command);
	free(p->cmdline);
	vsu_fd_close(&p->parts.initrd_fd);
	vsu_fd_close(&p->unused[0]);
	vsu_fd_close(&p->unused[1]);
	vsu_fd_close(&p->card[0]);
	vsu_fd_close(&p->card[1]);
	vagent_session_free(p->parts.session);
	vagent_guest_free(p->parts.guest);
	cvmm_template_close(p->template);
	free(p);
}

const struct cvmm_exec_parts *cvmm_exec_plan_get_parts(const struct cvmm_exec_plan *p)
{
	return &p->parts;
}

/* ----------------------------------------------------------------- description */

/* Descriptors of this process are of no other one. */
static bool has_descriptor(const struct cvmm_exec_plan *p, const struct cvmm_option *o)
{
	return !strcmp(o->name, "console") || (p->card[1] >= 0 && !strcmp(o->name, "net"));
}

/* Another file system may have another folder at this path: that of a container, or a new one. */
static void put_folder(FILE *f, const struct cvmm_exec_share *share)
{
	struct stat st;

	if (!stat(share->path, &st))
		fprintf(f, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	fputc('\0', f);
}

int cvmm_exec_plan_describe(const struct cvmm_exec_plan *p, char **bytes, size_t *len, struct vsu_error *err)
{
	struct vsu_text text;
	struct cvmm_option o;
	unsigned int i;

	if (vsu_text_open(&text) < 0)
		return vsu_error_set(err, -ENOMEM, "no memory for a description");
	fwrite(PACKAGE_VERSION, 1, sizeof(PACKAGE_VERSION), text.to);
	for (i = 0; !cvmm_options_get(p->options, i, &o, NULL); i++)
		if (!has_descriptor(p, &o))
			fprintf(text.to, "%s=%s%c", o.name, o.value.text, '\0');
	for (i = 0; i < p->parts.nshares; i++)
		put_folder(text.to, &p->shares[i]);
	if (vsu_text_close(&text) < 0)
		return vsu_error_set(err, -ENOMEM, "no memory for a description");
	*bytes = text.bytes;
	*len = text.len;
	return 0;
}

/* ------------------------------------------------------------------------- end */

/* Whether the connection to the agent determines the end. */
static bool has_ended(const struct cvmm_exec_plan *p, struct vagent_end *end, struct vsu_error *why)
{
	struct vsu_error own = VSU_ERROR_INIT;
	bool has;
	int rc;

	if (p->parts.guest) {
		rc = vagent_guest_failure(p->parts.guest, &own);
		has = rc < 0;
		if (rc == -ETIMEDOUT)
			*end = (struct vagent_end){ VAGENT_END_TIME, 0 };
	} else {
		has = !vagent_session_end(p->parts.session, end);
		(void)!vagent_session_status(p->parts.session, &own);
	}
	if (has)
		*why = own;
	return has;
}

void cvmm_priv_plan_get_machine_end(const struct cvmm_exec_plan *p, int status, const char *hint,
				    struct vagent_end *end, struct vsu_error *why)
{
	*end = (struct vagent_end){ VAGENT_END_MACHINE, status };
	if (p->may_lack_modules && (status == VSU_EXIT_PANIC || !why->msg[0])) {
		vsu_error_set(why, -EFAULT, "the guest's kernel ended before the command, perhaps because it cannot load its compressed modules (CONFIG_MODULE_DECOMPRESS, Linux 5.17 and later); %s keeps its messages", hint);
	} else if (status == VSU_EXIT_PANIC) {
		vsu_error_set(why, -EFAULT, "the guest's kernel panicked; %s keeps its messages", hint);
	} else if (!why->msg[0]) {
		vsu_error_set(why, -EFAULT, "the guest ended before its command did; %s keeps its kernel's messages", hint);
	}
}

void cvmm_exec_plan_get_end(const struct cvmm_exec_plan *p, int status, const char *hint,
			    struct vagent_end *end, struct vsu_error *why)
{
	if (!has_ended(p, end, why))
		cvmm_priv_plan_get_machine_end(p, status, hint, end, why);
}
