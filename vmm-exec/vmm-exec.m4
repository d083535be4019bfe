dnl SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
dnl Everything libcvmm-exec asks of the build machine, for its own configure and for
dnl the tree's. After LT_INIT and the checks of libcvmm.
AC_DEFUN([CVMM_EXEC_CHECKS], [
dnl CURRENT:REVISION:AGE. Code changed only: REVISION + 1. Something added:
dnl CURRENT + 1, REVISION 0, AGE + 1. Something broken or removed: CURRENT + 1,
dnl REVISION 0, AGE 0.
AC_SUBST([CVMM_EXEC_LT_VERSION], [0:0:0])
AS_CASE([$enable_vmm_exec], [no], [build_vmm_exec=no], [build_vmm_exec=$build_vmm])
AM_CONDITIONAL([BUILD_VMM_EXEC], [test "x$build_vmm_exec" = xyes])
])
