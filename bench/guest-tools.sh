# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
# shellcheck shell=bash
#
# A folder of programs and their work for guests: compiler, make, git, dpkg, and a project, a
# repository and a package of many small files. Needs lib.sh.
#
#   tools_make FOLDER	fills the folder, or sets TOOLS_WHY
#
# SOURCES (12) is the number of the project's C files, FILES (2000) that of the repository's
# and PACKAGED (200) that of the package's.

may_use ar as busybox dpkg dpkg-deb dpkg-query dpkg-split gcc git ld make rm tar xz
SOURCES=${SOURCES:-12} FILES=${FILES:-2000} PACKAGED=${PACKAGED:-200}
TOOLS_COMMANDS=(gcc as ld make git dpkg dpkg-deb dpkg-query dpkg-split tar rm xz)

tools_make() {
	local command

	for command in "${TOOLS_COMMANDS[@]}" busybox; do
		have "$command" || { TOOLS_WHY="$command is not installed"; return 1; }
	done
	TOOLS_WHY="the programs for the guest cannot be copied"
	_tools_programs "$1" && _tools_compiler "$1" && _tools_project "$1" && _tools_repository "$1" && _tools_package "$1"
}

# _tools_copy FOLDER FILE…: files and the libraries that they load, at the same places
_tools_copy() {
	local root=$1 file; shift

	for file; do
		cp -Lu --parents "$file" "$root" || return 1
		ldd "$file" 2>/dev/null | grep -o '/[^ )]*' | xargs -r -I '{}' cp -Lu --parents '{}' "$root" || return 1
	done
}

_tools_programs() {
	local command paths=()

	mkdir -p "$1"/{usr/bin,usr/sbin,usr/lib,usr/lib64,dev,tmp,work,etc,proc,var/lib/dpkg,root}
	ln -s usr/bin usr/sbin usr/lib usr/lib64 "$1"
	for command in "${TOOLS_COMMANDS[@]}"; do paths+=("$(PATH=/usr/bin:/bin command -v "$command")"); done
	_tools_copy "$1" "${paths[@]}" || return
	cp "$(command -v busybox)" "$1/bin/busybox"
	for command in sh find cat grep sed true ldconfig start-stop-daemon; do ln -s busybox "$1/bin/$command"; done
}

# What a compilation reads: the programs behind gcc, the headers, and the linker's files.
_tools_compiler() {
	local name file=$WORK/tools.c

	printf '%s\n' '#include <stdio.h>' '#include <stdlib.h>' '#include <string.h>' 'int main(void) { return 0; }' >"$file"
	for name in cc1 collect2; do
		_tools_copy "$1" "$(gcc -print-prog-name=$name)" || return
	done
	{
		gcc -O1 -M "$file" | tr ' ' '\n' | grep '^/.*\.h$'
		gcc -fno-use-linker-plugin -Wl,--trace -o "$WORK/tools-program" "$file" | grep '^/[^ ]*$' | grep -v '^/tmp/'
		gcc -print-file-name=libc.so
		ldd "$WORK/tools-program" | grep -o '/[^ )]*'
		gcc -print-file-name=libgcc_s.so
		gcc -print-file-name=libgcc_s.so.1
	} | xargs realpath -s | sort -u | xargs -I '{}' cp -Lu --parents '{}' "$1"
}

# Some kilobytes of code for each file, which prints a line
_tools_project() {
	local i at=$WORK/tools-project/project

	mkdir -p "$at"
	for ((i = 0; i < SOURCES; i++)); do
		{
			printf '#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n\n'
			awk -v file="$i" 'BEGIN { for (f = 0; f < 20; f++) {
				printf "int part_%d_%d(const char *text, int n)\n{\n\tint i, sum = %d;\n\n", file, f, f
				printf "\tfor (i = 0; i < n && text[i]; i++)\n\t\tsum = sum * 31 + text[i] %% %d;\n", f + 2
				print "\tif (sum < 0)\n\t\tsum = -sum;\n\treturn sum % (int)(strlen(text) + 1);\n}\n" } }'
		} >"$at/part$i.c"
	done
	printf 'int main(void)\n{\n\treturn 0;\n}\n' >"$at/main.c"
	printf 'OBJECTS = main.o $(patsubst %%,part%%.o,%s)\nprogram: $(OBJECTS)\n\tgcc -fno-use-linker-plugin -o $@ $(OBJECTS)\n%%.o: %%.c\n\tgcc -O1 -c -o $@ $<\n' \
		"$(seq -s ' ' 0 $((SOURCES - 1)))" >"$at/Makefile"
	tar -C "$WORK/tools-project" -cf "$1/project.tar" project
}

# _tools_files FOLDER N: small files, 50 in each folder
_tools_files() {
	awk -v top="$1" -v n="$2" 'BEGIN { for (i = 0; i < n; i++) {
		folder = sprintf("%s/%d", top, i / 50)
		if (i % 50 == 0)
			system("mkdir -p " folder)
		file = folder "/file" i
		for (line = 0; line < 20; line++)
			print "line", line, "of file", i >file
		close(file) } }'
}

# Only times and sizes are compared: the guest sees other inodes.
_tools_repository() {
	local at=$1/repository git=(git -C "$1/repository" -c user.name=bench -c user.email=bench@localhost)

	_tools_files "$at" "$FILES"
	"${git[@]}" init -q && "${git[@]}" config core.checkStat minimal && "${git[@]}" config core.trustctime false &&
		"${git[@]}" config safe.directory '*' && "${git[@]}" add . && "${git[@]}" commit -q -m files &&
		printf '[safe]\n\tdirectory = *\n' >"$1/root/.gitconfig"
}

_tools_package() {
	local at=$WORK/tools-package

	_tools_files "$at/opt/packaged" "$PACKAGED"
	mkdir "$at/DEBIAN" "$1/db"
	mkdir "$1"/db/{info,updates,triggers,parts}
	: >"$1/db/status"
	printf '%s\n' 'Package: packaged' 'Version: 1' 'Architecture: all' 'Maintainer: bench <bench@localhost>' \
		'Description: many small files' >"$at/DEBIAN/control"
	dpkg-deb --root-owner-group -Zxz -z1 -b "$at" "$1/package.deb" >/dev/null
}
