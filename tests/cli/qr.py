#!/usr/bin/env python3
"""qr.py - what a scanner reads (libzbar) in a QR code of half blocks on stdin; lines that are none are passed over."""

import ctypes
import sys

SCALE = 4
rows = []
for line in sys.stdin.read().split("\n"):
    if line and set(line) <= set(" \u2580\u2584\u2588"):
        rows.append([c in "\u2580\u2588" for c in line])
        rows.append([c in "\u2584\u2588" for c in line])
width = len(rows[0])
pixels = b"".join(bytes(255 if light else 0 for light in row for _ in range(SCALE)) * SCALE for row in rows)

z = ctypes.CDLL("libzbar.so.0")
for name in "zbar_image_scanner_create", "zbar_image_create", "zbar_image_first_symbol":
    getattr(z, name).restype = ctypes.c_void_p
z.zbar_symbol_get_data.restype = ctypes.c_char_p
scanner, image = ctypes.c_void_p(z.zbar_image_scanner_create()), ctypes.c_void_p(z.zbar_image_create())
z.zbar_image_set_format(image, ctypes.c_ulong(int.from_bytes(b"Y800", "little")))
z.zbar_image_set_size(image, width * SCALE, len(rows) * SCALE)
z.zbar_image_set_data(image, pixels, ctypes.c_ulong(len(pixels)), None)
z.zbar_scan_image(scanner, image)
symbol = ctypes.c_void_p(z.zbar_image_first_symbol(image))
if not symbol:
    sys.exit("a scanner reads nothing there")
sys.stdout.write(z.zbar_symbol_get_data(symbol).decode())
