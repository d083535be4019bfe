/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A virtual machine in a loop of sd-event, with another source: SIGTERM presses the guest's
 * power button, or stops a guest without one.
 *
 *	machine-sd-event /boot/vmlinuz --disk=root.img
 */
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>

#include <systemd/sd-event.h>

#include <cvmm/machine.h>
#include <cvmm/requests.h>

static int on_machine(sd_event_source *source, int fd, uint32_t revents, void *m)
{
	(void)fd;
	(void)revents;
	if (cvmm_machine_dispatch(m))
		return 0;
	return sd_event_exit(sd_event_source_get_event(source), cvmm_machine_status(m, NULL));
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *m)
{
	(void)source;
	(void)info;
	if (cvmm_machine_press_power(m, NULL) < 0)
		(void)!cvmm_machine_stop(m, NULL);
	return 0;
}

/* The first turn may have work before the descriptor is readable. */
static int run(struct cvmm_machine *m)
{
	sd_event *loop = NULL;
	int status = sd_event_default(&loop);

	if (status >= 0)
		status = sd_event_add_io(loop, NULL, cvmm_machine_fd(m), EPOLLIN, on_machine, m);
	if (status >= 0)
		status = sd_event_add_signal(loop, NULL, SIGTERM, on_signal, m);
	if (status >= 0 && cvmm_machine_dispatch(m))
		status = sd_event_loop(loop);
	sd_event_unref(loop);
	return status < 0 ? 1 : status;
}

int main(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct cvmm_machine *m = NULL;
	struct cvmm_options *o;
	int rc = cvmm_options_new(&o, &err), status = 1;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);	/* sd-event receives it */
	if (!rc)
		rc = cvmm_options_add_words(o, (size_t)argc - 1, (const char *const *)argv + 1, &err);
	if (!rc)
		rc = cvmm_machine_new(o, NULL, &m, &err);
	if (!rc)
		rc = cvmm_machine_start(m, &err);
	if (rc < 0)
		fprintf(stderr, "machine-sd-event: %s\n", err.msg);
	else
		status = run(m);
	cvmm_machine_free(m);
	cvmm_options_free(o);
	return status;
}
