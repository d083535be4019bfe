#!/bin/sh
# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# Make ./configure from a git checkout. A release tarball does not need this.
set -e
cd "$(dirname "$0")"
exec autoreconf -fi "$@"
