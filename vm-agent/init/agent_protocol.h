/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The protocol between cvmm and its agent, the first process of a guest that executes one command.
 *
 * They share four ports of a console device, each a byte stream with its own flow control: control,
 * and the command's standard streams. The bytes of a standard stream are the port's, unchanged. A
 * stream's end is a message on the control port that contains its length in bytes, so that no order
 * between ports is assumed. Ports need no address and no name in the host's file system, and are
 * part of the oldest kernels; sockets (vsock) need a socket file per guest.
 *
 * A message is a header and len bytes. Numbers are little-endian.
 *
 *	host                          agent
 *	                              READY        its ports are open
 *	MOMENT   time, random bytes
 *	REQUEST  records
 *	                              STARTED      the command is executed
 *	SIGNAL, SIZE, INPUT_END, OUTPUT_LOST
 *	                              ENDED        status; the host ends the machine when it has
 *	                                           received all bytes of both outputs
 *
 * A template is saved after READY. The host of a clone cannot have received that READY, and
 * sends HELLO, which the agent answers by READY until it has received a request.
 */
#ifndef VMM_AGENT_AGENT_PROTOCOL_H
#define VMM_AGENT_AGENT_PROTOCOL_H

#include <stdint.h>

/* The word of the kernel's command line that makes the first process an agent. */
#define VMM_AGENT_WORD "cvmm.exec"
/* With that word: the command runs on the kernel of the first disk, or on this one if that is not possible. */
#define VMM_AGENT_KERNEL_WORD "cvmm.kernel"
/* The word that makes it boot the first disk. Words after "--" are for the kernel of that disk. */
#define VMM_AGENT_IMAGE_WORD "cvmm.image"

/* Of this protocol. A template may contain an older agent. */
#define VMM_AGENT_VERSION 1u

enum vmm_agent_port {
	VMM_AGENT_CONTROL, VMM_AGENT_IN, VMM_AGENT_OUT, VMM_AGENT_ERR, VMM_AGENT_PORTS,
};

/* Names of the ports, in this order. */
#define VMM_AGENT_PORT_NAMES "cvmm.control", "cvmm.in", "cvmm.out", "cvmm.err"

enum vmm_agent_message {
	/* to the agent */
	VMM_AGENT_REQUEST = 1,	/* records; once */
	VMM_AGENT_SIGNAL,	/* uint32_t: for the command's process group */
	VMM_AGENT_SIZE,		/* 2 uint16_t: rows and columns of the terminal */
	VMM_AGENT_INPUT_END,	/* uint64_t: length of the input */
	VMM_AGENT_OUTPUT_LOST,	/* uint32_t: the port whose reader is gone */
	VMM_AGENT_HELLO,	/* empty: repeat READY; before the request */
	VMM_AGENT_MOMENT,	/* struct vmm_agent_moment; before the request */
	/* from the agent */
	VMM_AGENT_READY = 65,	/* uint32_t: VMM_AGENT_VERSION; once per host */
	VMM_AGENT_STARTED,	/* empty; once */
	VMM_AGENT_ENDED,	/* struct vmm_agent_ended, and a sentence or a cause; once */
};

struct vmm_agent_header {
	uint32_t type, len;
};

/* Maximum of len. */
#define VMM_AGENT_MAX_REQUEST (2u << 20)
#define VMM_AGENT_MAX_MESSAGE 512u	/* of all other messages */

/* All clones of a template have its clock and would draw the same random numbers. */
#define VMM_AGENT_ENTROPY 64
struct vmm_agent_moment {
	uint64_t seconds;	/* CLOCK_REALTIME of the host */
	uint32_t nanoseconds, reserved;
	uint8_t entropy[VMM_AGENT_ENTROPY];
};

enum vmm_agent_how {
	VMM_AGENT_EXITED,	/* status: that of the command */
	VMM_AGENT_SIGNALLED,	/* status: the signal */
	VMM_AGENT_NOT_FOUND,	/* the command does not exist */
	VMM_AGENT_NOT_EXECUTED,	/* the command exists, but execve() failed */
	VMM_AGENT_FAILED,	/* the agent failed */
	VMM_AGENT_HOWS,
};

struct vmm_agent_ended {
	uint32_t how, status;
	uint64_t out, err;	/* bytes that the command wrote */
};

/*
 * A uint32_t that follows VMM_AGENT_SIGNALLED. Older agents send none, and older hosts ignore it. A
 * sentence follows the failures, and nothing VMM_AGENT_EXITED.
 */
enum vmm_agent_cause {
	VMM_AGENT_CAUSE_UNKNOWN,
	VMM_AGENT_CAUSE_MEMORY,	/* SIGKILL, of a kernel that had no memory left */
	VMM_AGENT_CAUSES,
};

/*
 * A request is a list of records: a letter, a text, and a NUL.
 *
 *	A WORD           of the command, in order
 *	E NAME=VALUE     of its environment, in order
 *	C FOLDER         its working folder
 *	H NAME           the guest's host name
 *	N ADDRESS/BITS GATEWAY RESOLVER MAC MTU
 *	                 IPv4 of its first network interface; "-" for one that is not configured. MAC and MTU
 *	                 of a clone, whose driver has read those of its template; "-" and 0: as the driver
 *	R ro|rw          the root file system: below an overlay in memory, or itself
 *	I                the root is in the first disk, not in the file system "root" of the host
 *	D TAG:ro|rw:PATH a further file system, and where it is mounted
 *	T ROWSxCOLUMNS   the command's streams are a terminal of this size
 */
#define VMM_AGENT_ROOT_TAG "root"

#endif
