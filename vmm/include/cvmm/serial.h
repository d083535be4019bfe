/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Names of <vm-arch/serial.h> as libcvmm had them, for one version.
 *
 * Threads: as there.
 */
#ifndef CVMM_SERIAL_H
#define CVMM_SERIAL_H

#include <vm-arch/serial.h>

#define CVMM_SERIAL_COM1 VARCH_SERIAL_COM1
#define CVMM_SERIAL_LEN VARCH_SERIAL_LEN

#define cvmm_serial varch_serial
#define cvmm_serial_config varch_serial_config
#define cvmm_serial_new varch_serial_new
#define cvmm_serial_free varch_serial_free
#define cvmm_serial_read varch_serial_read
#define cvmm_serial_write varch_serial_write
#define cvmm_serial_input varch_serial_input

#endif
