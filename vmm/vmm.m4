dnl SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
dnl Everything libcvmm asks of the build machine, for its own configure and for the
dnl tree's. After LT_INIT.
AC_DEFUN([CVMM_CHECKS], [
dnl CURRENT:REVISION:AGE. Code changed only: REVISION + 1. Something added:
dnl CURRENT + 1, REVISION 0, AGE + 1. Something broken or removed: CURRENT + 1,
dnl REVISION 0, AGE 0.
AC_SUBST([CVMM_LT_VERSION], [0:0:0])
AC_REQUIRE([AX_PTHREAD])
dnl The tree's configure has these from vm-arch.
AC_PROVIDE_IFELSE([VM_ARCH_CHECKS], [], [
AS_CASE([$host_cpu], [x86_64], [vm_arch_cpu=x86], [aarch64], [vm_arch_cpu=arm64], [vm_arch_cpu=])
AM_CONDITIONAL([ARCH_X86], [test "x$vm_arch_cpu" = xx86])
AM_CONDITIONAL([ARCH_ARM64], [test "x$vm_arch_cpu" = xarm64])
PKG_CHECK_VAR([build_gdb], [libvm-arch], [gdb])
AM_CONDITIONAL([BUILD_GDB], [test "x$build_gdb" = xyes])
])
AS_CASE([$vm_arch_cpu:$enable_vmm],
	[*:no], [build_vmm=no],
	[:*], [build_vmm="no: it runs on x86-64 and arm64 only, this is $host_cpu"],
	[build_vmm=yes])
AS_CASE([$asked_for_vmm:$build_vmm],
	[yes:no*], [AC_MSG_ERROR([--enable-vmm is impossible here ($build_vmm)])])
AM_CONDITIONAL([BUILD_VMM], [test "x$build_vmm" = xyes])

dnl gnutls, for the module of migration over TLS
AC_ARG_WITH([gnutls],
	[AS_HELP_STRING([--without-gnutls], [leave out migration over TLS])],
	[], [with_gnutls=check])
have_gnutls=no
why_no_gnutls='was refused by --without-gnutls'
AS_IF([test "x$with_gnutls" != xno], [
	why_no_gnutls='is missing'
	PKG_CHECK_MODULES([GNUTLS], [gnutls >= 3.6.5], [have_gnutls=yes], [:])
	AS_IF([test "x$with_gnutls$have_gnutls" = xyesno],
		[AC_MSG_ERROR([gnutls was asked for and not found])])
])
AS_CASE([$have_gnutls:$enable_shared:$build_vmm],
	[*:*:no*], [build_migration_tls=no],
	[no:*], [build_migration_tls="no: gnutls $why_no_gnutls"],
	[*:no:*], [build_migration_tls="no: --disable-shared leaves out modules"],
	[build_migration_tls=yes])
AM_CONDITIONAL([BUILD_MIGRATION_TLS], [test "x$build_migration_tls" = xyes])
])
