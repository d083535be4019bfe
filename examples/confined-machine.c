/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A virtual machine in a process that can open no other files than those of its options: the
 * configuration names them before the machine is made, and Landlock permits each.
 *
 *	confined-machine /boot/vmlinuz root.img --initrd=initrd.img --fs=/srv,tag=srv
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/landlock.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cvmm/configuration.h>

#define FILE_RIGHTS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
/* Rights that the first version of Landlock knows. */
#define ALL_RIGHTS (LANDLOCK_ACCESS_FS_MAKE_SYM * 2 - 1)

static int complain(const struct vsu_error *err)
{
	fprintf(stderr, "confined-machine: %s\n", err->msg);
	return 1;
}

static int permit(int ruleset, const char *path, uint64_t rights, struct vsu_error *err)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = rights };
	int rc;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return vsu_error_sys(err, -errno, "'%s'", path);
	rc = (int)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	if (rc < 0)
		rc = vsu_error_sys(err, -errno, "no rule for '%s'", path);
	close(rule.parent_fd);
	return rc;
}

/* A file that will be created is permitted by its folder. */
static int permit_folder_of(int ruleset, const char *path, struct vsu_error *err)
{
	char copy[4096];

	snprintf(copy, sizeof(copy), "%s", path);
	return permit(ruleset, dirname(copy), ALL_RIGHTS, err);
}

static int permit_reference(int ruleset, const struct cvmm_reference *r, struct vsu_error *err)
{
	struct stat st;

	if (!r->text || r->fd >= 0)
		return 0;	/* it is open */
	switch (r->kind) {
	case CVMM_REFERENCE_FILE:
		if (r->access == CVMM_ACCESS_READ)
			return permit(ruleset, r->text, LANDLOCK_ACCESS_FS_READ_FILE, err);
		if (r->access == CVMM_ACCESS_APPEND || stat(r->text, &st) < 0)
			return permit_folder_of(ruleset, r->text, err);
		return permit(ruleset, r->text, FILE_RIGHTS, err);
	case CVMM_REFERENCE_FOLDER:
		return permit(ruleset, r->text, r->access == CVMM_ACCESS_READ ?
			      LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR : ALL_RIGHTS, err);
	case CVMM_REFERENCE_SOCKET:
		return permit_folder_of(ruleset, r->text, err);
	case CVMM_REFERENCE_PEER:
		return 0;	/* Landlock does not restrict connections to sockets of files */
	default:
		return vsu_error_set(err, -EOPNOTSUPP, "--%s: '%s' is not a file", r->option, r->text);
	}
}

static int confine(const struct cvmm_configuration *c, struct vsu_error *err)
{
	const struct landlock_ruleset_attr attr = { .handled_access_fs = ALL_RIGHTS };
	struct cvmm_reference r = { .size = sizeof(r) };
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0), rc;
	unsigned int i;

	if (ruleset < 0)
		return vsu_error_sys(err, -errno, "this kernel has no Landlock");
	rc = permit(ruleset, "/dev/kvm", FILE_RIGHTS, err);
	for (i = 0; !rc && !cvmm_configuration_get_reference(c, i, &r, NULL); i++)
		rc = permit_reference(ruleset, &r, err);
	if (!rc && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		    syscall(SYS_landlock_restrict_self, ruleset, 0) < 0))
		rc = vsu_error_sys(err, -errno, "cannot restrict the process");
	close(ruleset);
	return rc;
}

static int run(struct cvmm_machine *m)
{
	struct pollfd ready = { .fd = cvmm_machine_fd(m), .events = POLLIN };
	struct vsu_error why = VSU_ERROR_INIT;
	int status;

	if (cvmm_machine_start(m, &why) < 0)
		return complain(&why);
	while (cvmm_machine_dispatch(m))
		poll(&ready, 1, -1);
	status = cvmm_machine_status(m, &why);
	printf("the guest ended with status %d%s%s\n", status, why.msg[0] ? ": " : "", why.msg);
	return status;
}

int main(int argc, char **argv)
{
	static const int stdio[] = { 0, 1 };
	const struct cvmm_host host = { .size = sizeof(host), .stdio = stdio };
	struct vsu_error err = VSU_ERROR_INIT;
	struct cvmm_configuration *c = NULL;
	struct cvmm_machine *m = NULL;
	struct cvmm_options *o;
	int status, rc = cvmm_options_new(&o, &err);

	if (!rc)
		rc = cvmm_options_add_words(o, (size_t)argc - 1, (const char *const *)argv + 1, &err);
	if (!rc)
		rc = cvmm_configuration_new(o, NULL, &c, &err);
	if (!rc)
		rc = confine(c, &err);
	if (!rc)
		rc = cvmm_machine_new_configured(c, &host, &m, &err);
	status = rc < 0 ? complain(&err) : run(m);
	cvmm_machine_free(m);
	cvmm_configuration_free(c);
	cvmm_options_free(o);
	return status;
}
