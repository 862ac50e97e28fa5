#!/usr/bin/env python3
"""terminal.py [-w COLUMNS] COMMAND...

Runs the command on a terminal of its own (pty) and is that terminal: cursor up, carriage return, erase to the end of
the line and of the screen, and line feed are followed, anything else that begins with ESC is an error.  Prints every
screen that was different from the one before, a line "----" after each, then the exit status."""

import os
import pty
import re
import struct
import sys
import fcntl
import termios

args, columns = sys.argv[1:], 80
if args[0] == "-w":
    columns, args = int(args[1]), args[2:]
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    os.execvp(args[0], args)
data = b""
screen, row, col, frames = [""], 0, 0, []
code = re.compile(rb"\x1b\[(\d*)([AJK])|\r|\n|([^\x1b\r\n]+)")


def frame():
    text = "\n".join(line.rstrip() for line in screen).rstrip("\n")
    if not frames or frames[-1] != text:
        frames.append(text)


def feed():
    global data, row, col
    at = 0
    while at < len(data):
        m = code.match(data, at)
        if m is None:
            if data[at:at + 1] == b"\x1b" and re.fullmatch(rb"\x1b(\[\d*)?", data[at:]):
                break
            sys.exit("terminal.py: an escape that is not followed: %r" % data[at:at + 20])
        at = m.end()
        what = m.group()
        if what == b"\r":
            col = 0
        elif what == b"\n":
            row += 1
            if row == len(screen):
                screen.append("")
        elif m.group(2) == b"A":
            frame()
            row = max(0, row - int(m.group(1) or 1))
        elif m.group(2) == b"K":
            screen[row] = screen[row][:col]
        elif m.group(2) == b"J":
            screen[row:] = [screen[row][:col]]
        else:
            text = what.decode(errors="replace")
            line = screen[row].ljust(col)
            screen[row] = line[:col] + text + line[col + len(text):]
            col += len(text)
            if col >= columns and re.search(r"\[#*\.*\]", screen[row]):
                sys.exit("terminal.py: a bar of %d columns or more wraps: %r" % (columns, screen[row]))
    data = data[at:]


while True:
    try:
        piece = os.read(fd, 65536)
    except OSError:
        break
    if not piece:
        break
    data += piece
    feed()
frame()
for f in frames:
    print(f)
    print("----")
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print("status", status)
