/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A machine with a device of this program: entropy that is the same in each run, for tests. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <virtio-devices/device.h>
#include <virtio-queue/cursor.h>
#include <cvmm/requests.h>

struct dice { struct cvmm_own_device own; struct vq *q; uint32_t seed; };

static uint32_t answer(void *dice, struct vq *q, struct vq_chain *chain)
{
	uint32_t bytes[64], *seed = &((struct dice *)dice)->seed;
	struct vq_cursor out;

	for (unsigned int i = 0; i < 64; i++)
		bytes[i] = *seed = *seed * 1664525 + 1013904223;
	vq_writer_init(&out, q, chain);
	return vq_cursor_write(&out, bytes, sizeof(bytes));
}

static int start(void *dice, uint32_t queue, struct vq *q, struct vsu_error *err)
{
	return (void)queue, (void)err, ((struct dice *)dice)->q = q, 0;
}

static int serve(void *self, uint32_t queue)
{
	const struct vq_turn turn = { .size = sizeof(turn), .serve = answer, .opaque = self };

	return virtdev_queue_turn(((struct dice *)self)->own.dev, queue, ((struct dice *)self)->q, &turn);
}

/* Words: those of "cvmm run" with --device=own:dice; or "plug" and others: it is added while the guest runs. */
int main(int argc, char **argv)
{
	static const struct virtdev_ops ops = { .size = sizeof(ops), .name = "dice", .queue_start = start, .queue_serve = serve };
	const struct virtdev_info info = { .id = 4 /* entropy */, .nqueues = 1, .queue_size_max = 64, .features = VQ_F_VERSION_1 };
	const int first = argc > 1 && !strcmp(argv[1], "plug") ? 2 : 1;
	struct dice dice = { .own = { .name = "dice" }, .seed = 1 };
	const struct cvmm_host host = { .size = sizeof(host), .devices = &dice.own, .ndevices = 1, .stdio = (const int[]){ 0, 1 } };
	struct vsu_error err = VSU_ERROR_INIT;
	struct cvmm_machine *m = NULL;
	struct cvmm_options *o = NULL;
	int rc = virtdev_new(&ops, &info, &dice, &dice.own.dev, &err);

	if (rc < 0 || (rc = cvmm_options_new(&o, &err)) < 0 ||
	    (rc = cvmm_options_add_words(o, (size_t)(argc - first), (const char *const *)argv + first, &err)) < 0 ||
	    (rc = cvmm_machine_new(o, &host, &m, &err)) < 0 || (rc = cvmm_machine_start(m, &err)) < 0 ||
	    (first == 2 && (rc = cvmm_machine_add_own_device(m, &dice.own, NULL, NULL, NULL, &err)) < 0))
		fprintf(stderr, "own-device: %s\n", err.msg);
	while (rc == 0 && cvmm_machine_dispatch(m))
		poll(&(struct pollfd){ cvmm_machine_fd(m), POLLIN, 0 }, 1, -1);
	rc = rc < 0 ? 1 : cvmm_machine_status(m, NULL);
	cvmm_machine_free(m);	/* before its device */
	cvmm_options_free(o);
	virtdev_free(dice.own.dev);
	return rc;
}
