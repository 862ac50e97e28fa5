"""A gzip file that inflates to itself, for row C41.

Russ Cox, "Zip Files All The Way Down" (2010): deflate has a word that prints the bytes behind it (a stored block) and one
that prints again what was just printed (a match), and both fit in five bytes: the unit here.  L(n) prints the n units
behind it, R the four units that were printed last.  The tail holds the CRC-32 of all, and is there twice; as CRC-32 is
linear over GF(2), the one that holds for itself is the solution of 32 equations."""

import struct
import zlib

UNIT = 5


def bits(*fields):
    """(value, width)...: bytes as deflate fills them, from the lowest bit on."""
    n = at = 0
    for value, width in fields:
        n |= value << at
        at += width
    return n.to_bytes((at + 7) // 8, "little")


def L(n):
    return struct.pack("<BHH", 0, n * UNIT, n * UNIT ^ 0xffff)


# Huffman codes go from their highest bit on: the length 10 is 0001000, the distance 17 + 3 is 01000 and three bits.
MATCH = ((0b0001000, 7), (0b00010, 5), (3, 3))
FIXED, END = (0b010, 3), (0, 7)
R = bits(FIXED, *MATCH, *MATCH, END)


def file(crc):
    """With that CRC, right or wrong."""
    head = struct.pack("<4BIBB", 31, 139, 8, 8, 0, 0, 255) + b"self\0"
    tail = bits(FIXED, END, FIXED, END, (1, 3), (0, 1)) + struct.pack("<HHII", 0, 0xffff, crc, 34 * UNIT)
    return b"".join((head, L(4), head, L(4), R, L(1), R, L(1), L(1), L(4), R, L(1), L(1), L(4), R,
                     L(4), R, L(4), R, L(4), R, L(4), R, tail, R, tail))


def quine():
    """170 bytes; gzip -dc gives the same."""
    none = zlib.crc32(file(0))
    # Row i is (the bits of crc that bit i of "the CRC of the file, xor crc" hangs on) and what that bit has to be.
    change = [zlib.crc32(file(1 << k)) ^ none ^ 1 << k for k in range(32)]
    rows = [sum((change[k] >> i & 1) << k for k in range(32)) | (none >> i & 1) << 32 for i in range(32)]
    for k in range(32):
        pivot = next(i for i in range(k, 32) if rows[i] >> k & 1)
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows = [r ^ rows[k] if i != k and r >> k & 1 else r for i, r in enumerate(rows)]
    made = file(sum((r >> 32) << k for k, r in enumerate(rows)))
    assert zlib.decompress(made, 31) == made
    return made
