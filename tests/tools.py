# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""
The commands that shell scripts start, as far as they can be read off the text.

    tools.py CATALOGUE FILE...

The catalogue names the commands that every machine has ("base") and others, each
with the package of Debian that has it. Prints, a line each:

    unknown FILE: NAME       a command that is neither in the catalogue nor a
                             function of one of the files
    undeclared FILE: NAME    a command that not every machine has, and that the file
                             does not name in need_command or may_use
"""
import re
import sys

BUILTINS = set("""
    . : [ alias bg break builtin cd command compgen continue declare echo eval exec exit
    export false fg getopts hash jobs kill let local mapfile printf pwd read readarray
    readonly return set shift shopt source test times trap true type typeset ulimit umask
    unset wait
    """.split())
# Their arguments may be commands.
WRAPPERS = set("""
    check check_inside command env exec in_sandbox nohup nsenter refuses say setarch setpriv
    setsid start step sudo tap_check tap_long tap_nightly timeout unshare wait_until with_parent xargs
    """.split())
# Their option -c is a script.
SCRIPTED = {"sh", "bash", "script"}
DECLARATIONS = {"need_command", "may_use"}
AGAIN = {"if", "then", "else", "elif", "do", "while", "until", "!", "{", "time"}
CLOSED = {"fi", "done", "}"}
ASSIGNMENT = re.compile(r"[A-Za-z_]\w*(\[[^]]*\])?\+?=")
OURS = re.compile(r"_?(cvmm|vhost-user)")
NAME = re.compile(r"[A-Za-z_][\w.+-]*\Z")


class Script:
    """Reads one script; commands and arguments are words without quotes."""

    def __init__(self, text):
        self.text = text
        self.at = 0
        self.heredocs = []
        self.simple = []        # lists of words, one for each simple command
        self.arrays = []        # words in arrays
        self.functions = set()

    def here(self, word):
        return self.text.startswith(word, self.at)

    def skip_to(self, word):
        end = self.text.find(word, self.at)
        self.at = len(self.text) if end < 0 else end + len(word)

    def inner(self, text):
        """Commands of a text that is a script by itself."""
        other = Script(text)
        other.read()
        self.simple += other.simple
        self.arrays += other.arrays
        self.functions |= other.functions

    def newline(self):
        self.at += 1
        for delimiter in self.heredocs:
            while self.at < len(self.text):
                end = self.text.find("\n", self.at)
                end = len(self.text) if end < 0 else end
                line, self.at = self.text[self.at:end], end + 1
                if line.strip("\t") == delimiter:
                    break
        self.heredocs = []

    def redirection(self):
        """<, >, <<, <<<, <( and their like; their word is not a command's."""
        if self.here("<(") or self.here(">("):
            self.at += 2
            self.read(")")
            return
        here = re.compile(r"<<-?[ \t]*(['\"\\]?)(\w+)['\"]?").match(self.text, self.at)
        if here and not self.here("<<<"):
            self.heredocs.append(here.group(2))
            self.at = here.end()
            return
        self.at = re.compile(r"[<>]+[&|]?[ \t]*").match(self.text, self.at).end()
        if not (self.here("<(") or self.here(">(")):
            self.word()

    def double_quoted(self):
        start = self.at
        while self.at < len(self.text) and self.text[self.at] != '"':
            if self.text[self.at] == "\\":
                self.at += 2
            elif not self.expansion():
                self.at += 1
        self.at += 1
        return self.text[start:self.at - 1]

    def expansion(self):
        """$(...), $((...)), ${...} or `...`; false if there is none here."""
        if self.here("$(("):
            depth = 0
            self.at += 1
            while self.at < len(self.text):
                depth += {"(": 1, ")": -1}.get(self.text[self.at], 0)
                self.at += 1
                if not depth:
                    break
        elif self.here("$("):
            self.at += 2
            self.read(")")
        elif self.here("${"):
            self.at += 2
            while self.at < len(self.text) and self.text[self.at] != "}":
                if self.here('"'):
                    self.at += 1
                    self.double_quoted()
                elif not self.expansion():
                    self.at += 1
            self.at += 1
        elif self.here("`"):
            self.at += 1
            end = self.text.find("`", self.at)
            self.inner(self.text[self.at:end])
            self.at = end + 1
        else:
            return False
        return True

    def word(self):
        """The word here, without quotes; expansions stay as they are."""
        out = ""
        while self.at < len(self.text):
            start, c = self.at, self.text[self.at]
            if c in " \t\n;&|()<>":
                break
            if c == "'":
                end = self.text.find("'", self.at + 1)
                out += self.text[start + 1:end]
                self.at = end + 1
            elif c == '"':
                self.at += 1
                out += self.double_quoted()
            elif c == "\\":
                out += self.text[start + 1:start + 2].strip("\n")
                self.at += 2
            elif self.expansion():
                out += self.text[start:self.at]
            else:
                out += c
                self.at += 1
        return out

    def array(self):
        self.at += 1
        while self.at < len(self.text) and not self.here(")"):
            if self.text[self.at] in " \t\n;&|(<>":
                self.at += 1
            elif self.here("#"):
                self.skip_to("\n")
            else:
                self.arrays.append(self.word())
        self.at += 1

    def patterns(self):
        """Behind `in` or `;;` of a case: to the end of the pattern; false at esac."""
        while self.at < len(self.text):
            if self.text[self.at] in " \t\n|(":
                self.at += 1
            elif self.here("#"):
                self.skip_to("\n")
            elif self.here(")"):
                self.at += 1
                return True
            elif self.word() == "esac":
                return False
        return False

    def keyword(self, word, cases):
        """Whether that was one: then 1 if a command comes next, 0 if none does."""
        if word in AGAIN:
            return 1
        if word in CLOSED or word in ("for", "select"):
            return 0
        if word == "[[":
            self.skip_to("]]")
            return 0
        if word == "case":
            self.at += len(re.compile(r"[ \t]*").match(self.text, self.at).group())
            self.word()
            self.at = re.compile(r"\s*in\b").match(self.text, self.at).end()
            cases.append(1)
            if not self.patterns():
                cases.pop()
                return 0
            return 1
        if word == "esac" and cases:
            cases.pop()
            return 0
        return None

    def read(self, stop=None):
        begin, cases, command = True, [], []

        def end():
            nonlocal begin, command
            if command:
                self.simple.append(command)
            begin, command = True, []

        while self.at < len(self.text):
            c = self.text[self.at]
            if c == stop:
                self.at += 1
                break
            if c == "\n":
                end()
                self.newline()
            elif c in " \t":
                self.at += 1
            elif self.here("\\\n"):
                self.at += 2
            elif c == "#":
                self.skip_to("\n")
                self.at -= 1
            elif self.here(";;"):
                end()
                self.at += 2
                if cases and not self.patterns():
                    cases.pop()
                    begin = False
            elif c in ";&|":
                if self.here("&>"):
                    self.at += 1
                    continue
                end()
                self.at += 1
            elif self.here("(("):
                self.skip_to("))")
                begin = False
            elif c == "(":
                self.at += 1
                self.read(")")
                begin = False
            elif c == ")":
                self.at += 1
                end()
            elif c in "<>" or re.compile(r"\d+[<>]|\{\w+\}[<>]").match(self.text, self.at):
                self.at = re.compile(r"[\d{}\w]*(?=[<>])").match(self.text, self.at).end()
                self.redirection()
            else:
                begin = self.one_word(begin, command, cases)
        end()

    def one_word(self, begin, command, cases):
        start = self.at
        word = self.word()
        if self.at == start:
            self.at += 1
            return begin
        if self.here("()"):
            self.functions.add(word)
            self.at += 2
            return True
        raw = self.text[start:self.at]
        if begin and ASSIGNMENT.match(raw) or command and command[0] in ("local", "declare") and raw.endswith("="):
            if self.here("(") and raw.endswith("="):
                self.array()
            return begin
        if begin and not command:
            after = self.keyword(word, cases)
            if after is not None:
                if word in ("for", "select"):
                    command.append(":")
                return bool(after)
        command.append(word)
        if len(command) > 2 and SCRIPTED & set(command) and command[-2] in ("-c", "-ec", "-qec", "-exc"):
            self.inner(word)
        return False


def used(script, foreign):
    """Commands in their place, and foreign ones behind a wrapper or in an array."""
    for words in script.simple:
        yield words[0]
        if words[0] in WRAPPERS or words[0].startswith(("$", '"')):
            yield from (w for w in words[1:] if w in foreign)
    yield from (w for w in script.arrays if w in foreign)


def declared(script):
    for words in script.simple:
        if words[0] in DECLARATIONS:
            yield from words[1:]


def main():
    base, foreign, scripts = set(), {}, {}
    for line in open(sys.argv[1]):
        words = line.split("#")[0].split()
        if words and words[0] == "base":
            base.update(words[1:])
        elif words:
            foreign[words[0]] = words[1]
    for path in sys.argv[2:]:
        scripts[path] = Script(open(path).read())
        scripts[path].read()
    functions = set().union(*(s.functions for s in scripts.values()))
    for path, script in scripts.items():
        names = set(declared(script))
        for name in sorted(set(used(script, foreign))):
            if not NAME.match(name) or name in functions or name in BUILTINS or name in base:
                continue
            if OURS.match(name):
                continue
            if name not in foreign:
                print("unknown %s: %s" % (path, name))
            elif name not in names:
                print("undeclared %s: %s" % (path, name))


main()
