# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""Options and commands that documents name, against those that programs have.

option_words.py BUILD FOREIGN FILE...
    prints each word that no program has. BUILD is the top of a build tree, whose programs print
    their options by --help. FOREIGN is a list of options of other programs, each line an option
    and its program; one that no file names is printed, too. In a command line of a program, only
    the options of that program, and of its command, are accepted.
"""
import os
import re
import subprocess
import sys

OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9.-]*[a-z0-9]")
COMMAND = re.compile(r"(?:^|(?<=[\s`\"'(/]))(cvmm|cvmm-vhost-user-[a-z]+|vhost-user-tool)[ \t]+(.*)")
END = re.compile(r"\s(?:--|\||&&|;|#|>|&|and|or)(?:\s|$)|[`)\"]")


def printed(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, universal_newlines=True, check=False).stdout


def options_in(text):
    return set(OPTION.findall(text)) | {"--help", "--version"}


def listed(text):
    """The commands that a help text lists"""
    found = re.search(r"^Commands:\n((?:  .*\n)+)", text, re.M | re.I)
    return re.findall(r"^  ([a-z-]+)", found.group(1), re.M) if found else []


class Program:
    """The options of a program: of each of its commands, and all together."""

    def __init__(self, path):
        self.path = path
        text = printed(path, "--help")
        self.commands = {}
        self.options = options_in(text)
        self.words = {}
        for name in listed(text):
            text = printed(path, name, "--help")
            self.commands[name] = options_in(text)
            self.words[name] = listed(text)
        if "boot" in self.commands:
            self.commands["boot"] |= self.commands["run"]
        self.every = self.options.union(*self.commands.values())

    def of(self, word):
        return self.commands.get(word, self.every)

    def accepts(self, option):
        """Whether it has the option by another name, which its help does not print"""
        with subprocess.Popen([self.path, option], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, universal_newlines=True) as child:
            return "unknown option" not in child.communicate(timeout=60)[1]


def programs_of(build):
    found = {}
    for folder in ("programs/cvmm", "daemons", "tools"):
        folder = os.path.join(build, folder)
        for name in sorted(os.listdir(folder) if os.path.isdir(folder) else []):
            path = os.path.join(folder, name)
            if COMMAND.match(name + " x") and os.path.isfile(path) and os.access(path, os.X_OK):
                found[name] = Program(path)
    return found


def lines_of(path):
    """Lines with their numbers; continued ones are one."""
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    if re.search(r"\.[1-8]$", path):
        text = re.sub(r"^\.\\\".*", "", text, flags=re.M)
        text = text.replace("\\-", "-").replace("\\e\n", "\\\n")
        text = re.sub(r"^\.(?:It )?Fl .*", lambda line: re.sub(r" -(?=[a-z]{2})", " --", line.group()), text, flags=re.M)
        text = re.sub(r"\bFl -(?=[a-z]{2})", "Fl --", text)
    number, joined = 1, ""
    for line in text.split("\n"):
        if line.endswith("\\"):
            joined += line[:-1] + " "
        else:
            yield number, joined + line
            joined = ""
        number += 1


def own_words(command, rest):
    """The words of a command line that are its own: exec's end with the first that is no option."""
    words, last = [], "="
    for word in re.split(END, rest, maxsplit=1)[0].split():
        if command == "exec" and word[0] != "-" and "=" in last:
            break
        words.append(word)
        last = word if word[0] == "-" else "="
    return words


def commands_in(line):
    """(program, command, words) of each command line in a line"""
    at = COMMAND.search(line)
    while at:
        command = at.group(2).split(" ")[0].strip("`.,;:)")
        yield at.group(1), command, own_words(command, at.group(2)[len(command):])
        line = at.group(2)
        at = COMMAND.search(line)


def faults(programs, line):
    """What a line says of our programs that is not so"""
    for name, command, words in commands_in(line):
        program = programs.get(name)
        if not program:
            continue
        for option in OPTION.findall(" ".join(words)):
            if option not in program.of(command):
                yield "%s has no %s" % (name + " " + command if command in program.commands else name, option)
        if len(words) > 1 and program.words.get(command) and re.match(r"[a-z]+[a-z-]*$", words[1]) and \
                words[1] not in program.words[command]:
            yield "%s %s has no command %s" % (name, command, words[1])
        if program.commands and "`%s %s" % (name, command) in line and re.match(r"[a-z]+$", command) and \
                command not in list(program.commands) + ["help"]:
            yield "%s has no command %s" % (name, command)


def other_name(programs, path, option):
    """Whether a page of a daemon names an option that this daemon has by another name"""
    page = os.path.basename(path)[:-2]
    return page.startswith("cvmm-vhost-user-") and page in programs and programs[page].accepts(option)


def main():
    build, foreign_list, files = sys.argv[1], sys.argv[2], sys.argv[3:]
    programs = programs_of(build)
    own = set().union(*(program.every for program in programs.values()))
    own |= options_in(printed(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "configure"), "--help"))
    foreign = {}
    with open(foreign_list, encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#") and line.strip():
                foreign[line.split()[0]] = line.split()[1]
    named = set()
    for path in files:
        for number, line in lines_of(path):
            found = sorted(set(faults(programs, line)))
            for option in sorted(set(OPTION.findall(line))):
                named.add(option)
                if option not in own and option not in foreign and not other_name(programs, path, option):
                    found.append("no program has " + option)
            for fault in found:
                print("%s:%d: %s" % (path, number, fault))
    for option in sorted(set(foreign) - named):
        print("%s: no document names %s" % (os.path.basename(foreign_list), option))


main()
