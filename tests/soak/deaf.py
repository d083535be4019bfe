# SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
"""Files of an unresponsive file system: reads, writes and closes hang."""
import os
import subprocess
import tempfile

SIZE = 1 << 20
NAME = "/disk"      # of the only file


class Deaf:
    """Such a file system while the block lasts: path of its file, or None and
    the reason if it cannot be mounted."""

    def __init__(self, build):
        self.program = os.path.join(build, "tests/interop/deaf-fs")
        self.path, self.why, self.server, self.folder = None, None, None, None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="deaf.")
        try:
            self.server = subprocess.Popen([self.program, self.folder, str(SIZE), "mute"],
                                           stdout=subprocess.PIPE, text=True)
        except OSError as e:
            self.why = "%s: %s" % (self.program, e.strerror)
            return self
        said = self.server.stdout.readline().strip()
        if said == "mounted":
            self.path = self.folder + NAME
        else:
            self.why = said or "the file system did not start"
        return self

    def end(self):
        """Hanging requests fail with an error."""
        self.path = None
        if not self.server:
            return
        self.server.kill()
        self.server.wait()
        self.server.stdout.close()
        self.server = None
        subprocess.run(["umount", "-l", self.folder], stderr=subprocess.DEVNULL, check=False)

    def __exit__(self, *_):
        self.end()
        os.rmdir(self.folder)
