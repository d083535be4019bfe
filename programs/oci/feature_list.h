/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Properties of this runtime, in the form that the runtime specification defines (features).
 *
 * Threads: no state.
 */
#ifndef OCI_FEATURE_LIST_H
#define OCI_FEATURE_LIST_H

#include <stdio.h>

void oci_features_print(FILE *to);

#endif
