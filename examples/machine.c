/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A virtual machine in this process: kernel, initrd, disk and a shared folder, each with
 * the name and the properties of cvmm(1); its serial port is standard input and output.
 *
 *	machine kernel=/boot/vmlinuz initrd=initrd.img disk=root.img fs=/srv,tag=srv
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <cvmm/machine.h>

static int complain(const struct vsu_error *err)
{
	fprintf(stderr, "machine: %s\n", err->msg);
	return 1;
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
	struct cvmm_machine *m = NULL;
	struct cvmm_options *o;
	int i, status, rc = cvmm_options_new(&o, &err);

	for (i = 1; !rc && i < argc; i++) {
		char *value = strchr(argv[i], '=');

		if (value)
			*value++ = '\0';
		rc = cvmm_options_add(o, argv[i], value, &err);
	}
	rc = rc < 0 ? rc : cvmm_machine_new(o, &host, &m, &err);
	status = rc < 0 ? complain(&err) : run(m);
	cvmm_machine_free(m);
	cvmm_options_free(o);
	return status;
}
